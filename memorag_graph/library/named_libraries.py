"""Libraries that are known by their names, so that clients never name a path."""

import re
import shutil
import threading
from collections.abc import Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError, TakenNameError, UnknownLibraryError
from memorag_graph.library.home import create_library
from memorag_graph.library.place import Place
from memorag_graph.library.shelf import Shelf
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.library.library import Library

LIBRARIES = "libraries"
"""Folder of the operator's libraries, beside the store of memories."""

_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,63}", re.ASCII)
_MEMORY_ID = re.compile("[0-9a-f]{32}")


def checked_name(name: str) -> str:
    """Return the name of a library.

    Raises:
        InputError: If it cannot be one. The id of a memory cannot, as clients may name either.
    """
    if not _is_name(name):
        allowed = "up to 64 letters without accents, digits, dots, hyphens and underscores, the first a letter or digit"
        raise InputError("library", f"{name[:80]!r} cannot be the name of a library; use {allowed}")
    return name


class NamedLibraries:
    """The libraries of a shelf, each opened once. Safe to use from several threads and processes.

    Args:
        shelf: Where they lie.
        registry: Holds the models.
        options: The operator's options: the models, and how and when memories are made; behind the library, where they
            are to be made ``now``, as nobody waits for many.
    """

    def __init__(self, shelf: Shelf, registry: Registry, options: RunOptions) -> None:
        self._shelf = shelf
        self._registry = registry
        self._options = options
        self._opened: dict[str, Library] = {}
        self._lock = threading.Lock()

    def names(self) -> list[str]:
        """Return the names of the libraries, sorted."""
        return [name for name in self._shelf.names() if _NAME.fullmatch(name)]

    def ids(self) -> Mapping[str, str]:
        """Return the names of the libraries by their ids, of those whose catalogue is in Postgres."""
        return self._shelf.ids()

    @cached_property
    def home(self) -> Path:
        """The directory that holds, for each library, its directory on this machine."""
        return self._shelf.place("any").directory.parent

    def place(self, name: str) -> Place:
        """Return the place of a library, whether or not there is one.

        Raises:
            InputError: If the name cannot be one.
        """
        opened = self._opened.get(checked_name(name))
        return opened.place if opened else self._shelf.place(name)

    def has(self, name: str) -> bool:
        """Return whether there is a library of a name."""
        return _is_name(name) and self.place(name).has_library()

    def find(self, name: str) -> str:
        """Return the directory of a library, or its URL.

        Raises:
            InputError: If the name cannot be one.
            UnknownLibraryError: If there is none of that name.
        """
        place = self.place(name)
        if not place.has_library():
            raise UnknownLibraryError(f"there is no library {name!r}")
        return place.name

    def open(self, name: str) -> "Library":
        """Return a library.

        Raises:
            InputError: If the name cannot be one, or the library's embedding model is not the operator's.
            LibraryError: If there is none of that name, it is damaged, or made by a newer version.
            UnavailableError: If a server where something of it is kept does not answer.
        """
        checked_name(name)
        with self._lock:
            if name not in self._opened or not self._opened[name].is_current():
                try:
                    self._opened[name] = self._open(self.find(name))
                except UnknownLibraryError:
                    self._drop(name)  # it was deleted by another server
                    raise
            library = self._opened[name]
        library.drop_removed()
        return library

    def create(self, name: str) -> "Library":
        """Return a library, an empty one if there is none of that name.

        Raises:
            InputError: If the name cannot be one.
            LibraryError: If it is damaged, or the folder of that name holds something else.
            DiskError: If it cannot be written.
            UnavailableError: If a server where something of it is kept does not answer.
        """
        create_library(self.place(name), self._registry, self._options.embedding_model, index_at="")
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
            UnavailableError: If a server where something of it is kept does not answer; call this again.
        """
        checked_name(name)
        with self._lock:
            self._drop(name)
            if not self._shelf.delete(name):
                raise UnknownLibraryError(f"there is no library {name!r}")

    def rename(self, name: str, new: str) -> None:
        """Give a library a new name; its memories in the making stop, and go on once it is opened by that name.

        Raises:
            TakenNameError: If the new name is taken.
            InputError: If a name cannot be one, or the library is on an object store.
            UnknownLibraryError: If there is none of that name.
            LibraryBusyError: If somebody changes it, or another process makes one of its memories.
            DiskError: If it cannot be renamed.
            UnavailableError: If a server where something of it is kept does not answer.
        """
        if self.has(checked_name(new)):
            raise TakenNameError("library", f"the name {new!r} is taken; choose another one")
        if not self.place(name).is_remote:
            self.open(name).close()  # waits for the memory in the making, while others can open libraries
        with self._lock:
            self._drop(name)
            if not self._shelf.rename(name, new):
                raise UnknownLibraryError(f"there is no library {name!r}")

    def _drop(self, name: str) -> None:
        """Close a library, and drop the copies that this machine has of one that is elsewhere."""
        place = self.place(name)
        if opened := self._opened.pop(name, None):
            opened.close()
        if place.is_remote and place.directory.exists():
            with telling(place.directory, "written"):
                shutil.rmtree(place.directory)

    def _open(self, place: str) -> "Library":
        from memorag_graph.library.library import Library

        options = self._options
        mode = "background" if options.memory == "now" else options.memory
        model = options.embedding_model
        return Library.open(place, self._registry, embedding_model=model, create=False, memory=mode, options=options)


def _is_name(name: str) -> bool:
    return _NAME.fullmatch(name) is not None and not _MEMORY_ID.fullmatch(name)
