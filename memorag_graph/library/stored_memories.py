"""What keeps the memories of a library: one for each text, named by the text's SHA-256."""

from collections.abc import Collection, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.progress import ReportProgress, ignore_progress


class StoredMemories(Protocol):
    """The memories of a library. One is whole or not there; it is made and opened in a folder of this machine.

    Methods raise :class:`~memorag_graph.errors.UnavailableError` if a server that they need does not answer.

    Attributes:
        store: Knows the folders of this machine.
    """

    store: MemoryStore

    def place(self, text_sha256: str) -> Path:
        """Return the folder in which the memory of a text is made, whether or not it exists."""

    def making(self, text_sha256: str) -> AbstractContextManager[Path]:
        """Lend the folder in which the memory of a text is made; nobody drops it meanwhile.

        Raises:
            MemoryFileError: If it cannot be written.
        """

    def made(self, texts: Collection[str]) -> Collection[str]:
        """Return those of some texts that have a memory."""

    def models(self, texts: Collection[str]) -> Mapping[str, str]:
        """Return the name of the model of each memory of some texts, as far as there is one that can be read."""

    def is_being_made(self, text_sha256: str) -> bool:
        """Return whether a process of this machine makes the memory of a text now."""

    def id_here(self, text_sha256: str) -> str:
        """Return the id of the memory of a text that is on this machine; empty if none is."""

    def fetched(self, text_sha256: str) -> AbstractContextManager[Path | None]:
        """Lend the folder of the memory of a text, with all its files; None if the text has none.

        The folder stays while it is lent, and for as long as a memory that was opened from it is used.

        Raises:
            MemoryFileError: If it is damaged, or the folder cannot be written.
        """

    def share(self, text_sha256: str, report: ReportProgress = ignore_progress) -> bool:
        """Give a memory that was made in its folder to all who open the library.

        Args:
            text_sha256: Its text.
            report: Called now and then; may raise to give up.

        Returns:
            Whether it is theirs now; if not, somebody else made the same memory first.

        Raises:
            MemoryFileError: If it is missing or damaged.
        """

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove the memories of all other texts, finished or not; whoever makes one of them gives up first.

        Raises:
            DiskError: If they cannot be removed.
            MemoryFileError: If one cannot be locked.
        """
