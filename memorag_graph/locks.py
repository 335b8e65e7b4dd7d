"""One lock per name, so that threads that request the same thing create it once."""

import threading
from collections.abc import Hashable


class NamedLocks:
    """One lock per name, created on first use. Thread-safe."""

    def __init__(self) -> None:
        self._locks: dict[Hashable, threading.Lock] = {}
        self._guard = threading.Lock()

    def __getitem__(self, name: Hashable) -> threading.Lock:
        """Return the lock of a name."""
        with self._guard:
            return self._locks.setdefault(name, threading.Lock())
