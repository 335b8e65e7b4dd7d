"""Rows in memory, searched one by one: the reference for other tables, and a library that is not kept."""

from collections import Counter
from collections.abc import Collection, Iterable, Sequence
from math import log

import numpy as np
from numpy.typing import NDArray

from memorag_graph.library.row_table import EVERYWHERE, Among, Found, Row, best_first

K1, B = 1.2, 0.75
"""Constants of BM25, those of LanceDB."""


class ExactTable:
    """Rows in memory.

    Args:
        average_terms: Terms of a row of usual length; by default the average of the rows.
    """

    def __init__(self, average_terms: float | None = None) -> None:
        self._rows: dict[tuple[int, int], Row] = {}
        self._average_terms = average_terms

    def add(self, rows: Sequence[Row]) -> None:
        """Add rows."""
        self._rows |= {(row.document, row.number): row for row in rows}

    def remove(self, documents: Collection[int]) -> None:
        """Remove the rows of documents."""
        self._rows = {key: row for key, row in self._rows.items() if row.document not in documents}

    def settle(self) -> None:
        """Do nothing: rows are always searched as they are."""

    def documents(self) -> set[int]:
        """Return the ids of all documents that have rows."""
        return {document for document, _ in self._rows}

    def rows_of(self, documents: Collection[int]) -> list[Row]:
        """Return the rows of documents, by document and number."""
        return [self._rows[key] for key in sorted(self._rows) if key[0] in documents]

    def nearest(self, vector: NDArray[np.float32], hits: int, among: Among = EVERYWHERE) -> list[Found]:
        """Return the rows most similar to a vector, best first."""
        rows = [row for row in self._rows.values() if row.document in among]
        return best_first(Found(row.document, row.number, float(row.vector @ vector)) for row in rows)[:hits]

    def matching(self, terms: Iterable[str], hits: int, among: Among = EVERYWHERE) -> list[Found]:
        """Return rows that hold any of some terms, best first by BM25."""
        counts = {key: Counter(row.terms) for key, row in self._rows.items()}
        holding = Counter(term for count in counts.values() for term in count)
        length = self._average_terms or sum(count.total() for count in counts.values()) / max(1, len(counts))
        wanted = {term: log(1 + (len(counts) - n + 0.5) / (n + 0.5)) for term in set(terms) if (n := holding[term])}

        def score(count: Counter[str]) -> float:
            scale = K1 * (1 - B + B * count.total() / length)
            return sum(rare * count[term] * (K1 + 1) / (count[term] + scale) for term, rare in wanted.items())

        scored = (Found(*key, score(count)) for key, count in counts.items() if key[0] in among)
        return best_first(found for found in scored if found.score > 0)[:hits]
