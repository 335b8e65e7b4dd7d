"""What actors of Ray do: some cut texts and embed, others draft gists."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from langchain_core.embeddings import Embeddings

from memorag_graph.library.cut import Cut
from memorag_graph.retrieval.dense_index import embed
from memorag_graph.version import __version__

if TYPE_CHECKING:
    from memorag_graph.memory.build.gist_kind import GistPlan
    from memorag_graph.memory.memory_model import MemoryModel

Task = Literal["cut", "vectors", "gists"]

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


@dataclass(frozen=True, slots=True)
class Sections:
    """Sections whose gists are to be drafted.

    Attributes:
        texts: Their texts by key.
        costs: Their numbers of tokens.
        plan: How gists are requested.
    """

    texts: Mapping[str, str]
    costs: Mapping[str, int]
    plan: "GistPlan"

    def of(self, keys: Sequence[str]) -> "Sections":
        """Return some of them."""
        return Sections({key: self.texts[key] for key in keys}, {key: self.costs[key] for key in keys}, self.plan)


class GistActor:
    """Drafts gists; :meth:`begin` comes first."""

    _model: "MemoryModel"

    def begin(self, load: "Callable[[], MemoryModel]") -> tuple[str, bytes]:
        """Load the memory model; return the version of the package, and what tells the model from others."""
        self._model = load()
        return __version__, _identity(self._model)

    def gists(self, sections: Sections) -> bytes:
        """Draft the gists of sections; return them by key, as JSON."""
        drafts = self._model.gist_writer().draft(sections.texts, sections.costs, sections.plan, _ignore)
        return json.dumps(dict(drafts)).encode()


def embedding_role(load: Callable[[], Embeddings]) -> Role:
    """Return the role of actors that take documents in.

    Args:
        load: Loads the embedding model in an actor.
    """
    return Role(EmbeddingActor, ("cut", "vectors"), load, "embedding_model", _are_close)


def gist_role(model: "MemoryModel", load: "Callable[[], MemoryModel]") -> Role:
    """Return the role of actors that draft gists.

    Args:
        model: The memory model of this process.
        load: Loads it in an actor.
    """
    return Role(GistActor, ("gists",), load, "model", bytes.__eq__, _identity(model))


def _identity(model: "MemoryModel") -> bytes:
    read = model.language_model
    return json.dumps([read.fingerprint, read.tokenizer_fingerprint, read.dtype]).encode()


def _ignore(_: int) -> None:
    """Tell nobody how far unfinished drafts are."""


def _are_close(one: bytes, other: bytes) -> bool:
    first, second = (np.frombuffer(it, dtype="<f4") for it in (one, other))
    return first.shape == second.shape and np.allclose(first, second, rtol=0, atol=_ALIKE)
