"""Index chunks by their words with BM25 (Robertson and Zaragoza, "The probabilistic relevance framework", 2009).

The words under which a chunk stands (its file's name, title and heading) are terms of their own. They are as rare as
the documents and sections that they name, whatever else the text says about them.
"""

import json
from collections.abc import Callable, Mapping, Sequence
from math import log
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load, save

from memorag_graph.disk_errors import damaged_or_unreadable
from memorag_graph.errors import MemoryFileError
from memorag_graph.retrieval.bm25 import BM25
from memorag_graph.retrieval.chunk_index import Hit
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.chunking import Chunk

_ABSENT = "\0"
"""A term that no text contains: it keeps an index over texts without terms from being empty."""

_NAMED = "\1"
"""Marks the terms under which a chunk stands."""

_MATRIX = ("data", "indices", "indptr")
_COUNT = "chunks"
_TERMS = "terms"
_VERSION = "terms_version"
"""Tensors of a saved index: the matrix of scores in compressed columns, one column per term; and how terms are made."""

_TERMS_VERSION = 3
"""Raised when texts give other terms than before: earlier indexes are made again when they are opened."""


class KeywordIndex:
    """Searches chunks by their words.

    Args:
        chunks: The chunks, in document order.
        language_code: ISO 639-1 code of their language.
        bm25: The index over their terms.
    """

    def __init__(self, chunks: Sequence[Chunk], language_code: str, bm25: BM25) -> None:
        if bm25.scores["num_docs"] != len(chunks):
            raise MemoryFileError(
                f"the keyword index holds {bm25.scores['num_docs']} texts for {len(chunks)} chunks; "
                "memorize the document again"
            )
        self.chunks = tuple(chunks)
        self.language_code = language_code
        self._bm25 = bm25

    @classmethod
    def from_chunks(
        cls, chunks: Sequence[Chunk], language_code: str, names: Sequence[str] | None = None
    ) -> "KeywordIndex":
        """Index chunks.

        Args:
            chunks: The chunks, in document order.
            language_code: ISO 639-1 code of their language.
            names: The words under which each chunk stands; see
                :func:`~memorag_graph.documents.context_words.context_words`.
        """
        named = {name: [_NAMED + term for term in terms(name, language_code)] for name in dict.fromkeys(names or ())}
        bm25 = BM25()
        bm25.index(
            [
                [*terms(chunk.text, language_code, characters=True), *(named[name] if name else ())] or [_ABSENT]
                for chunk, name in zip(chunks, names or [""] * len(chunks), strict=True)
            ],
            show_progress=False,
        )
        return cls(chunks, language_code, bm25)

    def scores(self, query: str) -> NDArray[np.float32]:
        """Return the BM25 score of every chunk, shape (chunks,)."""
        wanted = terms(query, self.language_code)
        known = [term for term in (*wanted, *(_NAMED + it for it in wanted)) if term in self._bm25.vocab_dict]
        if not known:
            return np.zeros(len(self.chunks), dtype=np.float32)
        return np.asarray(self._bm25.get_scores(known), dtype=np.float32)

    def share_known(self, text: str) -> float:
        """Return the share of a text's distinct terms that occur in the chunks or their names; 0 for none."""
        wanted, known = set(terms(text, self.language_code)), self._bm25.vocab_dict
        return sum(term in known or _NAMED + term in known for term in wanted) / len(wanted) if wanted else 0.0

    def rarity(self, text: str) -> dict[str, float]:
        """Return BM25's inverse document frequency of each term of a text: above 0, largest for unknown terms."""
        counts = {term: len(self._holding(term)) for term in terms(text, self.language_code)}
        return {term: log(1 + (len(self.chunks) - count + 0.5) / (count + 0.5)) for term, count in counts.items()}

    def holding_rarest(self, text: str, most: int) -> list[int]:
        """Return the chunks that hold the rarest known term of a text, in order; none if more than ``most`` do."""
        holding = [found for term in dict.fromkeys(terms(text, self.language_code)) if (found := self._holding(term))]
        fewest = min(holding, key=len, default=[])
        return fewest if len(fewest) <= most else []

    def _holding(self, term: str) -> list[int]:
        """Return the chunks that hold a term, in order."""
        starts, known = self._bm25.scores["indptr"], self._bm25.vocab_dict
        if term not in known:
            return []
        return sorted(map(int, self._bm25.scores["indices"][starts[known[term]] : starts[known[term] + 1]]))

    def search(self, queries: Sequence[str], hits: int) -> list[list[Hit]]:
        """Return up to ``hits`` chunks that share words with each query, best first; equal ones in document order."""
        return [self._search(query, hits) for query in queries]

    def _search(self, query: str, hits: int) -> list[Hit]:
        scores = self.scores(query)
        best = np.argsort(-scores, kind="stable")[:hits]
        return [Hit(int(chunk), float(scores[chunk])) for chunk in best if scores[chunk] > 0]

    def save(self, path: Path) -> None:
        """Write the index: a safetensors container of the sparse matrix of scores and the terms."""
        terms_in_order = sorted(self._bm25.vocab_dict, key=self._bm25.vocab_dict.__getitem__)
        tensors = {name: np.ascontiguousarray(self._bm25.scores[name]) for name in _MATRIX}
        tensors[_COUNT] = np.array([self._bm25.scores["num_docs"]], dtype=np.int64)
        tensors[_VERSION] = np.array([_TERMS_VERSION], dtype=np.int64)
        tensors[_TERMS] = np.frombuffer(json.dumps(terms_in_order).encode(), dtype=np.uint8)
        path.write_bytes(save(tensors))

    @classmethod
    def load(
        cls, path: Path, chunks: Sequence[Chunk], language_code: str, names: Callable[[], Sequence[str]] | None = None
    ) -> "KeywordIndex":
        """Read an index written by :meth:`save`; one whose terms were made otherwise is made again from the chunks.

        Args:
            path: The file.
            chunks: The chunks, in document order.
            language_code: ISO 639-1 code of their language.
            names: Returns the words under which each chunk stands; called only if the index is made again.

        Raises:
            MemoryFileError: If the file is damaged or does not fit the chunks.
        """
        try:
            tensors = load(path.read_bytes())
            bm25 = _saved(tensors) if _VERSION in tensors and int(tensors[_VERSION][0]) == _TERMS_VERSION else None
        except (OSError, ValueError, LookupError, SafetensorError) as error:
            raise damaged_or_unreadable(path, error) from None
        if bm25 is None:
            return cls.from_chunks(chunks, language_code, names() if names else None)
        return cls(chunks, language_code, bm25)


def _saved(tensors: Mapping[str, NDArray[np.generic]]) -> BM25:
    bm25 = BM25()
    bm25.scores = {**{name: tensors[name] for name in _MATRIX}, "num_docs": int(tensors[_COUNT][0])}
    bm25.nonoccurrence_array = None  # used only by variants of BM25 that score missing terms
    bm25.vocab_dict = {term: at for at, term in enumerate(json.loads(tensors[_TERMS].tobytes()))}
    return bm25
