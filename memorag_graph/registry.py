"""What a process keeps loaded: models, memories and their indexes, reached by name and id.

Graph state holds only ids; tensors and models live here.
"""

import threading
import weakref
from collections.abc import Callable, Hashable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.embeddings import Embeddings

from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.languages import detect_language
from memorag_graph.memory.atomic import require_writable
from memorag_graph.memory.journal import JOURNAL, Journal
from memorag_graph.memory.manifest import find_memory, read_info, remember_place
from memorag_graph.memory.store import MemoryStore
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import ModelSource, default_embedding_model, load_embeddings, load_language_model
from memorag_graph.opened import LoadedMemories, OpenMemory
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.memory.memory import Identity, Memory
    from memorag_graph.memory.model import MemoryModel
    from memorag_graph.memory.revision import Listed

Loaded = TypeVar("Loaded")
Form = Callable[[Journal], OpenMemory]


class Registry:
    """Loads models and memories once and hands them out. Safe for many threads.

    Args:
        store: Where memories without a directory of their own are kept; by default the user's, without a quota.
        memory_budget: Most bytes of keys and values of open memories, of which the least recently used are let go;
            None has no limit.

    Raises:
        InputError: If the budget is not positive.
    """

    def __init__(self, store: MemoryStore | None = None, *, memory_budget: int | None = None) -> None:
        self.store = store or MemoryStore()
        self._loaded = LoadedMemories(memory_budget)
        self._kept: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def add_memory_model(self, name: str, model: "MemoryModel") -> None:
        """Make a loaded model known by a name, which options may then use."""
        self._kept["model", name] = model

    def add_embeddings(self, name: str, embeddings: Embeddings) -> None:
        """Make an embedding model known by a name, which options may then use."""
        self._kept["embeddings", name] = embeddings

    def add_chat_model(self, name: str, chat: "BaseChatModel") -> None:
        """Make any LangChain chat model known by a name, under which options may choose it as generator."""
        self._kept["chat", name] = chat

    def memory_model(self, source: ModelSource) -> "MemoryModel":
        """Return a memory model, loading it the first time.

        Raises:
            ModelError: If it cannot be loaded.
            InputError: If the device or dtype is unknown.
        """
        from memorag_graph.memory.model import MemoryModel

        if ("model", source.name) in self._kept:
            return self._once(("model", source.name), lambda: MemoryModel(load_language_model(source)))
        source = source.resolved()
        return self._once(source, lambda: MemoryModel(load_language_model(source)))

    def embeddings(self, name: str) -> Embeddings:
        """Return an embedding model, loading it the first time.

        Raises:
            ModelError: If it cannot be loaded.
        """
        return self._once(("embeddings", name), lambda: load_embeddings(ModelSource(name)))

    def memorize(
        self,
        documents: Sequence[Document],
        options: RunOptions,
        directory: Path | None = None,
        report: ReportProgress = ignore_progress,
    ) -> OpenMemory:
        """Return the memory of documents: the one there is, or a new one, which is saved.

        Args:
            documents: What to memorize.
            options: Models, settings and prompts.
            directory: Where it is kept; by default in the user's directory, by its id.
            report: Called as the work goes on.

        Raises:
            InputError: If the text or an option cannot be used.
            ModelError: If a model cannot be loaded.
            MemoryFileError: If the memory cannot be written.
        """
        from memorag_graph.memory.indexing import index_memory
        from memorag_graph.memory.memory import Identity, memory_id

        if not documents:
            raise InputError("documents", "nothing to memorize; give at least one document")
        model = self.memory_model(ModelSource(options.model or EMBEDDED, options.device, options.dtype))
        embedding_model = options.embedding_model or default_embedding_model(model.language_model.name)
        prompts = Prompts(detect_language(documents[0].text), options.prompts)
        identity = Identity.of(model.language_model, embedding_model)
        address = memory_id(documents, identity, options.memory_settings, prompts)

        def form(journal: Journal) -> OpenMemory:
            memory = model.memorize(
                documents,
                prompts,
                options.memory_settings,
                embedding_model=embedding_model,
                journal=journal,
                report=report,
            )
            embeddings = self.embeddings(embedding_model)
            index = index_memory(memory, documents, model.language_model, embeddings, report=report)
            return OpenMemory(memory, index, model)

        return self._get_or_create(address, directory or self.store.directory(address), options, form, report)

    def revise(
        self,
        place: str | Path,
        change: "Callable[[Memory], Listed]",
        options: RunOptions,
        report: ReportProgress = ignore_progress,
    ) -> OpenMemory:
        """Change the documents of a saved memory.

        A memory in a directory of its own is replaced there; one of the store stays beside the new one.

        Args:
            place: The memory's id or directory.
            change: Returns the new list of documents; see :mod:`memorag_graph.memory.revision`.
            options: Models to use instead of the memory's own, which must be equal to them.
            report: Called as the work goes on.

        Raises:
            InputError: If the change cannot be made.
            MemoryFileError: If the memory is missing, damaged or cannot be written; it is as it was then.
            MemoryMismatchError: If it was made with other models than those in use.
        """
        from memorag_graph.memory.indexing import index_memory
        from memorag_graph.memory.memory import memory_id

        directory = find_memory(place)
        before = self.open(directory, options)
        old = before.memory
        documents = change(old)
        address = memory_id(documents, old.identity, old.settings, old.prompts)
        target = self.store.directory(address) if self.store.keeps(directory) else directory

        def form(journal: Journal) -> OpenMemory:
            if target == directory and read_info(directory)["memory_id"] != old.id:
                raise MemoryFileError(f"{directory} was changed by another process meanwhile; run the command again")
            memory = before.model.revise(old, documents, journal=journal, report=report)
            index = index_memory(
                memory,
                documents,
                before.model.language_model,
                before.index.embeddings,
                known=(old, before.index),
                report=report,
            )
            return OpenMemory(memory, index, before.model)

        return self._get_or_create(address, target, options, form, report)

    def open(self, place: str | Path, options: RunOptions) -> OpenMemory:
        """Return a saved memory by its id or directory.

        Raises:
            MemoryFileError: If there is none or it is damaged.
            MemoryMismatchError: If it was made with other models than those in use.
            ModelError: If its models cannot be loaded.
        """
        opened = self._loaded.get(str(place))
        if opened is not None:
            self._check(opened.memory.identity, options)
            return opened
        directory = find_memory(place)
        address = str(read_info(directory)["memory_id"])
        with self._lock_of(address):
            return self._open(directory, address, options)

    def forget(self, memory_id: str) -> None:
        """Let go of an open memory; it stays on disk, and usable for whoever holds it."""
        self._loaded.drop(memory_id)

    def chat(self, name: str, opened: OpenMemory, options: RunOptions) -> "BaseChatModel":
        """Return a chat model without a memory: one that was added, the memory's own, or another by name."""
        from memorag_graph.memory.chat import MemoryChat
        from memorag_graph.models.sampling import NO_REPEAT

        if ("chat", name) in self._kept:
            chat: BaseChatModel = self._kept["chat", name]
            return chat
        own = name == opened.memory.identity.model
        model = opened.model if own else self.memory_model(ModelSource(name, options.device, options.dtype))
        return MemoryChat(
            memory_model=model,
            max_new_tokens=options.max_new_tokens,
            temperature=options.temperature,
            no_repeat=NO_REPEAT,
        )

    def _get_or_create(
        self, address: str, directory: Path, options: RunOptions, form: Form, report: ReportProgress
    ) -> OpenMemory:
        """Return the memory of an address, made and saved first where the directory does not hold it undamaged."""
        from memorag_graph.memory.files import save_memory

        journal = Journal(directory / JOURNAL)

        def open_it(place: Path) -> OpenMemory:
            opened = self._open(place, address, options)
            journal.clear()
            return opened

        def create(place: Path) -> OpenMemory:
            opened = self._loaded.get(address) or form(journal)
            save_memory(place, opened.memory, opened.index)
            journal.clear()
            self._keep(opened, place)
            return opened

        require_writable(directory)
        with self._lock_of(address):
            opened = self.store.get_or_create(address, open_it, create, directory, report)
        remember_place(address, directory)
        return opened

    def _open(self, directory: Path, address: str, options: RunOptions) -> OpenMemory:
        """Return a memory that a directory holds.

        Raises:
            MemoryFileError: If it holds none, another one, or a damaged one.
        """
        from memorag_graph.memory.files import load_memory, read_identity

        info = read_info(directory)
        if info["memory_id"] != address:
            raise MemoryFileError(f"{directory} holds another memory than {address}")
        model, embeddings = self._check(read_identity(info), options)
        opened = self._loaded.get(address)
        if opened is None:
            device = model.language_model.model.device
            memory, index = load_memory(directory, embeddings, check=options.file_check, device=device)
            opened = OpenMemory(memory, index, model)
            self._keep(opened, directory)
        if self.store.keeps(directory):
            self.store.touch(address)
        return opened

    def _keep(self, opened: OpenMemory, directory: Path) -> None:
        """Keep a memory open; while anybody holds it, the store does not remove it."""
        if self.store.keeps(directory):
            with suppress(OSError):  # nothing is removed from a store that cannot be written
                weakref.finalize(opened, self.store.lease(opened.memory.id).release)
        self._loaded.put(opened)

    def _check(self, made_with: "Identity", options: RunOptions) -> "tuple[MemoryModel, Embeddings]":
        """Return the models for a memory: those the options name, else its own; refuse others than its own."""
        from memorag_graph.memory.memory import Identity

        dtype = made_with.dtype if options.dtype == "auto" else options.dtype
        model = self.memory_model(ModelSource(options.model or made_with.model, options.device, dtype))
        embedding_model = options.embedding_model or made_with.embedding_model
        made_with.require(Identity.of(model.language_model, embedding_model))
        return model, self.embeddings(embedding_model)

    def _once(self, key: Hashable, load: Callable[[], Loaded]) -> Loaded:
        with self._lock_of(key):
            if key not in self._kept:
                self._kept[key] = load()
            loaded: Loaded = self._kept[key]
            return loaded

    def _lock_of(self, key: Hashable) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())
