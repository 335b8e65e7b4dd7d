"""Marks of use that end with the process that made them."""

import uuid
from contextlib import suppress
from pathlib import Path

from filelock import FileLock, Timeout


class Lease:
    """Says that something is in use, until it is released or the process ends.

    A lease is a locked file: the operating system lifts the lock of a process that dies.

    Args:
        directory: Where leases on this thing are kept, one file each.
    """

    def __init__(self, directory: Path) -> None:
        directory.mkdir(parents=True, exist_ok=True)
        self._path = directory / uuid.uuid4().hex
        self._lock = FileLock(self._path, thread_local=False)
        self._lock.acquire()

    def release(self) -> None:
        """End the use."""
        with suppress(OSError):  # whoever looks for leases next removes the file
            self._path.unlink(missing_ok=True)
        self._lock.release()


def in_use(directory: Path) -> bool:
    """Tell whether there is a live lease in a directory; those of dead processes are removed."""
    live = False
    for path in directory.glob("*"):
        lock = FileLock(path, timeout=0)
        try:
            lock.acquire()
        except Timeout:
            live = True
        else:
            path.unlink(missing_ok=True)
            lock.release()
    return live
