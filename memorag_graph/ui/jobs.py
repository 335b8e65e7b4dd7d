"""Documents that are being memorized, beside the pages that watch: a page may be closed and come back."""

import hashlib
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal
from weakref import WeakValueDictionary

from memorag_graph.documents import Document
from memorag_graph.errors import MemoragError
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

State = Literal["running", "done", "stopped", "failed"]


class _StopError(Exception):
    """The job was told to stop."""


@dataclass(eq=False)
class Job:
    """One memory in the making.

    Attributes:
        key: What is memorized, and how.
        documents: What is memorized.
        options: How.
        state: How it is going.
        stages: The latest report of each stage.
        notes: Gists that were written, in the order in which they came.
        memory_id: The memory, once it is done.
        error: What went wrong.
        watchers: The visits that asked for it and did not leave it.
        stopping: Whether it ends at its next report.
    """

    key: str
    documents: Sequence[Document]
    options: RunOptions
    state: State = "running"
    stages: dict[str, Progress] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    memory_id: str = ""
    error: str = ""
    watchers: set[str] = field(default_factory=set)
    stopping: bool = False
    _began: dict[str, tuple[float, int]] = field(default_factory=dict)
    _told: dict[str, float] = field(default_factory=dict)

    def report(self, progress: Progress) -> None:
        """Take a report of the work; end it where nobody wants it any more."""
        self._told[progress.stage] = time.monotonic()
        self._began.setdefault(progress.stage, (self._told[progress.stage], progress.done))
        self.stages[progress.stage] = progress
        if progress.note:
            self.notes.append(progress.note)
        if self.stopping:
            raise _StopError

    def rate(self, stage: str) -> float:
        """Return the units per second of a stage; 0 where there is nothing to tell yet."""
        began, before = self._began[stage]
        seconds = self._told[stage] - began
        return (self.stages[stage].done - before) / seconds if seconds > 0 else 0.0

    def seconds_left(self, stage: str) -> float | None:
        """Return how long a stage takes at its rate; None where there is nothing to tell yet."""
        rate = self.rate(stage)
        return (self.stages[stage].total - self.stages[stage].done) / rate if rate > 0 else None


class Jobs:
    """The jobs of a process; what is wanted twice is made once.

    One that has ended is kept for as long as a session shows it.

    Args:
        registry: Where memories are made and kept.
    """

    def __init__(self, registry: Registry) -> None:
        self._registry = registry
        self._jobs: WeakValueDictionary[str, Job] = WeakValueDictionary()
        self._lock = threading.Lock()

    def get(self, key: str) -> Job | None:
        """Return a job."""
        return self._jobs.get(key)

    def start(self, documents: Sequence[Document], options: RunOptions, watcher: str) -> Job:
        """Begin to memorize documents, or watch it being done already; what was stopped goes on where it was."""
        key = _key(documents, options)
        with self._lock:
            job = self._jobs.get(key)
            if job is not None and job.state == "running" and not job.stopping:
                job.watchers.add(watcher)
                return job
            job = self._jobs[key] = Job(key, documents, options, watchers={watcher})
        threading.Thread(target=self._run, args=(job,), daemon=True, name="memorize").start()
        return job

    def leave(self, job: Job, watcher: str) -> bool:
        """Stop a job, unless others want it, too; return whether it stops."""
        with self._lock:
            job.watchers.discard(watcher)
            job.stopping = not job.watchers
            return job.stopping

    def _run(self, job: Job) -> None:
        try:
            job.memory_id = self._registry.memorize(job.documents, job.options, None, job.report).memory.id
            job.state = "done"
        except _StopError:
            job.state = "stopped"
        except MemoragError as error:
            job.error, job.state = str(error), "failed"
        except Exception as error:  # noqa: BLE001 - whatever it is, those who watch are told
            job.error, job.state = f"{type(error).__name__}: {error}", "failed"


def _key(documents: Sequence[Document], options: RunOptions) -> str:
    # of a session's settings, these alone decide the memory; the operator's are the same for all
    described = [options.memory_settings.model_dump_json(), *(f"{it.source}\n{it.sha256}" for it in documents)]
    return hashlib.sha256("\n".join(described).encode()).hexdigest()
