"""Make memories behind questions: one thread for each library, and one for single memories, which rest meanwhile.

Nothing is noted of its work but the memories themselves, which exist wholly or not, and the journals in their folders.
So a killed process loses what it did since the last note, and the next one goes on.
"""

import logging
import threading
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol
from weakref import WeakValueDictionary

from memorag_graph.cancellation import Cancellation
from memorag_graph.errors import CancelledRunError, MemoragError, ModelError
from memorag_graph.progress import Progress, ReportProgress

_POLL_SECONDS = 0.2
_STAGES = {"sections": (0.0, 0.0), "gists": (0.0, 0.5), "memory": (0.5, 0.4), "eviction": (0.9, 0.1)}
"""Where the stages of making a memory begin and how long they are, as shares of it."""

_EMBEDDING = 0.3
"""Share of making a memory that embedding its text takes, where that comes first."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class MemoryJob:
    """A memory to be made.

    Attributes:
        key: Says which: the SHA-256 of a library's text, or the id of a memory.
        name: What a reader calls it.
        make: Makes it; raises CancelledRunError if it is no longer wanted.
        exists: Tells whether it is still wanted.
    """

    key: str
    name: str
    make: Callable[[ReportProgress], object]
    exists: Callable[[], bool]


class HasJobs(Protocol):
    """Knows which memories are missing."""

    def jobs(self) -> Generator[MemoryJob, None, None]:
        """Yield what is to be made now, in order."""


@dataclass(frozen=True, slots=True)
class Making:
    """A memory that is being made.

    Attributes:
        key: Says which; see :class:`MemoryJob`.
        share: The share that is done, 0 to 1.
        embedded: The part of it that is the embedding of the text, where that comes first.
    """

    key: str
    share: float = 0.0
    embedded: float = 0.0

    def after(self, progress: Progress) -> "Making":
        """Return it with the share that a report of progress tells; it never falls."""
        done = progress.done / max(1, progress.total)
        if progress.stage == "index" and self.share == self.embedded:
            return Making(self.key, share := round(_EMBEDDING * done, 3), share)
        start, length = _STAGES.get(progress.stage, (0.0, 0.0))
        share = self.embedded + (1 - self.embedded) * (start + length * done)
        return replace(self, share=max(self.share, round(share, 3)))


class MemoryWorker:
    """A thread that makes memories, one after the other."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None
        self._stopping = threading.Event()
        self._work: HasJobs | None = None
        self._questions = 0
        self._waiting = 0
        self._making: Making | None = None
        self._failed: dict[str, str] = {}

    @property
    def is_working(self) -> bool:
        """Whether it makes memories, or rests while a question runs."""
        return self._thread is not None and self._thread.is_alive()  # a forked process has none of its parent's threads

    @property
    def making(self) -> Making | None:
        """The memory that it makes now."""
        return self._making

    def fault(self, key: str) -> str:
        """Return why it could not make a memory; empty if nothing failed."""
        return self._failed.get(key, "")

    def wake(self, work: HasJobs) -> None:
        """Make all memories that are missing, without waiting for them; what failed before is tried again."""
        with self._changed:
            self._work = work
            self._failed.clear()
            if not self.is_working or self._stopping.is_set():
                self._stopping = threading.Event()
                self._thread = threading.Thread(target=self._run, args=(self._stopping,), name="memories", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Give up the memory that is being made, keep its journal, and end the thread."""
        thread = self._thread
        self._stopping.set()
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    def wait(self, seconds: float | None = None) -> bool:
        """Wait until it has nothing to do; return whether that is so."""
        with self._changed:
            return self._changed.wait_for(lambda: self._thread is None, seconds)

    @contextmanager
    def resting(self) -> Iterator[None]:
        """Let it rest while a question runs."""
        with self._changed:
            self._questions += 1
        try:
            yield
        finally:
            with self._changed:
                self._questions -= 1
                self._changed.notify_all()

    @contextmanager
    def hurried(self) -> Iterator[None]:
        """Let it not rest while somebody waits for a memory."""
        with self._changed:
            self._waiting += 1
            self._changed.notify_all()
        try:
            yield
        finally:
            with self._changed:
                self._waiting -= 1

    def _run(self, stopping: threading.Event) -> None:
        try:
            with Cancellation(stopping=stopping).bound():
                while (work := self._next_work(stopping)) is not None:
                    self._make_missing(work, stopping)
        finally:
            with self._changed:
                if self._thread is threading.current_thread():
                    self._thread = None
                self._changed.notify_all()

    def _next_work(self, stopping: threading.Event) -> HasJobs | None:
        """Return what knows the memories to be made; None ends the thread, so that the next call of wake starts one."""
        with self._changed:
            work, self._work = self._work, None
            if work is None or stopping.is_set():
                self._thread = None
                return None
            return work

    def _make_missing(self, work: HasJobs, stopping: threading.Event) -> None:
        try:
            with closing(work.jobs()) as jobs:
                for job in jobs:
                    if stopping.is_set() or not self._goes_on_after(job, stopping):
                        return
        except MemoragError as error:
            _log.warning("no memories are made until somebody asks for them again: %s", error)

    def _goes_on_after(self, job: MemoryJob, stopping: threading.Event) -> bool:
        """Make a memory; return whether others can be made, too."""
        try:
            self._make(job, stopping)
        except CancelledRunError:  # it stops, or the document was removed
            return True
        except MemoragError as error:
            self._failed[job.key] = error.for_clients
            _log.warning("the memory of %s was not made: %s", job.name, error)
            return not isinstance(error, ModelError)
        except RuntimeError:
            if threading.main_thread().is_alive():
                raise
            return False  # the interpreter is shutting down and takes no more work
        finally:
            self._making = None
        return True

    def _make(self, job: MemoryJob, stopping: threading.Event) -> None:
        own, now = threading.get_ident(), Making(job.key)
        self._making = now

        def report(progress: Progress) -> None:
            nonlocal now
            self._making = now = now.after(progress)
            if threading.get_ident() == own:  # others compute for questions, too
                rest()

        def rest() -> None:
            self._rest(lambda: stopping.is_set() or not job.exists())

        rest()
        job.make(report)

    def _rest(self, is_given_up: Callable[[], bool]) -> None:
        """Wait while questions run, unless the memory is given up: whoever removes its document waits for that."""
        while self._questions and not self._waiting and not is_given_up():
            with self._changed:
                self._changed.wait(_POLL_SECONDS)


_workers: "WeakValueDictionary[Path, MemoryWorker]" = WeakValueDictionary()
_workers_lock = threading.Lock()


def worker_of(directory: Path) -> MemoryWorker:
    """Return the worker of the library in a directory, the same for all who open it in this process."""
    with _workers_lock:
        return _workers.setdefault(directory.resolve(), MemoryWorker())
