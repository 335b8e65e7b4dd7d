"""Locks by name: what is wanted twice at once is made once."""

import threading
from collections.abc import Hashable


class NamedLocks:
    """A lock for each name, made at first use. Thread-safe."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, threading.Lock] = {}
        self._guard = threading.Lock()

    def __getitem__(self, name: Hashable) -> threading.Lock:
        """Return the lock of a name."""
        with self._guard:
            return self._locks.setdefault(name, threading.Lock())
