"""4-bit weights, flash attention and MInference are chosen by what the machine can do, and say so where it cannot."""

import logging
import sys
from types import ModuleType
from typing import Any

import pytest
import torch

from memorag_graph.errors import MemoryMismatchError, ModelError
from memorag_graph.inference.logsumexp_attention import partial_attention
from memorag_graph.inference.prefix_attention import FLASH_MEMORY_ATTENTION, MEMORY_ATTENTION
from memorag_graph.models import acceleration, gist_batch
from memorag_graph.models.acceleration import can_flash, four_bits, patch_minference
from memorag_graph.models.gist_batch import batch_width
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, TINY, byte_tokenizer, tiny_model
from tests.test_decode_session import assert_close, one_go

CUDA = torch.device("cuda")


@pytest.mark.parametrize(
    ("device", "capability", "dtype", "expected", "told"),
    [
        ("cpu", None, torch.bfloat16, False, "needs a CUDA GPU"),
        ("cuda", (7, 5), torch.bfloat16, False, "older than compute capability 8.0"),
        ("cuda", (8, 0), torch.float32, False, "needs dtype float16 or bfloat16"),
        ("cuda", (9, 0), torch.bfloat16, True, ""),
    ],
)
def test_flash_attention_is_chosen_where_it_can_run(
    device: str,
    capability: Any,
    dtype: torch.dtype,
    expected: bool,
    told: str,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(torch.cuda, "get_device_capability", lambda _: capability)
    assert can_flash(torch.device(device), dtype) is expected
    assert told in caplog.text
    assert bool(caplog.text) is not expected


def test_a_model_that_may_flash_gives_the_same_logits() -> None:
    plain = tiny_model("llama")
    flashing = LanguageModel(tiny_model("llama").model, byte_tokenizer(), "tiny", flash=True)
    assert plain.model.config._attn_implementation == MEMORY_ATTENTION
    assert flashing.model.config._attn_implementation == FLASH_MEMORY_ATTENTION
    tokens = plain.encode(TEXT[:300])
    assert_close(one_go(flashing, tokens), one_go(plain, tokens))


def test_the_kernel_is_asked_only_where_it_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[int] = []

    def kernel(query: torch.Tensor, *_: Any, **__: Any) -> tuple[torch.Tensor, torch.Tensor, None]:
        calls.append(query.shape[-1])
        return query, query[..., 0].float(), None

    monkeypatch.setattr("memorag_graph.inference.logsumexp_attention._CUDA_KERNEL", kernel)
    monkeypatch.setattr("memorag_graph.inference.logsumexp_attention._CPU_KERNEL", None)
    for dim, queries, flash in ((64, 100, True), (60, 100, True), (64, 10, True), (64, 100, False), (512, 100, True)):
        tensor = torch.ones(1, 1, queries, dim)
        partial_attention(tensor, tensor, tensor, 1.0, flash=flash)
    assert calls == [64]


def test_minference_is_an_optional_patch(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    class Model:
        device = torch.device("cpu")

    model: Any = Model()
    assert patch_minference(model, "llama") is model
    assert "needs a CUDA GPU" in caplog.text
    model.device = CUDA
    assert patch_minference(model, "llama") is model
    assert "pip install minference" in caplog.text
    package = ModuleType("minference")
    package.MInference = lambda kind, name: lambda model: (kind, name, model)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "minference", package)
    monkeypatch.setattr(acceleration.importlib.util, "find_spec", lambda name: object())
    assert patch_minference(model, "llama") == ("minference", "llama", model)


def test_bitsandbytes_is_asked_for_where_it_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    assert four_bits(torch.bfloat16).bnb_4bit_quant_type == "nf4"
    monkeypatch.setattr(acceleration.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="pip install bitsandbytes"):
        four_bits(torch.bfloat16)


def test_a_model_in_four_bits_holds_a_memory_that_remembers_it(tmp_path: Any) -> None:
    source = tiny_model("llama", hidden_size=64, intermediate_size=128)
    source.model.save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    options = TINY.model_copy(update={"model": str(tmp_path / "model"), "index": "none", "dtype": "bfloat16"})
    registry = Registry()
    from memorag_graph.documents import from_text

    quantized = options.model_copy(update={"load_in_4bit": True})
    opened = registry.memorize([from_text(TEXT[:600])], quantized)
    assert opened.memory.identity.quantization == "nf4"
    weights = opened.model.language_model.model.model.layers[0].mlp.up_proj.weight
    assert weights.dtype == torch.uint8
    question = "Who was proud?"
    answer = opened.chat(options).invoke(question).text
    again = Registry().open(opened.memory.id, RunOptions())
    assert again.memory.identity == opened.memory.identity
    assert again.chat(options).invoke(question).text == answer
    plain = registry.memorize([from_text(TEXT[:600])], options)
    assert plain.memory.id != opened.memory.id
    with pytest.raises(MemoryMismatchError, match="unquantized → nf4"):
        registry.open(plain.memory.id, quantized)
    assert Registry().open(plain.memory.id, RunOptions()).memory.identity.quantization == ""


@pytest.mark.parametrize(
    ("device", "free", "expected"),
    [
        ("cpu", 64 << 30, 8),
        ("cpu", 1 << 30, 4),
        ("cpu", 300 << 20, 1),
        ("cpu", 0, 1),
        ("cuda", 64 << 30, 16),
        ("cuda", 3 << 30, 12),
    ],
)
def test_as_many_gists_are_written_at_once_as_fit(
    device: str, free: int, expected: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gist_batch, "free_memory", lambda _: free)
    assert batch_width(128 << 20, torch.device(device)) == expected
