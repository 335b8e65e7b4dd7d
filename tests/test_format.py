"""An independent reader, written from docs/memory-format.md without the package's code, reads saved memories."""

import hashlib
import json
import re
from pathlib import Path

import faiss
import numpy as np
import pytest
from safetensors import safe_open

from memorag_graph.documents import Document
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.storage.checksums import BLOCK_BYTES, describe_file, is_as_described
from memorag_graph.memory.storage.memory_files import save_memory
from memorag_graph.prompts import Prompts
from tests.conftest import SETTINGS, HashEmbeddings, build, index_memory

DOCUMENTED = (Path(__file__).parent.parent / "docs" / "memory-format.md").read_text(encoding="utf-8")


PRUNED = {"kind": "full", "kv_keep": 0.5}


@pytest.fixture(
    params=[
        {"kv_storage": "exact"},
        {"kv_storage": "float16"},
        {"kv_storage": "int8"},
        {"kv_storage": "int4"},
        {**PRUNED, "kv_storage": "int8"},
    ],
    ids=["exact", "float16", "int8", "int4", "pruned"],
)
def saved(
    request: pytest.FixtureRequest,
    memory_model: LocalMemoryModel,
    documents: list[Document],
    prompts: Prompts,
    tmp_path: Path,
) -> tuple[Memory, Path]:
    settings = SETTINGS.model_copy(update=request.param)
    memory = build(memory_model, documents, prompts, settings, embedding_model="hash")
    save_memory(tmp_path, memory, index_memory(memory, documents, memory_model.language_model, HashEmbeddings()))
    return memory, tmp_path


def unpacked(packed: np.ndarray, bits: int) -> np.ndarray:
    parts = [(packed >> shift) & (2**bits - 1) for shift in range(0, 8, bits)]
    return np.stack(parts, axis=-1).reshape(*packed.shape[:-1], -1)


def read_layer(tensors: dict[str, np.ndarray], number: int, storage: str) -> tuple[np.ndarray, np.ndarray]:
    layer = {
        name.removeprefix(f"layers.{number}."): tensor.astype(np.float32) if tensor.dtype != np.uint8 else tensor
        for name, tensor in tensors.items()
        if name.startswith(f"layers.{number}.")
    }
    keys, values = layer["keys"], layer["values"]
    if storage == "exact":
        return keys, values
    if storage == "int4":
        keys = unpacked(keys, 4) + 16 * unpacked(layer["keys.high"], 1)
        values = unpacked(values, 4)
    tokens = keys.shape[1]
    if storage == "float16":
        keys[:, :2], values[:, :2] = layer["keys.first"], layer["values.first"]
        return keys, values
    runs = np.arange(tokens) // 256
    keys = keys * layer["keys.scale"][:, runs] + layer["keys.zero"][:, runs]
    values = (values.astype(np.float32) - layer["values.zero"]) * layer["values.scale"]
    frequencies = tensors["rotary_frequencies"]
    half = len(frequencies)
    angle = np.arange(tokens)[:, None] * frequencies
    first, second = keys[..., :half].copy(), keys[..., half : 2 * half].copy()
    keys[..., :half] = first * np.cos(angle) - second * np.sin(angle)
    keys[..., half : 2 * half] = second * np.cos(angle) + first * np.sin(angle)
    keys[:, :2], values[:, :2] = layer["keys.first"], layer["values.first"]
    return keys, values


def test_keys_and_values_are_read_as_documented(saved: tuple[Memory, Path]) -> None:
    memory, directory = saved
    manifest = json.loads((directory / "manifest.json").read_text())
    storage = manifest["settings"]["kv_storage"]
    for number, described in enumerate(manifest["shards"]):
        with safe_open(directory / described["file"], framework="np") as stored:
            tensors = {name: stored.get_tensor(name) for name in stored.keys()}  # noqa: SIM118
            metadata = json.loads(stored.metadata()["memory"])
        assert set(metadata) == {"prompts", "prompt_overrides", "language", "identity"}
        shard = memory.shards[number]
        assert tensors["token_ids"].dtype == np.int32
        assert tuple(tensors["token_ids"]) == shard.token_ids
        assert (described["tokens"], described["kept"]) == (len(shard.token_ids), shard.kv.length)
        assert (described["kept"] < described["tokens"]) == (manifest["settings"]["kv_keep"] < 1)
        for layer, (keys, values) in enumerate(shard.kv.layers):
            read_keys, read_values = read_layer(tensors, layer, storage)
            np.testing.assert_allclose(read_keys, keys.numpy(), atol=1e-4)
            np.testing.assert_allclose(read_values, values.numpy(), atol=1e-4)
        for name in tensors:
            assert name.split(".", 2)[-1] in DOCUMENTED


def test_a_large_file_is_also_hashed_in_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert f"{BLOCK_BYTES:,}" in DOCUMENTED
    monkeypatch.setattr("memorag_graph.memory.storage.checksums.BLOCK_BYTES", 100)
    path = tmp_path / "file"
    data = bytes(range(250))
    for size in (0, 100, 101, 250):
        path.write_bytes(data[:size])
        described = describe_file(path)
        assert described["sha256"] == hashlib.sha256(data[:size]).hexdigest()
        blocks = [hashlib.sha256(data[start : min(start + 100, size)]).hexdigest() for start in range(0, size, 100)]
        assert described.get("blocks", blocks) == blocks
        assert ("blocks" in described) == (size > 100)
        assert is_as_described(path, described)
        assert is_as_described(path, {key: described[key] for key in ("bytes", "sha256")}), "as older versions wrote"
        path.write_bytes(data[: size // 2])
        assert not is_as_described(path, described) or size == 0, "truncated meanwhile"
        for flipped in range(size):
            path.write_bytes(data[:flipped] + bytes([data[flipped] ^ 1]) + data[flipped + 1 : size])
            assert not is_as_described(path, described)


def documented_settings() -> set[str]:
    """Names in the manifest's row on settings, without the remarks in brackets and the values they mention."""
    row = next(line for line in DOCUMENTED.splitlines() if line.startswith("| `settings` |"))
    return set(re.findall("`([a-z_]+)`", re.sub(r"\([^)]*\)", "", row))) - {"settings"}


def test_the_manifest_is_the_documented_one(saved: tuple[Memory, Path]) -> None:
    _, directory = saved
    manifest = json.loads((directory / "manifest.json").read_text())
    assert manifest["format"] == 2
    for key in (*manifest, *manifest["identity"], *manifest["settings"]):
        assert f"`{key}`" in DOCUMENTED
    assert set(manifest["settings"]) == documented_settings()
    assert {name: type(value) for name, value in manifest["identity"].items()} == {
        "model": str,
        "model_fingerprint": str,
        "tokenizer_fingerprint": str,
        "dtype": str,
        "window": int,
        "embedding_model": str,
    }
    for name, described in manifest["files"].items():
        data = (directory / name).read_bytes()
        assert described == {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()}
    seal = manifest.pop("sha256")
    assert seal == hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()


def test_notes_chunks_and_vectors_are_read_as_documented(saved: tuple[Memory, Path], documents: list[Document]) -> None:
    _, directory = saved
    text = documents[0].text
    notes = json.loads((directory / "notes.json").read_text())
    assert all(set(note) == {"document", "start", "end", "key", "text"} for note in notes)
    assert [note["start"] for note in notes] == sorted(note["start"] for note in notes)
    chunks = json.loads((directory / "chunks.json").read_text())
    assert all(text[chunk["start"] : chunk["end"]] == chunk["text"] for chunk in chunks)
    vectors = faiss.read_index(str(directory / "index.bin")).reconstruct_n(0, len(chunks))
    for chunk, vector in zip(chunks, vectors, strict=True):
        expected = np.array(HashEmbeddings().embed_query(chunk["text"]))
        np.testing.assert_allclose(vector, expected / np.linalg.norm(expected), atol=1e-5)
