"""The control groups around this process, which limit what a container may use (Linux, cgroup v2)."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

_ROOT = Path("/sys/fs/cgroup")
_OWN = Path("/proc/self/cgroup")


def control_groups() -> Iterator[Path]:
    """Yield the directory of each group around this process, innermost first; none on other systems."""
    with suppress(OSError, StopIteration):  # another system, or cgroup v1
        name = next(line[3:] for line in _OWN.read_text().splitlines() if line.startswith("0::"))
        own = _ROOT / name.strip("/")
        for group in (own, *own.parents):
            if group.is_relative_to(_ROOT):
                yield group
