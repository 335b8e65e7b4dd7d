"""Search chunks that are not embedded yet: by words, and by meaning among those that share the most words."""

from collections.abc import Sequence

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.retrieval.chunk_index import Hit
from memorag_graph.retrieval.dense_index import embed, embed_queries
from memorag_graph.retrieval.keyword_index import KeywordIndex

EMBEDDED_AT_ONCE = 128
"""Maximum chunks for which nobody is kept waiting: embedding them takes two or three seconds on two cores."""

_CANDIDATES = 32
"""Chunks with words of a query that are embedded when it comes; that takes about half a second."""


class WordsFirst:
    """An index by meaning that embeds what a query needs, for the time until all chunks are embedded.

    What shares no word with a query is not found.

    Args:
        keywords: The index by words over the same chunks.
        embeddings: The embedding model.
    """

    def __init__(self, keywords: KeywordIndex, embeddings: Embeddings) -> None:
        self.chunks = keywords.chunks
        self.embeddings = embeddings
        self._keywords = keywords
        self._vectors: dict[str, NDArray[np.float32]] = {}

    def search(self, queries: Sequence[str], hits: int) -> list[list[Hit]]:
        """Return the chunks most similar to each query among those that share the most words with it, best first."""
        found = [[hit.chunk for hit in ranked] for ranked in self._keywords.search(queries, _CANDIDATES)]
        self._embed([self.chunks[chunk].text for chunks in found for chunk in chunks])
        return [
            self._ranked(vector, chunks)[:hits]
            for vector, chunks in zip(embed_queries(self.embeddings, queries), found, strict=True)
        ]

    def _embed(self, texts: Sequence[str]) -> None:
        new = [text for text in dict.fromkeys(texts) if text not in self._vectors]
        self._vectors.update(zip(new, embed(self.embeddings, new), strict=True))

    def _ranked(self, query: NDArray[np.float32], chunks: Sequence[int]) -> list[Hit]:
        scored = [Hit(chunk, float(query @ self._vectors[self.chunks[chunk].text])) for chunk in chunks]
        return sorted(scored, key=lambda hit: (-hit.score, hit.chunk))
