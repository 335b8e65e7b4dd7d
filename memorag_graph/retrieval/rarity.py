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
        language_code: ISO 639-1 code of their language.
    """

    def __init__(self, chunks: int, counts: Mapping[str, int], language_code: str) -> None:
        self._chunks = chunks
        self._counts = counts
        self._language_code = language_code

    @classmethod
    def from_chunks(cls, chunks: Iterable[Chunk], language_code: str) -> "Rarity":
        """Count the terms of chunks."""
        found = [set(terms(chunk.text, language_code)) for chunk in chunks]
        return cls(len(found), Counter(term for of_chunk in found for term in of_chunk), language_code)

    def weights(self, text: str) -> dict[str, float]:
        """Return the weight of each term of a text, above 0; terms that no chunk has weigh most."""
        return {term: self._weight(term) for term in terms(text, self._language_code)}

    def _weight(self, term: str) -> float:
        count = self._counts.get(term, 0)
        return log(1 + (self._chunks - count + 0.5) / (count + 0.5))
