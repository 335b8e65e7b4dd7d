"""Cache embeddings, because a memory's sentences are compared with every question."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from copy import copy

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

MOST_REMEMBERED = 16_384
"""Default number of cached vectors: 25 MB with 384 dimensions, 67 MB with 1,024."""

_QUERY = "\0query:"
"""Marks the cached vector of a query; no passage begins so."""


class CachedEmbeddings(Embeddings):
    """An embedding model with a cache of the most recently used vectors.

    Args:
        embeddings: The model; its vectors are float32.
        most: Maximum number of cached texts.
    """

    def __init__(self, embeddings: Embeddings, most: int = MOST_REMEMBERED) -> None:
        self._embeddings = embeddings
        self._most = most
        self._known: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()
        self._salt = ""

    def apart(self, salt: str) -> "CachedEmbeddings":
        """Return the model with the same cache for other users: what one has embedded is no faster for another."""
        other = copy(self)
        other._salt = salt
        return other

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Return a vector for each text; texts that are not cached are embedded."""
        found = self._recall(texts)
        unknown = [text for text in dict.fromkeys(texts) if text not in found]
        if unknown:
            new = np.asarray(self._embeddings.embed_documents(unknown), dtype=np.float32)
            found |= self._remember({text: vector.copy() for text, vector in zip(unknown, new, strict=True)})
        return [found[text].tolist() for text in texts]

    def embed_query(self, text: str) -> list[float]:
        """Return the vector of a query; some models embed it unlike a passage, so that it is cached apart."""
        key = _QUERY + text
        if not (found := self._recall([key])):
            found = self._remember({key: np.asarray(self._embeddings.embed_query(text), dtype=np.float32)})
        vector: list[float] = found[key].tolist()
        return vector

    def forget(self) -> None:
        """Empty the cache."""
        with self._lock:
            self._known.clear()

    def _recall(self, texts: Sequence[str]) -> dict[str, NDArray[np.float32]]:
        with self._lock:
            keys = {text: (self._salt, text) for text in texts if (self._salt, text) in self._known}
            for key in keys.values():
                self._known.move_to_end(key)
            found = {text: self._known[key] for text, key in keys.items()}
        return found

    def _remember(self, new: dict[str, NDArray[np.float32]]) -> dict[str, NDArray[np.float32]]:
        with self._lock:
            self._known |= {(self._salt, text): vector for text, vector in new.items()}
            while len(self._known) > self._most:
                self._known.popitem(last=False)
        return new
