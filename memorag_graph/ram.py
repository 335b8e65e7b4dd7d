"""How much RAM this process may use: what the machine has, within the limits of its containers and of the shell."""

import ctypes
import gc
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil

from memorag_graph.control_groups import control_groups


def size(count: int) -> str:
    """Return a number of bytes in words, such as ``"1.5 GB"``."""
    for unit, name in ((1024**3, "GB"), (1024**2, "MB")):
        if count >= unit:
            return f"{count / unit:,.1f} {name}"
    return f"{count / 1024:,.0f} KB"


def total_ram() -> int:
    """Return the bytes of RAM that this process could use if nothing else ran."""
    return min([psutil.virtual_memory().total, *(limit for limit, _ in _group_limits())])


def free_ram() -> int:
    """Return the bytes of RAM that this process can still use without swapping."""
    free = [
        int(psutil.virtual_memory().available),
        *_address_space(),
        *(limit - used for limit, used in _group_limits()),
    ]
    return max(0, min(free))


def give_back_freed() -> None:
    """Give what was freed back to the system.

    glibc keeps what lies between pages in use, gigabytes in long work. Where C has no such function, nothing is done.
    """
    if (trim := getattr(ctypes.CDLL(None), "malloc_trim", None)) is not None:
        trim(0)


def freeze_loaded() -> None:
    """Have Python's garbage collector leave alone, from now on, all that is alive: for a process that goes on serving.

    A full collection goes through some 700,000 objects of loaded libraries and models, half a second in the midst of
    one question in thirty.
    """
    gc.collect()
    gc.freeze()


def _group_limits() -> Iterator[tuple[int, int]]:
    """Yield the limit and the use of each control group around this process that limits its RAM."""
    for group in control_groups():
        with suppress(OSError):  # a group that cannot be read
            limit = (group / "memory.max").read_text().strip()
            if limit != "max":
                yield int(limit), int((group / "memory.current").read_text()) - _cached_files(group)


def _cached_files(group: Path) -> int:
    """Return the bytes of cached and mapped files, which the kernel gives back when they are needed."""
    lines = (line.split() for line in (group / "memory.stat").read_text().splitlines())
    return sum(int(value) for name, value in lines if name in ("active_file", "inactive_file"))


def _address_space() -> list[int]:
    """Return what ``ulimit -v`` leaves, if it is set."""
    try:
        import resource
    except ImportError:  # not POSIX
        return []
    soft, _ = resource.getrlimit(resource.RLIMIT_AS)
    return [] if soft == resource.RLIM_INFINITY else [soft - psutil.Process().memory_info().vms]
