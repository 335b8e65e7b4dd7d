"""Save and load a memory and its index; ``docs/memory-format.md`` describes the files."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from langchain_core.embeddings import Embeddings
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file

from memorag_graph.disk_errors import advice, damaged_or_unreadable, os_error_in
from memorag_graph.documents import Document, PageMap
from memorag_graph.errors import MemoryFileError
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.kv_memory import DocumentInfo, Identity, Memory
from memorag_graph.memory.section_note import SectionNote
from memorag_graph.memory.storage.manifest import EMBEDDED, FORMAT_VERSION, is_embedded, read_info
from memorag_graph.memory.storage.transaction import FileCheck, Writer, is_committed, open_verified, write_together
from memorag_graph.models.compute_threads import compute
from memorag_graph.prompts import MEMORY_PROMPTS, Prompts
from memorag_graph.retrieval.chunk_index import IndexKind, KeptInFile
from memorag_graph.retrieval.dense_index import FaissKind
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.memory_index import MemoryIndex, chunk_names
from memorag_graph.settings import MemorySettings
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import language
from memorag_graph.version import __version__

INDEX_FILE = "index.bin"
KEYWORDS_FILE = "keywords.bin"
CHUNKS_FILE = "chunks.json"
NOTES_FILE = "notes.json"

UNREAD_FILE = "unread.json"
"""The texts and prompts of a memory without shards, from which it is made."""

FILES = ("memory.bin", NOTES_FILE, CHUNKS_FILE, INDEX_FILE, KEYWORDS_FILE)
"""The files of a memory with one shard, without its manifest."""

_OLDER_SETTINGS = {"gist_writer": "model"}
"""Settings of memories that were saved before these were settings."""


def shard_file(number: int) -> str:
    """Return the file name of a shard, counted from 0."""
    return f"memory.{number}.bin" if number else "memory.bin"


def save_memory(directory: Path, memory: Memory, index: MemoryIndex, texts: Sequence[str] = ()) -> None:
    """Write a memory and its index in one step: concurrent readers see either the old memory or the new one.

    Args:
        directory: Directory to write to; created if needed.
        memory: The memory.
        index: The index over its documents' chunks.
        texts: The documents' texts, to make the memory from if it has no shards yet.

    Raises:
        MemoryFileError: If the directory cannot be written; then it has the old memory or the new one.
    """
    manifest = {
        "format": FORMAT_VERSION,
        "memory_id": memory.id,
        "kind": memory.settings.kind,
        "identity": memory.identity.to_dict(),
        "language": memory.prompts.language.code,
        "documents": [document.to_dict() for document in memory.documents],
        "settings": memory.settings.model_dump(),
        "shards": [
            {"file": shard_file(number), "tokens": len(shard.token_ids), "kept": shard.kv.length}
            for number, shard in enumerate(memory.shards)
        ],
        "memory_tokens": memory.memory_tokens,
        "chunks": len(index.chunks),
        **({} if index.is_embedded else {EMBEDDED: False}),
        "written_by": f"memorag-graph {__version__}",
    }
    writers: dict[str, Writer] = {
        CHUNKS_FILE: _json_writer([asdict(chunk) for chunk in index.chunks]),
        NOTES_FILE: _json_writer([note.to_dict() for note in memory.notes]),
    }
    if isinstance(index.vectors, KeptInFile):
        writers[INDEX_FILE] = index.vectors.save
    if index.keywords is not None:
        writers[KEYWORDS_FILE] = index.keywords.save
    writers |= {shard_file(number): _shard_writer(memory, shard) for number, shard in enumerate(memory.shards)}
    if not memory.is_whole:
        writers[UNREAD_FILE] = _json_writer({"texts": list(texts), **_described(memory)})
    try:
        write_together(directory, writers, manifest)
    except OSError as error:
        raise MemoryFileError(
            f"{directory} cannot be written ({error}); {advice(error)} or give another --save-dir"
        ) from error


def read_identity(manifest: Mapping[str, Any]) -> Identity:
    """Return the identity of the models that a saved memory was made with."""
    return Identity(**manifest["identity"])


_MOST_RENAMED = 5
"""Attempts to load a memory whose writer is renaming files: each may meet another file at the moment it is renamed."""


def load_memory(
    directory: Path,
    embeddings: Embeddings,
    *,
    memory_id: str | None = None,
    check: FileCheck = "full",
    device: str = "cpu",
    index_kind: IndexKind | None = None,
) -> tuple[Memory, MemoryIndex]:
    """Load a memory and its index. Keys and values stored exactly are memory-mapped.

    If the memory is replaced meanwhile, loading starts again.

    Args:
        directory: The memory's directory.
        embeddings: The model that embeds queries.
        memory_id: The expected memory; None means any.
        check: How each file is compared with the manifest before it is used.
        device: Device for the keys and values.
        index_kind: Where the index is stored; by default in a file of the memory.

    Raises:
        MemoryFileError: If a file is missing or damaged, or the directory holds another memory.
        MemoryUnreadableError: If a file cannot be read.
    """
    failed: list[dict[str, Any]] = []
    while True:
        manifest = read_info(directory)
        if memory_id not in (None, manifest["memory_id"]):
            raise MemoryFileError(f"{directory} holds another memory than {memory_id}")
        most = _MOST_RENAMED if is_committed(directory) else 1
        try:
            loaded = _load(directory, manifest, embeddings, check, torch.device(device), index_kind or FaissKind())
        except MemoryFileError:
            failed = [*(it for it in failed if it == manifest), manifest]
            if len(failed) > most:  # until then, a writer may be renaming the files
                raise
        else:
            if read_info(directory) == manifest:
                return loaded


def _load(
    directory: Path,
    manifest: Mapping[str, Any],
    embeddings: Embeddings,
    check: FileCheck,
    device: torch.device,
    index_kind: IndexKind,
) -> tuple[Memory, MemoryIndex]:
    def path(name: str) -> Path:
        return open_verified(directory, name, manifest, check)

    try:
        chunks = [Chunk(**chunk) for chunk in _read_json(path(CHUNKS_FILE))]
        documents = tuple(DocumentInfo.from_dict(document) for document in manifest["documents"])
        page_maps = {document.source: document.page_map for document in documents}
        index = _read_index(manifest, chunks, embeddings, index_kind, page_maps, path)
        settings = MemorySettings(**{**_OLDER_SETTINGS, **manifest["settings"]})
        read = [_read_shard(path(shard["file"]), settings, device) for shard in manifest["shards"]]
        memory = Memory(
            id=manifest["memory_id"],
            shards=tuple(shard for shard, _ in read),
            notes=tuple(SectionNote(**note) for note in _read_json(path(NOTES_FILE))),
            documents=documents,
            prompts=_read_prompts(read[0][1] if read else _read_json(path(UNREAD_FILE))),
            settings=settings,
            identity=read_identity(manifest),
        )
    except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
        raise MemoryFileError(f"{directory} is not a memory of this format ({error}); memorize it again") from None
    return memory, index


def _read_index(
    manifest: Mapping[str, Any],
    chunks: Sequence[Chunk],
    embeddings: Embeddings,
    index_kind: IndexKind,
    page_maps: Mapping[str, PageMap],
    path: Callable[[str], Path],
) -> MemoryIndex:
    code = manifest["language"]
    keywords = None
    if KEYWORDS_FILE in manifest["files"]:
        keywords = KeywordIndex.load(path(KEYWORDS_FILE), chunks, code, lambda: chunk_names(chunks, page_maps))
    if not is_embedded(manifest):
        return MemoryIndex.of_words(chunks, embeddings, code, page_maps, keywords)
    vectors = index_kind.load(manifest["memory_id"], chunks, embeddings, lambda: path(INDEX_FILE))
    return MemoryIndex(vectors, keywords) if keywords else MemoryIndex.of(vectors, code, page_maps)


def read_unread(directory: Path) -> list[Document]:
    """Return the documents of a memory without shards.

    Raises:
        MemoryFileError: If it is whole, missing or damaged.
        MemoryUnreadableError: If a file cannot be read.
    """
    manifest = read_info(directory)
    described = [DocumentInfo.from_dict(document) for document in manifest["documents"]]
    try:
        texts = _read_json(open_verified(directory, UNREAD_FILE, manifest))["texts"]
        return [Document(it.source, text, it.page_map, it.notices) for it, text in zip(described, texts, strict=True)]
    except (LookupError, TypeError, ValueError) as error:
        raise MemoryFileError(f"{directory} holds no texts to read ({error}); memorize them again") from None


def _described(memory: Memory) -> dict[str, Any]:
    return {
        "prompts": memory.prompts.resolved(),
        "prompt_overrides": dict(memory.prompts.overrides),
        "language": memory.prompts.language.code,
        "identity": memory.identity.to_dict(),
    }


def _shard_writer(memory: Memory, shard: Shard) -> Writer:
    described = _described(memory)

    def write(path: Path) -> None:
        tensors = {"token_ids": torch.tensor(shard.token_ids, dtype=torch.int32), **shard.stored}
        try:
            save_file(tensors, path, metadata={"memory": json.dumps(described, ensure_ascii=False)})
        except SafetensorError as error:  # caused by the disk, for example if it is full
            raise os_error_in(error) or OSError(str(error)) from error

    return write


def _read_shard(path: Path, settings: MemorySettings, device: torch.device) -> tuple[Shard, dict[str, Any]]:
    """Return a shard and the metadata of its file."""
    try:
        with safe_open(path, framework="pt") as stored:
            described = json.loads(stored.metadata()["memory"])
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118 - not a dict
        token_ids = tensors.pop("token_ids").tolist()
        return compute(device, lambda: Shard.restored(token_ids, tensors, settings.kv_storage, device)), described
    except (OSError, SafetensorError, KeyError, TypeError, ValueError) as error:
        raise damaged_or_unreadable(path, error) from None
    except RuntimeError as error:
        if os_error_in(error) is None:  # PyTorch opens the file a second time
            raise
        raise damaged_or_unreadable(path, error) from None


def _read_prompts(described: Mapping[str, Any]) -> Prompts:
    """Return the prompts a memory was made with, even if the built-in ``context`` or ``gist`` has changed since."""
    built_in = Prompts(language(described["language"]))
    own = {key: described["prompts"][key] for key in MEMORY_PROMPTS if described["prompts"][key] != built_in[key]}
    return Prompts(built_in.language, {**own, **described["prompt_overrides"]})


def _json_writer(content: Sequence[Mapping[str, Any]] | Mapping[str, Any]) -> Writer:
    def write(path: Path) -> None:
        path.write_text(json.dumps(content, ensure_ascii=False), encoding="utf-8")

    return write


def _read_json(path: Path) -> Any:  # noqa: ANN401 - whatever was written
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise damaged_or_unreadable(path, error) from None
    return content
