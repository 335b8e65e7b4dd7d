"""Memories on disk: saving and loading round-trips, damaged files are named, changes are atomic."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memorag_graph.documents import Document
from memorag_graph.errors import MemoragError, MemoryFileError
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.storage import memory_files, transaction
from memorag_graph.memory.storage.manifest import FORMAT_VERSION, find_memories, read_info, verify
from memorag_graph.memory.storage.memory_files import load_memory, save_memory
from memorag_graph.memory.storage.sealed_manifest import sealed
from memorag_graph.memory.storage.transaction import read_manifest, write_together
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from tests.conftest import SETTINGS, TEXT, HashEmbeddings, build, split_documents
from tests.test_memory import QUESTIONS, ask, assert_same_shards
from tests.warm_process import run_warm

ROOT = Path(__file__).parent.parent
FILES = ("memory.bin", "index.bin", "keywords.bin", "chunks.json", "notes.json", "manifest.json")


@pytest.fixture(scope="module")
def originals() -> dict[str, Path]:
    """Memories that were saved once, by the name of their model."""
    return {}


@pytest.fixture
def saved(
    memory_model: LocalMemoryModel,
    documents: list[Document],
    prompts: Prompts,
    originals: dict[str, Path],
    tmp_path_factory: pytest.TempPathFactory,
    tmp_path: Path,
) -> Path:
    """A copy of a saved memory."""
    name = memory_model.language_model.name
    if name not in originals:
        originals[name] = tmp_path_factory.mktemp(name)
        memory = build(memory_model, documents, prompts, SETTINGS, embedding_model="hash")
        save(memory, memory_model, documents, originals[name])
    return shutil.copytree(originals[name], tmp_path / "saved")


def save(memory: Memory, model: LocalMemoryModel, documents: list[Document], directory: Path) -> None:
    chunks = split_documents(documents, model.language_model, SETTINGS.retrieval_chunk_size)
    save_memory(directory, memory, MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en"))


def test_a_loaded_memory_is_the_saved_one_and_answers_the_same(
    memory_model: LocalMemoryModel, documents: list[Document], prompts: Prompts, tmp_path: Path
) -> None:
    overridden = Prompts(prompts.language, {"gist": "{context}\n\nIn short:"})
    memory = build(memory_model, documents, overridden, SETTINGS, embedding_model="hash")
    save(memory, memory_model, documents, tmp_path)
    loaded, index = load_memory(tmp_path, HashEmbeddings())
    assert_same_shards(loaded, memory)
    for field in ("id", "notes", "documents", "prompts", "settings", "identity"):
        assert getattr(loaded, field) == getattr(memory, field)
    assert [ask(memory_model, loaded, question) for question in QUESTIONS] == [
        ask(memory_model, memory, question) for question in QUESTIONS
    ]
    assert all(documents[0].text[chunk.start : chunk.end] == chunk.text for chunk in index.chunks)
    fresh = MemoryIndex.of(FaissIndex.from_chunks(index.chunks, HashEmbeddings()), "en")
    assert index.vectors.search(QUESTIONS, 5) == fresh.vectors.search(QUESTIONS, 5)
    assert index.keywords.search(QUESTIONS, 5) == fresh.keywords.search(QUESTIONS, 5)


def test_the_layout_is_the_documented_one(saved: Path) -> None:
    assert {path.name for path in saved.iterdir() if not path.name.startswith(".")} == set(FILES)
    manifest = json.loads((saved / "manifest.json").read_text())
    assert manifest["format"] == FORMAT_VERSION
    assert set(manifest["files"]) == set(FILES) - {"manifest.json"}


def test_no_file_is_a_pickle(saved: Path) -> None:
    for name in FILES:
        start = (saved / name).read_bytes()[:4]
        assert not start.startswith((*(bytes((0x80, protocol)) for protocol in range(2, 6)), b"PK"))


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["flip", "truncate", "remove", "empty"])
def test_a_damaged_file_is_refused_by_name(saved: Path, name: str, damage: str) -> None:
    path = saved / name
    data = path.read_bytes()
    if damage == "remove":
        path.unlink()
    else:
        middle = len(data) // 2
        flipped = data[:middle] + bytes([data[middle] ^ 0x40]) + data[middle + 1 :]
        path.write_bytes({"flip": flipped, "truncate": data[:-1], "empty": b""}[damage])
    with pytest.raises(MemoryFileError, match=name.replace(".", r"\.")):
        load_memory(saved, HashEmbeddings())


def test_a_changed_file_is_refused_and_other_memories_are_not(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(saved, other)
    (other / "chunks.json").write_text("[]")
    with pytest.raises(MemoryFileError, match=r"chunks\.json"):
        verify(other)
    assert verify(saved)["format"] == FORMAT_VERSION


def test_another_format_version_is_refused(saved: Path) -> None:
    manifest = json.loads((saved / "manifest.json").read_text())
    (saved / "manifest.json").write_bytes(sealed({**manifest, "format": 99}))
    with pytest.raises(MemoryFileError, match="format version 99"):
        read_info(saved)


def test_a_directory_of_format_1_is_refused_with_a_way_out(saved: Path) -> None:
    manifest = json.loads((saved / "manifest.json").read_text())
    del manifest["identity"]["window"]
    manifest["settings"]["eviction"] = "snapkv"
    (saved / "manifest.json").write_bytes(sealed({**manifest, "format": 1}))
    for read in (read_info, verify, lambda directory: load_memory(directory, HashEmbeddings())):
        with pytest.raises(MemoryFileError, match=r"format version 1, .* reads version 2; memorize the document again"):
            read(saved)
    assert find_memories(saved.parent) == []


def test_an_error_about_a_missing_memory_says_how_to_make_one(tmp_path: Path) -> None:
    for place in (tmp_path / "missing", tmp_path):
        with pytest.raises(MemoryFileError, match="memorag-graph memorize FILE"):
            read_info(place)


def test_memories_of_a_directory_are_found(saved: Path) -> None:
    (found,) = find_memories(saved.parent)
    assert found["place"] == str(saved)
    assert found["documents"][0]["source"] == "letters.txt"


def contents(directory: Path) -> dict[str, str]:
    manifest = read_manifest(directory)
    return {
        name: transaction.open_verified(directory, name, manifest).read_text() for name in sorted(manifest["files"])
    }


OLD, NEW = {"a": "old a", "b": "old b"}, {"a": "new a", "c": "new c"}


def write(directory: Path, texts: dict[str, str]) -> None:
    write_together(directory, {name: lambda path, text=text: path.write_text(text) for name, text in texts.items()}, {})


class Killed(BaseException):
    """Simulates the end of the process."""


@pytest.mark.parametrize("at", range(1, 20))
def test_a_process_killed_at_any_step_leaves_the_old_or_the_new(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at: int
) -> None:
    write(tmp_path, OLD)
    steps = 0

    def counted(real):
        def step(*args, **kwargs):
            nonlocal steps
            steps += 1
            if steps >= at:  # a killed process runs no cleanup
                raise Killed
            return real(*args, **kwargs)

        return step

    with monkeypatch.context() as patched:
        for owner, name in ((os, "replace"), (os, "fsync"), (Path, "write_text"), (Path, "unlink")):
            patched.setattr(owner, name, counted(getattr(owner, name)))
        try:
            write(tmp_path, NEW)
        except Killed:
            allowed = (OLD, NEW)
        else:
            allowed = (NEW,)
    assert contents(tmp_path) in allowed
    write(tmp_path, NEW)
    assert contents(tmp_path) == NEW
    assert not list(tmp_path.glob("*.memorag-new"))


def test_renamed_files_are_synced_before_the_manifest_that_lists_them(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, OLD)
    steps: list[tuple[str, str]] = []

    def recorded(name: str, real: Callable[..., None], place: int) -> Callable[..., None]:
        def step(*paths: Path) -> None:
            steps.append((name, Path(paths[place]).name))
            real(*paths)

        return step

    monkeypatch.setattr(os, "replace", recorded("replace", os.replace, 1))
    monkeypatch.setattr(transaction, "_sync", recorded("sync", transaction._sync, 0))
    write(tmp_path, NEW)
    renamed = [at for at, step in enumerate(steps) if step[0] == "replace" and step[1] in NEW]
    assert ("sync", tmp_path.name) in steps[max(renamed) : steps.index(("replace", "manifest.json"))]


def test_other_files_in_the_directory_are_kept(tmp_path: Path) -> None:
    for name in ("mine.txt", "thesis.new"):
        (tmp_path / name).write_text("mine")
    write(tmp_path, OLD)
    write(tmp_path, NEW)
    assert (tmp_path / "mine.txt").read_text() == (tmp_path / "thesis.new").read_text() == "mine"


def test_a_memory_replaced_while_it_is_loaded_is_loaded_again(
    saved: Path, memory_model: LocalMemoryModel, prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = [Document("other.txt", TEXT[:1500])]
    memory = build(memory_model, other, prompts, SETTINGS, embedding_model="hash")
    real, replaced = transaction.open_verified, []

    def replaced_meanwhile(directory: Path, name: str, manifest: dict, check: str) -> Path:
        path = real(directory, name, manifest, check)
        if not replaced:
            replaced.append(name)
            save(memory, memory_model, other, saved)
        return path

    monkeypatch.setattr(memory_files, "open_verified", replaced_meanwhile)
    loaded, index = load_memory(saved, HashEmbeddings())
    assert loaded.id == memory.id
    assert {chunk.source for chunk in index.chunks} == {"other.txt"}


def test_a_reader_continues_when_files_are_renamed_meanwhile(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    expected = read_info(saved)
    for name in expected["files"]:  # as left by a writer that was killed right after its commit
        (saved / name).rename(saved / f"{name}.memorag-new")
    (saved / "manifest.json").rename(saved / "manifest.next.json")
    real, finished = memory_files.open_verified, []

    def finished_meanwhile(directory: Path, name: str, manifest: dict, check: str) -> Path:
        path = real(directory, name, manifest, check)
        if not finished:
            finished.append(path.name)
            transaction.finish_change(directory)
        return path

    monkeypatch.setattr(memory_files, "open_verified", finished_meanwhile)
    loaded, _ = load_memory(saved, HashEmbeddings())
    assert finished == ["chunks.json.memorag-new"]
    assert loaded.id == expected["memory_id"]


def test_a_reader_continues_however_many_files_are_renamed_at_the_wrong_moment(
    saved: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = read_info(saved)
    for name in expected["files"]:
        (saved / name).rename(saved / f"{name}.memorag-new")
    (saved / "manifest.json").rename(saved / "manifest.next.json")
    real, missed = memory_files.open_verified, []

    def renamed_meanwhile(directory: Path, name: str, manifest: dict, check: str) -> Path:
        path = real(directory, name, manifest, check)
        if path.suffix == ".memorag-new":
            missed.append(name)
            path.rename(path.with_suffix(""))
        return path

    monkeypatch.setattr(memory_files, "open_verified", renamed_meanwhile)
    loaded, _ = load_memory(saved, HashEmbeddings())
    assert len(missed) == len(expected["files"]) > 2
    assert loaded.id == expected["memory_id"]


def test_another_memory_than_the_expected_one_is_refused(saved: Path) -> None:
    with pytest.raises(MemoryFileError, match="another memory than 0123"):
        load_memory(saved, HashEmbeddings(), memory_id="0123")


@pytest.mark.parametrize("name", FILES)
def test_an_unreadable_file_is_not_reported_as_damaged(saved: Path, name: str) -> None:
    (saved / name).unlink()
    (saved / name).symlink_to(saved / name)
    for read in (verify, lambda directory: load_memory(directory, HashEmbeddings())):
        with pytest.raises(MemoryFileError, match=rf"{name} cannot be read.*check its permissions"):
            read(saved)


@pytest.mark.parametrize("name", FILES[:-1])
def test_damage_that_a_size_check_misses_still_raises_an_error_of_this_package(saved: Path, name: str) -> None:
    path = saved / name
    path.write_bytes(bytes(path.stat().st_size))
    with pytest.raises(MemoryFileError, match="memorize"):
        load_memory(saved, HashEmbeddings(), check="size")


def test_an_error_about_an_unwritable_directory_names_the_option(
    memory_model: LocalMemoryModel, documents: list[Document], prompts: Prompts, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("in the way")
    memory = build(memory_model, documents, prompts, SETTINGS)
    with pytest.raises(MemoragError, match="--save-dir"):
        save(memory, memory_model, documents, tmp_path / "file" / "memory")


def test_a_new_process_loads_the_same_tensors(saved: Path) -> None:
    memory, _ = load_memory(saved, HashEmbeddings())
    code = (
        "import sys; from pathlib import Path; from memorag_graph.memory.storage.memory_files import load_memory\n"
        "from tests.conftest import HashEmbeddings\n"
        "m, _ = load_memory(Path(sys.argv[1]), HashEmbeddings())\n"
        "print(sum(float(t.double().sum()) for layer in m.shards[0].kv.layers for t in layer))"
    )
    output = run_warm(["-c", code, str(saved)]).stdout
    expected = sum(float(tensor.double().sum()) for layer in memory.shards[0].kv.layers for tensor in layer)
    np.testing.assert_allclose(float(output), expected, rtol=1e-12)
