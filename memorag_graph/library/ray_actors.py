"""What actors of Ray do: one kind cuts texts and embeds, the other drafts gists."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from langchain_core.embeddings import Embeddings

from memorag_graph.library.cut import Cut
from memorag_graph.retrieval.dense_index import embed
from memorag_graph.version import __version__

Task = Literal["cut", "vectors"]

_PROBE = "size"
_ALIKE = 0.02
"""Most by which what machines make of a text differs in any of its numbers."""


@dataclass(frozen=True, slots=True)
class Role:
    """What all actors of a pool are.

    Attributes:
        actor: Their class; its method ``begin`` is given what ``load`` is, and returns the version of the package and
            what tells their model from others.
        tasks: Methods that do units, those of which others wait first.
        load: Loads their model.
        option: The option that names it.
        is_alike: Tells by what ``begin`` returned whether two models are the same.
        model: What ``begin`` is to return; empty if that is for the first actor to say.
    """

    actor: type
    tasks: Sequence[Task]
    load: Callable[[], Any]
    option: str
    is_alike: Callable[[bytes, bytes], bool]
    model: bytes = b""


class EmbeddingActor:
    """Cuts texts and embeds; :meth:`begin` comes first."""

    _embeddings: Embeddings

    def begin(self, load: Callable[[], Embeddings]) -> tuple[str, bytes]:
        """Load the embedding model; return the version of the package, and what the model makes of a text."""
        self._embeddings = load()
        return __version__, self.vectors([_PROBE])

    def cut(self, text: str) -> bytes:
        """Cut a text; return it written."""
        return Cut.of(text).written()

    def vectors(self, texts: Sequence[str]) -> bytes:
        """Embed texts; return the bytes of their vectors, float32, shape (texts, size)."""
        return embed(self._embeddings, texts).astype("<f4").tobytes()


def embedding_role(load: Callable[[], Embeddings]) -> Role:
    """Return the role of actors that take documents in.

    Args:
        load: Loads the embedding model in an actor.
    """
    return Role(EmbeddingActor, ("cut", "vectors"), load, "embedding_model", _are_close)


def _are_close(one: bytes, other: bytes) -> bool:
    first, second = (np.frombuffer(it, dtype="<f4") for it in (one, other))
    return first.shape == second.shape and np.allclose(first, second, rtol=0, atol=_ALIKE)
