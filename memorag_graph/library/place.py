"""Where a library is kept, as its name tells."""

from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol

from memorag_graph.library.blobs import Blobs
from memorag_graph.library.catalogue import Catalogue
from memorag_graph.library.originals import Originals
from memorag_graph.library.row_table import RowTable
from memorag_graph.library.stored_memories import StoredMemories
from memorag_graph.settings import COPIES_MB

TEXTS, MEMORIES = "texts", "memories"
"""Folders of a library."""

Settings = Callable[[], Mapping[str, str]]
"""Returns the settings with which a library is made, one of which is its id; called if it has to be made."""


class Place(Protocol):
    """Where one library is kept. Each method raises ``UnavailableError`` if a server that it needs does not answer.

    Attributes:
        name: What messages call it: its path or URL.
        directory: A directory of this machine with what is kept on it, such as open memories; it need not exist.
        is_remote: Whether others change the library from machines that do not share the directory.
    """

    name: str
    directory: Path
    is_remote: bool

    def has_library(self) -> bool:
        """Return whether there is a library; the server of its catalogue is not asked."""

    def create(self, settings: Settings, catalogue_at: str) -> None:
        """Create an empty library, unless there is one; if this is killed, do it again to go on.

        Args:
            settings: Its settings.
            catalogue_at: URL of the Postgres database for its catalogue; by default that of the environment.

        Raises:
            InputError: If its catalogue cannot be kept there.
            LibraryError: If there is something else, or the database was set up by a newer version.
            DiskError: If it cannot be written.
        """

    def catalogue(self, catalogue_at: str) -> Catalogue:
        """Open the catalogue of the library, which exists.

        Raises:
            InputError: If the URL cannot be used, or one is given though the catalogue is elsewhere.
            LibraryError: If it is damaged, or made by a newer version.
        """

    def blobs(self, folder: str) -> Blobs:
        """Return the blobs of a folder of the library."""

    def originals(self) -> Originals:
        """Return the original files of the library's documents."""

    def memories(self, copies_mb: float = COPIES_MB) -> StoredMemories:
        """Return the memories of the library's texts.

        Args:
            copies_mb: Most MB of copies of memories on this machine, where they are elsewhere.
        """

    def table(self, index: str, name: str, size: int) -> RowTable:
        """Open a table of an index that is kept here.

        Args:
            index: Name of the index.
            name: Name of the table.
            size: Size of the vectors.

        Raises:
            DiskError: If it cannot be opened.
        """

    def delete_index(self, index: str) -> None:
        """Delete an index that is kept here; nothing if there is none.

        Raises:
            DiskError: If it cannot be deleted.
        """

    def changing(self) -> AbstractContextManager[bool]:
        """Keep all others from changing the library; give whether an earlier change was not finished.

        Raises:
            LibraryBusyError: If somebody else changes it.
            DiskError: If it cannot be written.
        """

    def size(self, folder: str = "") -> int:
        """Return the bytes of what is kept here, or in a folder of it."""
