"""Weights in 8 bits: for steps of few tokens, where they are asked for, and nowhere else."""

import logging
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from memorag_graph.documents import Document
from memorag_graph.graph import build_graph
from memorag_graph.kv.branch import Branch, open_branch
from memorag_graph.kv.capability import add_int8, prepare
from memorag_graph.kv.packed import MOST_INT8_ROWS, Int8Linear
from memorag_graph.memory.local import LocalMemoryModel
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, HashEmbeddings, byte_tokenizer, tiny_model
from tests.test_branches import random_tokens, sliding_model
from tests.test_decoder import seeded
from tests.test_slots import FILLED


@pytest.mark.parametrize("bias", [True, False])
def test_a_layer_is_the_product_with_its_rounded_weights(bias: bool) -> None:
    torch.manual_seed(0)
    plain = nn.Linear(64, 96, bias=bias)
    states = torch.randn(3, 64)
    with torch.inference_mode():
        quantized = Int8Linear(plain.weight, plain.bias)(states)
        scale = (plain.weight.abs().amax(1, keepdim=True) / 127).bfloat16().double()
        rounded = (plain.weight.double() / scale).round().clamp(-127, 127) * scale
        expected = states.bfloat16().double() @ rounded.T + (plain.bias.double() if bias else 0)
    assert ((quantized - expected).abs().max() / expected.abs().max()) < 2**-7
    assert (rounded - plain.weight).abs().max() <= scale.max() * 0.51


def test_a_row_of_zeros_stays_one() -> None:
    assert Int8Linear(torch.zeros(8, 16), None)(torch.ones(1, 16)).tolist() == [[0.0] * 8]


def test_only_steps_of_few_tokens_use_them() -> None:
    model = seeded("llama")
    prepare(model)
    assert add_int8(model)
    prompt = random_tokens(20, seed=1)

    def opened(*, int8: bool, rows: int) -> tuple[Branch, Tensor]:
        branch = open_branch(model, [None] * rows, 40, int8=int8)
        return branch, torch.stack([branch.prefill(row, prompt) for row in range(rows)])

    for rows in (1, MOST_INT8_ROWS, MOST_INT8_ROWS + 1):
        (exact, first), (quick, second) = opened(int8=False, rows=rows), opened(int8=True, rows=rows)
        assert torch.equal(first, second), "a prompt is read exactly"
        stepped, quicker = exact.step([7] * rows), quick.step([7] * rows)
        assert torch.equal(stepped, quicker) == (rows > MOST_INT8_ROWS)
        assert (stepped - quicker).norm() < 0.1 * stepped.norm()


def test_a_model_that_cannot_use_them_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        model = LanguageModel(sliding_model("gemma2").model, byte_tokenizer(), "sliding", int8_decode=True)
    assert not model.decodes_in_int8
    assert "8-bit weights are not used" in caplog.text


def test_a_memory_is_asked_in_either_way(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Made by one, asked through the other: 8 bits are how a model runs, not another model."""
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings())
    exact = tiny_model("llama", seed=4, **FILLED)
    quick = LanguageModel(tiny_model("llama", seed=4, **FILLED).model, byte_tokenizer(), "tiny-llama", int8_decode=True)
    assert quick.decodes_in_int8
    models = {False: LocalMemoryModel(exact), True: LocalMemoryModel(quick)}
    monkeypatch.setattr(
        Registry, "memory_model", lambda self, name, options, made_with=None: models[options.int8_decode]
    )
    options = RunOptions(model="tiny-llama", embedding_model="hash", gist_chunk_size=512, gist_tokens=64)
    memory = registry.memorize([Document("a.txt", TEXT)], options, tmp_path / "memory")
    in_int8 = options.model_copy(update={"int8_decode": True})
    opened = registry.open(memory.memory.id, in_int8)
    assert opened.model is models[True]
    assert opened.memory is memory.memory
    assert registry.open(memory.memory.id, options) is memory
    graph = build_graph(registry)
    for chosen in (options, in_int8):
        given = {"memory_id": memory.memory.id, "query": "Who was proud?", "task_type": "qa"}
        assert graph.invoke(given, context=chosen)["basis"] == "memory"  # type: ignore[call-overload]
