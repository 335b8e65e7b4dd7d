"""The index of a library: rows for parts of documents, searched by meaning and by words.

It is a cache: it can be made again from the texts and the catalogue. A row's text is not kept in it, only its place.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, eq=False, slots=True)
class Row:
    """A part of a document.

    Attributes:
        document: Id of the document's entry in the catalogue.
        number: Position of the part among those of its document.
        start: First character in the document's text.
        end: One past the last character.
        terms: Its terms for search by words; none holds white space.
        vector: Its normalized embedding, shape (size,).
    """

    document: int
    number: int
    start: int
    end: int
    terms: tuple[str, ...]
    vector: NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Found:
    """A row found by a query: its document, its number there, and a score comparable only within one ranking."""

    document: int
    number: int
    score: float


@dataclass(frozen=True, slots=True)
class Among:
    """The documents in which a search looks.

    Attributes:
        only: Ids of the documents; None for all.
        without: Ids of documents that are left out.
    """

    only: frozenset[int] | None = None
    without: frozenset[int] = frozenset()

    def __contains__(self, document: int) -> bool:
        """Return whether a document is one of them."""
        return document not in self.without and (self.only is None or document in self.only)


EVERYWHERE = Among()


class RowTable(Protocol):
    """Keeps and searches rows. Searches may run in any thread and process while one process changes the table."""

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows.

        Raises:
            DiskError: If they cannot be written.
        """

    def remove(self, documents: Collection[int]) -> None:
        """Remove the rows of documents so that no byte of them is left.

        Raises:
            DiskError: If the table cannot be written.
        """

    def settle(self) -> None:
        """Bring what was added into the form that is searched fastest.

        Raises:
            DiskError: If the table cannot be written.
        """

    def documents(self) -> set[int]:
        """Return the ids of all documents that have rows."""

    def rows_of(self, documents: Collection[int]) -> list[Row]:
        """Return the rows of documents, by document and number."""

    def nearest(self, vector: NDArray[np.float32], hits: int, among: Among = EVERYWHERE) -> list[Found]:
        """Return the ``hits`` rows most similar to a normalized vector, best first; equal ones by document and number.

        Args:
            vector: Shape (size,).
            hits: Maximum rows.
            among: Where to look.
        """

    def matching(self, terms: Iterable[str], hits: int, among: Among = EVERYWHERE) -> list[Found]:
        """Return up to ``hits`` rows that hold any of some terms, best first by BM25; equal ones as :meth:`nearest`."""


def best_first(found: Iterable[Found]) -> list[Found]:
    """Sort rows by descending score; equal ones by document and number."""
    return sorted(found, key=lambda it: (-it.score, it.document, it.number))
