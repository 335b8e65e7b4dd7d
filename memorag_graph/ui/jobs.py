"""Work on memories in background threads, so that a page can be closed and reopened."""

import logging
import threading
import time
from dataclasses import dataclass, field
from typing import Literal
from weakref import WeakValueDictionary

from memorag_graph.errors import MemoragError
from memorag_graph.progress import Progress
from memorag_graph.serving.told_errors import told_without_addresses
from memorag_graph.ui.memory_work import Work

State = Literal["running", "done", "stopped", "failed"]


_log = logging.getLogger(__name__)


class _StopError(Exception):
    """The job was asked to stop."""


@dataclass(eq=False)
class Job:
    """A memory being built.

    Attributes:
        work: What is done.
        state: Current state.
        stages: The latest report of each stage.
        notes: Summaries in the order in which they were written.
        memory_id: Id of the memory, once it is done.
        error: Message of the error that ended it.
        watchers: Visits that started it and have not left.
        stopping: Whether it stops at its next report.
    """

    work: Work
    state: State = "running"
    stages: dict[str, Progress] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    memory_id: str = ""
    error: str = ""
    watchers: set[str] = field(default_factory=set)
    stopping: bool = False
    _first_reports: dict[str, tuple[float, int]] = field(default_factory=dict)
    _last_times: dict[str, float] = field(default_factory=dict)

    def report(self, progress: Progress) -> None:
        """Record progress; stop the job if it was asked to."""
        self._last_times[progress.stage] = time.monotonic()
        self._first_reports.setdefault(progress.stage, (self._last_times[progress.stage], progress.done))
        self.stages[progress.stage] = progress
        if progress.note:
            self.notes.append(progress.note)
        if self.stopping:
            raise _StopError

    def rate(self, stage: str) -> float:
        """Return the units per second of a stage; 0 if unknown yet."""
        start, done_at_start = self._first_reports[stage]
        seconds = self._last_times[stage] - start
        return (self.stages[stage].done - done_at_start) / seconds if seconds > 0 else 0.0

    def seconds_left(self, stage: str) -> float | None:
        """Return the seconds that a stage still needs at its rate; None if unknown yet."""
        rate = self.rate(stage)
        return (self.stages[stage].total - self.stages[stage].done) / rate if rate > 0 else None


class Jobs:
    """The jobs of a visitor; equal jobs run once.

    A finished job is kept as long as a session refers to it.
    """

    def __init__(self) -> None:
        self._jobs: WeakValueDictionary[str, Job] = WeakValueDictionary()
        self._lock = threading.Lock()

    @property
    def are_running(self) -> bool:
        """Whether one of them runs."""
        with self._lock:
            return any(job.state == "running" for job in self._jobs.values())

    def get(self, key: str) -> Job | None:
        """Return a job; None if there is none with this key."""
        return self._jobs.get(key)

    def start(self, work: Work, *watchers: str) -> Job:
        """Start or resume work, or join the running job of equal work.

        Args:
            work: What is to be done.
            watchers: Visits that wait for it.
        """
        key = work.key
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.state == "running" and not job.stopping:
                job.watchers.update(watchers)
                return job
            job = self._jobs[key] = Job(work, watchers={*watchers})
        threading.Thread(target=self._run, args=(job,), daemon=True, name="memorize").start()
        return job

    def leave(self, job: Job, watcher: str) -> bool:
        """Leave a job, and stop it if no other visit waits for it; return whether it stops."""
        with self._lock:
            job.watchers.discard(watcher)
            job.stopping = not job.watchers
            return job.stopping

    def _run(self, job: Job) -> None:
        try:
            job.memory_id = job.work.run(job.report)
            job.state = "done"
        except _StopError:
            job.state = "stopped"
        except MemoragError as error:
            job.error, job.state = told_without_addresses(error), "failed"
        except Exception as error:  # noqa: BLE001 - a thread ends here: any error is logged and shown
            _log.exception("memorizing failed")
            job.error, job.state = f"{type(error).__name__}: {error}", "failed"
