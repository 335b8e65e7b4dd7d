"""Make and open the memories of a library's documents."""

from collections.abc import Collection, Generator, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memorag_graph.documents import Document
from memorag_graph.errors import (
    CancelledRunError,
    InputError,
    MemoryFileError,
    MemoryMismatchError,
    ModelUnavailableError,
    UnknownLibraryError,
)
from memorag_graph.library.entry import Entry
from memorag_graph.library.job_queue import Queued
from memorag_graph.library.shared_jobs import shared_jobs
from memorag_graph.library.stores import Stores
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.memory_plan import new_plan
from memorag_graph.memory_worker import MemoryJob
from memorag_graph.model_pool import NO_INDEX
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import absolute_name
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.settings import MEMORY_MODES, MemoryMode, RunOptions

if TYPE_CHECKING:
    from memorag_graph.memory.build.gist_kind import EarlyGistWriter, GistWriter
    from memorag_graph.memory.memory_model import MemoryModel


def checked_mode(mode: str) -> MemoryMode:
    """Return when the memories of a library are made.

    That is behind it, before ``add`` returns, by the first question that needs them, or only by
    :meth:`~memorag_graph.library.library.Library.remember`.

    Raises:
        InputError: If the mode is unknown.
    """
    for known in MEMORY_MODES:
        if mode == known:
            return known
    raise InputError("memory", f"{mode!r} is unknown; choose from {', '.join(MEMORY_MODES)}")


_NAME = "document"
"""Name of the document in each memory, so that a text has the same memory under every name."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A memory, or why it cannot be asked.

    Attributes:
        memory: The memory; None if there is none that the question's models can continue.
        fault: Why a memory that exists cannot be asked; empty if it can, or there is none.
    """

    memory: OpenMemory | None = None
    fault: str = ""


class LibraryMemories:
    """The memories of a library: of each text one, made without an index, as the library has its own.

    Args:
        stores: The library's stores.
        registry: Holds the models.
        options: How memories are made, and by which model; the embedded one by default.
    """

    def __init__(self, stores: Stores, registry: Registry, options: RunOptions) -> None:
        self._stores = stores
        self._stored = stores.memories
        self._registry = registry.with_store(stores.memories.store)
        self._options = options

    def made(self, entries: Sequence[Entry]) -> list[Entry]:
        """Return those of some versions of documents that have a memory."""
        made = self._stored.made([entry.text_sha256 for entry in entries])
        return [entry for entry in entries if entry.text_sha256 in made]

    def missing(self) -> list[Entry]:
        """Return the current versions without a memory of the model that makes them, in the order of their intake."""
        of_texts = self._of_texts()
        done = self._of_model(of_texts)
        return [entry for text, entry in of_texts.items() if text not in done]

    def jobs(self) -> Generator[MemoryJob, None, None]:
        """Yield what makes the missing memories; of a library with a queue those that no other server makes."""
        missing, queue = self.missing(), self._stores.catalogue.queue()
        if queue is None:
            yield from map(self._job, missing)
            return
        queue.offer([entry.text_sha256 for entry in missing])
        yield from self.offered_jobs()

    def offered_jobs(self) -> Generator[MemoryJob, None, None]:
        """Yield what makes the missing memories that a server has offered and no other makes; none without a queue."""
        if (queue := self._stores.catalogue.queue()) is not None:
            yield from shared_jobs(queue, self._wanted, self._job)

    def queued(self) -> Mapping[str, Queued]:
        """Return the memories that servers make together and have not made yet, by the SHA-256 of their texts."""
        queue = self._stores.catalogue.queue()
        return {} if queue is None else queue.jobs()

    def make(
        self, entry: Entry, report: ReportProgress = ignore_progress, writer: "GistWriter | None" = None
    ) -> OpenMemory:
        """Return the memory of a version of a document, making it if there is none.

        What a killed process made of it is used, and what the memory of an earlier version holds.

        Args:
            entry: The version.
            report: Called with progress; may raise to give up.
            writer: Has the model write gists; by default it does so in this process.

        Raises:
            CancelledRunError: If the document was removed meanwhile.
            InputError: If the settings cannot be used.
            ModelError: If the model cannot be loaded.
            MemoryFileError: If the memory cannot be written.
        """

        def told(progress: Progress) -> None:
            self._require(entry)
            report(progress)

        self._require(entry)
        with self._stored.making(entry.text_sha256) as place:
            return self._make_in(place, entry, told, writer)

    def _make_in(self, place: Path, entry: Entry, told: ReportProgress, writer: "GistWriter | None") -> OpenMemory:
        options, document, text = self._making(self._options), self._document(entry), entry.text_sha256
        if self._of_model([text]):
            with suppress(MemoryFileError), self._stored.fetched(text):  # else it is made again
                pass
        made = self._registry.memorize([document], options, place, told, self._earlier(entry), writer)
        try:
            is_shared = self._stored.share(text, told)
        except (CancelledRunError, MemoryFileError, UnknownLibraryError):
            self._require_kept(entry)  # its folder may have gone with its document, or the library
            raise
        self._require_kept(entry)
        if is_shared:
            return made
        self.forget(made)  # all answer with the bytes of the one that was there first
        with self._stored.fetched(text):
            return self._registry.open(place, options)

    def begin_gists(self, entry: Entry, writer: "EarlyGistWriter") -> None:
        """Have a writer begin the gists for which :meth:`make` will ask it.

        Raises:
            InputError: If the settings cannot be used.
            MemoryFileError: If what a killed process made of the memory cannot be read.
            LibraryError: If the text is missing or damaged.
        """
        plan = new_plan([self._document(entry)], self._making(self._options), self._registry.models)
        journal = Journal(self._stored.place(entry.text_sha256) / JOURNAL)
        plan.after(self._earlier(entry)).begin_gists(journal, writer)

    def gist_model(self) -> "MemoryModel | None":
        """Return the model that makes memories here, if it writes their gists.

        Raises:
            InputError: If the settings cannot be used.
            ModelError: If it cannot be loaded.
        """
        model = self.model(self._options)
        return model if model.writes_gists(self._options.memory_settings) else None

    def open(self, entry: Entry, options: RunOptions) -> Opened:
        """Return the memory of a version of a document for a question.

        Args:
            entry: The version.
            options: The question's; where they name no model, it is the one that makes memories here.

        Raises:
            ModelError: If the model cannot be loaded.
        """
        try:
            with self._stored.fetched(entry.text_sha256) as place:
                return Opened() if place is None else Opened(self._registry.open(place, self._making(options)))
        except (MemoryMismatchError, MemoryFileError, ModelUnavailableError) as error:
            return Opened(fault=f"{entry.name}: {error}")

    def forget(self, memory: OpenMemory) -> None:
        """Drop an open memory from RAM; it stays on disk."""
        self._registry.forget(memory.memory.id)

    def forget_all(self, entries: Iterable[Entry]) -> None:
        """Drop the open memories of versions of documents from RAM."""
        for entry in entries:
            if memory_id := self._stored.id_here(entry.text_sha256):
                self._registry.forget(memory_id)

    def keep_existing(self) -> None:
        """Remove the memories of documents that do not exist any more.

        Raises:
            DiskError: If they cannot be removed.
        """
        self._stored.keep_only({entry.text_sha256 for entry in self._stores.catalogue.entries()})

    def model_name(self, options: RunOptions) -> str:
        """Return the name of the memory model for a question: the one it names, or the one that makes memories here."""
        return options.model or self._options.model or EMBEDDED

    def model(self, options: RunOptions) -> "MemoryModel":
        """Return the memory model for a question.

        Raises:
            ModelError: If it cannot be loaded.
        """
        return self._registry.models.memory_model(self.model_name(options), options)

    def _making(self, options: RunOptions) -> RunOptions:
        changes = {"model": self.model_name(options), "embedding_model": "", "index": NO_INDEX, "memory": "now"}
        return options.model_copy(update=changes)

    def _document(self, entry: Entry) -> Document:
        return Document(_NAME, self._stores.texts.read(entry.text_sha256))

    def exists(self, entry: Entry) -> bool:
        """Return whether a version of a document was not removed meanwhile."""
        return any(it.id == entry.id for it in self._stores.catalogue.entries())

    def _of_texts(self) -> dict[str, Entry]:
        """Return the first current version that has each text, in the order of their intake."""
        of_text: dict[str, Entry] = {}
        for entry in self._stores.catalogue.entries():
            if not entry.replaced:
                of_text.setdefault(entry.text_sha256, entry)
        return of_text

    def _wanted(self, text_sha256: str) -> Entry | None:
        """Return the document whose memory is missing; None if it exists meanwhile, or the document does not."""
        entry = self._of_texts().get(text_sha256)
        return None if entry is None or self._of_model([text_sha256]) else entry

    def _job(self, entry: Entry) -> MemoryJob:
        def make(report: ReportProgress) -> None:
            self.forget(self.make(entry, report))

        return MemoryJob(entry.text_sha256, entry.name, make, lambda: self.exists(entry))

    def _require(self, entry: Entry) -> None:
        if not self.exists(entry):
            raise CancelledRunError(f"{entry.name} was removed from the library; its memory is not made")

    def _require_kept(self, entry: Entry) -> None:
        """Remove the memory of a document that was removed while it was made, as with its library, and give up."""
        try:
            self._require(entry)
        except CancelledRunError:
            self.keep_existing()
            raise
        except UnknownLibraryError:
            self._stored.keep_only(())
            raise

    def _of_model(self, texts: Collection[str]) -> set[str]:
        """Return those of some texts that have a memory of the model that makes them."""
        name = self._options.model or EMBEDDED
        names = (name, absolute_name(name))
        return {text for text, model in self._stored.models(texts).items() if model in names}

    def _earlier(self, entry: Entry) -> OpenMemory | None:
        """Return the memory of the latest earlier version that has one."""
        versions: Sequence[Entry] = self._stores.catalogue.entries()
        for it in reversed(versions):
            if it.name == entry.name and it.version < entry.version and self.made([it]):
                return self.open(it, self._options).memory
        return None


@dataclass(frozen=True, slots=True)
class OfferedJobs:
    """What a server has for its worker that takes over for others: it makes no memory that nobody wants yet.

    Attributes:
        memories: The library's.
    """

    memories: LibraryMemories

    def jobs(self) -> Generator[MemoryJob, None, None]:
        """Yield what is to be made now, in order."""
        return self.memories.offered_jobs()
