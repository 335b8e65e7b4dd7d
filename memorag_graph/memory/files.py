"""A memory and its index on disk: ``memory.bin``, ``index.bin``, ``chunks.json``, ``manifest.json``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from langchain_core.embeddings import Embeddings
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from memorag_graph import __version__
from memorag_graph.chunking import Chunk
from memorag_graph.errors import MemoryFileError
from memorag_graph.kv.cache import KVPrefix
from memorag_graph.languages import language
from memorag_graph.memory.atomic import Writer, open_verified, write_together
from memorag_graph.memory.gists import Gist
from memorag_graph.memory.manifest import FORMAT_VERSION, read_info
from memorag_graph.memory.memory import DocumentInfo, Identity, Memory
from memorag_graph.prompts import OWN_PROMPTS, Prompts
from memorag_graph.retrieval.index import DenseIndex
from memorag_graph.settings import MemorySettings

MEMORY_FILE = "memory.bin"
INDEX_FILE = "index.bin"
CHUNKS_FILE = "chunks.json"


def save_memory(directory: Path, memory: Memory, index: DenseIndex) -> None:
    """Write a memory and its index; a reader meanwhile sees what was there before.

    Args:
        directory: Where to; created if needed.
        memory: The memory.
        index: The index over its documents' chunks.

    Raises:
        MemoryFileError: If the directory cannot be written.
    """
    manifest = {
        "format": FORMAT_VERSION,
        "memory_id": memory.id,
        "kind": "gist",
        "identity": memory.identity.to_dict(),
        "language": memory.prompts.language.code,
        "documents": [document.to_dict() for document in memory.documents],
        "settings": memory.settings.model_dump(),
        "memory_tokens": memory.kv.length,
        "chunks": len(index.chunks),
        "written_by": f"memorag-graph {__version__}",
    }
    writers: dict[str, Writer] = {
        MEMORY_FILE: lambda path: _write_memory(path, memory),
        INDEX_FILE: index.save,
        CHUNKS_FILE: lambda path: _write_chunks(path, index.chunks),
    }
    try:
        write_together(directory, writers, manifest)
    except OSError as error:
        raise MemoryFileError(f"{directory} cannot be written ({error}); give another --save-dir") from error


def read_identity(manifest: Mapping[str, Any]) -> Identity:
    """Return what a saved memory was made with."""
    return Identity(**manifest["identity"])


def load_memory(directory: Path, embeddings: Embeddings) -> tuple[Memory, DenseIndex]:
    """Read a memory and its index. Keys and values are mapped, not read.

    A memory that is replaced meanwhile is read again from the start.

    Args:
        directory: Where it is.
        embeddings: The model that embeds queries.

    Raises:
        MemoryFileError: If a file is missing or damaged.
    """
    while True:
        manifest = read_info(directory)
        try:
            loaded = _load(directory, manifest, embeddings)
        except (OSError, MemoryFileError) as error:
            if read_info(directory) == manifest:
                raise MemoryFileError(str(error)) from error
        else:
            if read_info(directory) == manifest:
                return loaded


def _load(directory: Path, manifest: Mapping[str, Any], embeddings: Embeddings) -> tuple[Memory, DenseIndex]:
    chunks = _read_chunks(open_verified(directory, CHUNKS_FILE, manifest))
    index = DenseIndex.load(open_verified(directory, INDEX_FILE, manifest), chunks, embeddings)
    return _read_memory(open_verified(directory, MEMORY_FILE, manifest), manifest), index


def _write_memory(path: Path, memory: Memory) -> None:
    tensors = {"token_ids": torch.tensor(memory.token_ids, dtype=torch.int64)}
    for number, (keys, values) in enumerate(memory.kv.layers):
        tensors[f"layers.{number}.keys"] = keys.contiguous()
        tensors[f"layers.{number}.values"] = values.contiguous()
    described = {
        "gists": [gist.to_dict() for gist in memory.gists],
        "prompts": memory.prompts.resolved(),
        "prompt_overrides": dict(memory.prompts.overrides),
        "language": memory.prompts.language.code,
        "identity": memory.identity.to_dict(),
    }
    save_file(tensors, path, metadata={"memory": json.dumps(described, ensure_ascii=False)})


def _read_memory(path: Path, manifest: Mapping[str, Any]) -> Memory:
    try:
        with safe_open(path, framework="pt") as stored:
            described = json.loads(stored.metadata()["memory"])
            layers = sum(name.endswith(".keys") for name in stored.keys())  # noqa: SIM118 - not a dict
            kv = KVPrefix(
                tuple(
                    (stored.get_tensor(f"layers.{number}.keys"), stored.get_tensor(f"layers.{number}.values"))
                    for number in range(layers)
                )
            )
            token_ids = tuple(stored.get_tensor("token_ids").tolist())
    except (SafetensorError, KeyError, TypeError, ValueError) as error:
        raise MemoryFileError(f"{path} is damaged ({error}); memorize the document again") from None
    return Memory(
        id=manifest["memory_id"],
        kv=kv,
        token_ids=token_ids,
        gists=tuple(Gist(**gist) for gist in described["gists"]),
        documents=tuple(DocumentInfo(**document) for document in manifest["documents"]),
        prompts=_read_prompts(described),
        settings=MemorySettings(**manifest["settings"]),
        identity=read_identity(manifest),
    )


def _read_prompts(described: Mapping[str, Any]) -> Prompts:
    """Return the prompts a memory was made with; its own two stay even if the built-in ones have changed since."""
    built_in = Prompts(language(described["language"]))
    own = {key: described["prompts"][key] for key in OWN_PROMPTS if described["prompts"][key] != built_in[key]}
    return Prompts(built_in.language, {**own, **described["prompt_overrides"]})


def _write_chunks(path: Path, chunks: Sequence[Chunk]) -> None:
    path.write_text(json.dumps([asdict(chunk) for chunk in chunks], ensure_ascii=False), encoding="utf-8")


def _read_chunks(path: Path) -> list[Chunk]:
    return [Chunk(**chunk) for chunk in json.loads(path.read_text(encoding="utf-8"))]
