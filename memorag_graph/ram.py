"""How much RAM this process may use: what the machine has, within the limits of its container and of the shell."""

from pathlib import Path

import psutil

_CGROUP = Path("/sys/fs/cgroup")
_OWN_GROUP = Path("/proc/self/cgroup")


def size(count: int) -> str:
    """Return a number of bytes in words, such as ``"1.5 GB"``."""
    for unit, name in ((1024**3, "GB"), (1024**2, "MB")):
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return f"{count / 1024:,.0f} KB"


def total_ram() -> int:
    """Return the bytes of RAM that this process could use if nothing else ran."""
    group = _limited_group()
    return min(psutil.virtual_memory().total, _number(group / "memory.max")) if group else psutil.virtual_memory().total


def free_ram() -> int:
    """Return the bytes of RAM that this process can still use without swapping."""
    free = [int(psutil.virtual_memory().available), *_address_space()]
    if group := _limited_group():
        used = _number(group / "memory.current") - _page_cache(group)
        free.append(_number(group / "memory.max") - used)
    return max(0, min(free))


def _limited_group() -> Path | None:
    """Return the directory of this process's control group (cgroup v2) if that limits its RAM."""
    try:
        name = next(line[3:] for line in _OWN_GROUP.read_text().splitlines() if line.startswith("0::"))
        group = next(it for it in (_CGROUP / name.strip("/"), _CGROUP) if (it / "memory.max").exists())
        return group if (group / "memory.max").read_text().strip() != "max" else None
    except (OSError, StopIteration):  # not Linux, or cgroup v1
        return None


def _page_cache(group: Path) -> int:
    """Return the bytes of cached files, which the kernel gives back when they are needed."""
    lines = (line.split() for line in (group / "memory.stat").read_text().splitlines())
    return next((int(value) for name, value in lines if name == "inactive_file"), 0)


def _number(path: Path) -> int:
    return int(path.read_text())


def _address_space() -> list[int]:
    """Return what ``ulimit -v`` leaves, if it is set."""
    try:
        import resource
    except ImportError:  # not POSIX
        return []
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return [] if soft == resource.RLIM_INFINITY else [soft - psutil.Process().memory_info().vms]
