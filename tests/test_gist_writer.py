"""Who writes gists: the memory model, or nobody, where it is too small to gain by it."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import Document
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.grounded_summary import grounded_summary
from memorag_graph.memory.memory_model import MemoryModel
from memorag_graph.models.model_size import SMALL
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.settings import MemorySettings
from memorag_graph.text.chunking import split_sections
from tests.conftest import SETTINGS, TINY, build, tiny_model

EXTRACTIVE = SETTINGS.model_copy(update={"gist_writer": "extractive"})
AUTO = SETTINGS.model_copy(update={"gist_writer": "auto"})


def test_extractive_gists_are_central_sentences_and_no_token_is_generated(
    documents: list[Document], prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = tiny_model("llama")
    monkeypatch.setattr(LocalMemoryModel, "gist_writer", None)  # what would generate
    memory = build(LocalMemoryModel(model), documents, prompts, EXTRACTIVE)
    text = documents[0].text
    sections = [text[it.start : it.end] for it in split_sections(text, model, 512)]
    assert len(sections) > 2
    assert [note.text for note in memory.notes] == [
        section if model.count(section) <= 64 else grounded_summary("", section, 64, model.count, "en")
        for section in sections
    ]


def test_auto_is_extractive_for_small_models_that_run_here(monkeypatch: pytest.MonkeyPatch) -> None:
    model = LocalMemoryModel(tiny_model("llama"))

    def chosen(size: float, settings: MemorySettings) -> str:
        monkeypatch.setattr(type(model.language_model), "size", size)
        return MemoryModel.settled(model, settings).gist_writer

    assert [chosen(size, AUTO) for size in (1, SMALL - 1, SMALL, 0)] == ["extractive", "extractive", "model", "model"]
    assert [chosen(1, SETTINGS), chosen(SMALL, EXTRACTIVE)] == ["model", "extractive"]


def test_the_writer_is_part_of_a_memorys_identity(documents: list[Document], prompts: Prompts) -> None:
    model = LocalMemoryModel(tiny_model("llama"))

    def address(settings: MemorySettings) -> str:
        return model.recipe(prompts, settings).memory_id(documents)

    assert address(AUTO) == address(EXTRACTIVE) != address(SETTINGS)
    whole: dict[str, Any] = {"kind": "full"}
    assert len({address(it.model_copy(update=whole)) for it in (AUTO, EXTRACTIVE, SETTINGS)}) == 1
    keys = [[note.key for note in build(model, documents, prompts, it).notes] for it in (EXTRACTIVE, SETTINGS)]
    assert not set(keys[0]) & set(keys[1])  # a written gist in a journal is not taken for an extracted one


def test_a_memory_saved_before_the_setting_existed_goes_on_with_written_gists(
    registry: Registry, documents: list[Document], tmp_path: Path
) -> None:
    from memorag_graph.memory.storage.memory_files import load_memory

    place = tmp_path / "memory"
    written = registry.memorize(documents, TINY, place).memory
    manifest = json.loads((place / "manifest.json").read_text())
    assert manifest["settings"].pop("gist_writer") == "model"
    del manifest["sha256"]
    manifest["sha256"] = hashlib.sha256(json.dumps(manifest, sort_keys=True).encode()).hexdigest()
    (place / "manifest.json").write_text(json.dumps(manifest))
    memory, _ = load_memory(place, registry.models.embeddings("hash"))
    assert (memory.settings, memory.id) == (written.settings, written.id)
    recipe = registry.models.memory_model("tiny-llama", TINY).recipe(memory.prompts, memory.settings, "hash")
    assert replace(recipe, identity=memory.identity).memory_id(documents) == memory.id
