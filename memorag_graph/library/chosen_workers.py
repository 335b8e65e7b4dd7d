"""Which workers take documents in or write gists, as a caller chooses them."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from memorag_graph.errors import MissingExtraError
from memorag_graph.library.kept_units import KeptUnits
from memorag_graph.library.library_memories import LibraryMemories
from memorag_graph.library.place import Place
from memorag_graph.library.workers import OwnProcess, Workers
from memorag_graph.model_pool import ModelPool

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from memorag_graph.memory.build.gist_kind import EarlyGistWriter


@contextmanager
def chosen_workers(ray: str, place: Place, models: ModelPool, model: str, *, is_unfinished: bool) -> Iterator[Workers]:
    """Give the workers for a change of a library, and sweep away what is kept of their work at its end.

    Args:
        ray: Empty for this process; ``"auto"`` for Ray on this machine, or the address of a Ray cluster.
        place: Where the library is, which is held.
        models: Holds the embedding model.
        model: Its name.
        is_unfinished: Whether the last change was not finished, so that units of it may be left.

    Raises:
        InputError: If the address cannot be used, or the workers cannot load the model.
        MissingExtraError: If the extra ``ray`` is needed and not installed.
    """
    units = KeptUnits(place)
    if ray:
        try:
            from memorag_graph.library.ray_workers import RayWorkers
        except ImportError:
            raise _missing() from None
        with RayWorkers(ray, models.loader(model), units) as workers:
            yield workers
    else:
        yield OwnProcess(lambda: _uncached(models.embeddings(model)))
    if ray or is_unfinished:
        units.sweep()


@contextmanager
def chosen_gist_writer(ray: str, memories: LibraryMemories, *, is_needed: bool) -> "Iterator[EarlyGistWriter | None]":
    """Give what has others write the gists of a library's memories; None if this process does it.

    That is so where they are not written by a model, or a server writes them.

    Args:
        ray: Empty for this process; ``"auto"`` for Ray on this machine, or the address of a Ray cluster.
        memories: The library's memories.
        is_needed: Whether any are missing.

    Raises:
        InputError: If the address or the settings cannot be used.
        MissingExtraError: If the extra ``ray`` is needed and not installed.
        ModelError: If the memory model cannot be loaded.
        UnavailableError: If Ray does not answer.
    """
    if not ray:
        yield None
        return
    try:
        from memorag_graph.library.ray_actors import gist_role
        from memorag_graph.library.ray_gists import ray_gists
        from memorag_graph.library.ray_session import checked_address
    except ImportError:
        raise _missing() from None
    address, model = checked_address(ray), memories.gist_model() if is_needed else None
    if model is None or (load := model.loader()) is None:
        yield None
        return
    with ray_gists(address, gist_role(model, load)) as writer:
        yield writer


def _uncached(embeddings: "Embeddings") -> "Embeddings":
    """Return a model without its cache, as workers have it: vectors then depend on the documents alone."""
    from memorag_graph.models.embedding_cache import CachedEmbeddings

    return embeddings.uncached if isinstance(embeddings, CachedEmbeddings) else embeddings


def _missing() -> MissingExtraError:
    return MissingExtraError("sharing the work out with Ray", "ray")
