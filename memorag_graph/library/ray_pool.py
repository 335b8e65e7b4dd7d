"""Actors of Ray that hold leases on units of work: each holds a few, and what a dead one held is given to others."""

import random
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import (
    NodeDiedError,
    ObjectLostError,
    RayActorError,
    RayError,
    RayTaskError,
    WorkerCrashedError,
)

from memorag_graph.errors import InputError, MemoragError, UnavailableError, first_line
from memorag_graph.library.ray_actors import Role, Task
from memorag_graph.library.workers import LostWorkError
from memorag_graph.version import __version__

HELD = 2
"""Most units that an actor holds: one that it does, and the next."""

MOST_DEATHS = 3
"""Actors that may die of a unit."""

_MOST_DEATHS_IN_A_ROW = 8
"""Actors that may die without any unit being done meanwhile, for each that the pool has."""

_MOST_STILLBORN = 3
"""Actors that may die before they have begun, for each that the pool has; then they are not replaced any more."""

_PAUSE, _LONGEST_PAUSE = 0.1, 5.0
"""Seconds before a dead actor is replaced: at random up to the first, which doubles with each in a row, up to the
second."""

_START_SECONDS = 120.0
"""For how long a pool may have no actor that has begun."""

_LOST = (RayActorError, WorkerCrashedError, NodeDiedError, ObjectLostError)


@dataclass(eq=False, slots=True)
class Unit:
    """A unit of work.

    Attributes:
        task: What is done.
        given: With what.
        texts: The texts in it, to be named if it is lost.
        address: Name of its result.
        is_suspect: Whether an actor died that held it; from then on it is done alone. Of several that an actor held,
            nobody knows of which it died: the first may have been done by then, and its result lost on the way.
        deaths: How many actors died of it.
        result: The result.
        error: Why there is none.
    """

    task: Task
    given: object
    texts: Sequence[str]
    address: str
    is_suspect: bool = False
    deaths: int = 0
    result: bytes | None = None
    error: Exception | None = None


@dataclass(eq=False, slots=True)
class _Worker:
    """An actor, whether it has begun, and the units that it holds, in the order in which it does them."""

    actor: Any
    has_begun: bool = False
    held: list[Unit] = field(default_factory=list)

    def has_room_for(self, unit: Unit) -> bool:
        most = 1 if any(it.is_suspect for it in (unit, *self.held)) else HELD
        return self.has_begun and len(self.held) < most


class RayPool:
    """As many actors as Ray has processors; a dead one is replaced. Not thread-safe.

    Args:
        name: What messages call the Ray that this process is connected to.
        role: What they are.

    Attributes:
        size: The number of actors.
        model: What tells their model from others; may be empty before an actor has begun.

    Raises:
        InputError: If their model cannot be sent to them.
        UnavailableError: If Ray has no processor.
    """

    def __init__(self, name: str, role: Role) -> None:
        self._name = name
        self._role = role
        self._make: Any = ray.remote(role.actor).options(num_cpus=1, max_restarts=0)
        self._waiting: dict[Task, deque[Unit]] = {task: deque() for task in role.tasks}
        self._leases: dict[ray.ObjectRef[Any], tuple[_Worker, Unit | None]] = {}
        self._workers: list[_Worker] = []
        self._deaths_in_a_row = self._stillborn = 0
        self._idle_since = time.monotonic()
        self.model = role.model
        self.size = int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]
        if not self.size:
            raise UnavailableError(f"{name} has no processor; add a machine to it, or do the work without it")
        try:
            self._load = ray.put(role.load)
        except (TypeError, NotImplementedError) as error:  # of what it holds; the second of PyTorch's tensors
            raise InputError(
                role.option,
                f"the registry's model cannot be sent to other processes ({first_line(error)}); use one that they can "
                "load by its name, or do the work without Ray",
            ) from error
        for _ in range(self.size):
            self._hire()

    def give(self, unit: Unit) -> None:
        """Have a unit done; see :attr:`Role.tasks` for which come first."""
        self._waiting[unit.task].append(unit)

    def work(self, seconds: float) -> Iterator[Unit]:
        """Hand units out, wait until one is done, and yield those that are; those that are lost are handed out again.

        Args:
            seconds: For how long to wait at most.

        Raises:
            UnavailableError: If actors die one after the other, none begins, or Ray does not answer any more.
        """
        self._hand_out()
        try:
            while ended := self._ended(seconds):
                yield from self._end(ended)
                self._hand_out()
                seconds = 0
        except RayError as error:
            raise self._unavailable(error) from error
        if any(worker.has_begun for worker in self._workers):
            self._idle_since = time.monotonic()
        elif time.monotonic() - self._idle_since > _START_SECONDS:
            raise UnavailableError(
                f"{self._name} has had no free processor for {_START_SECONDS:.0f} seconds; nothing is lost: run the "
                "same again when it has, or do the work without it"
            )

    def close(self) -> None:
        """End the actors."""
        for worker in self._workers:
            ray.kill(worker.actor)

    def _hire(self) -> None:
        worker = _Worker(self._make.remote())
        self._workers.append(worker)
        self._leases[worker.actor.begin.remote(self._load)] = worker, None

    def _hand_out(self) -> None:
        while queue := next((it for it in self._waiting.values() if it), None):
            free = [worker for worker in self._workers if worker.has_room_for(queue[0])]
            if not free:
                return
            worker, unit = min(free, key=lambda it: len(it.held)), queue.popleft()
            worker.held.append(unit)
            self._leases[getattr(worker.actor, unit.task).remote(unit.given)] = worker, unit

    def _ended(self, seconds: float) -> "ray.ObjectRef[Any] | None":
        """Return a lease that has ended, waiting for one; None if there is none."""
        ended, _ = ray.wait(list(self._leases), timeout=seconds) if self._leases else ([], [])
        return ended[0] if ended else None

    def _end(self, lease: "ray.ObjectRef[Any]") -> Iterator[Unit]:
        """End a lease, and yield the units that are done by it."""
        worker, unit = self._leases.pop(lease)
        try:
            result = ray.get(lease)
        except RayTaskError as error:
            cause = error.cause if isinstance(error.cause, Exception) else error
            if unit is None:
                raise (cause if isinstance(cause, MemoragError) else self._unavailable(error)) from error
            unit.error = cause
        except _LOST as error:
            yield from self._replace(worker, error)
            return
        else:
            if unit is None:
                self._begin(worker, *result)
                return
            unit.result = result
        self._deaths_in_a_row = 0
        worker.held.remove(unit)
        yield unit

    def _begin(self, worker: _Worker, version: str, model: bytes) -> None:
        if version != __version__:
            raise UnavailableError(
                f"{self._name} has version {version} of memorag-graph, and this is {__version__}; install the same on "
                "all its machines"
            )
        self.model = self.model or model
        if not self._role.is_alike(self.model, model):
            models = f"{self._role.option.replace('_', ' ')}s"
            raise UnavailableError(f"the machines of {self._name} have different {models}; give all the same")
        worker.has_begun = True

    def _replace(self, worker: _Worker, error: RayError) -> Iterator[Unit]:
        """Give back what a dead actor held, and hire another; yield the unit of which too many have died."""
        self._workers.remove(worker)
        self._leases = {lease: held for lease, held in self._leases.items() if held[0] is not worker}
        ray.kill(worker.actor)  # one that cannot be reached may be alive
        for unit in reversed(worker.held):
            unit.is_suspect = True
            unit.deaths += len(worker.held) == 1
            if unit.deaths >= MOST_DEATHS:
                unit.error = LostWorkError(unit.texts, MOST_DEATHS)
                yield unit
            else:
                self._waiting[unit.task].appendleft(unit)
        self._deaths_in_a_row += 1
        if self._deaths_in_a_row > _MOST_DEATHS_IN_A_ROW * self.size:
            raise self._unavailable(error)
        self._stillborn += not worker.has_begun
        if self._stillborn > _MOST_STILLBORN * self.size and self._workers:  # a machine may lack something
            return
        most = min(_LONGEST_PAUSE, _PAUSE * 2 ** (self._deaths_in_a_row - 1))
        time.sleep(random.uniform(0, most))  # noqa: S311 - nothing secret
        self._hire()

    def _unavailable(self, error: RayError) -> UnavailableError:
        reason = " ".join(str(error).split())[-300:]
        return UnavailableError(
            f"{self._name} does not do its work any more ({reason}); nothing is lost: see to it and run the same "
            "again, or do the work without it"
        )
