"""A model's directory never runs code of its own."""

import json
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from memorag_graph.errors import ModelError
from memorag_graph.models.foreign_code import require_no_code
from memorag_graph.models.loading import ModelSource, load_cross_encoder, load_embeddings, load_language_model
from tests.conftest import byte_tokenizer, tiny_model

MARK = "code-was-run"
EVIL = """
from pathlib import Path
Path({mark!r}).touch()
import torch
class Evil(torch.nn.Module):
    pass
EvilForCausalLM = EvilConfig = Evil
"""
AUTO = {name: "evil.Evil" for name in ("AutoConfig", "AutoModel", "AutoModelForCausalLM", "AutoTokenizer")}


@pytest.fixture
def model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working model whose directory has code, named wherever a library looks for it."""
    directory = tmp_path / "model"
    tiny_model("llama").model.save_pretrained(directory)
    byte_tokenizer().save_pretrained(directory)
    (directory / "evil.py").write_text(EVIL.format(mark=str(tmp_path / MARK)))
    monkeypatch.chdir(directory)  # where a plain import would find it
    return directory


def add(path: Path, **entries: object) -> None:
    path.write_text(json.dumps({**(json.loads(path.read_text()) if path.exists() else {}), **entries}))


def names_modules(directory: Path) -> None:
    modules = [{"idx": 0, "name": "0", "path": "", "type": "evil.Evil"}]
    (directory / "modules.json").write_text(json.dumps(modules))


def names_activation(directory: Path) -> None:
    add(directory / "config.json", sentence_transformers={"activation_fn": "evil.Evil"})


def names_dense_activation(directory: Path) -> None:
    modules = [
        {"idx": 0, "name": "0", "path": "", "type": "sentence_transformers.models.Transformer"},
        {"idx": 1, "name": "1", "path": "1_Dense", "type": "sentence_transformers.models.Dense"},
    ]
    (directory / "modules.json").write_text(json.dumps(modules))
    (directory / "1_Dense").mkdir()
    dense = {"in_features": 32, "out_features": 8, "bias": True, "activation_function": "evil.Evil"}
    add(directory / "1_Dense" / "config.json", **dense)


def names_architecture(directory: Path) -> None:
    add(directory / "config.json", auto_map=AUTO, model_type="evil", architectures=["Evil"])


@pytest.mark.parametrize("load", [load_embeddings, load_cross_encoder, load_language_model])
@pytest.mark.parametrize("trap", [names_modules, names_activation, names_dense_activation, names_architecture])
def test_no_code_of_a_models_directory_is_run(
    model: Path, load: Callable[[ModelSource], object], trap: Callable[[Path], None]
) -> None:
    trap(model)
    with suppress(ModelError):
        load(ModelSource(str(model)))
    assert not (model.parent / MARK).exists()


def test_classes_of_the_library_are_no_foreign_code(tmp_path: Path) -> None:
    names_dense_activation(tmp_path)
    add(tmp_path / "1_Dense" / "config.json", activation_function="torch.nn.modules.activation.Tanh")
    require_no_code(tmp_path)
    (tmp_path / "modules.json").write_text("{")
    with pytest.raises(ModelError, match="cannot be read"):
        require_no_code(tmp_path)
