"""A folder of libraries, each known by its name, so that clients never name a path."""

import re
import shutil
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError, UnknownLibraryError
from memorag_graph.library.catalogue_place import delete_catalogue, has_catalogue, id_in_postgres
from memorag_graph.library.directory_place import DirectoryPlace, held
from memorag_graph.library.home import create_library
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.library.library import Library

LIBRARIES = "libraries"
"""Folder of the operator's libraries, beside the store of memories."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_MEMORY_ID = re.compile("[0-9a-f]{32}")
_TRASH = ".trash-"


def checked_name(name: str) -> str:
    """Return the name of a library.

    Raises:
        InputError: If it cannot be one. The id of a memory cannot, as clients may name either.
    """
    if not _NAME.fullmatch(name) or _MEMORY_ID.fullmatch(name):
        allowed = "up to 64 letters without accents, digits, dots, hyphens and underscores, the first a letter or digit"
        raise InputError("library", f"{name[:80]!r} cannot be the name of a library; use {allowed}")
    return name


class NamedLibraries:
    """The libraries in a folder, each opened once. Safe to use from several threads and processes.

    Args:
        root: The folder; it need not exist.
        registry: Holds the models.
        options: The operator's options: the models, and how and when memories are made; behind the library, where they
            are to be made ``now``, as nobody waits for many.
    """

    def __init__(self, root: Path, registry: Registry, options: RunOptions) -> None:
        self._root = root
        self._registry = registry
        self._options = options
        self._opened: dict[str, Library] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Return the names of the libraries, sorted."""
        if not self._root.is_dir():
            return []
        return sorted(it.name for it in self._root.iterdir() if _NAME.fullmatch(it.name) and has_catalogue(it))

    def ids(self) -> dict[str, str]:
        """Return the names of the libraries by their ids, of those whose catalogue is in Postgres."""
        found = {id_in_postgres(self._root / name): name for name in self.names()}
        return {library: name for library, name in found.items() if library}

    def find(self, name: str) -> Path:
        """Return the directory of a library.

        Raises:
            InputError: If the name cannot be one.
            UnknownLibraryError: If there is none of that name.
        """
        place = self._root / checked_name(name)
        if not has_catalogue(place):
            raise UnknownLibraryError(f"there is no library {name!r}")
        return place

    def open(self, name: str) -> "Library":
        """Return a library.

        Raises:
            InputError: If the name cannot be one, or the library's embedding model is not the operator's.
            LibraryError: If there is none of that name, it is damaged, or made by a newer version.
            UnavailableError: If a server where something of it is kept does not answer.
        """
        place = self.find(name)
        with self._lock:
            if name not in self._opened or not self._opened[name].is_current():
                self._opened[name] = self._open(place)
            return self._opened[name]

    def create(self, name: str) -> "Library":
        """Return a library, an empty one if there is none of that name.

        Raises:
            InputError: If the name cannot be one.
            LibraryError: If it is damaged, or the folder of that name holds something else.
            DiskError: If it cannot be written.
            UnavailableError: If a server where something of it is kept does not answer.
        """
        place = self._root / checked_name(name)
        create_library(DirectoryPlace(place), self._registry, self._options.embedding_model, index_at="")
        return self.open(name)

    def close(self) -> None:
        """Stop making memories behind the libraries; what is made is kept."""
        with self._lock:
            opened, self._opened = self._opened, {}
        for library in opened.values():
            library.close()

    def delete(self, name: str) -> None:
        """Delete a library with all its documents and memories; of an index on a server, its collections stay.

        Raises:
            InputError: If the name cannot be one.
            UnknownLibraryError: If there is none of that name.
            LibraryBusyError: If somebody changes it.
            DiskError: If it cannot be deleted.
            UnavailableError: If the database of its catalogue does not answer; nothing is deleted.
        """
        place = self.find(name)
        trash = place.with_name(f"{_TRASH}{name}")
        with self._lock, telling(place, "written"):
            if opened := self._opened.pop(name, None):
                opened.close()
            if trash.exists():  # left by a process that was killed
                shutil.rmtree(trash)
            with held(place):
                delete_catalogue(place)
                place.rename(trash)
            shutil.rmtree(trash)

    def _open(self, place: Path) -> "Library":
        from memorag_graph.library.library import Library

        options = self._options
        mode = "background" if options.memory == "now" else options.memory
        model = options.embedding_model
        return Library.open(place, self._registry, embedding_model=model, create=False, memory=mode, options=options)
