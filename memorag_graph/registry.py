"""Models, open memories and the store of a process, reached by name and id; graph state holds only the ids."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from memorag_graph.begun_memories import BegunMemories, MemoriesToMake
from memorag_graph.cancellation import checking
from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.make_memory import MemoryMaker
from memorag_graph.memory.storage.manifest import find_memory, read_info
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory_plan import MemoryPlan, new_plan
from memorag_graph.model_pool import ModelPool
from memorag_graph.open_memories import OpenMemories, OpenMemoryCache
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.memory.build.gist_kind import GistWriter
    from memorag_graph.memory.build.revision import Listed
    from memorag_graph.memory.kv_memory import Memory
    from memorag_graph.memory.memory_model import MemoryModel
    from memorag_graph.retrieval.rerank import Reranker
    from memorag_graph.retrieval.vector_store import OpenVectorStore


class Registry:
    """Models, open memories and the store of one process. Thread-safe.

    Args:
        store: Holds memories that have no directory of their own; by default the user's, without a quota.
        memory_budget: Maximum bytes of keys and values of open memories; the least recently used are dropped.
            Defaults to a quarter of the machine's RAM.
        cache_dir: Directory for downloads from the model hub; by default the library's.
        access_token: Token for gated models of the hub.

    Attributes:
        models: The loaded models.
        store: The store.
        open_memories: The open memories.
        begun_memories: The memories that are not whole yet.
        behind: What is made behind questions, of all stores that share the models.

    Raises:
        InputError: If the budget is not positive.

    Example:
        >>> from langchain_core.language_models import FakeListChatModel
        >>> from memorag_graph.graph import build_graph
        >>> registry = Registry(memory_budget=2 * 1024**3)
        >>> registry.add_chat_model("mine", FakeListChatModel(responses=["Captain Petrie [1]."]))
        >>> graph = build_graph(registry)  # runs with RunOptions(generator="mine")
        >>> registry.models.loaded_models()
        ['mine']
    """

    def __init__(
        self,
        store: MemoryStore | None = None,
        *,
        memory_budget: int | None = None,
        cache_dir: str | None = None,
        access_token: str | None = None,
    ) -> None:
        self.models = ModelPool(cache_dir=cache_dir, access_token=access_token)
        self.store = store or MemoryStore()
        self.behind = MemoriesToMake()
        self._cache = OpenMemoryCache(memory_budget)
        self._over_store()

    def _over_store(self) -> None:
        self.open_memories = OpenMemories(self.models, self.store, self._cache)
        self._maker = MemoryMaker(self.store, self.open_memories, self._cache)
        self.begun_memories = BegunMemories(self.models, self.store, self.open_memories, self._maker, self.behind)

    def with_store(self, store: MemoryStore, tenant: str = "") -> "Registry":
        """Return a registry with the same models and the same budget over another store.

        Args:
            store: The store.
            tenant: The tenant, from its credential, whose caches on inference servers are used; by default the same.
        """
        other = copy(self)
        other.store = store
        other.models = self.models.apart(str(store.root), tenant)
        other._over_store()
        return other

    def add_memory_model(self, name: str, model: "MemoryModel") -> None:
        """Register a loaded memory model under a name that options may then use."""
        self.models.add("model", name, model)

    def add_embeddings(self, name: str, embeddings: "Embeddings") -> None:
        """Register an embedding model under a name that options may then use."""
        self.models.add("embeddings", name, embeddings)

    def add_chat_model(self, name: str, chat: "BaseChatModel") -> None:
        """Register any LangChain chat model under a name that the option ``generator`` may then use."""
        self.models.add("chat", name, chat)

    def add_reranker(self, name: str, reranker: "Reranker") -> None:
        """Register a reranker under a name that options may then use."""
        self.models.add("reranker", name, reranker)

    def add_vector_store(self, name: str, open_store: "OpenVectorStore") -> None:
        """Register a vector store under a name that the option ``index`` may then use.

        Args:
            name: The name.
            open_store: Opens a collection by name with an embedding model; each memory has one, named by its id.
        """
        from memorag_graph.retrieval.vector_store import VectorStoreKind

        self.models.add("index", name, VectorStoreKind(open_store))

    def memorize(
        self,
        documents: Sequence[Document],
        options: RunOptions,
        directory: Path | None = None,
        report: ReportProgress = ignore_progress,
        earlier: OpenMemory | None = None,
        writer: "GistWriter | None" = None,
    ) -> OpenMemory:
        """Return the memory of documents, building and saving it if it does not exist.

        Unless the option ``memory`` is ``"now"``, it may be only begun: then the documents can be searched.

        Args:
            documents: What to memorize.
            options: Models, settings and prompts, and when the memory is made.
            directory: Where to keep it; by default in the store, under its id.
            report: Called with progress.
            earlier: A memory of earlier versions of the documents; what it holds of them is reused if it was made the
                same way.
            writer: Has the memory model write gists; by default it does so in this process.

        Raises:
            InputError: If the text or an option cannot be used.
            ModelError: If a model cannot be loaded.
            MemoryFileError: If the memory cannot be written.
        """
        plan = replace(new_plan(documents, options, self.models).after(earlier), writer=writer)
        place = directory or self.store.directory(plan.memory_id)
        make = self._maker.whole if options.memory == "now" else self._maker.begun
        with self.behind.worker.hurried():
            opened = make(plan, place, options, checking(report))
        return self.begun_memories.followed(opened, place, options, report)

    def memory_id(self, documents: Sequence[Document], options: RunOptions) -> str:
        """Return the id that the memory of documents has or would have.

        Raises:
            InputError: If the text or an option cannot be used.
            ModelError: If a model cannot be loaded.
        """
        return new_plan(documents, options, self.models).memory_id

    def revise(
        self,
        place: str | Path,
        change: "Callable[[Memory], Listed]",
        options: RunOptions,
        report: ReportProgress = ignore_progress,
    ) -> OpenMemory:
        """Change the documents of a saved memory.

        A memory in a directory of its own is replaced there; in the store, the old one stays beside the new one.

        Args:
            place: The memory's id or directory.
            change: Returns the new list of documents; see :mod:`memorag_graph.memory.build.revision`.
            options: Models to use instead of the memory's own; they must be equal to them.
            report: Called with progress.

        Raises:
            InputError: If the change cannot be made.
            MemoryFileError: If the memory is missing, damaged or cannot be written; it is left unchanged.
            MemoryMismatchError: If it was made with other models than those in use.
        """
        directory = find_memory(place, self.store.root)
        before = self.begun_memories.make_whole(directory, options, report)
        plan, old = MemoryPlan.revised(before, change, self.models), before.memory
        if self.store.keeps(directory):
            return self._maker.whole(plan, self.store.directory(plan.memory_id), options, report)
        after = self._maker.whole(plan, directory, options, report, replaces=old.id)
        if after.memory.id != old.id:
            self.forget(old.id)
        return after

    def open(self, place: str | Path, options: RunOptions, report: ReportProgress = ignore_progress) -> OpenMemory:
        """Return a saved memory by its id or directory.

        Args:
            place: The memory's id or directory.
            options: Models to use instead of the memory's own.
            report: Called with progress, where a begun memory is made ready to be searched.

        Raises:
            MemoryFileError: If there is none or it is damaged.
            MemoryMismatchError: If it was made with other models than those in use.
            ModelError: If its models cannot be loaded.
        """
        return self.begun_memories.followed(self.open_memories.open(place, options), place, options, report)

    def whole(self, place: str | Path, options: RunOptions, report: ReportProgress = ignore_progress) -> OpenMemory:
        """Return a saved memory that the model has read; one that is only begun is made first.

        Raises:
            InputError: If it is not made and is never to be.
            ModelError: If its models cannot be loaded.
            MemoryFileError: If it is missing or damaged, or cannot be written.
            NoRoomError: If it does not fit the device's memory.
        """
        opened = self.open_memories.open(place, options)
        if opened.memory.is_whole:
            return opened
        if options.memory == "never":
            raise InputError(
                "memory", "is never, but only a memory that is made can be asked; use lookup or when_asked"
            )
        directory = find_memory(place, self.store.root)
        return self.begun_memories.make_whole(directory, options, checking(report))

    def is_begun(self, memory_id: str) -> bool:
        """Return whether a memory of the store can be searched, but not be asked yet."""
        with suppress(MemoryFileError):
            return not read_info(self.store.directory(memory_id)).get("shards", True)
        return False

    def forget(self, memory_id: str) -> None:
        """Drop an open memory; it stays on disk, and usable for whoever holds it."""
        self.open_memories.drop(memory_id)

    def delete(self, memory_id: str) -> None:
        """Remove a memory of the store; one that is being made behind questions is given up.

        Raises:
            MemoryFileError: If it does not exist or is in use, or the store cannot be written.
        """
        self.behind.give_up(memory_id)
        self.forget(memory_id)
        self.store.delete(memory_id)

    def chat(self, name: str, options: RunOptions, opened: OpenMemory | None = None) -> "BaseChatModel":
        """Return a chat model without a memory: an added one, the own model of an open memory, or another by name."""
        from memorag_graph.memory.memory_chat import MemoryChat
        from memorag_graph.models.sampling import NO_REPEAT

        if (added := self.models.added_chat_model(name)) is not None:
            return added
        own = opened.model if opened and name == opened.memory.identity.model else None
        return MemoryChat(
            memory_model=own or self.models.memory_model(name, options),
            max_new_tokens=options.max_new_tokens,
            temperature=options.temperature,
            no_repeat=NO_REPEAT,
        )
