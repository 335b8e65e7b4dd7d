"""A library that is open: asked, listed and exported."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorag_graph.documents.kept_files import KEPT, KeptFiles
from memorag_graph.errors import DiskError, LibraryError, UnavailableError
from memorag_graph.library.ask import LibraryQuestion, Sources, ask_library
from memorag_graph.library.catalogue import LIBRARY_ID, Catalogue
from memorag_graph.library.entry import Entry, Report, versions_of
from memorag_graph.library.export import export
from memorag_graph.library.folder_memories import FolderMemories
from memorag_graph.library.home import EMBEDDING_MODEL, INDEX_AT, INDEX_NAME, VECTOR_SIZE
from memorag_graph.library.index_place import FIRST_INDEX, open_tables
from memorag_graph.library.library_answer import LibraryAnswer
from memorag_graph.library.library_memories import LibraryMemories, checked_mode
from memorag_graph.library.memory_state import ListedDocument, listed
from memorag_graph.library.place import MEMORIES, Place
from memorag_graph.library.remember import remember
from memorag_graph.library.snapshot import AsOf, Snapshot
from memorag_graph.library.stores import Stores
from memorag_graph.library.where import Where
from memorag_graph.memory_worker import worker_of
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.settings import MemoryMode, RunOptions, TaskType

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings


class OpenLibrary:
    """What can be read of a library, and what makes its memories.

    Args:
        place: Where it is.
        catalogue: Its catalogue.
        registry: Holds the models.
        memory: When memories are made.
        options: How memories are made, and by which model.
    """

    def __init__(
        self, place: Place, catalogue: Catalogue, registry: Registry, memory: MemoryMode, options: RunOptions
    ) -> None:
        self.place = place
        self.registry = registry
        self.memory = memory
        self._id = catalogue.setting(LIBRARY_ID)
        size, index_at = int(catalogue.setting(VECTOR_SIZE)), catalogue.setting(INDEX_AT)
        self._index = catalogue.setting(INDEX_NAME, FIRST_INDEX)
        chunks, notes = open_tables(index_at, place, self._id, size, self._index)
        self.stores = Stores.at(place, catalogue, chunks, notes, options.copies_mb)
        self.memories = LibraryMemories(self.stores, registry, options)
        self._seen: Sequence[Entry] = ()
        self.drop_removed()
        self.worker = worker_of(place.directory)
        if memory == "background":
            self.worker.wake(self.memories)

    def is_current(self) -> bool:
        """Return whether this library is still there: it was not deleted, or its index made anew."""
        catalogue = self.stores.catalogue
        if not self.place.has_library() or catalogue.setting(LIBRARY_ID) != self._id:
            return False
        return catalogue.setting(INDEX_NAME, FIRST_INDEX) == self._index

    def drop_removed(self) -> None:
        """Drop what this machine has of documents that another one has removed since the last time.

        Raises:
            DiskError: If it cannot be removed.
        """
        if not self.place.is_remote or (entries := self.stores.catalogue.entries()) is self._seen:
            return
        texts = {entry.text_sha256 for entry in entries}
        self.memories.forget_all(entry for entry in self._seen if entry.text_sha256 not in texts)
        FolderMemories(self.directory / MEMORIES).keep_only(texts)
        KeptFiles(self.directory / KEPT).keep_only(texts)
        self.stores.conversations.keep_only({entry.mark for entry in entries})
        self._seen = entries

    def _check_current(self) -> None:
        """Raise :class:`LibraryError` if the library was deleted, or its index made anew."""
        if not self.is_current():
            raise LibraryError(f"{self.place.name} was deleted or its index made anew meanwhile; open it again")

    @property
    def directory(self) -> Path:
        """Its directory on this machine."""
        return self.place.directory

    def size(self) -> int:
        """Return the bytes of what is kept at its place."""
        return self.place.size()

    @cached_property
    def embeddings(self) -> "Embeddings":
        """The embedding model, loaded when it is first needed."""
        return self.registry.models.embeddings(self.stores.catalogue.setting(EMBEDDING_MODEL))

    @cached_property
    def sources(self) -> Sources:
        """What a question reads."""
        return Sources(self.stores, self.embeddings, self.registry, self.memories, self.worker)

    def ask(
        self,
        question: str,
        where: Where | None = None,
        as_of: AsOf | None = None,
        options: RunOptions | None = None,
        *,
        task: TaskType = "lookup",
        memory: MemoryMode | None = None,
    ) -> LibraryAnswer:
        """Answer a question with citations.

        Args:
            question: The question.
            where: Which documents may be used; see :mod:`memorag_graph.library.where`.
            as_of: The time whose versions are meant, such as ``"2026-01-31"``; by default now.
            options: ``generator``, ``hits``, ``evidence_tokens``, ``reranker``, ``memories`` and others of a run; by
                default sentences of the documents are quoted.
            task: ``"lookup"``: search; ``"memorag"``: ask the memories of the best documents for clues first;
                ``"qa"``: answer from the memory of the best one; ``"auto"``: lookup or memorag, by the question.
            memory: ``"when_asked"``: make those that are missing first, ``"background"``: behind the answer; by default
                as the library was opened.

        Raises:
            InputError: If the question is empty, or the filter, the time, the task or an option cannot be used.
            LibraryError: If a text is missing or damaged, or the library was deleted or its index made anew.
            DiskError: If the library cannot be read.
            ModelError: If a model cannot be loaded.
        """
        self._check_current()
        self.drop_removed()
        mode = checked_mode(memory or self.memory)
        makes_memories = mode in ("when_asked", "now") and task != "lookup"
        asked = LibraryQuestion(question, where, as_of, options or RunOptions(), task, makes_memories)
        try:
            answer = ask_library(asked, self.sources)
        except (DiskError, UnavailableError):
            self._check_current()
            raise
        if memory == "background":
            self.worker.wake(self.memories)
        return answer

    def list(self, where: Where | None = None, as_of: AsOf | None = None) -> Sequence[ListedDocument]:
        """Return one version of each document, in the order in which they were taken in, and how far its memory is.

        Args:
            where: Which documents; see :mod:`memorag_graph.library.where`.
            as_of: The time whose versions are meant, such as ``"2026-01-31"``; by default now.

        Raises:
            InputError: If the filter or the time cannot be used.
        """
        self.drop_removed()
        chosen = Snapshot.of(self.stores.catalogue.entries(), where, as_of).entries.values()
        queued = self.memories.queued()
        return listed(list(chosen), self.stores.memories, self.worker, queued)

    def info(self, name: str) -> dict[str, Any]:
        """Return what is known of a document: its fields, versions and notes, and how far its memory is made.

        Raises:
            InputError: If there is no such document.
        """
        versions = self._versions(name)
        notes = self.stores.catalogue.notes(versions[-1].id)
        older = [{"version": it.version, "added": it.added, "replaced": it.replaced} for it in versions[:-1]]
        (current,) = listed(versions[-1:], self.stores.memories, self.worker, self.memories.queued())
        return {**current.to_dict(), "older": older, "notes": [note.text for note in notes]}

    def text(self, name: str) -> str:
        """Return the text of a document, in its current version.

        Raises:
            UnknownDocumentError: If there is no such document.
            LibraryError: If the text is missing or damaged.
        """
        return self.stores.texts.read(self._versions(name)[-1].text_sha256)

    def export(self, path: str | Path) -> int:
        """Write all versions of all documents as JSON lines: their text, metadata, pages and sections.

        Returns:
            The number of lines.

        Raises:
            DiskError: If the file cannot be written.
        """
        return export(Path(path), self.stores)

    def remember(
        self, *names: str, limit: int | None = None, progress: ReportProgress = ignore_progress, ray: str = ""
    ) -> Report:
        """Make memories that are missing, and wait for them; what a killed process made of one is used.

        Args:
            *names: Documents whose memories are wanted; all current ones if none is named.
            limit: Maximum memories to make, in the order in which the documents were taken in.
            progress: Called with the tokens whose memories are made.
            ray: Where the model writes gists, have actors of Ray do that: ``"auto"`` on this machine, ``"HOST:PORT"``
                on a cluster.

        Returns:
            What was done; it names the documents whose memories could not be made.

        Raises:
            InputError: If there is no such document, or Ray cannot be used as it is given.
            ModelError: If the model cannot be loaded.
            UnavailableError: If Ray does not answer; what is made is kept.
            MissingExtraError: If the extra ``ray`` is needed and not installed.
        """
        report = Report()
        wanted = {self._versions(name)[-1].text_sha256 for name in names}
        missing = [entry for entry in self.memories.missing() if not names or entry.text_sha256 in wanted]
        with report.timed():
            remember(missing[:limit], self.memories, report, progress, ray)
        return report

    def close(self) -> None:
        """Stop making memories behind the library, for all who opened it in this process; what is made is kept."""
        self.worker.stop()

    def _versions(self, name: str) -> Sequence[Entry]:
        return versions_of(self.stores.catalogue.entries(), name)

    def _remember(
        self, mode: MemoryMode, report: Report, progress: ReportProgress = ignore_progress, ray: str = ""
    ) -> Report:
        if mode == "background":
            self.worker.wake(self.memories)
        elif mode == "now":
            with report.timed():
                remember(self.memories.missing(), self.memories, report, progress, ray)
        return report
