"""Make a planned memory and save it, or begin it: index its documents, to be read later."""

from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path

from memorag_graph.documents import Document
from memorag_graph.errors import MemoryFileError, MemoryUnreadableError
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.memory.storage.manifest import is_embedded, read_info, remember_place
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory.storage.transaction import require_free
from memorag_graph.memory_plan import MemoryPlan
from memorag_graph.open_memories import OpenMemories, OpenMemoryCache
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.settings import RunOptions


class _EmbeddedMeanwhileError(Exception):
    """Whoever holds a begun memory has embedded it, and goes on to make it."""


class MemoryMaker:
    """Makes memories of a store, each once, whoever asks for it.

    Args:
        store: The store.
        open_memories: Opens what is made.
        cache: Keeps open memories; some are dropped where a new one needs their room.
    """

    def __init__(self, store: MemoryStore, open_memories: OpenMemories, cache: OpenMemoryCache) -> None:
        self._store = store
        self._open = open_memories
        self._cache = cache

    def whole(
        self, plan: MemoryPlan, directory: Path, options: RunOptions, report: ReportProgress, replaces: str = ""
    ) -> OpenMemory:
        """Return a planned memory from its directory, making and saving it first if it is missing, begun or damaged.

        A begun one can be searched meanwhile.

        Args:
            plan: How it is made.
            directory: Its directory.
            options: Models to open it with.
            report: Called with progress.
            replaces: Id of the memory that the directory must hold, if it holds another one.

        Raises:
            InputError: If the documents or settings cannot be used.
            ModelError: If a model fails.
            MemoryFileError: If the memory cannot be written.
        """
        self._require_free(directory)
        with nullcontext() if self._is_begun(plan, directory) else self._open.lock(plan.memory_id):
            if (unwritable := self._open_unwritable(plan, directory, options)) is not None:
                return unwritable
            with self._store.claim(directory, report):
                found = self._found(plan, directory, options, replaces)
                if found is None or self._is_begun(plan, directory):  # whole in RAM may be begun on disk
                    opened = self._make(replace(plan, begun=found), directory, options, report)
                else:
                    Journal(directory / JOURNAL).forget([note.key for note in found.memory.notes])
                    opened = found
        self._remember(plan, directory)
        return opened

    def begun(self, plan: MemoryPlan, directory: Path, options: RunOptions, report: ReportProgress) -> OpenMemory:
        """Return a planned memory from its directory as far as it is made; if there is none, begin it.

        Args:
            plan: How it is made; its documents are given with their texts.
            directory: Its directory.
            options: Models to open it with.
            report: Called with progress.

        Raises:
            InputError: If the documents or settings cannot be used.
            ModelError: If a model fails.
            MemoryFileError: If it cannot be written.
        """
        self._require_free(directory)
        with self._open.lock(plan.memory_id):
            with suppress(MemoryFileError):  # also while a process makes it whole, which holds the claim
                return self._open.open_in(directory, plan.memory_id, options)
            if (unwritable := self._open_unwritable(plan, directory, options)) is not None:
                return unwritable
            with self._store.claim(directory, report):
                opened = self._found(plan, directory, options)
                if opened is None:
                    words_first = options.memory == "background"
                    started = self._cache.making_room(lambda: plan.begin(report, words_first=words_first))
                    opened = self._save_begun(plan, started, directory, options)
        self._remember(plan, directory)
        return opened

    def embedded(self, plan: MemoryPlan, directory: Path, options: RunOptions, report: ReportProgress) -> OpenMemory:
        """Return the begun memory of a directory with all its chunks embedded; it can be searched by words meanwhile.

        If somebody else embeds them, that alone is waited for, and not the memory, which they then make. Where the
        directory cannot be written, it stays as it is, and what is embedded is kept in RAM.

        Args:
            plan: How it is made; its documents are given with their texts.
            directory: Its directory.
            options: Models to open it with.
            report: Called with progress.

        Raises:
            ModelError: If a model fails.
            MemoryFileError: If it is damaged or cannot be written.
        """
        if (unwritable := self._open_unwritable(plan, directory, options)) is not None:
            return unwritable if unwritable.index.is_embedded else self._open.keep(plan.embedded(unwritable, report))

        def waiting(progress: Progress) -> None:
            report(progress)
            if is_embedded(read_info(directory)):
                raise _EmbeddedMeanwhileError

        with suppress(_EmbeddedMeanwhileError), self._store.claim(directory, waiting):
            begun = self._open.open_in(directory, plan.memory_id, options)
            if not begun.index.is_embedded:
                return self._save_begun(plan, plan.embedded(begun, report), directory, options)
        return self._open.open_in(directory, plan.memory_id, options)

    def _save_begun(self, plan: MemoryPlan, begun: OpenMemory, directory: Path, options: RunOptions) -> OpenMemory:
        from memorag_graph.memory.storage.memory_files import save_memory

        texts = [it.text for it in plan.documents if isinstance(it, Document)]
        save_memory(directory, begun.memory, begun.index, texts)
        self._open.drop(plan.memory_id)
        return self._open.open_in(directory, plan.memory_id, options)

    def _make(self, plan: MemoryPlan, directory: Path, options: RunOptions, report: ReportProgress) -> OpenMemory:
        from memorag_graph.memory.storage.memory_files import save_memory

        journal = Journal(directory / JOURNAL)
        kept = self._open.get(plan.memory_id)
        if kept is None or not kept.memory.is_whole:
            kept = self._cache.making_room(lambda: plan.build(journal, report))
        save_memory(directory, kept.memory, kept.index)
        journal.clear()
        self._open.drop(plan.memory_id)
        del kept  # its tensors are on the heap; an opened memory's are mapped
        return self._open.open_in(directory, plan.memory_id, options)

    def _found(self, plan: MemoryPlan, directory: Path, options: RunOptions, replaces: str = "") -> OpenMemory | None:
        """Return what a claimed directory holds of a memory; None if it has to be made."""
        try:
            return self._open.open_in(directory, plan.memory_id, options)
        except MemoryUnreadableError:
            raise
        except MemoryFileError:
            if replaces and read_info(directory)["memory_id"] != replaces:
                raise MemoryFileError(
                    f"{directory} was changed by another process meanwhile; run the command again"
                ) from None
            return None

    def _require_free(self, directory: Path) -> None:
        from memorag_graph.memory.storage.memory_files import FILES

        if not self._store.keeps(directory):  # the store's own files are ours, however damaged
            require_free(directory, FILES)

    def _open_unwritable(self, plan: MemoryPlan, directory: Path, options: RunOptions) -> OpenMemory | None:
        """Return the memory of a directory that cannot be written; None if the directory can be written."""
        try:
            self._store.require_writable(directory)
        except MemoryFileError as unwritable:
            with suppress(MemoryFileError):
                return self._open.open_in(directory, plan.memory_id, options)
            raise unwritable from None
        return None

    def _is_begun(self, plan: MemoryPlan, directory: Path) -> bool:
        with suppress(MemoryFileError):
            info = read_info(directory)
            return bool(info["memory_id"] == plan.memory_id and not info.get("shards", True))
        return False

    def _remember(self, plan: MemoryPlan, directory: Path) -> None:
        if not self._store.keeps(directory):
            remember_place(self._store.root, plan.memory_id, directory)
