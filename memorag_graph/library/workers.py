"""Who does the work of taking documents in: this process, or others to which it hands out units.

A unit of work is a function of what is handed out: the text of a document is cut, or a batch of texts is embedded. So
it does not matter who does it, and doing it twice gives the same. The process that holds the library hands out the
units, and alone writes catalogue, texts and index.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Generic, Protocol, TypeVar

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.errors import MemoragError
from memorag_graph.library.cut import Cut
from memorag_graph.retrieval.dense_index import embed

Vectors = NDArray[np.float32]
"""Normalized embeddings, shape (texts, size)."""

_T = TypeVar("_T")


class LostWorkError(MemoragError):
    """Everyone who was given a unit of work died of it.

    Attributes:
        texts: The texts that nobody survives.
    """

    def __init__(self, texts: Sequence[str], deaths: int) -> None:
        super().__init__(
            f"each of the {deaths} workers that were given a part of it died, perhaps because it takes too much "
            "memory; do it without workers, or divide the document"
        )
        self.texts = frozenset(texts)


@dataclass(frozen=True, slots=True)
class Pending(Generic[_T]):
    """Work that was handed out.

    Attributes:
        result: Waits for its result; called once.
        units: Names under which the results of its units are kept until :meth:`Workers.forget`.
    """

    result: Callable[[], _T]
    units: tuple[str, ...] = ()


class Workers(Protocol):
    """Does units of work, in whatever order; results are asked for in the order in which the work was handed out.

    Attributes:
        texts_ahead: Texts that are to be handed out before the result of the first is asked for.
        batches_ahead: Batches of documents that are to be handed out before the rows of the first are asked for.
    """

    texts_ahead: int
    batches_ahead: int

    def cut(self, text: str) -> Pending[Cut]:
        """Have a text cut; the result may raise :class:`LostWorkError`."""

    def vectors(self, texts: Sequence[str]) -> Pending[Vectors]:
        """Have texts embedded together, as passages.

        The result may raise :class:`LostWorkError`, and ``ModelError`` if the model cannot be loaded.
        """

    def forget(self, units: Iterable[str]) -> None:
        """Drop results of units, as the library has the documents that they are of.

        Raises:
            DiskError, UnavailableError: If they cannot be dropped.
        """


class OwnProcess:
    """This process does the work, when its result is asked for.

    Args:
        embeddings: Returns the embedding model; called when it is first needed.
    """

    texts_ahead = 0
    batches_ahead = 0

    def __init__(self, embeddings: Callable[[], Embeddings]) -> None:
        self._embeddings = embeddings

    def cut(self, text: str) -> Pending[Cut]:
        """Cut a text."""
        return Pending(partial(Cut.of, text))

    def vectors(self, texts: Sequence[str]) -> Pending[Vectors]:
        """Embed texts."""
        return Pending(lambda: embed(self._embeddings(), texts))

    def forget(self, units: Iterable[str]) -> None:
        """Do nothing: results are not kept."""
