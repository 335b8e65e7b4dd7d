"""Which workers take documents in, as a caller chooses them."""

from collections.abc import Iterator
from contextlib import contextmanager

from memorag_graph.errors import MissingExtraError
from memorag_graph.library.kept_units import KeptUnits
from memorag_graph.library.place import Place
from memorag_graph.library.workers import OwnProcess, Workers
from memorag_graph.model_pool import ModelPool


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
            raise MissingExtraError("sharing the work out with Ray", "ray") from None
        with RayWorkers(ray, models.loader(model), units) as workers:
            yield workers
    else:
        yield OwnProcess(lambda: models.embeddings(model))
    if ray or is_unfinished:
        units.sweep()
