"""Make the memories of libraries that another server began or was to make, where servers share a database.

Every few seconds the database is asked which libraries have jobs that nobody does: those of a server that was killed,
and those for which another has no time. A library that stays among them is tried again with growing pauses.
"""

import logging
import random
import threading
from collections.abc import Collection
from dataclasses import dataclass
from time import monotonic

from memorag_graph.errors import MemoragError
from memorag_graph.library.catalogue_place import has_database, with_free_jobs
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.serving.tenants import Tenants

LOOK_SECONDS = 5.0
"""How often the database is asked, on average; at random times, so that servers do not ask at once."""

_LONGEST_PAUSE = 300.0

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Pause:
    seconds: float
    until: float


class TakeOver:
    """A thread that looks for libraries with jobs that nobody does; none where no database is named.

    Args:
        tenants: Their libraries.
    """

    def __init__(self, tenants: Tenants) -> None:
        self._tenants = tenants
        self._stopping = threading.Event()
        self._pauses: dict[str, _Pause] = {}
        self._fault = ""
        self._thread: threading.Thread | None = None

    def start(self) -> None:
        """Begin to look, unless this server makes no memories."""
        if has_database() and self._tenants.makes_memories:
            self._thread = threading.Thread(target=self._run, name="take over", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopping.set()
        if self._thread is not None:
            self._thread.join()

    def _run(self) -> None:
        while not self._stopping.wait(LOOK_SECONDS * random.uniform(0.5, 1.5)):  # noqa: S311 - no secret
            try:
                self._wake_all(with_free_jobs())
            except (MemoragError, OSError) as error:
                self._tell(f"no jobs of other servers are taken over: {error}")
            else:
                self._fault = ""

    def _wake_all(self, free: Collection[str]) -> None:
        """Wake the workers of libraries with free jobs, unless they were woken a short time ago."""
        now = monotonic()
        self._pauses = {library: pause for library, pause in self._pauses.items() if library in free}
        due = {it for it in free if it not in self._pauses or self._pauses[it].until <= now}
        for libraries in self._tenants.all_libraries() if due else ():
            for library, name in libraries.ids().items():
                if library in due and not self._stopping.is_set():
                    self._wake(libraries, library, name)

    def _wake(self, libraries: NamedLibraries, library: str, name: str) -> None:
        from memorag_graph.library.library_memories import OfferedJobs

        before = self._pauses.get(library, _Pause(LOOK_SECONDS / 2, 0))
        seconds = min(2 * before.seconds, _LONGEST_PAUSE)
        self._pauses[library] = _Pause(seconds, monotonic() + seconds)
        try:
            opened = libraries.open(name)
        except MemoragError as error:
            _log.warning("the memories of %s are not made by this server: %s", name, error)
            return
        if opened.worker.is_working:  # it takes what is free by itself
            del self._pauses[library]
        else:
            opened.worker.wake(OfferedJobs(opened.memories))

    def _tell(self, fault: str) -> None:
        if fault != self._fault:
            self._fault = fault
            _log.warning("%s", fault)
