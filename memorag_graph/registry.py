"""What a process keeps loaded: models, memories and their indexes, reached by name and id.

Graph state holds only ids; tensors and models live here.
"""

import threading
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.embeddings import Embeddings

from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.languages import detect_language
from memorag_graph.memory.atomic import require_writable
from memorag_graph.memory.manifest import find_memory, read_info, remember_place, verify
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import DEFAULT_EMBEDDING_MODEL, ModelSource, load_embeddings, load_language_model
from memorag_graph.paths import memories_dir
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.prompts import OWN_PROMPTS, Prompts
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.memory.chat import MemoryChat
    from memorag_graph.memory.memory import Identity, Memory
    from memorag_graph.memory.model import MemoryModel
    from memorag_graph.retrieval.index import DenseIndex

Loaded = TypeVar("Loaded")

_LANGUAGE_SAMPLE = 100_000


@dataclass(frozen=True)
class OpenMemory:
    """A memory ready to answer.

    Attributes:
        memory: The memory.
        index: The retrieval index over its documents' chunks.
        model: The memory model it belongs to.
    """

    memory: "Memory"
    index: "DenseIndex"
    model: "MemoryModel"

    def prompts(self, options: RunOptions) -> Prompts:
        """Return the prompts for a question: the run's, else those the memory was made with.

        Raises:
            InputError: If the options change a prompt that is part of the memory.
        """
        mine = self.memory.prompts
        for key in OWN_PROMPTS:
            if key in options.prompts and options.prompts[key] != mine[key]:
                raise InputError(f"prompts.{key}", "is part of a memory; memorize the document again to change it")
        return Prompts(mine.language, {**mine.overrides, **options.prompts})

    def chat(self, options: RunOptions) -> "MemoryChat":
        """Return a chat model that continues the memory."""
        from memorag_graph.memory.chat import MemoryChat

        return MemoryChat(
            memory_model=self.model,
            memory=self.memory,
            max_new_tokens=options.max_new_tokens,
            temperature=options.temperature,
        )


class Registry:
    """Loads models and memories once and hands them out. Safe for many threads."""

    def __init__(self) -> None:
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
        from memorag_graph.memory.files import save_memory
        from memorag_graph.memory.memory import Identity, memory_id

        model = self.memory_model(_source(options))
        embedding_model = options.embedding_model or _default_embedding_model(model.language_model.name)
        language = detect_language("\n".join(document.text[:_LANGUAGE_SAMPLE] for document in documents))
        prompts = Prompts(language, options.prompts)
        identity = Identity.of(model.language_model, embedding_model)
        address = memory_id(documents, identity, options.memory_settings, prompts)
        directory = directory or memories_dir() / address
        with self._lock_of(address):
            if not _holds(directory, address):
                require_writable(directory)
                opened = self._kept.get(("memory", address))
                if opened is None:
                    opened = self._form(documents, options, prompts, model, embedding_model, report)
                    self._kept["memory", address] = opened
                save_memory(directory, opened.memory, opened.index)
            remember_place(address, directory)
            return self._open(directory, address, options)

    def open(self, place: str | Path, options: RunOptions) -> OpenMemory:
        """Return a saved memory by its id or directory.

        Raises:
            MemoryFileError: If there is none or it is damaged.
            MemoryMismatchError: If it was made with other models than those in use.
            ModelError: If its models cannot be loaded.
        """
        kept: OpenMemory | None = self._kept.get(("memory", str(place)))
        if kept is not None:
            self._check(kept.memory.identity, options)
            return kept
        directory = find_memory(place)
        address = str(read_info(directory)["memory_id"])
        with self._lock_of(address):
            return self._open(directory, address, options)

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

    def _open(self, directory: Path, address: str, options: RunOptions) -> OpenMemory:
        from memorag_graph.memory.files import load_memory, read_identity

        made_with = read_identity(read_info(directory))
        model, embeddings = self._check(made_with, options)
        opened: OpenMemory | None = self._kept.get(("memory", address))
        if opened is None:
            memory, index = load_memory(directory, embeddings)
            opened = OpenMemory(memory, index, model)
            self._kept["memory", address] = opened
        return opened

    def _check(self, made_with: "Identity", options: RunOptions) -> "tuple[MemoryModel, Embeddings]":
        """Return the models for a memory: those the options name, else its own; refuse others than its own."""
        from memorag_graph.memory.memory import Identity

        dtype = made_with.dtype if options.dtype == "auto" else options.dtype
        model = self.memory_model(ModelSource(options.model or made_with.model, options.device, dtype))
        embedding_model = options.embedding_model or made_with.embedding_model
        made_with.require(Identity.of(model.language_model, embedding_model))
        return model, self.embeddings(embedding_model)

    def _form(
        self,
        documents: Sequence[Document],
        options: RunOptions,
        prompts: Prompts,
        model: "MemoryModel",
        embedding_model: str,
        report: ReportProgress,
    ) -> OpenMemory:
        from memorag_graph.chunking import split_documents
        from memorag_graph.retrieval.index import DenseIndex

        embeddings = self.embeddings(embedding_model)
        settings = options.memory_settings
        memory = model.memorize(documents, prompts, settings, embedding_model=embedding_model, report=report)
        chunks = split_documents(documents, model.language_model, settings.retrieval_chunk_size)
        return OpenMemory(memory, DenseIndex.from_chunks(chunks, embeddings, report), model)

    def _once(self, key: Hashable, load: Callable[[], Loaded]) -> Loaded:
        with self._lock_of(key):
            if key not in self._kept:
                self._kept[key] = load()
            loaded: Loaded = self._kept[key]
            return loaded

    def _lock_of(self, key: Hashable) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())


def _holds(directory: Path, address: str) -> bool:
    """Tell whether a directory holds a certain memory, complete and undamaged."""
    try:
        return bool(verify(directory)["memory_id"] == address)
    except MemoryFileError:  # there is none, or one that has to be made again
        return False


def _source(options: RunOptions) -> ModelSource:
    return ModelSource(options.model or EMBEDDED, options.device, options.dtype)


def _default_embedding_model(model: str) -> str:
    return EMBEDDED if model == EMBEDDED else DEFAULT_EMBEDDING_MODEL
