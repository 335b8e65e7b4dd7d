"""What the run of a client may use: its memories by id, its libraries by name, and files of one folder if allowed."""

import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from memorag_graph.documents import Document, read_document
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.memory_plan import MemoryPlan
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.quotas import Usage
from memorag_graph.serving.told_errors import without_address, without_home, without_path
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.memory.build.revision import Listed
    from memorag_graph.memory.kv_memory import DocumentInfo, Memory

MEMORY_ID = re.compile("[0-9a-f]{32}")


@dataclass(frozen=True)
class _New:
    """A memory that is to be made.

    Attributes:
        memory_id: Its id.
        documents: The number of its documents.
        replaces: Id of the memory whose place it takes; empty if it is none's.
        known: The documents that were read for that one.
    """

    memory_id: str
    documents: int
    replaces: str = ""
    known: "Sequence[DocumentInfo]" = ()


@dataclass(frozen=True)
class ClientScope:
    """The scope of a client's run.

    State is not trusted either: clients of a LangGraph server can write it.

    Attributes:
        registry: The models, and the memories of the client's tenant.
        libraries: The libraries of the client's tenant.
        options: The operator's options with those that the client set.
        client: Who sent the run.
        usage: Counts what the tenant uses.
        folder: Folder whose files clients may name; None allows no file.
    """

    registry: Registry
    libraries: NamedLibraries
    options: RunOptions
    client: Principal
    usage: Usage
    folder: Path | None = None

    def read(self, files: Sequence[str]) -> Sequence[Document]:
        """Read files of the folder, named relative to it.

        Raises:
            InputError: If no files are allowed, or one is outside the folder.
        """
        if self.folder is None:
            raise InputError("files", "the server reads no files that clients name; send the text as context")
        encoding = self.options.encoding or None
        folder = self.folder.resolve()
        return [read_document(self._inside(folder, name), name=name, encoding=encoding) for name in files]

    def memorize(self, documents: Sequence[Document], save_dir: str | None, report: ReportProgress) -> OpenMemory:
        """Memorize in the store.

        Raises:
            ForbiddenError: If the client may only read.
            InputError: If a directory is named.
            QuotaError: If too many jobs of the tenant run.
            StorageQuotaError: If the tenant may not keep more; memorizing again what it keeps needs no room.
        """
        self.client.require("writer")
        if save_dir:
            raise InputError("save_dir", "the server keeps memories in its store; leave it out")
        options = self.options
        if self.usage.limits_bytes(self.client.tenant):  # what is made later could not be refused
            options = options.model_copy(update={"memory": "now"})
        new = _New(self.registry.memory_id(documents, options), len(documents))
        return self._made(new, lambda watched: self.registry.memorize(documents, options, None, watched), report)

    def revise(self, memory_id: str, change: "Callable[[Memory], Listed]", report: ReportProgress) -> OpenMemory:
        """Change the documents of a memory of the store; only what is new is read.

        The earlier memory stays until the caller deletes it; quotas count the changed one alone.

        Args:
            memory_id: The memory's id.
            change: Returns the new list of documents; see :mod:`memorag_graph.memory.build.revision`.
            report: Called with progress.

        Raises:
            ForbiddenError: If the client may only read.
            InputError: If it is no id, or the change cannot be made.
            MemoryFileError: If the memory is missing or damaged.
            MemoryMismatchError: If it was made with other models than those in use.
            QuotaError: If too many jobs of the tenant run.
            StorageQuotaError: If the tenant may not keep more; the memory is left as it was.
        """
        self.client.require("writer")
        before = self.registry.open_memories.open(self.memory(memory_id), self.options)
        plan = MemoryPlan.revised(before, change, self.registry.models)
        new = _New(plan.memory_id, len(plan.documents), memory_id, before.memory.documents)
        del before, plan  # else it could not be removed
        return self._made(new, lambda watched: self.registry.revise(memory_id, change, self.options, watched), report)

    def _made(self, new: "_New", make: Callable[[ReportProgress], OpenMemory], report: ReportProgress) -> OpenMemory:
        """Return a memory that is made within the tenant's quotas."""
        tenant, store, is_new = self.client.tenant, self.registry.store, False

        def watched(progress: Progress) -> None:
            nonlocal is_new
            is_new |= progress.stage in ("memory", "index")
            report(progress)

        is_begun = self.registry.is_begun(new.memory_id)  # its tokens were counted then
        with self.usage.job(tenant, store, new.memory_id, new.documents, new.replaces):
            opened = make(watched)
            is_new &= not is_begun
            if is_new:
                read = [it.tokens for it in opened.memory.documents if it not in new.known]
                self.usage.add_tokens(tenant, sum(read))
                if self.usage.limits_bytes(tenant):
                    del opened  # else it could not be removed
                    self.usage.require_fit(tenant, store, lambda: self._discard(new.memory_id), new.replaces)
                    opened = self.registry.open(new.memory_id, self.options)
        return opened

    def spend(self, tokens: int) -> None:
        """Count the tokens of an answer."""
        self.usage.add_tokens(self.client.tenant, tokens)

    @contextmanager
    def telling(self, library: str) -> Iterator[None]:
        """Name an engine that is away, and not where it is, which the log tells; and the library, not its directory.

        The operator is told where a damaged memory lies.
        """
        of_memory = without_home() if self.client.tenant else nullcontext()
        with without_address(), without_path(self.libraries.place(library), library) if library else of_memory:
            yield

    def memory(self, named: str) -> str:
        """Return a memory's id.

        Raises:
            InputError: If it is no id.
        """
        if not MEMORY_ID.fullmatch(named):
            raise InputError("memory_id", "must be the id of a memory: 32 hexadecimal digits")
        return named

    def library(self, named: str) -> str:
        """Return the directory of a library of the client's tenant, or its URL.

        Raises:
            InputError: If it cannot be the name of one, such as a path.
            UnknownLibraryError: If there is none of that name.
        """
        return self.libraries.find(named)

    def _discard(self, memory_id: str) -> None:
        """Remove a memory that does not fit, unless another request already uses it; then no further one fits."""
        self.registry.forget(memory_id)
        with suppress(MemoryFileError):
            self.registry.store.delete(memory_id)

    @staticmethod
    def _inside(folder: Path, name: str) -> Path:
        with suppress(OSError, ValueError):  # names that cannot be those of files
            path = (folder / name).resolve()  # follows symbolic links
            if folder in path.parents and path.is_file():
                return path
        raise InputError("files", f"there is no file {name[:128]!r}")
