"""The memories of a library on disk: one for each text, in a folder named by the text's SHA-256."""

import os
import shutil
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path
from typing import Any

from memorag_graph.disk_errors import telling
from memorag_graph.errors import MemoryFileError
from memorag_graph.memory.storage.manifest import drop_stale_places, read_info
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory.storage.transaction import MANIFEST, NEXT_MANIFEST

_SHA256 = 64
"""Characters of a folder's name."""


class StoredMemories:
    """Folders of memories. A memory is whole or not there; the notes of an unfinished one are kept in its folder.

    Args:
        directory: The directory, which need not exist yet.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = MemoryStore(directory)

    def place(self, text_sha256: str) -> Path:
        """Return the folder of the memory of a text, whether or not it exists."""
        return self.directory / text_sha256

    def is_made(self, text_sha256: str) -> bool:
        """Return whether a text has a memory."""
        place = self.place(text_sha256)
        return (place / MANIFEST).exists() or (place / NEXT_MANIFEST).exists()

    def is_being_made(self, text_sha256: str) -> bool:
        """Return whether a process makes the memory of a text now."""
        with suppress(OSError):  # removed meanwhile
            return self.store.is_claimed(self.place(text_sha256))
        return False

    def info(self, text_sha256: str) -> dict[str, Any] | None:
        """Return the manifest of the memory of a text; None if there is none that can be read."""
        try:
            return read_info(self.place(text_sha256)) if self.is_made(text_sha256) else None
        except MemoryFileError:
            return None

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove the memories of all other texts, finished or not; whoever makes one of them gives up first.

        Raises:
            DiskError: If they cannot be removed.
            MemoryFileError: If one cannot be locked.
        """
        gone = [name for name in self._folders() if name not in wanted]
        for name in gone:
            with self.store.claim(self.place(name)), telling(self.directory, "written"):
                shutil.rmtree(self.place(name))
        if gone:
            with telling(self.directory, "written"):
                drop_stale_places(self.directory)

    def _folders(self) -> list[str]:
        with telling(self.directory, "read"), suppress(FileNotFoundError):
            return [name for name in os.listdir(self.directory) if len(name) == _SHA256]
        return []
