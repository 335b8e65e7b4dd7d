"""The laws on a CUDA GPU, with and without FlashAttention-2, and in 4 bits. Left out where there is none."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from memorag_graph.documents import Document, from_text
from memorag_graph.inference.chosen_paths import fast_paths_of, use_fast_paths
from memorag_graph.inference.decode_session import open_session
from memorag_graph.inference.logsumexp_attention import merge, partial_attention
from memorag_graph.inference.prefix_attention import FLASH_MEMORY_ATTENTION, MEMORY_ATTENTION
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import EXAMPLE, TEXT, TINY, byte_tokenizer, prefill, tiny_model
from tests.test_decode_session import random_tokens

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA GPU")

CUDA = torch.device("cuda")


def on_gpu(dtype: torch.dtype, *, flash: bool = False) -> LanguageModel:
    model = tiny_model("llama", hidden_size=256, num_hidden_layers=3).model.to(CUDA, dtype)
    return LanguageModel(model, byte_tokenizer(), "tiny-cuda", flash=flash)


def reference(tokens: list[int]) -> torch.Tensor:
    """Logits after the last token in float32 on the CPU, by the library's own attention."""
    model = tiny_model("llama", hidden_size=256, num_hidden_layers=3).model
    model.set_attn_implementation("eager")
    with torch.inference_mode():
        return model(torch.tensor([tokens]), use_cache=False).logits[0, -1]


@pytest.mark.parametrize(
    ("dtype", "flash", "tolerance"),
    [(torch.float32, False, 1e-4), (torch.bfloat16, False, 0.05), (torch.bfloat16, True, 0.05)],
)
def test_branches_equal_reading_in_one_go(dtype: torch.dtype, flash: bool, tolerance: float) -> None:
    model = on_gpu(dtype, flash=flash)
    assert model.model.config._attn_implementation == (FLASH_MEMORY_ATTENTION if flash else MEMORY_ATTENTION)
    remembered = random_tokens(700, seed=1)
    prompts = [random_tokens(length, seed=length) for length in (300, 17, 1)]
    session = open_session(model.model, [prefill(model, remembered)] * 3, 300, 4)
    for row, prompt in enumerate(prompts):
        logits = session.prefill(row, prompt).float().cpu()
        expected = reference(remembered + prompt)
        assert (logits - expected).norm() <= tolerance * expected.norm()
    stepped = session.step([10, 11, 12]).float().cpu()
    for row, token in enumerate((10, 11, 12)):
        expected = reference([*remembered, *prompts[row], token])
        assert (stepped[row] - expected).norm() <= tolerance * expected.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_steps_as_graphs_give_what_plain_steps_give(dtype: torch.dtype) -> None:
    model = on_gpu(dtype)
    paths = fast_paths_of(model.model)
    assert paths.captured_steps
    remembered = prefill(model, random_tokens(700, seed=1))
    sessions = []
    for chosen in (paths, replace(paths, captured_steps=False)):
        use_fast_paths(model.model, chosen)
        session = open_session(model.model, [remembered, remembered, None], 40, 30)
        for row in range(3):
            session.prefill(row, random_tokens(17 + row, seed=row))
        sessions.append(session)
    for turn in range(24):
        if turn == 12:
            for session in sessions:
                session.keep([1, 2], 70)
        tokens = random_tokens(3 if turn < 12 else 2, seed=100 + turn)
        captured, plain = (session.step(tokens) for session in sessions)
        assert (captured - plain).norm() <= (1e-5 if dtype == torch.float32 else 0.02) * plain.norm()


@pytest.mark.parametrize("causal", [False, True])
def test_flash_attention_equals_plain_products(causal: bool) -> None:
    torch.manual_seed(0)
    query, key, value = (torch.randn(2, 3, 200, 64, device=CUDA, dtype=torch.bfloat16) for _ in range(3))
    plain = partial_attention(query.float(), key.float(), value.float(), 0.125, causal=causal)
    flashed = partial_attention(query, key, value, 0.125, causal=causal, flash=True)
    assert (flashed[0].float() - plain[0]).abs().max() < 0.02
    assert (flashed[1] - plain[1]).abs().max() < 0.02
    assert (merge([flashed, flashed]).float() - plain[0]).abs().max() < 0.02


def test_a_memory_made_on_the_gpu_is_the_same_after_it_is_opened_on_either_device() -> None:
    registry = Registry()
    registry.add_memory_model("tiny-llama", LocalMemoryModel(on_gpu(torch.float32)))
    options = TINY.model_copy(update={"index": "none"})
    opened = registry.memorize([Document("letters.txt", TEXT)], options)
    assert opened.memory.shards[0].kv.layers[0][0].device.type == "cuda"
    elsewhere = Registry()
    model = tiny_model("llama", hidden_size=256, num_hidden_layers=3)
    elsewhere.add_memory_model("tiny-cuda", LocalMemoryModel(model))
    again = elsewhere.open(opened.memory.id, RunOptions(device="cpu"))
    for mine, theirs in zip(opened.memory.shards, again.memory.shards, strict=True):
        assert mine.token_ids == theirs.token_ids
        for (key, value), (other_key, other_value) in zip(mine.kv.layers, theirs.kv.layers, strict=True):
            assert torch.equal(key.cpu(), other_key)
            assert torch.equal(value.cpu(), other_value)


def test_a_model_in_four_bits_holds_a_memory(tmp_path: Path) -> None:
    source = tiny_model("llama", hidden_size=64, intermediate_size=128)
    source.model.save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    changes = {"model": str(tmp_path / "model"), "index": "none", "load_in_4bit": True, "device": "cuda"}
    options = TINY.model_copy(update=changes)
    opened = Registry().memorize([from_text(TEXT[:600])], options)
    assert opened.memory.identity.quantization == "nf4"
    weights = opened.model.language_model.model.model.layers[0].mlp.up_proj.weight
    assert (weights.dtype, weights.device.type) == (torch.uint8, "cuda")
    answer = opened.chat(options).invoke("Who was proud?").text
    again = Registry().open(opened.memory.id, RunOptions(device="cuda"))
    assert again.chat(options).invoke("Who was proud?").text == answer


def test_the_embedded_pair_answers_on_the_gpu(embedded_home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(embedded_home))
    from memorag_graph.documents import read_document
    from memorag_graph.graph import graph

    registry = Registry()
    opened = registry.memorize([read_document(EXAMPLE)], RunOptions(device="cuda"))
    assert opened.memory.identity.dtype == "bfloat16"
    assert opened.model.language_model.model.config._attn_implementation == FLASH_MEMORY_ATTENTION
    state = graph.invoke(
        {"query": "How many people live on Skerrow?", "memory_id": opened.memory.id, "task_type": "memorag"},
        context={"device": "cuda"},
    )
    assert state["answer"]
    assert state["citations"]
