"""The catalogue of a library: its settings, and an entry for each version of a document.

A document exists once its entry is committed. The catalogue is the truth; texts are named by it, and the index and the
memories can be made again.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from memorag_graph.documents import PageMap
from memorag_graph.library.entry import Entry
from memorag_graph.library.job_queue import JobQueue

FORMAT = 1
"""Raised when a library of this version cannot be read by earlier ones."""

LIBRARY_ID = "id"
"""Setting with the id of the library, which no other has."""


@dataclass(frozen=True, slots=True)
class Note:
    """The central sentences of a section of a document: what a section of ``text[start:end]`` is about."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Detailed:
    """An entry with what is read only for the documents of an answer.

    Attributes:
        entry: The entry; its id is that which it gets when it is committed.
        page_map: The document's pages and sections.
        notes: What each of its sections is about.
    """

    entry: Entry
    page_map: PageMap
    notes: tuple[Note, ...]


class Catalogue(Protocol):
    """Keeps the settings and entries of one library.

    Safe to use from several threads and processes: whoever reads sees the state between two changes, while one, who
    holds the library (:meth:`memorag_graph.library.place.Place.changing`), writes. A change is one transaction, durable
    when its method returns, and changes nothing if it fails. Of a catalogue on a server, each method raises
    :class:`~memorag_graph.errors.UnavailableError` if that does not answer.
    """

    def setting(self, key: str, otherwise: str = "") -> str:
        """Return a setting of the library."""

    def change_settings(self, new: Mapping[str, str], without: str = "") -> None:
        """Write settings.

        Args:
            new: The settings.
            without: If given, all settings whose key begins so are removed first.

        Raises:
            DiskError, UnavailableError: If they cannot be written.
        """

    def entries(self) -> Sequence[Entry]:
        """Return all versions of all documents, in the order in which they were taken in.

        They are read once for each change: what is returned is the same object until something changes.
        """

    def next_id(self) -> int:
        """Return the id of the next entry; the id of an entry that was removed does not come again."""

    def page_map(self, entry_id: int) -> PageMap:
        """Return the pages and sections of a document; none if there is no such entry."""

    def notes(self, entry_id: int) -> list[Note]:
        """Return what each section of a document is about; nothing if there is no such entry."""

    def add(self, new: Sequence[Detailed]) -> None:
        """Add entries, which makes their documents exist; earlier versions become replaced.

        Raises:
            DiskError, UnavailableError: If they cannot be written.
        """

    def describe(self, entry_id: int, metadata: Mapping[str, Any]) -> None:
        """Change the metadata of an entry.

        Raises:
            DiskError, UnavailableError: If it cannot be written.
        """

    def remove(self, ids: Collection[int]) -> None:
        """Remove entries, which makes their documents cease to exist.

        Raises:
            DiskError, UnavailableError: If they cannot be removed.
        """

    def require_alone(self) -> None:
        """Check that nobody else has begun to change the library, as may be where a lock was lost with a connection.

        Raises:
            LibraryBusyError: If somebody has.
        """

    def queue(self) -> JobQueue | None:
        """Return the queue of memories to be made, by which servers divide the work; None if it is not divided."""

    def tidy(self) -> None:
        """Erase the bytes of what was removed, as far as they are in files of the library.

        Raises:
            DiskError: If they cannot be erased.
        """
