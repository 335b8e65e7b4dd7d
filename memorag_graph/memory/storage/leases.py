"""Leases: shared locks that keep an open memory from being removed."""

import fcntl
from contextlib import suppress
from pathlib import Path

from memorag_graph.private_files import protect

LEASE = ".lease"
"""Name of the locked file in a memory's directory."""


class Lease:
    """A shared lock on a memory, held until it is released or its process ends.

    Any thread may release it. A forked process shares it: the lock ends when both have released it or ended.

    Args:
        directory: The memory's directory.

    Raises:
        OSError: If the directory is missing or cannot be written, or the memory is being removed.
    """

    def __init__(self, directory: Path) -> None:
        self._stream = (directory / LEASE).open("ab")
        with suppress(OSError):  # another user's file
            protect(directory / LEASE)
        try:
            fcntl.flock(self._stream, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            self._stream.close()
            raise

    def release(self) -> None:
        """End the lease; more calls do nothing."""
        self._stream.close()


def in_use(directory: Path) -> bool:
    """Return whether a live process holds a lease on a memory.

    Raises:
        OSError: If the directory is missing or cannot be written.
    """
    with (directory / LEASE).open("ab") as stream:
        try:
            fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
