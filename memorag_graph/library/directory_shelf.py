"""A directory of libraries, each in a folder of its name."""

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from memorag_graph.disk_errors import telling
from memorag_graph.errors import LibraryBusyError, TakenNameError
from memorag_graph.library.catalogue_place import delete_catalogue, has_catalogue, id_in_postgres
from memorag_graph.library.directory_place import DirectoryPlace, held
from memorag_graph.library.folder_memories import FolderMemories
from memorag_graph.library.place import MEMORIES, Place
from memorag_graph.private_files import sync_directory

_TRASH = ".trash-"


class DirectoryShelf:
    """A directory that holds libraries. See :class:`memorag_graph.library.shelf.Shelf`.

    Args:
        root: The directory, which need not exist.
    """

    def __init__(self, root: Path) -> None:
        self._root = root

    def names(self) -> Sequence[str]:
        """Return the names of the folders that hold libraries."""
        return [name for name in self.shelves() if name[0] != "." and has_catalogue(self._root / name)]

    def ids(self) -> Mapping[str, str]:
        """Return the names of the libraries by their ids, of those whose catalogue is in Postgres."""
        found = {id_in_postgres(self._root / name): name for name in self.names()}
        return {library: name for library, name in found.items() if library}

    def place(self, name: str) -> Place:
        """Return a folder."""
        return DirectoryPlace(self._root / name)

    def delete(self, name: str) -> bool:
        """Delete the library in a folder; of an index on a server, its collections stay.

        Raises:
            LibraryBusyError: If somebody changes it.
            DiskError: If it cannot be deleted.
            UnavailableError: If the database of its catalogue does not answer; nothing is deleted.
        """
        place = self._root / name
        if not has_catalogue(place):
            return False
        trash = place.with_name(f"{_TRASH}{name}")
        with telling(place, "written"):
            if trash.exists():  # left by a process that was killed
                shutil.rmtree(trash)
            with held(place):
                delete_catalogue(place)
                place.rename(trash)
            shutil.rmtree(trash)
        return True

    def rename(self, name: str, new: str) -> bool:
        """Rename the folder of a library; a catalogue in Postgres is found by the id that the folder holds.

        Raises:
            TakenNameError: If there is a folder of the new name.
            LibraryBusyError: If somebody changes it, or makes one of its memories.
            DiskError: If it cannot be renamed.
        """
        place, target = self._root / name, self._root / new
        if not has_catalogue(place):
            return False
        with telling(place, "written"), held(place):
            if target.exists():
                raise TakenNameError("library", f"the name {new!r} is taken; choose another one")
            if FolderMemories(place / MEMORIES).is_any_being_made():  # it would go on in the folder of the old name
                raise LibraryBusyError(f"somebody makes a memory of {place}; try again later")
            place.rename(target)
            sync_directory(self._root)
        return True

    def below(self, name: str) -> "DirectoryShelf":
        """Return the shelf in a folder."""
        return DirectoryShelf(self._root / name)

    def shelves(self) -> Sequence[str]:
        """Return the names of the folders."""
        return sorted(it.name for it in self._root.iterdir() if it.is_dir()) if self._root.is_dir() else []
