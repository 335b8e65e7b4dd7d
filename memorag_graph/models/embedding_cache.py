"""Cache embeddings, because a memory's sentences are compared with every question."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from copy import copy
from typing import Literal

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.models.query_batch import embed_each_query

MOST_REMEMBERED = 16_384
"""Default number of cached vectors: 25 MB with 384 dimensions, 67 MB with 1,024."""

_Kind = Literal["passage", "query"]
_Key = tuple[str, _Kind, str]
"""Salt of the users who share a vector, what was embedded, and its text."""


class CachedEmbeddings(Embeddings):
    """An embedding model with a cache of the most recently used vectors.

    Args:
        embeddings: The model; its vectors are float32.
        most: Maximum number of cached texts.
    """

    def __init__(self, embeddings: Embeddings, most: int = MOST_REMEMBERED) -> None:
        self._embeddings = embeddings
        self._most = most
        self._known: OrderedDict[_Key, NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()
        self._salt = ""

    def apart(self, salt: str) -> "CachedEmbeddings":
        """Return the model with the same cache for other users: what one has embedded is no faster for another."""
        other = copy(self)
        other._salt = salt
        return other

    @property
    def uncached(self) -> Embeddings:
        """The model without the cache: its vectors depend, in their last bits, on what is embedded together alone."""
        return self._embeddings

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text; texts that are not cached are embedded."""
        return self._vectors("passage", texts, self._embeddings.embed_documents)

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query; some models embed it unlike a passage, so that it is cached apart."""
        (vector,) = self.embed_queries([text])
        return vector

    def embed_queries(self, queries: list[str]) -> list[list[float]]:
        """Return the vector of each query, as :meth:`embed_query` does."""
        return self._vectors("query", queries, lambda unknown: embed_each_query(self._embeddings, unknown))

    def forget(self) -> None:
        """Empty the cache."""
        with self._lock:
            self._known.clear()

    def _vectors(
        self, kind: _Kind, texts: list[str], embed: Callable[[list[str]], list[list[float]]]
    ) -> list[list[float]]:
        keys = {text: (self._salt, kind, text) for text in texts}
        found = self._recall(keys)
        unknown = [text for text in keys if text not in found]
        if unknown:
            new = np.asarray(embed(unknown), dtype=np.float32)
            for text, vector in zip(unknown, new, strict=True):
                found[text] = vector.copy()  # a view would keep the whole batch in memory
            self._remember({keys[text]: found[text] for text in unknown})
        return [found[text].tolist() for text in texts]

    def _recall(self, keys: dict[str, _Key]) -> dict[str, NDArray[np.float32]]:
        with self._lock:
            found = {text: self._known[key] for text, key in keys.items() if key in self._known}
            for text in found:
                self._known.move_to_end(keys[text])
        return found

    def _remember(self, new: dict[_Key, NDArray[np.float32]]) -> None:
        with self._lock:
            self._known |= new
            while len(self._known) > self._most:
                self._known.popitem(last=False)
