"""The memories of a library in a directory, each in a folder named by the SHA-256 of its text."""

import os
import shutil
from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from pathlib import Path
from typing import Any

from memorag_graph.disk_errors import telling
from memorag_graph.errors import MemoryFileError
from memorag_graph.memory.storage.manifest import drop_stale_places, read_info
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory.storage.transaction import MANIFEST, NEXT_MANIFEST
from memorag_graph.progress import ReportProgress, ignore_progress

_SHA256 = 64
"""Characters of a folder's name."""


class FolderMemories:
    """Folders of memories, which all who open the library share; the notes of an unfinished one are kept in its folder.

    See :class:`memorag_graph.library.stored_memories.StoredMemories`.

    Args:
        directory: The directory, which need not exist yet.
    """

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.store = MemoryStore(directory)

    def place(self, text_sha256: str) -> Path:
        """Return the folder of the memory of a text, whether or not it exists."""
        return self.directory / text_sha256

    def making(self, text_sha256: str) -> AbstractContextManager[Path]:
        """Lend the folder of the memory of a text, whether or not it exists."""
        return nullcontext(self.place(text_sha256))

    def is_made(self, text_sha256: str) -> bool:
        """Return whether a text has a memory."""
        place = self.place(text_sha256)
        return (place / MANIFEST).exists() or (place / NEXT_MANIFEST).exists()

    def is_being_made(self, text_sha256: str) -> bool:
        """Return whether a process makes the memory of a text now."""
        with suppress(OSError):  # removed meanwhile
            return self.store.is_claimed(self.place(text_sha256))
        return False

    def is_any_being_made(self) -> bool:
        """Return whether a process makes one of them now."""
        return any(map(self.is_being_made, self._folders()))

    def made(self, texts: Collection[str]) -> Collection[str]:
        """Return those of some texts that have a memory."""
        return {text for text in texts if self.is_made(text)}

    def models(self, texts: Collection[str]) -> Mapping[str, str]:
        """Return the name of the model of each memory of some texts that can be read."""
        infos = {text: self.info(text) for text in texts}
        return {text: str(info["identity"]["model"]) for text, info in infos.items() if info is not None}

    def id_here(self, text_sha256: str) -> str:
        """Return the id of the memory of a text; empty if there is none that can be read."""
        info = self.info(text_sha256)
        return "" if info is None else str(info["memory_id"])

    def fetched(self, text_sha256: str) -> AbstractContextManager[Path | None]:
        """Lend the folder of the memory of a text; None if there is none."""
        return nullcontext(self.place(text_sha256) if self.is_made(text_sha256) else None)

    def share(self, text_sha256: str, report: ReportProgress = ignore_progress) -> bool:
        """Return whether a memory that was made in its folder is there; it is for all who open the directory."""
        return self.is_made(text_sha256)

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
