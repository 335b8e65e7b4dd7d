"""Workers that are actors of Ray; what they have done is kept, so that a killed process does not have it done again."""

from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from typing import Self

import numpy as np
from langchain_core.embeddings import Embeddings

from memorag_graph.library.cut import Cut
from memorag_graph.library.kept_units import KeptUnits, unit_address
from memorag_graph.library.ray_actors import Task, embedding_role
from memorag_graph.library.ray_pool import HELD, MOST_DEATHS, RayPool, Unit
from memorag_graph.library.ray_session import checked_address, ray_session
from memorag_graph.library.workers import LostWorkError, Pending, Vectors

_TEXTS_AHEAD = 16
"""Texts that are cut for each actor while others are embedded: about as many as a batch of documents has."""

_BATCH_UNITS = 16
"""Units of a batch of documents, about."""


class RayWorkers:
    """Workers that are actors, one for each processor; see :class:`memorag_graph.library.workers.Workers`.

    Ray is started, or connected to, with the first unit whose result is not kept. Leave them by ``with``.

    Args:
        address: ``"auto"`` or that of a cluster; see :func:`memorag_graph.library.ray_session.checked_address`.
        load: Loads the embedding model in an actor.
        kept: Keeps results.

    Raises:
        InputError: If the address cannot be used.
    """

    def __init__(self, address: str, load: Callable[[], Embeddings], kept: KeptUnits) -> None:
        self._address = checked_address(address)
        self._load = load
        self._kept = kept
        self._session = ExitStack()
        self._pool: RayPool | None = None
        self._units: dict[str, Unit] = {}
        self._model = ""
        self.texts_ahead = self.batches_ahead = 0

    def __enter__(self) -> Self:
        """Return these workers."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the actors, and a Ray that was started here; results stay where they are kept."""
        self._session.close()

    def cut(self, text: str) -> Pending[Cut]:
        """Have a text cut.

        Raises:
            InputError: If the embedding model cannot be sent to other processes.
            UnavailableError: If Ray does not answer.
        """
        unit = self._unit("cut", text, unit_address("cut", text))
        return Pending(lambda: Cut.read(self._result(unit)), (unit.address,))

    def vectors(self, texts: Sequence[str]) -> Pending[Vectors]:
        """Have texts embedded together; if the actors die of that, each of them alone.

        Raises:
            InputError: If the embedding model cannot be sent to other processes.
            ModelError: If they cannot load it.
            UnavailableError: If Ray does not answer.
        """
        unit = self._unit("vectors", texts, unit_address("vectors", self._fingerprint(), *texts))
        return Pending(lambda: self._vectors(unit, texts), (unit.address,))

    def forget(self, units: Iterable[str]) -> None:
        """Drop results of units."""
        addresses = list(units)
        for address in addresses:
            self._units.pop(address, None)
        self._kept.remove(addresses)

    def _vectors(self, unit: Unit, texts: Sequence[str]) -> Vectors:
        try:
            return np.frombuffer(self._result(unit), dtype="<f4").reshape(len(texts), -1)
        except LostWorkError:
            if len(texts) == 1:
                raise
        return self._one_by_one(texts)

    def _one_by_one(self, texts: Sequence[str]) -> Vectors:
        alone = [self.vectors([text]) for text in texts]
        vectors: list[Vectors] = []
        lost: list[str] = []
        for text, pending in zip(texts, alone, strict=True):
            try:
                vectors.append(pending.result())
            except LostWorkError:
                lost.append(text)
        self.forget(unit for pending in alone for unit in pending.units)
        if lost:
            raise LostWorkError(lost, MOST_DEATHS)
        return np.concatenate(vectors)

    def _fingerprint(self) -> str:
        """Return what tells the embedding model from others."""
        pool = self._begun()
        while not pool.model:
            self._work(pool, 1)
        return pool.model.hex()

    def _unit(self, task: Task, given: str | Sequence[str], address: str) -> Unit:
        """Return the unit of an address, whose result may be kept; else an actor will do it."""
        if (unit := self._units.get(address)) is None:
            texts = [given] if isinstance(given, str) else given
            unit = self._units[address] = Unit(task, given, texts, address, result=self._kept.read(address))
            if unit.result is None:
                pool = self._begun()
                pool.give(unit)
                self._work(pool, 0)
        return unit

    def _begun(self) -> RayPool:
        if self._pool is None:
            name = self._session.enter_context(ray_session(self._address))
            self._pool = RayPool(name, embedding_role(self._load))
            self._session.callback(self._pool.close)
            self.texts_ahead = _TEXTS_AHEAD * self._pool.size
            self.batches_ahead = 1 + HELD * self._pool.size // _BATCH_UNITS
        return self._pool

    def _result(self, unit: Unit) -> bytes:
        while unit.result is None:
            if unit.error is not None:
                raise unit.error
            self._work(self._begun(), 1)
        return unit.result

    def _work(self, pool: RayPool, seconds: float) -> None:
        for unit in pool.work(seconds):
            if unit.result is not None:
                self._kept.add(unit.address, unit.result)
