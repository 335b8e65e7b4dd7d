"""Dense retrieval over a list of texts."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memorag_graph.api.session import registry_of
from memorag_graph.errors import InputError
from memorag_graph.models.loading import DEFAULT_EMBEDDING_MODEL
from memorag_graph.registry import Registry
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.text.checks import texts_of
from memorag_graph.text.chunking import Chunk

_NONE = -1


class DenseRetriever:
    """Finds the texts nearest to a query by cosine similarity (exact search in a flat FAISS index).

    Args:
        encoder: Embedding model: ``"embedded"``, a directory, or a hub name.
        hits: Texts to return per query.
        cache_dir: Directory for downloads from the hub.
        access_token: Token for gated models of the hub.
        registry: Keeps models; by default the process's shared one.

    Raises:
        ModelError: If the model cannot be loaded.
        InputError: If ``hits`` is not positive.

    Example:
        >>> retriever = DenseRetriever("embedded", hits=1)
        >>> retriever.add(["The school has nine pupils.", "The ferry calls on Fridays."])
        >>> scores, indices = retriever.search("When does the ship come?")
        >>> indices.tolist()
        [[1]]
    """

    def __init__(
        self,
        encoder: str = DEFAULT_EMBEDDING_MODEL,
        hits: int = 10,
        cache_dir: str | None = None,
        access_token: str | None = None,
        *,
        registry: Registry | None = None,
    ) -> None:
        self.hits = _positive(hits)
        self.docs: list[str] = []
        registry = registry_of(registry, cache_dir, access_token)
        self._embeddings = registry.models.embeddings(registry.models.embedding_name(encoder))
        self._index: FaissIndex | None = None

    @property
    def num_keys(self) -> int:
        """Number of texts in the index."""
        return len(self.docs)

    def add(self, docs: Sequence[str]) -> None:
        """Add texts to the index; the earlier ones are not embedded again.

        Raises:
            InputError: If ``docs`` is not a list of texts.
        """
        if isinstance(docs, str):
            raise InputError("docs", "must be a list of texts")
        added = texts_of("docs", docs)
        if not added:
            return
        self.docs += added
        chunks = [Chunk("", number, 0, len(text), text) for number, text in enumerate(self.docs)]
        self._index = FaissIndex.from_chunks(chunks, self._embeddings, known=self._index)

    def search(
        self, queries: str | Sequence[str], hits: int | None = None
    ) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
        """Find the texts nearest to each query.

        Args:
            queries: One query or several.
            hits: Texts to return per query; by default the retriever's.

        Returns:
            Cosine similarities and positions in :attr:`docs`, both of shape (queries, hits), best first. If there are
            fewer texts than hits, positions are -1 and similarities ``-inf``.

        Raises:
            InputError: If there are no texts yet, or ``hits`` is not positive.
        """
        if self._index is None:
            raise InputError("docs", "there is nothing to search; add texts first")
        texts = texts_of("queries", queries)
        width = _positive(self.hits if hits is None else hits)
        scores = np.full((len(texts), width), -np.inf, dtype=np.float32)
        found = np.full((len(texts), width), _NONE, dtype=np.int64)
        for row, row_hits in enumerate(self._index.search(texts, width)):
            scores[row, : len(row_hits)] = [hit.score for hit in row_hits]
            found[row, : len(row_hits)] = [hit.chunk for hit in row_hits]
        return scores, found

    def remove_all(self) -> None:
        """Remove all texts."""
        self.docs, self._index = [], None


def _positive(hits: int) -> int:
    if not isinstance(hits, int) or hits < 1:
        raise InputError("hits", f"must be a positive integer, not {hits!r}")
    return hits
