"""Models that a process keeps loaded, reached by name."""

import threading
from collections.abc import Callable, Hashable
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from langchain_core.embeddings import Embeddings

from memorag_graph.errors import InputError, MemoryMismatchError
from memorag_graph.models.loading import (
    ModelSource,
    absolute_name,
    load_cross_encoder,
    load_embeddings,
    load_language_model,
)
from memorag_graph.retrieval.no_index import NoEmbeddings
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.memory.memory import Identity
    from memorag_graph.memory.model import MemoryModel
    from memorag_graph.retrieval.index import IndexKind
    from memorag_graph.retrieval.rerank import Reranker
    from memorag_graph.retrieval.vector_store import OpenVectorStore

NO_INDEX = "none"

Loaded = TypeVar("Loaded")


class ModelRegistry:
    """Loads models once and hands them out. Safe for many threads.

    Args:
        cache_dir: Where downloads from the model hub are kept; by default the library's place.
        access_token: Token for gated models of the hub.
    """

    def __init__(self, *, cache_dir: str | None = None, access_token: str | None = None) -> None:
        self._hub = ModelSource("", cache_dir=cache_dir, access_token=access_token)
        self._models: dict[Hashable, Any] = {}
        self._locks: dict[Hashable, threading.Lock] = {}
        self._lock = threading.Lock()

    def add_memory_model(self, name: str, model: "MemoryModel") -> None:
        """Make a loaded model known by a name, which options may then use."""
        self._models["model", name] = model

    def add_embeddings(self, name: str, embeddings: Embeddings) -> None:
        """Make an embedding model known by a name, which options may then use."""
        self._models["embeddings", name] = embeddings

    def add_chat_model(self, name: str, chat: "BaseChatModel") -> None:
        """Make any LangChain chat model known by a name, under which options may choose it as generator."""
        self._models["chat", name] = chat

    def add_vector_store(self, name: str, open_store: "OpenVectorStore") -> None:
        """Make a vector store known by a name, under which options may choose it as ``index``.

        Args:
            name: The name.
            open_store: Opens the collection of a name with an embedding model; each memory has one, named by its id.
        """
        from memorag_graph.retrieval.vector_store import VectorStoreKind

        self._models["index", name] = VectorStoreKind(open_store)

    def loaded_models(self) -> list[str]:
        """Return the names of the models that are loaded."""
        keys = list(self._models)
        loaded = {key.name for key in keys if isinstance(key, ModelSource)}
        return sorted(loaded | {str(key[-1]) for key in keys if isinstance(key, tuple)})

    def index_kind(self, name: str) -> "IndexKind":
        """Return what keeps an index.

        Raises:
            InputError: If the name is unknown.
        """
        from memorag_graph.retrieval.dense import FaissKind
        from memorag_graph.retrieval.no_index import NoIndexKind

        kinds: dict[str, IndexKind] = {"faiss": FaissKind(), NO_INDEX: NoIndexKind()}
        kind: IndexKind | None = self._models.get(("index", name), kinds.get(name))
        if kind is None:
            raise InputError("index", f"{name!r} is unknown; use faiss or none, or add it with add_vector_store")
        return kind

    def memory_model(self, name: str, options: RunOptions, made_with: "Identity | None" = None) -> "MemoryModel":
        """Return a memory model, loading it the first time.

        Args:
            name: Its name; ``"openai:NAME"``, ``"azure:NAME"`` and ``"deepseek:NAME"`` are served.
            options: How it is run, if it runs here.
            made_with: How it was run for a memory that it is to continue, where the options do not say.

        Raises:
            ModelError: If it cannot be loaded.
            InputError: If the device or dtype is unknown.
            MemoryMismatchError: If the memory to continue is held by a server.
        """
        from memorag_graph.generation.sources import Served
        from memorag_graph.memory.local import LocalMemoryModel
        from memorag_graph.memory.served import served_memory_model
        from memorag_graph.models.served import SERVED

        added: MemoryModel | None = self._models.get(("model", name))
        if added is not None:
            return added
        if (served := Served.named(name)) is not None:
            if options.load_in_4bit:
                raise InputError("load_in_4bit", f"is for models that run here, not for {name}")
            return self._once(("model", name), lambda: served_memory_model(name, served.chat()))
        if made_with and made_with.dtype == SERVED:
            raise MemoryMismatchError(f"this memory is held by {made_with.model}; use that model, not {name}")
        source = replace(
            self._hub,
            name=name,
            device=options.device,
            dtype=made_with.dtype if made_with and options.dtype == "auto" else options.dtype,
            load_in_4bit=options.load_in_4bit or bool(made_with and made_with.quantization),
            flash_attention=options.enable_flash_attn,
            minference=options.minference,
        ).resolved()
        return self._once(source, lambda: LocalMemoryModel(load_language_model(source)))

    def embeddings(self, name: str) -> Embeddings:
        """Return an embedding model, loading it the first time; one without a name embeds nothing.

        Raises:
            ModelError: If it cannot be loaded.
        """
        if not name:
            return NoEmbeddings()
        return self._once(("embeddings", name), lambda: load_embeddings(replace(self._hub, name=name)))

    def embedding_name(self, name: str) -> str:
        """Return the name by which an embedding model is known everywhere."""
        return name if ("embeddings", name) in self._models else absolute_name(name)

    def add_reranker(self, name: str, reranker: "Reranker") -> None:
        """Make a reranker known by a name, which options may then use."""
        self._models["reranker", name] = reranker

    def reranker(self, name: str) -> "Reranker | None":
        """Return a reranker, loading it the first time; None for no name.

        Raises:
            ModelError: If it cannot be loaded.
        """
        if not name:
            return None
        from memorag_graph.retrieval.rerank import CrossEncoderReranker

        load = partial(load_cross_encoder, replace(self._hub, name=name))
        return self._once(("reranker", name), lambda: CrossEncoderReranker(load()))

    def added_chat_model(self, name: str) -> "BaseChatModel | None":
        """Return the chat model that was added under a name, if there is one."""
        return self._models.get(("chat", name))

    def models_of(self, made_with: "Identity", options: RunOptions) -> "tuple[MemoryModel, Embeddings]":
        """Return the models for a memory: those the options name, else its own.

        Raises:
            MemoryMismatchError: If they are others than those the memory was made with.
            ModelError: If they cannot be loaded.
        """
        from memorag_graph.memory.memory import Identity

        model = self.memory_model(options.model or made_with.model, options, made_with)
        embedding_model = made_with.embedding_model and self.embedding_name(
            options.embedding_model or made_with.embedding_model
        )
        made_with.require(Identity.of(model.language_model, embedding_model))
        return model, self.embeddings(embedding_model)

    def _once(self, key: Hashable, load: Callable[[], Loaded]) -> Loaded:
        with self._lock_of(key):
            if key not in self._models:
                self._models[key] = load()
            loaded: Loaded = self._models[key]
            return loaded

    def _lock_of(self, key: Hashable) -> threading.Lock:
        with self._lock:
            return self._locks.setdefault(key, threading.Lock())
