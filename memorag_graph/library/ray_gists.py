"""Gists that actors of Ray draft; they are checked and kept where the memory is made."""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager

from memorag_graph.errors import MemoragError
from memorag_graph.library.kept_units import unit_address
from memorag_graph.library.ray_actors import Role, Sections
from memorag_graph.library.ray_pool import HELD, RayPool, Unit
from memorag_graph.library.ray_session import ray_session
from memorag_graph.library.workers import LostWorkError
from memorag_graph.memory.build.gist_kind import GistPlan

_TOGETHER = 16
"""Sections of a unit: a model writes so many gists at once in little more time than one."""


@contextmanager
def ray_gists(address: str, role: Role) -> "Iterator[RayGists]":
    """Give what has actors draft gists; they are ended at the end, and so is a Ray that was started for them.

    Args:
        address: That of a cluster, or empty; see :func:`memorag_graph.library.ray_session.checked_address`.
        role: What the actors are.

    Raises:
        InputError: If the memory model cannot be sent to other processes.
        UnavailableError: If Ray does not answer, or has no processor.
    """
    with ray_session(address) as name, closing(RayPool(name, role)) as pool:
        yield RayGists(pool)


class RayGists:
    """An :class:`memorag_graph.memory.build.gist_kind.EarlyGistWriter` that has actors draft.

    A draft is a function of the key of its section, so each is made once for all memories.

    Args:
        pool: The actors.
    """

    def __init__(self, pool: RayPool) -> None:
        self._pool = pool
        self._given: dict[str, Sections] = {}
        self._begun: set[str] = set()
        self._drafts: dict[str, str] = {}
        self._errors: dict[str, Exception] = {}
        self._failure: MemoragError | None = None

    @property
    def wants_more(self) -> bool:
        """Whether actors will soon have nothing to do; no more than that is handed out ahead."""
        return self._failure is None and len(self._given) < 2 * HELD * self._pool.size

    def begin(self, sections: Mapping[str, str], costs: Mapping[str, int], plan: GistPlan) -> None:
        """Hand sections out, those of similar lengths together, unless they were handed out before."""
        new = sorted(costs.keys() - self._begun, key=lambda key: (-costs[key], key))
        for start in range(0, len(new), _TOGETHER):
            self._give(Sections(sections, costs, plan).of(new[start : start + _TOGETHER]))
        self.go_on()

    def draft(
        self, sections: Mapping[str, str], costs: Mapping[str, int], plan: GistPlan, report: Callable[[int], None]
    ) -> Iterator[tuple[str, str]]:
        """Hand sections out, and yield the key and the draft of each.

        See :class:`memorag_graph.memory.build.gist_kind.GistWriter`.

        Raises:
            LostWorkError: If actors died of a section, after all others.
            ModelError: If actors cannot load the model.
            UnavailableError: If Ray does not answer.
        """
        self.begin(sections, costs, plan)
        return self._drafted(set(costs), report)

    def _drafted(self, waiting: set[str], report: Callable[[int], None]) -> Iterator[tuple[str, str]]:
        while waiting:
            done = waiting & self._drafts.keys()
            for key in done:
                yield key, self._drafts[key]
            waiting -= done
            if waiting and waiting <= self._errors.keys():
                raise self._errors[min(waiting)]
            if not done:
                if self._failure is not None:
                    raise self._failure
                report(0)
                self._go_on(1)

    def go_on(self) -> None:
        """Take what is done and hand out what waits, without waiting."""
        self._go_on(0)

    def _go_on(self, seconds: float) -> None:
        """Take and hand out; a failure of all actors is raised where their drafts are asked for, after those done."""
        if self._failure is None:
            try:
                for unit in self._pool.work(seconds):
                    self._take(unit, self._given.pop(unit.address))
            except MemoragError as error:
                self._failure = error

    def _take(self, unit: Unit, sections: Sections) -> None:
        """Take the drafts of a unit; if actors died of several sections, each is handed out alone."""
        if unit.result is not None:
            self._drafts |= json.loads(unit.result)
        elif isinstance(unit.error, LostWorkError) and len(sections.costs) > 1:
            for key in sections.costs:
                self._give(sections.of([key]))
        elif unit.error is not None:
            self._errors |= dict.fromkeys(sections.costs, unit.error)

    def _give(self, sections: Sections) -> None:
        keys = list(sections.costs)
        unit = Unit("gists", sections, list(sections.texts.values()), unit_address("gists", *keys))
        self._given[unit.address] = sections
        self._begun.update(keys)
        self._pool.give(unit)
