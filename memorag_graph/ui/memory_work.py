"""What a job does: memorize documents."""

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import ClassVar

from memorag_graph.documents import Document
from memorag_graph.progress import ReportProgress
from memorag_graph.run_scope import RunScope
from memorag_graph.ui.uploaded_files import UploadedFiles


@dataclass(frozen=True, eq=False)
class Work(ABC):
    """Work on a memory.

    Attributes:
        scope: What the visitor who wants it may use, with the options of the memory.
        documents: The documents to read.
        files: Those of their files whose pages can be shown.
        doing: What is done, as a title says it before the name.
    """

    scope: RunScope
    documents: Sequence[Document]
    files: UploadedFiles = field(default_factory=UploadedFiles)

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


def hash_of(others: str, documents: Sequence[Document]) -> str:
    """Return a hash of documents and what else decides a memory."""
    described = [others, *(f"{document.source}\n{document.sha256}" for document in documents)]
    return hashlib.sha256("\n".join(described).encode()).hexdigest()
