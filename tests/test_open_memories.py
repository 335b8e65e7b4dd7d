"""Opening a stranger's memory: it does not decide which models are loaded."""

import shutil
from pathlib import Path

import pytest

from memorag_graph.documents import from_text
from memorag_graph.errors import InputError
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, TINY, HashEmbeddings, byte_tokenizer, tiny_model


@pytest.fixture
def model(tmp_path: Path) -> Path:
    directory = tmp_path / "model"
    tiny_model("llama").model.save_pretrained(directory)
    byte_tokenizer().save_pretrained(directory)
    return directory


def with_hash() -> Registry:
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings())
    return registry


@pytest.fixture
def options(model: Path) -> RunOptions:
    return TINY.model_copy(update={"model": str(model)})


def test_a_memory_made_here_opens_with_its_own_models(tmp_path: Path, options: RunOptions) -> None:
    place = tmp_path / "mine"
    elsewhere = with_hash().memorize([from_text(TEXT)], options, place).memory.id
    inside = with_hash().memorize([from_text(TEXT)], options).memory.id
    for name in (str(place), elsewhere, inside):
        assert with_hash().open(name, RunOptions()).memory.documents


def test_a_memory_from_elsewhere_loads_no_model_that_the_caller_did_not_name(
    tmp_path: Path, options: RunOptions, model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with_hash().memorize([from_text(TEXT)], options, tmp_path / "mine")
    shutil.copytree(tmp_path / "mine", tmp_path / "copied")
    loaded: list[object] = []
    with monkeypatch.context() as watched:
        watched.setattr("memorag_graph.model_pool.load_language_model", loaded.append)
        with pytest.raises(InputError, match="made elsewhere and names the model") as refused:
            with_hash().open(tmp_path / "copied", RunOptions())
    assert refused.value.field == "model"
    assert str(model) in str(refused.value)
    assert loaded == []
    assert with_hash().open(tmp_path / "copied", RunOptions(model=str(model))).memory.documents


def test_an_embedding_model_has_to_be_named_too(tmp_path: Path) -> None:
    registry = with_hash()
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.memorize([from_text(TEXT)], TINY, tmp_path / "mine")
    shutil.copytree(tmp_path / "mine", tmp_path / "copied")
    other = Registry()
    other.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    with pytest.raises(InputError) as refused:
        other.open(tmp_path / "copied", RunOptions())
    assert refused.value.field == "embedding_model"
    other.add_embeddings("hash", HashEmbeddings())
    assert other.open(tmp_path / "copied", RunOptions()).memory.documents
