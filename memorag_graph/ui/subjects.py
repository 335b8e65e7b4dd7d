"""What conversations of a tenant are about: its memories and libraries."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from memorag_graph.disk_errors import telling
from memorag_graph.errors import UnknownMemoryError
from memorag_graph.kept_conversations import document_mark
from memorag_graph.kept_turns import KnownMarks
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.memory.storage.memory_names import is_memory_id
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.private_files import make_private_dir


class TenantSubjects:
    """See :class:`memorag_graph.ui.conversation_store.Subjects`.

    Args:
        store: The tenant's memories.
        libraries: The tenant's libraries.
        moves: The new names of libraries that were renamed, by their earlier ones.
    """

    def __init__(self, store: MemoryStore, libraries: NamedLibraries, moves: Mapping[str, str]) -> None:
        self._store = store
        self._libraries = libraries
        self._moves = moves

    def folder(self, subject: str) -> Path:
        """Return the folder of a memory or library; of a library that is elsewhere, that of this machine's copies.

        Raises:
            InputError: If it can be the name of neither.
            DiskError: If the folder of copies cannot be made.
        """
        if is_memory_id(subject):
            return self._store.directory(subject)
        place = self._libraries.place(self._name_now(subject))
        if place.is_remote:
            with telling(place.directory, "written"):
                make_private_dir(place.directory)
        return place.directory

    def marks(self, subject: str) -> Callable[[], KnownMarks]:
        """Return a function that returns the marks of the documents of a memory or library.

        Raises:
            UnknownMemoryError, LibraryError: If it is not there any more; by the function, too.
        """
        marks = self._marks_in_memory(subject) if is_memory_id(subject) else self._marks_in_library(subject)
        marks()
        return marks

    def _marks_in_memory(self, memory_id: str) -> Callable[[], KnownMarks]:
        folder = self.folder(memory_id)

        def marks() -> KnownMarks:
            if not folder.is_dir():
                raise UnknownMemoryError("memory", "it was changed or deleted meanwhile; ask again")
            documents = read_info(folder)["documents"]
            return _by_name((it["source"], document_mark(it["source"], it["sha256"])) for it in documents)

        return marks

    def _marks_in_library(self, subject: str) -> Callable[[], KnownMarks]:
        catalogue = self._libraries.open(self._name_now(subject)).stores.catalogue
        return lambda: _by_name((entry.name, entry.mark) for entry in catalogue.entries())

    def _name_now(self, library: str) -> str:
        """Return the name of a library that may have been renamed while a question to it was answered."""
        while (new := self._moves.get(library)) and not self._libraries.has(library):
            library = new
        return library


def _by_name(named: Iterable[tuple[str, str]]) -> KnownMarks:
    found: defaultdict[str, list[str]] = defaultdict(list)
    for name, mark in named:
        found[name].append(mark)
    return found
