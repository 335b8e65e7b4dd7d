"""What a job does: memorize documents, or change those of a memory."""

import hashlib
import logging
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from memorag_graph.documents import Document
from memorag_graph.errors import MemoryFileError
from memorag_graph.kept_conversations import KeptConversations, document_mark
from memorag_graph.memory.storage import given_names
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.progress import ReportProgress
from memorag_graph.registry import Registry
from memorag_graph.run_scope import RunScope
from memorag_graph.serving.client_scope import ClientScope
from memorag_graph.ui.uploaded_files import UploadedFiles

_MOST_SECONDS_IN_USE = 60.0
"""For how long a memory that was changed waits for answers from it before it is left where it is."""

_PAUSE_SECONDS = 0.2

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class Work(ABC):
    """Work on a memory.

    Attributes:
        scope: What the visitor who wants it may use, with the options of the memory.
        documents: The documents to read.
        files: Those of their files whose pages can be shown.
        memory_id: Id of the memory that is changed; empty if a new one is made.
        doing: What is done, as a title says it before the name.
    """

    scope: RunScope
    documents: Sequence[Document]
    files: UploadedFiles = field(default_factory=UploadedFiles)
    memory_id: str = ""

    doing: ClassVar[str]

    @property
    @abstractmethod
    def key(self) -> str:
        """Hash of what decides the memory; equal work has one key."""

    @property
    @abstractmethod
    def name(self) -> str:
        """What it is done to, for visitors."""

    @abstractmethod
    def run(self, report: ReportProgress) -> str:
        """Do it; return the id of the memory.

        Raises:
            MemoragError: If it cannot be done.
        """


@dataclass(frozen=True, eq=False)
class Memorizing(Work):
    """Memorize documents."""

    doing = "Memorizing"

    @property
    def key(self) -> str:
        """Hash of the documents and the memory settings."""
        # a session's other settings do not affect the memory, and the operator's are the same for all sessions
        return hash_of(self.scope.options.memory_settings.model_dump_json(), self.documents)

    @property
    def name(self) -> str:
        """The names of the documents."""
        return ", ".join(document.source for document in self.documents)

    def run(self, report: ReportProgress) -> str:
        """Memorize them in the store, and keep the files with the memory."""
        memory = self.scope.memorize(self.documents, None, report).memory
        self.files.keep_with(self.scope.registry.store, memory.id, [it.sha256 for it in self.documents])
        return memory.id


@dataclass(frozen=True, eq=False, kw_only=True)
class Revision(Work):
    """Change the documents of a memory, which the changed one takes the place of.

    Attributes:
        called: How the memory is called.
        without: Names of the documents to take away.
        moved: Called with the memory's id and that of the changed one.
    """

    scope: ClientScope
    called: str
    without: Sequence[str]
    moved: Callable[[str, str], None]

    doing = "Changing"

    @property
    def key(self) -> str:
        """Hash of the memory and its changes."""
        return hash_of("\n".join([self.memory_id, *sorted(self.without)]), self.documents)

    @property
    def name(self) -> str:
        """The name of the memory."""
        return self.called

    @property
    def is_begun(self) -> bool:
        """Whether the memory has to be made before it is changed."""
        return self.scope.registry.is_begun(self.memory_id)

    def run(self, report: ReportProgress) -> str:
        """Make the changed memory, let it have what visitors gave and asked the earlier one, and delete that."""
        from memorag_graph.memory.build.revision import changed

        earlier, registry = self.memory_id, self.scope.registry
        before = _marks_in(registry.store, earlier)
        memory = self.scope.revise(earlier, lambda it: changed(it, self.documents, self.without), report).memory
        new, texts = memory.id, [document.sha256 for document in memory.documents]
        after = {document_mark(document.source, document.sha256) for document in memory.documents}
        del memory
        self.files.keep_with(registry.store, new, texts, earlier)
        if new != earlier:
            given_names.hand_on(registry.store, earlier, new)
            kept = after if before - after else None
            _hand_on_conversations(registry.store, earlier, new, kept)
            self.moved(earlier, new)
            end = time.monotonic() + _MOST_SECONDS_IN_USE
            while not (is_deleted := _is_deleted(registry, earlier)) and time.monotonic() < end:
                time.sleep(_PAUSE_SECONDS)
                _hand_on_conversations(registry.store, earlier, new, kept)  # what was being answered
            if not is_deleted:
                _log.warning("%s stays beside %s, to which it was changed: it is still in use", earlier, new)
        return new


def _hand_on_conversations(store: MemoryStore, earlier: str, new: str, kept: Collection[str] | None) -> None:
    """Give the conversations about a memory to the changed one, without what is drawn from other documents than these.

    Args:
        store: Holds both.
        earlier: The memory.
        new: The changed one.
        kept: The marks of the documents that stay; None if all do.
    """
    conversations = KeptConversations(store.directory(earlier))
    if kept is not None:
        conversations.keep_only(kept)
    conversations.hand_on(KeptConversations(store.directory(new)))


def _is_deleted(registry: Registry, memory_id: str) -> bool:
    """Delete a memory; return whether it is gone: not while a question to it is answered, here or elsewhere."""
    try:
        registry.delete(memory_id)
    except MemoryFileError:
        return not registry.store.directory(memory_id).is_dir()
    return True


def _marks_in(store: MemoryStore, memory_id: str) -> set[str]:
    """Return the marks of a memory's documents."""
    return {document_mark(it["source"], it["sha256"]) for it in read_info(store.directory(memory_id))["documents"]}


def hash_of(others: str, documents: Sequence[Document]) -> str:
    """Return a hash of documents and what else decides a memory."""
    described = [others, *(f"{document.source}\n{document.sha256}" for document in documents)]
    return hashlib.sha256("\n".join(described).encode()).hexdigest()
