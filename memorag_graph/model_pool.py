"""The models that a process keeps loaded, reached by name."""

from collections.abc import Callable, Hashable
from copy import copy
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from langchain_core.embeddings import Embeddings

from memorag_graph.errors import InputError, MemoryMismatchError
from memorag_graph.locks import NamedLocks
from memorag_graph.models.embedded import EMBEDDED, EMBEDDED_ADAPTER
from memorag_graph.models.loading import (
    ModelSource,
    absolute_name,
    default_embedding_model,
    load_cross_encoder,
    load_embeddings,
    load_embeddings_on_one_processor,
    load_language_model,
)
from memorag_graph.ram import freeze_loaded
from memorag_graph.retrieval.no_index import NoEmbeddings
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from langchain_core.language_models import BaseChatModel

    from memorag_graph.memory.kv_memory import Identity
    from memorag_graph.memory.memory_model import MemoryModel
    from memorag_graph.models.language_model import LanguageModel
    from memorag_graph.retrieval.chunk_index import IndexKind
    from memorag_graph.retrieval.rerank import Reranker

NO_INDEX = "none"

ModelKind = Literal["model", "embeddings", "chat", "reranker", "index"]
"""What can be registered under a name."""

Loaded = TypeVar("Loaded")


@dataclass(frozen=True, slots=True)
class _AdapterKey:
    """A loaded model, which the pool keeps, and the file of an adapter for it."""

    model: int
    path: Path


class ModelPool:
    """Loads each model once and hands it out. Thread-safe.

    Args:
        cache_dir: Directory for downloads from the model hub; by default the library's.
        access_token: Token for gated models of the hub.
    """

    def __init__(self, *, cache_dir: str | None = None, access_token: str | None = None) -> None:
        self._hub = ModelSource("", cache_dir=cache_dir, access_token=access_token)
        self._models: dict[Hashable, Any] = {}
        self._locks = NamedLocks()
        self._salt = ""
        self._tenant = ""

    def apart(self, salt: str, tenant: str = "") -> "ModelPool":
        """Return the same models for other users, with whom only caches of the same salt are shared.

        Args:
            salt: Names the caches of this process.
            tenant: Whose caches on inference servers are used; by default those that this pool uses.
        """
        other = copy(self)
        other._salt = salt
        other._tenant = tenant or self._tenant
        return other

    def add(self, kind: ModelKind, name: str, model: object) -> None:
        """Register something loaded under a name that options may then use."""
        self._models[kind, name] = model

    def loaded_models(self) -> list[str]:
        """Return the names of the models that are loaded."""
        keys = list(self._models)
        loaded = {key.name for key in keys if isinstance(key, ModelSource)}
        return sorted(loaded | {str(key[-1]) for key in keys if isinstance(key, tuple)})

    def index_kind(self, name: str) -> "IndexKind":
        """Return an index kind by name.

        Raises:
            InputError: If the name is unknown.
        """
        from memorag_graph.retrieval.dense_index import FaissKind
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
            options: How it runs, if it runs here.
            made_with: The models of a memory that it is to continue; used for what the options leave open.

        Raises:
            ModelError: If it or its adapter cannot be loaded.
            InputError: If the device or dtype is unknown, or an adapter is named for a served model.
            MemoryMismatchError: If the memory to continue was made with a served model.
        """
        from memorag_graph.memory.backends.served import served_memory_model
        from memorag_graph.models.served_language_model import SERVED
        from memorag_graph.providers.provider_models import ProviderModel

        if options.adapter:
            plain = self.memory_model(name, options.model_copy(update={"adapter": ""}), made_with)
            path = EMBEDDED_ADAPTER if options.adapter == EMBEDDED else Path(options.adapter).resolve()
            return self._adapted(plain, path)
        added: MemoryModel | None = self._models.get(("model", name))
        if added is not None:
            return self._of_tenant(added)
        if (served := ProviderModel.named(name)) is not None:
            if options.load_in_4bit:
                raise InputError("load_in_4bit", f"is for models that run here, not for {name}")
            return self._of_tenant(self._once(("model", name), lambda: served_memory_model(name, served.chat())))
        if made_with and made_with.dtype == SERVED:
            raise MemoryMismatchError(
                f"this memory was made with {made_with.model}, a served model; use it, not {name}"
            )
        is_quantized = bool(made_with and made_with.quantization)
        keeps_dtype = is_quantized and options.dtype == "auto"  # 4-bit weights depend on the dtype they are made from
        source = replace(
            self._hub,
            name=name,
            device=options.device,
            dtype=made_with.dtype if made_with and keeps_dtype else options.dtype,
            preferred_dtype=made_with.dtype if made_with else "",
            load_in_4bit=options.load_in_4bit or is_quantized,
            flash_attention=options.enable_flash_attn,
            minference=options.minference,
            fast_paths=options.fast_paths,
        ).resolved()
        return self._once(source, lambda: _memory_model(load_language_model(source)))

    def preload(self, options: RunOptions) -> None:
        """Load the models that options name, or the embedded pair, and have garbage collections leave them alone.

        Raises:
            ModelError: If one cannot be loaded.
            InputError: If the device or dtype is unknown.
        """
        model = options.model or EMBEDDED
        self.embeddings(options.embedding_model or default_embedding_model(model)).embed_query("ready")
        self.memory_model(model, options)
        freeze_loaded()

    def embeddings(self, name: str) -> Embeddings:
        """Return an embedding model, loading it the first time; an empty name gives one that embeds nothing.

        Raises:
            ModelError: If it cannot be loaded.
        """
        if not name:
            return NoEmbeddings()
        from memorag_graph.models.embedding_cache import CachedEmbeddings

        found = self._once(("embeddings", name), lambda: load_embeddings(replace(self._hub, name=name)))
        return found.apart(self._salt) if isinstance(found, CachedEmbeddings) else found

    def loader(self, name: str) -> Callable[[], Embeddings]:
        """Return what loads an embedding model in another process, where it computes on one processor.

        One that was added to this pool is sent there as it is.
        """
        from memorag_graph.models.embedding_cache import CachedEmbeddings

        found: Embeddings | None = self._models.get(("embeddings", name))
        if found is None or isinstance(found, CachedEmbeddings):
            return partial(load_embeddings_on_one_processor, replace(self._hub, name=name))
        return partial(_added, found)

    def embedding_name(self, name: str) -> str:
        """Return the name of an embedding model, as an absolute path if it is a directory."""
        return name if ("embeddings", name) in self._models else absolute_name(name)

    def reranker(self, name: str) -> "Reranker | None":
        """Return a reranker, loading it the first time; None for an empty name.

        Raises:
            ModelError: If it cannot be loaded.
        """
        if not name:
            return None
        from memorag_graph.retrieval.rerank import CrossEncoderReranker

        source = replace(self._hub, name=name)
        return self._once(("reranker", name), lambda: CrossEncoderReranker(load_cross_encoder(source)))

    def added_chat_model(self, name: str) -> "BaseChatModel | None":
        """Return the chat model added under a name, or None."""
        return self._models.get(("chat", name))

    def models_of(self, made_with: "Identity", options: RunOptions) -> "tuple[MemoryModel, Embeddings]":
        """Return the models for a memory: those the options name, else its own.

        The memory model may compute in another dtype than the memory was made in: keys and values can be converted.

        Raises:
            MemoryMismatchError: If they differ from those the memory was made with.
            ModelError: If they cannot be loaded, or a server that cannot be reached may differ.
        """
        from memorag_graph.memory.backends.served import ServedMemoryModel
        from memorag_graph.memory.kv_memory import Identity

        model = self.memory_model(options.model or made_with.model, options, made_with)
        embedding_model = made_with.embedding_model and self.embedding_name(
            options.embedding_model or made_with.embedding_model
        )
        try:
            made_with.require(Identity.of(model.language_model, embedding_model), same_dtype=False)
        except MemoryMismatchError:
            if isinstance(model, ServedMemoryModel):
                model.require_known()
            raise
        return model, self.embeddings(embedding_model)

    def require_named(self, made_with: "Identity", options: RunOptions, directory: Path) -> None:
        """Check that the caller named or loaded the models of a memory that was made elsewhere.

        Loading a model may download it, or send questions to a server, so a stranger's file does not decide it.

        Args:
            made_with: The models that the memory names.
            options: What the caller named.
            directory: The memory's directory.

        Raises:
            InputError: If the memory names a model that the caller did not, other than the embedded ones.
        """
        named = {"model": options.model, "embedding_model": options.embedding_model}
        for field, chosen in named.items():
            name = getattr(made_with, field)
            if not (chosen or name in ("", EMBEDDED) or name in self.loaded_models()):
                elsewhere = f"the memory in {directory} was made elsewhere and names the model {name!r}"
                raise InputError(field, f"{elsewhere}; name it too if you trust it")

    def salted(self, name: str, chat: "BaseChatModel") -> "BaseChatModel":
        """Return the chat model of a served model that reads the cache of its tenant.

        That is this pool's, else that of the memory model that was added under the name, if one was.

        Args:
            name: The model's name, such as ``"openai:NAME"``.
            chat: Its chat model.
        """
        from memorag_graph.memory.backends.served import ServedMemoryModel

        may_have_tenant = self._tenant or ("model", name) in self._models
        model = self.memory_model(name, RunOptions()) if may_have_tenant else None
        return model.salted(chat) if isinstance(model, ServedMemoryModel) else chat

    def _of_tenant(self, model: "MemoryModel") -> "MemoryModel":
        return model.of_tenant(self._tenant) if self._tenant else model

    def _adapted(self, model: "MemoryModel", path: Path) -> "MemoryModel":
        """Return a loaded memory model with an adapter, loading the adapter the first time."""
        from memorag_graph.memory.backends.local import LocalMemoryModel
        from memorag_graph.models.adapter import load_adapter

        if not isinstance(model, LocalMemoryModel):
            raise InputError("adapter", f"is for models that run here, not for {model.language_model.name}")
        key = _AdapterKey(id(model), path)
        return self._once(key, lambda: model.with_adapter(load_adapter(path, model.language_model)))

    def _once(self, key: Hashable, load: Callable[[], Loaded]) -> Loaded:
        with self._locks[key]:
            if key not in self._models:
                self._models[key] = load()
            loaded: Loaded = self._models[key]
            return loaded


def _memory_model(language_model: "LanguageModel") -> "MemoryModel":
    """Return the memory model over a local language model."""
    from memorag_graph.beacon.memory_kind import BeaconMemoryModel
    from memorag_graph.memory.backends.local import LocalMemoryModel

    return LocalMemoryModel(language_model) if language_model.beacons is None else BeaconMemoryModel(language_model)


def _added(embeddings: Embeddings) -> Embeddings:
    return embeddings
