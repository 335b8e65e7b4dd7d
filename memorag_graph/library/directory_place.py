"""A library in a directory: made once, changed by one process at a time."""

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from memorag_graph.disk_errors import telling
from memorag_graph.documents.kept_files import KEPT, KeptFiles
from memorag_graph.errors import LibraryBusyError, LibraryError
from memorag_graph.library.blobs import Blobs, FolderBlobs
from memorag_graph.library.catalogue import Catalogue
from memorag_graph.library.catalogue_place import catalogue_in, create_catalogue, has_catalogue, unfinished_catalogues
from memorag_graph.library.folder_memories import FolderMemories
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.originals import Originals
from memorag_graph.library.place import MEMORIES, Settings
from memorag_graph.library.row_table import RowTable
from memorag_graph.library.stored_memories import StoredMemories
from memorag_graph.memory.storage.sizes import size_of
from memorag_graph.private_files import file_mode, make_private_dir
from memorag_graph.settings import COPIES_MB

_LOCK, _CHANGING = ".writer", ".changing"


class DirectoryPlace:
    """A directory that holds a library. See :class:`memorag_graph.library.place.Place`.

    Args:
        directory: The directory, which need not exist.
    """

    is_remote = False

    def __init__(self, directory: Path) -> None:
        self.name = str(directory)
        self.directory = directory

    def has_library(self) -> bool:
        """Return whether the directory holds a library."""
        return has_catalogue(self.directory)

    def create(self, settings: Settings, catalogue_at: str) -> None:
        """Create an empty library, unless there is one.

        Raises:
            LibraryError: If the directory holds other files, or the database was set up by a newer version.
            DiskError: If it cannot be written.
        """
        if self.has_library():
            return
        with telling(self.directory, "written"):
            make_private_dir(self.directory)
            with FileLock(self.directory / _LOCK, mode=file_mode(self.directory)):
                if self.has_library():  # made by another process meanwhile
                    return
                if set(os.listdir(self.directory)) - {_LOCK, *unfinished_catalogues(self.directory)}:
                    raise LibraryError(f"{self.name} holds other files and no library; give another directory")
                create_catalogue(self.directory, settings(), catalogue_at)

    def catalogue(self, catalogue_at: str) -> Catalogue:
        """Open the catalogue that the directory holds or names."""
        return catalogue_in(self.directory, catalogue_at)

    def blobs(self, folder: str) -> Blobs:
        """Return the files of a folder."""
        return FolderBlobs(self.directory / folder)

    def originals(self) -> Originals:
        """Return the original files in a folder."""
        return KeptFiles(self.directory / KEPT)

    def memories(self, copies_mb: float = COPIES_MB) -> StoredMemories:
        """Return the folders of memories in a folder, of which there are no copies."""
        return FolderMemories(self.directory / MEMORIES)

    def table(self, index: str, name: str, size: int) -> RowTable:
        """Open a table of LanceDB in a folder."""
        return LanceTable(self.directory / index, name, size)

    def delete_index(self, index: str) -> None:
        """Delete the folder of an index."""
        folder = self.directory / index
        if folder.exists():
            with telling(folder, "written"):
                shutil.rmtree(folder)

    @contextmanager
    def changing(self) -> Iterator[bool]:
        """Hold the library while it is changed; give whether an earlier change was not finished.

        Raises:
            LibraryBusyError: If somebody else changes it.
            DiskError: If it cannot be written.
        """
        with held(self.directory):
            marker = self.directory / _CHANGING
            was_there = marker.exists()
            with telling(marker, "written"):
                marker.touch()
            yield was_there
            with telling(marker, "written"):
                marker.unlink()

    def size(self, folder: str = "") -> int:
        """Return the bytes of the directory, or of a folder of it."""
        return size_of(self.directory / folder)


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Keep others from changing the library in a directory.

    Raises:
        LibraryBusyError: If somebody else changes it.
    """
    lock = FileLock(directory / _LOCK, mode=file_mode(directory), thread_local=False)
    try:
        acquired = lock.acquire(timeout=0)
    except Timeout:
        raise LibraryBusyError(f"{directory} is being changed by somebody else; try again later") from None
    with acquired:
        yield
