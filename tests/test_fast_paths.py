"""A CPU's fast paths are used only if they work; everything works without them, in every dtype."""

import logging
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from memorag_graph.documents import from_text
from memorag_graph.errors import MemoryMismatchError
from memorag_graph.inference import fast_paths, logsumexp_attention, packed_linear
from memorag_graph.inference.chosen_paths import FastPaths, fast_paths_of
from memorag_graph.inference.decode_session import SharedPrefixSession, open_session
from memorag_graph.inference.fast_paths import fused_attention_works, packable_dtypes, packing_works, switched_off
from memorag_graph.inference.packed_linear import PackedLinear
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.loading import ModelSource, load_embeddings, load_language_model
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, TINY, byte_tokenizer, tiny_model
from tests.test_decode_session import assert_close, one_go, random_tokens

DTYPES = (torch.float32, torch.bfloat16, torch.float16)


@pytest.fixture(autouse=True)
def _untried() -> Iterator[None]:
    """Forget what was tried, before and after a test that changes what works."""
    for trial in (packing_works, fused_attention_works):
        trial.cache_clear()
    yield
    for trial in (packing_works, fused_attention_works):
        trial.cache_clear()


def fail(*_: Any, **__: Any) -> Tensor:
    raise RuntimeError("mkldnn_reorder_linear_weight: bf16 path needs the cpu support avx512bw")


def compute_nonsense(states: Tensor, packed: Tensor, *_: Any) -> Tensor:
    return torch.zeros(*states.shape[:-1], packed.shape[0], dtype=states.dtype)


def answer(model: LanguageModel, tokens: list[int]) -> Tensor:
    """Logits after a prompt, a step, and two steps read ahead."""
    session = open_session(model.model, [None], len(tokens), 8)
    session.prefill(0, tokens[:-3])
    first = session.step([tokens[-3]])[0]
    if session.can_take_back:
        return torch.stack([first, *session.step_ahead([tokens[-2:]])[0]])
    return torch.stack([first, *(session.step([token])[0] for token in tokens[-2:])])


def loaded(dtype: torch.dtype, **how: Any) -> LanguageModel:
    """A tiny model as it was, prepared in a dtype."""
    return LanguageModel(tiny_weights().to(dtype), byte_tokenizer(), "tiny", **how)


def tiny_weights() -> Any:
    """Weights that every dtype can hold, in a model that nothing was prepared for."""
    plain = tiny_model("llama", fast_paths="off").model
    plain.set_attn_implementation("sdpa")
    return plain.bfloat16().float()


@pytest.mark.parametrize("dtype", DTYPES)
def test_a_model_answers_the_same_with_and_without_fast_paths(dtype: torch.dtype) -> None:
    tokens = random_tokens(60, seed=1)
    fast, plain = loaded(dtype), loaded(dtype, fast_paths="off")
    assert fast_paths_of(plain.model) == FastPaths()
    assert not any(isinstance(module, PackedLinear) for module in plain.model.modules())
    tolerance = {"atol": 1e-3, "rtol": 1e-3} if dtype == torch.float32 else {"atol": 0.6, "rtol": 0.1}
    torch.testing.assert_close(answer(fast, tokens), answer(plain, tokens), **tolerance)


@pytest.mark.parametrize("broken", [fail, compute_nonsense])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_packed_weights_that_fail_are_left_with_one_line(
    broken: Callable[..., Tensor], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(packed_linear, "_reorder" if broken is fail else "_product", broken)
    plain = loaded(dtype, fast_paths="off")
    for _ in range(2):
        model = loaded(dtype)
        assert not fast_paths_of(model.model).packed_weights
        assert not any(isinstance(module, PackedLinear) for module in model.model.modules())
    if not switched_off():
        name = str(dtype).removeprefix("torch.")
        assert len([it for it in caplog.records if f"packed weights not used in {name}" in it.getMessage()]) == 1
    tokens = random_tokens(30, seed=2)
    tolerance = {"atol": 1e-3, "rtol": 1e-3} if dtype == torch.float32 else {"atol": 0.6, "rtol": 0.1}
    torch.testing.assert_close(answer(model, tokens), answer(plain, tokens), **tolerance)


@pytest.mark.parametrize("broken", [fail, lambda query, *_, **__: (query * 0, query[..., 0].float() * 0)])
def test_a_fused_kernel_that_fails_is_left_with_one_line(
    broken: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(logsumexp_attention, "_CPU_KERNEL", broken)
    models = [loaded(torch.float32) for _ in range(2)]
    assert not any(fast_paths_of(model.model).fused_attention for model in models)
    if not switched_off():
        assert len([it for it in caplog.records if "fused attention" in it.getMessage()]) == 1
    tokens = random_tokens(200, seed=3)
    assert_close(one_go(models[0], tokens), one_go(loaded(torch.float32, fast_paths="off"), tokens))


def test_a_written_out_pass_that_computes_something_else_is_left(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("memorag_graph.inference.llama_forward._Norm.__call__", lambda self, states: states * 2)
    model = loaded(torch.float32)
    assert not fast_paths_of(model.model).llama_forward
    assert isinstance(open_session(model.model, [None], 4), SharedPrefixSession)
    if not switched_off():
        assert "llama_forward" in caplog.text
    tokens = random_tokens(40, seed=4)
    assert_close(answer(model, tokens)[-1], one_go(model, tokens)[-1])


def test_reading_ahead_that_computes_something_else_is_left(monkeypatch: pytest.MonkeyPatch) -> None:
    real = SharedPrefixSession.step_ahead
    monkeypatch.setattr(
        SharedPrefixSession,
        "step_ahead",
        lambda self, tokens: real(self, tokens) * (1 if len(tokens[0]) == 1 else -1),
    )
    model = loaded(torch.float32)
    assert not fast_paths_of(model.model).prompt_lookup
    assert not open_session(model.model, [None], 4).can_take_back


def test_the_environment_switches_all_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MEMORAG_GRAPH_FAST_PATHS", "off")
    assert packable_dtypes() == frozenset()
    assert fast_paths_of(loaded(torch.float32).model) == FastPaths()
    monkeypatch.setenv("MEMORAG_GRAPH_FAST_PATHS", "auto")
    assert packable_dtypes() == frozenset(filter(packing_works, packed_linear.PACKED_DTYPES))
    assert packable_dtypes("off") == frozenset()


CAPPED = """
import logging, sys
logging.basicConfig(level=logging.WARNING, format="%(message)s")
import torch
from memorag_graph.inference.fast_paths import packing_works
from memorag_graph.models.device import choose_dtype
from memorag_graph.models.loading import ModelSource, load_language_model
model = load_language_model(ModelSource(sys.argv[1], dtype="bfloat16"))
chosen = choose_dtype("auto", torch.device("cpu"))
print(packing_works(torch.float32), packing_works(torch.bfloat16), chosen, model.dtype)
"""


def test_a_processor_with_avx2_alone_runs_every_dtype(tmp_path: Path) -> None:
    """As far as oneDNN can be made to believe it: it needs AVX-512 for packed weights of 16 bits."""
    tiny_weights().save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    environment = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"}
    environment.pop("MEMORAG_GRAPH_FAST_PATHS", None)
    run = subprocess.run(
        [sys.executable, "-c", CAPPED, str(tmp_path / "model")],
        capture_output=True, text=True, check=True, env=environment,
    )  # fmt: skip
    assert run.stdout.split() == ["True", "False", "torch.float32", "bfloat16"]
    assert run.stderr.count("packed weights not used in bfloat16") == 1


def test_embeddings_stored_in_sixteen_bits_are_loaded_where_packing_fails(
    embedded_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers import SentenceTransformer

    from memorag_graph.models.embedded import embedding_model_dir

    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(embedded_home))
    SentenceTransformer(str(embedding_model_dir()), device="cpu").to(torch.bfloat16).save(str(tmp_path / "sixteen"))
    texts = ["The ferry was late.", "Captain Quill retired."]
    expected = torch.tensor(load_embeddings(ModelSource("embedded")).embed_documents(texts))
    monkeypatch.setattr(packed_linear, "_reorder", fail)
    packing_works.cache_clear()
    found = torch.tensor(load_embeddings(ModelSource(str(tmp_path / "sixteen"))).embed_documents(texts))
    assert torch.nn.functional.cosine_similarity(found, expected).min() > 0.98


def saved_model(place: Path) -> str:
    tiny_weights().save_pretrained(place)
    byte_tokenizer().save_pretrained(place)
    return str(place)


@pytest.mark.parametrize("storage", ["exact", "int8"])
@pytest.mark.parametrize(("made", "used"), [("bfloat16", "float32"), ("float32", "bfloat16"), ("bfloat16", "float16")])
def test_a_memory_is_converted_to_the_dtype_in_use(
    made: str, used: str, storage: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    options = TINY.model_copy(
        update={"model": saved_model(tmp_path / "model"), "index": "none", "dtype": made, "kv_storage": storage}
    )
    memory = Registry().memorize([from_text(TEXT[:600])], options).memory
    caplog.set_level(logging.WARNING)
    registry = Registry()
    opened = registry.open(memory.id, RunOptions(dtype=used))
    assert f"made in {made}; its keys and values are converted to {used}" in caplog.text
    assert opened.model.language_model.dtype == used
    assert opened.memory.identity == memory.identity
    dtype = getattr(torch, used)
    for shard, original in zip(opened.memory.shards, memory.shards, strict=True):
        for pair, other in zip(shard.kv.layers, original.kv.layers, strict=True):
            assert all(torch.equal(mine, theirs.to(dtype)) for mine, theirs in zip(pair, other, strict=True))
        assert not shard.is_exact
    assert opened.chat(RunOptions()).invoke("Who was proud?").text
    caplog.clear()
    assert registry.open(memory.id, RunOptions(dtype=used)) is opened, "converted once"
    assert registry.open(memory.id, RunOptions(dtype=made)).model.language_model.dtype == made
    assert not caplog.text


def test_a_memory_opens_on_a_machine_that_emulates_its_dtype(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    options = TINY.model_copy(update={"model": saved_model(tmp_path / "model"), "index": "none", "dtype": "bfloat16"})
    memory = Registry().memorize([from_text(TEXT[:600])], options).memory
    monkeypatch.setattr("memorag_graph.models.device._cpu_has_bf16", lambda: False)
    assert Registry().open(memory.id, RunOptions()).model.language_model.dtype == "float32"
    monkeypatch.setattr("memorag_graph.models.device._cpu_has_bf16", lambda: True)
    assert Registry().open(memory.id, RunOptions()).model.language_model.dtype == "bfloat16"


def test_values_beyond_the_range_of_a_dtype_are_refused(tmp_path: Path) -> None:
    weights = tiny_weights()
    for layer in weights.model.layers:
        layer.self_attn.v_proj.weight.data.mul_(1e6)
    weights.save_pretrained(tmp_path / "model")
    byte_tokenizer().save_pretrained(tmp_path / "model")
    options = TINY.model_copy(update={"model": str(tmp_path / "model"), "index": "none", "dtype": "float32"})
    memory = Registry().memorize([from_text(TEXT[:600])], options).memory
    in_float32 = load_language_model(ModelSource(str(tmp_path / "model"), dtype="float32"))
    assert memory.in_dtype(in_float32.dtype) is memory
    with pytest.raises(MemoryMismatchError, match="made in float32 and cannot be used in float16"):
        memory.in_dtype("float16")


def test_a_trial_runs_once_for_each_dtype(monkeypatch: pytest.MonkeyPatch) -> None:
    tried: list[torch.dtype] = []
    monkeypatch.setattr(fast_paths, "_works", lambda compare, what, dtype: bool(tried.append(dtype)))
    for _ in range(3):
        packable_dtypes()
        for dtype in DTYPES:
            fused_attention_works(dtype)
    if not switched_off():
        assert sorted(map(str, tried)) == sorted(map(str, [*packed_linear.PACKED_DTYPES, *DTYPES]))
