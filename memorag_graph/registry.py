"""Models, open memories and the store of a process, reached by name and id; graph state holds only the ids."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from copy import copy
from pathlib import Path
from typing import TYPE_CHECKING

from memorag_graph.cancellation import checking
from memorag_graph.documents import Document, with_distinct_names
from memorag_graph.errors import InputError, MemoryFileError, MemoryUnreadableError
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.memory.storage.manifest import find_memory, read_info, remember_place
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory.storage.transaction import require_free
from memorag_graph.memory_plan import MemoryPlan
from memorag_graph.model_pool import NO_INDEX, ModelPool
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import default_embedding_model
from memorag_graph.open_memories import OpenMemories, OpenMemory, OpenMemoryCache
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import RunOptions
from memorag_graph.text.languages import detect_common_language

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings
    from langchain_core.language_models import BaseChatModel

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
        self._cache = OpenMemoryCache(memory_budget)
        self.open_memories = OpenMemories(self.models, self.store, self._cache)

    def with_store(self, store: MemoryStore) -> "Registry":
        """Return a registry with the same models and the same budget over another store."""
        other = copy(self)
        other.store = store
        other.models = self.models.apart(str(store.root))
        other.open_memories = OpenMemories(other.models, store, self._cache)
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
    ) -> OpenMemory:
        """Return the memory of documents, building and saving it if it does not exist.

        Args:
            documents: What to memorize.
            options: Models, settings and prompts.
            directory: Where to keep it; by default in the store, under its id.
            report: Called with progress.
            earlier: A memory of earlier versions of the documents; what it holds of them is reused if it was made the
                same way.

        Raises:
            InputError: If the text or an option cannot be used.
            ModelError: If a model cannot be loaded.
            MemoryFileError: If the memory cannot be written.
        """
        plan = self._plan(documents, options).after(earlier)
        place = directory or self.store.directory(plan.memory_id)
        return self._get_or_build(plan, place, options, checking(report))

    def memory_id(self, documents: Sequence[Document], options: RunOptions) -> str:
        """Return the id that the memory of documents has or would have.

        Raises:
            InputError: If the text or an option cannot be used.
            ModelError: If a model cannot be loaded.
        """
        return self._plan(documents, options).memory_id

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
        from memorag_graph.memory.build.builder import Recipe

        directory = find_memory(place, self.store.root)
        before = self.open(directory, options)
        old = before.memory
        plan = MemoryPlan(
            change(old),
            Recipe(old.prompts, old.settings, old.identity),
            before.model,
            self.models.embeddings(old.identity.embedding_model),
            self.models.index_kind(old.settings.index),
            before,
        )
        if self.store.keeps(directory):
            return self._get_or_build(plan, self.store.directory(plan.memory_id), options, report)
        after = self._get_or_build(plan, directory, options, report, replaces=old.id)
        if after.memory.id != old.id:
            self.forget(old.id)
        return after

    def open(self, place: str | Path, options: RunOptions) -> OpenMemory:
        """Return a saved memory by its id or directory.

        Raises:
            MemoryFileError: If there is none or it is damaged.
            MemoryMismatchError: If it was made with other models than those in use.
            ModelError: If its models cannot be loaded.
        """
        return self.open_memories.open(place, options)

    def forget(self, memory_id: str) -> None:
        """Drop an open memory; it stays on disk, and usable for whoever holds it."""
        self.open_memories.drop(memory_id)

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

    def _plan(self, documents: Sequence[Document], options: RunOptions) -> MemoryPlan:
        """Load the memory model and settle how new documents are memorized."""
        if not documents:
            raise InputError("documents", "nothing to memorize; give at least one document")
        documents = with_distinct_names(documents)
        model = self.models.memory_model(options.model or EMBEDDED, options)
        embedding_model = options.embedding_model or default_embedding_model(model.language_model.name)
        embedding_model = "" if options.index == NO_INDEX else self.models.embedding_name(embedding_model)
        prompts = Prompts(detect_common_language([document.text for document in documents]), options.prompts)
        return MemoryPlan(
            documents,
            model.recipe(prompts, options.memory_settings, embedding_model),
            model,
            self.models.embeddings(embedding_model),
            self.models.index_kind(options.index),
        )

    def _get_or_build(
        self, plan: MemoryPlan, directory: Path, options: RunOptions, report: ReportProgress, replaces: str = ""
    ) -> OpenMemory:
        """Return a planned memory from its directory, building and saving it first if it is missing or damaged."""
        from memorag_graph.memory.storage.memory_files import FILES, save_memory

        if not self.store.keeps(directory):  # the store's own files are ours, however damaged
            require_free(directory, FILES)
        with self.open_memories.lock(plan.memory_id):
            try:
                self.store.require_writable(directory)
            except MemoryFileError as unwritable:
                with suppress(MemoryFileError):
                    return self.open_memories.open_in(directory, plan.memory_id, options)
                raise unwritable from None
            journal = Journal(directory / JOURNAL)
            with self.store.claim(directory, report):
                try:
                    opened = self.open_memories.open_in(directory, plan.memory_id, options)
                    journal.forget([note.key for note in opened.memory.notes])
                except MemoryUnreadableError:
                    raise
                except MemoryFileError:
                    if replaces and read_info(directory)["memory_id"] != replaces:
                        raise MemoryFileError(
                            f"{directory} was changed by another process meanwhile; run the command again"
                        ) from None
                    built = self.open_memories.get(plan.memory_id) or self._cache.making_room(
                        lambda: plan.build(journal, report)
                    )
                    save_memory(directory, built.memory, built.index)
                    journal.clear()
                    self.forget(plan.memory_id)
                    del built  # its tensors are on the heap; an opened memory's are mapped
                    opened = self.open_memories.open_in(directory, plan.memory_id, options)
        if not self.store.keeps(directory):
            remember_place(self.store.root, plan.memory_id, directory)
        return opened
