"""Memories that are begun, so that their documents can be searched: make them whole, behind questions or when asked."""

import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any

from memorag_graph.cancellation import checking
from memorag_graph.errors import CancelledRunError
from memorag_graph.make_memory import MemoryMaker
from memorag_graph.memory.storage.manifest import find_memory, read_info
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory.storage.transaction import MANIFEST
from memorag_graph.memory_plan import MemoryPlan
from memorag_graph.memory_worker import MemoryJob, MemoryWorker
from memorag_graph.model_pool import ModelPool
from memorag_graph.open_memories import OpenMemories
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.settings import RunOptions

_POLL_SECONDS = 0.05


class MemoriesToMake:
    """The memories that a process makes behind its questions, one after the other.

    Attributes:
        worker: Makes them.
    """

    def __init__(self) -> None:
        self.worker = MemoryWorker()
        self._waiting: dict[str, MemoryJob] = {}
        self._given_up: set[str] = set()
        self._lock = threading.Lock()

    def add(self, job: MemoryJob) -> None:
        """Make a memory, unless that is being done."""
        making = self.worker.making
        with self._lock:
            self._given_up.discard(job.key)
            if job.key in self._waiting or (making is not None and making.key == job.key):
                return
            self._waiting[job.key] = job
        self.worker.wake(self)

    def is_given_up(self, key: str) -> bool:
        """Return whether nobody wants a memory any more."""
        return key in self._given_up

    def give_up(self, key: str) -> None:
        """Make a memory no more, and wait until that has ended."""
        with self._lock:
            self._given_up.add(key)
            self._waiting.pop(key, None)
        while (making := self.worker.making) is not None and making.key == key:
            time.sleep(_POLL_SECONDS)

    def share(self, memory_id: str) -> float:
        """Return the share that is done of a memory that is not whole."""
        making = self.worker.making
        return making.share if making is not None and making.key == memory_id else 0.0

    def jobs(self) -> Generator[MemoryJob, None, None]:
        """Take what is to be made; see :class:`~memorag_graph.memory_worker.HasJobs`."""
        with self._lock:
            jobs = list(self._waiting.values())
            self._waiting.clear()
        yield from jobs


class BegunMemories:
    """The begun memories of a store.

    Args:
        models: The models.
        store: The store.
        open_memories: Opens memories.
        maker: Makes memories.
        behind: What the process makes behind its questions.
    """

    def __init__(
        self,
        models: ModelPool,
        store: MemoryStore,
        open_memories: OpenMemories,
        maker: MemoryMaker,
        behind: MemoriesToMake,
    ) -> None:
        self._models = models
        self._store = store
        self._open = open_memories
        self._maker = maker
        self._behind = behind

    def make_whole(self, directory: Path, options: RunOptions, report: ReportProgress) -> OpenMemory:
        """Return the memory of a directory, making it first if it is only begun.

        Raises:
            ModelError: If its models cannot be loaded.
            MemoryFileError: If it is missing or damaged, or cannot be written.
            NoRoomError: If it does not fit the device's memory.
        """
        with self._behind.worker.hurried():
            return self._make_whole(directory, options, report)

    def followed(
        self, opened: OpenMemory, place: str | Path, options: RunOptions, report: ReportProgress
    ) -> OpenMemory:
        """Return an open memory: made behind questions if the options say so, else with all chunks embedded.

        Args:
            opened: The memory.
            place: Its id or directory.
            options: When it is made, and by which models.
            report: Called with progress.

        Raises:
            ModelError: If its models cannot be loaded.
            MemoryFileError: If it is missing or damaged, or cannot be written.
        """
        if opened.memory.is_whole:
            return opened
        directory = find_memory(place, self._store.root)
        if options.memory == "background":
            self.make_behind(directory, options)
        elif not opened.index.is_embedded:
            with self._behind.worker.hurried():
                return self._maker.embedded(self._plan(directory, opened), directory, options, checking(report))
        return opened

    def _make_whole(self, directory: Path, options: RunOptions, report: ReportProgress) -> OpenMemory:
        begun = self._open.open(directory, options)
        if begun.memory.is_whole:
            return begun
        plan, is_embedded = self._plan(directory, begun), begun.index.is_embedded
        del begun
        if not is_embedded:
            self._maker.embedded(plan, directory, options, report)
        return self._maker.whole(plan, directory, options, report)

    def _plan(self, directory: Path, begun: OpenMemory) -> MemoryPlan:
        from memorag_graph.memory.build.builder import Recipe
        from memorag_graph.memory.storage.memory_files import read_unread

        memory = begun.memory
        return MemoryPlan(
            read_unread(directory),
            Recipe(memory.prompts, memory.settings, memory.identity),
            begun.model,
            self._models.embeddings(memory.identity.embedding_model),
            self._models.index_kind(memory.settings.index),
        )

    def make_behind(self, directory: Path, options: RunOptions) -> None:
        """Make the memory of a directory behind questions."""
        memory_id = str(read_info(directory)["memory_id"])
        names = ", ".join(document["source"] for document in read_info(directory)["documents"])

        def make(report: ReportProgress) -> None:
            def told(progress: Progress) -> None:
                if not exists():
                    raise CancelledRunError(f"the memory of {names} was deleted")
                report(progress)

            if exists():
                self._make_whole(directory, options, checking(told))

        def exists() -> bool:
            return (directory / MANIFEST).exists() and not self._behind.is_given_up(memory_id)

        self._behind.add(MemoryJob(memory_id, names, make, exists))

    def share(self, info: Mapping[str, Any]) -> float:
        """Return the share of a memory that is made, 0 to 1, by its manifest; 0 if another process makes it."""
        return 1.0 if info["shards"] else self._behind.share(str(info["memory_id"]))

    def share_of(self, opened: OpenMemory) -> float:
        """Return the share of an open memory that is made; see :meth:`share`."""
        return 1.0 if opened.memory.is_whole else self._behind.share(opened.memory.id)
