"""This machine's copies of memories on object stores: within a number of bytes, the least recently used go first."""

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock

from memorag_graph.errors import MemoryFileError
from memorag_graph.library.place import MEMORIES
from memorag_graph.memory.storage.journal import JOURNAL
from memorag_graph.memory.storage.leases import Lease, in_use
from memorag_graph.memory.storage.sizes import size_of
from memorag_graph.memory.storage.transaction import read_manifest
from memorag_graph.private_files import file_mode, make_private_dir, sync_directory

_GATE, _TRASH = ".gate", ".trash-"

_ON_STORE = ".on-store"
"""File of a folder with the id of the memory that the store has, too; written at each use."""


class MachineCopies:
    """Folders of memories, of all libraries and processes together.

    One is dropped only while nobody holds it, and if the store is known to have its memory. Folders are taken hold of
    and dropped only under a lock of all of them, the gate, which is held briefly.

    Args:
        root: Directory that holds a folder for each library.
        most_bytes: Bytes of all folders; more are kept only where those that may be dropped are not enough.
    """

    def __init__(self, root: Path, most_bytes: int) -> None:
        self._root = root
        self._most_bytes = most_bytes

    @contextmanager
    def holding(self, place: Path) -> Iterator[None]:
        """Keep a folder, which is made if it does not exist, from being dropped.

        Raises:
            OSError: If it cannot be written.
        """
        with self._gate():
            make_private_dir(place)
            lease = Lease(place)
        try:
            yield
        finally:
            lease.release()

    def note_use(self, place: Path, memory_id: str) -> None:
        """Note that the memory of a folder was used now, and that the store has it."""
        with suppress(OSError):  # then it is not dropped
            (place / _ON_STORE).write_text(memory_id)

    def make_room(self, coming: int = 0) -> None:
        """Drop folders until there is room for some more bytes, or all others are held or not on the store.

        Raises:
            OSError: If one cannot be dropped.
        """
        with self._gate():
            sizes = {it: size_of(it) for it in self._root.glob(f"*/{MEMORIES}/[!.]*") if it.is_dir()}
            excess = sum(sizes.values()) + coming - self._most_bytes
            for place in sorted(filter(_last_used, sizes), key=_last_used):
                if excess <= 0:
                    break
                if self._drop(place):
                    excess -= sizes[place]
        for trash in self._root.glob(f"*/{MEMORIES}/{_TRASH}*"):  # also that of a process that was killed
            shutil.rmtree(trash, ignore_errors=True)

    def _drop(self, place: Path) -> bool:
        """Drop a folder at once, for all who look, if it may be; its bytes are freed afterwards."""
        if not _is_on_store(place) or in_use(place):
            return False
        os.replace(place, place.with_name(f"{_TRASH}{uuid.uuid4().hex}"))
        with suppress(OSError):  # it is gone, unless a power failure brings it back without its files
            sync_directory(place.parent)
        return True

    def _gate(self) -> FileLock:
        make_private_dir(self._root)
        return FileLock(self._root / _GATE, mode=file_mode(self._root), thread_local=False)


def _last_used(place: Path) -> float:
    """Return when a folder was last used, in seconds since the epoch; 0 if its memory was never on the store."""
    try:
        return (place / _ON_STORE).stat().st_mtime
    except OSError:
        return 0.0


def _is_on_store(place: Path) -> bool:
    """Return whether all that a folder holds is on the store: the memory, and no notes of one that is being made."""
    try:
        made = read_manifest(place).get("memory_id")
        return (place / _ON_STORE).read_text() == made and not (place / JOURNAL).exists()
    except (MemoryFileError, OSError):  # removed meanwhile
        return False
