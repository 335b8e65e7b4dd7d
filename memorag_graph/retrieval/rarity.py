"""How rare a term is in a document: what tells its passages apart."""

from collections import Counter
from collections.abc import Iterable, Mapping
from math import log

from memorag_graph.chunking import Chunk
from memorag_graph.retrieval.analysis import terms


class Rarity:
    """Inverse document frequency over a document's chunks, as BM25 has it.

    Args:
        chunks: Number of chunks.
        counts: How many of them each term occurs in.
    """

    def __init__(self, chunks: int, counts: Mapping[str, int]) -> None:
        self._chunks = chunks
        self._counts = counts

    @classmethod
    def from_chunks(cls, chunks: Iterable[Chunk], language_code: str) -> "Rarity":
        """Count the terms of chunks."""
        found = [set(terms(chunk.text, language_code)) for chunk in chunks]
        return cls(len(found), Counter(term for of_chunk in found for term in of_chunk))

    def __call__(self, term: str) -> float:
        """Return the weight of a term, above 0; terms that no chunk has weigh most."""
        count = self._counts.get(term, 0)
        return log(1 + (self._chunks - count + 0.5) / (count + 0.5))
