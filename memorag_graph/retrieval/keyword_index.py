"""Index chunks by their words with BM25 (Robertson and Zaragoza, "The probabilistic relevance framework", 2009).

The words under which a chunk stands (its file's name, title and heading) are terms of their own. They are as rare as
the documents and sections that they name, whatever else the text says about them.
"""

import json
import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import pairwise
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
from memorag_graph.retrieval.query_bm25 import query_bm25
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.chunking import Chunk

_PAIR = "\2"
"""Marks a pair of neighbouring terms, and stands between them."""

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

_GERMAN_GENITIVE = re.compile(r"(?<!\w)[^\W\d_a-zäöüß]\w+[aeiouyäöü]s(?!\w)")
"""A genitive such as "Evas", of which the stemmer does not find the name."""


def chunk_terms(text: str, name: str, language_code: str) -> list[str]:
    """Return the terms by which a chunk is found.

    Args:
        text: The chunk.
        name: The words under which it stands; may be empty.
        language_code: ISO 639-1 code of their language.
    """
    return [
        *terms(text, language_code, characters=True),
        *(_NAMED + term for term in _terms_of_name(name, language_code)),
    ]


def term_pairs(found: Sequence[str]) -> list[str]:
    """Return each two neighbours among terms as a term of their own, as in the sequential dependence model.

    Those of a text are more telling than the words alone where a text is long (Metzler and Croft, "A Markov random
    field model for term dependencies", SIGIR 2005).

    Args:
        found: Terms in the order of the text; those under which it stands are left out.
    """
    of_text = [term for term in found if not term.startswith(_NAMED)]
    return [f"{_PAIR}{first}{_PAIR}{second}" for first, second in pairwise(of_text)]


@lru_cache(maxsize=1024)
def _terms_of_name(name: str, language_code: str) -> tuple[str, ...]:
    return tuple(terms(name, language_code)) if name else ()


def query_terms(query: str, *language_codes: str) -> list[str]:
    """Return the terms of a query, as they occur in texts of some languages and in the words above them."""
    wanted = terms(query, language_codes[0])
    if "de" in language_codes:
        wanted += terms(" ".join(it[:-1] for it in _GERMAN_GENITIVE.findall(query)), "de")
    for code in language_codes[1:]:
        wanted += dict.fromkeys(term for term in terms(query, code) if term not in wanted)
    return [*wanted, *(_NAMED + term for term in wanted)]


def query_pairs(query: str, *language_codes: str) -> list[str]:
    """Return the distinct pairs of neighbouring terms of a query, as they occur in texts of some languages."""
    return list(dict.fromkeys(pair for code in language_codes for pair in term_pairs(terms(query, code))))


class KeywordIndex:
    """Searches chunks by their words.

    Args:
        chunks: The chunks, in document order.
        language_code: ISO 639-1 code of their language.
        bm25: The index over their terms.
        other_languages: Codes of further languages in which some chunks are written.
    """

    def __init__(
        self, chunks: Sequence[Chunk], language_code: str, bm25: BM25, other_languages: Sequence[str] = ()
    ) -> None:
        if bm25.scores["num_docs"] != len(chunks):
            raise MemoryFileError(
                f"the keyword index holds {bm25.scores['num_docs']} texts for {len(chunks)} chunks; "
                "memorize the document again"
            )
        self.chunks = tuple(chunks)
        self.language_code = language_code
        self._codes = (language_code, *other_languages)
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
        texts = zip(chunks, names or [""] * len(chunks), strict=True)
        return cls.from_terms(chunks, language_code, [chunk_terms(it.text, name, language_code) for it, name in texts])

    @classmethod
    def from_terms(
        cls,
        chunks: Sequence[Chunk],
        language_code: str,
        terms_of: Sequence[Sequence[str]],
        other_languages: Sequence[str] = (),
        query: str | None = None,
    ) -> "KeywordIndex":
        """Index chunks by the terms of each, as :func:`chunk_terms` returns them for its language.

        Args:
            chunks: The chunks, in document order.
            language_code: ISO 639-1 code of the language of most of them.
            terms_of: The terms of each.
            other_languages: Codes of further languages in which some are written.
            query: If given, the index knows only its terms, which makes it faster to build; it scores this query, and
                any with some of its words, as the whole index would.
        """
        if query is not None:
            known = query_bm25(query_terms(query, language_code, *other_languages), terms_of)
            return cls(chunks, language_code, known, other_languages)
        bm25 = BM25()
        bm25.index([list(found) or [_ABSENT] for found in terms_of], show_progress=False)
        return cls(chunks, language_code, bm25, other_languages)

    def scores(self, query: str) -> NDArray[np.float32]:
        """Return the BM25 score of every chunk, shape (chunks,)."""
        wanted = query_terms(query, *self._codes)
        known = [term for term in wanted if term in self._bm25.vocab_dict]
        if not known:
            return np.zeros(len(self.chunks), dtype=np.float32)
        return np.asarray(self._bm25.get_scores(known), dtype=np.float32)

    def share_known(self, text: str) -> float:
        """Return the share of a text's distinct terms that occur in the chunks or their names; 0 for none."""
        wanted, known = set(terms(text, self.language_code)), self._bm25.vocab_dict
        return sum(term in known or _NAMED + term in known for term in wanted) / len(wanted) if wanted else 0.0

    def rarity(self, text: str) -> dict[str, float]:
        """Return BM25's inverse document frequency of each term of a text: above 0, largest for unknown terms."""
        counts = {term: len(self._holders(term)) for term in terms(text, self.language_code)}
        return {term: log(1 + (len(self.chunks) - count + 0.5) / (count + 0.5)) for term, count in counts.items()}

    def only_holder(self, text: str) -> int | None:
        """Return the chunk that alone holds a term of a text; None if each known term is in several chunks."""
        for term in terms(text, self.language_code):
            holders = self._holders(term)
            if len(holders) == 1:
                return int(holders[0])
        return None

    def _holders(self, term: str) -> NDArray[np.int64]:
        """Return the chunks that hold a term, in any order, shape (chunks,)."""
        starts, at = self._bm25.scores["indptr"], self._bm25.vocab_dict.get(term)
        first, last = (0, 0) if at is None else (starts[at], starts[at + 1])
        return np.asarray(self._bm25.scores["indices"][first:last])

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
