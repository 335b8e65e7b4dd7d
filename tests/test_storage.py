"""Stored keys and values: exact ones are the same bits, 8 and 4 bits are as close and as small as they claim."""

import math
from pathlib import Path

import pytest
import torch

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.kv.encoding import decode, encode
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.kv.quantization import RUN, dequantize, quantize
from memorag_graph.kv.rotary import rotary_frequencies, rotate
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.storage.memory_files import load_memory, save_memory
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.prompts import Prompts
from tests.conftest import SETTINGS, HashEmbeddings, build, index_memory, prefill, tiny_model
from tests.test_decode_session import random_tokens
from tests.test_memory import QUESTIONS, ask, assert_same_shards

CPU = torch.device("cpu")


@pytest.fixture
def kv(language_model: LanguageModel) -> KVPrefix:
    return prefill(language_model, random_tokens(RUN + 45, seed=3))


def largest_error(one: KVPrefix, other: KVPrefix) -> float:
    """Largest difference, as a share of the largest value of its layer."""
    pairs = [
        pair for mine, theirs in zip(one.layers, other.layers, strict=True) for pair in zip(mine, theirs, strict=True)
    ]
    return max(float((mine - theirs).abs().max() / mine.abs().max()) for mine, theirs in pairs)


def test_exact_storage_gives_the_same_bits(kv: KVPrefix) -> None:
    assert largest_error(kv, decode(encode(kv, "exact"), "exact", CPU)) == 0


@pytest.mark.parametrize("half", [False, True])
@pytest.mark.parametrize(("storage", "error"), [("float16", 0.001), ("int8", 0.01), ("int4", 0.08)])
def test_quantized_storage_is_close_and_keeps_the_dtype(
    language_model: LanguageModel, kv: KVPrefix, storage: str, error: float, half: bool
) -> None:
    if half:
        kv = KVPrefix(tuple((keys.bfloat16(), values.bfloat16()) for keys, values in kv.layers))
    frequencies = rotary_frequencies(language_model.model)
    for turned in (frequencies, None):
        restored = decode(encode(kv, storage, turned), storage, CPU)
        assert restored.layers[0][0].dtype == kv.layers[0][0].dtype
        assert largest_error(kv, restored) <= error + half * 0.01
        assert largest_error(kv, restored) > 0 or (half and storage == "float16")  # which holds most of bfloat16
        for mine, theirs in zip(kv.layers, restored.layers, strict=True):
            assert torch.equal(mine[0][:, :2], theirs[0][:, :2])  # the first tokens, to which all attend
            assert torch.equal(mine[1][:, :2], theirs[1][:, :2])


@pytest.mark.parametrize(("small", "levels"), [(False, (256, 256)), (True, (32, 16))])
def test_each_code_is_the_nearest_level(small: bool, levels: tuple[int, int]) -> None:
    generator = torch.Generator().manual_seed(0)
    keys = torch.randn(2, RUN + 10, 16, generator=generator) * torch.linspace(0.01, 30, 16) + 5
    values = torch.randn(2, RUN + 10, 16, generator=generator)
    restored_keys, restored_values = dequantize(quantize(keys, values, None, small=small), None, small=small)
    for run in (slice(2, RUN), slice(RUN, RUN + 10)):
        part = keys[:, slice(0, RUN)] if run.stop == RUN else keys[:, run]
        step = (part.amax(1) - part.amin(1)) / (levels[0] - 1)
        assert (
            (keys[:, run] - restored_keys[:, run]).abs() <= 0.51 * step[:, None] + 0.01 * part.abs().max() / 30
        ).all()
    step = (values.amax(-1).clamp_min(0) - values.amin(-1).clamp_max(0)) / (levels[1] - 1)
    assert ((values - restored_values)[:, 2:].abs() <= 1.01 * step[:, 2:, None]).all()


def test_a_constant_channel_and_zeros_survive() -> None:
    keys, values = torch.full((1, 9, 8), 3.0), torch.zeros(1, 9, 8)
    for small in (False, True):
        restored = dequantize(quantize(keys, values, None, small=small), None, small=small)
        assert torch.equal(restored[0], keys)
        assert torch.equal(restored[1], values)


def test_turning_keys_is_the_models_own_rotation(language_model: LanguageModel) -> None:
    """The keys of the first layer depend on token and position alone."""
    frequencies = rotary_frequencies(language_model.model)
    assert frequencies is not None
    keys = prefill(language_model, [77] * 40).layers[0][0]
    torch.testing.assert_close(rotate(keys, -torch.arange(40), frequencies), keys[:, :1].expand(-1, 40, -1))
    torch.testing.assert_close(rotate(keys[:, :1], torch.tensor([39]), frequencies), keys[:, 39:])


@pytest.mark.parametrize(("storage", "most"), [("float16", 0.501), ("int8", 0.27), ("int4", 0.15)])
def test_bytes_against_float32_for_heads_of_common_size(storage: str, most: float) -> None:
    heads, tokens, dim = 2, 2000, 64
    kv = KVPrefix(((torch.randn(heads, tokens, dim), torch.randn(heads, tokens, dim)),))
    kept = sum(tensor.nbytes for tensor in encode(kv, storage).values())
    assert math.isclose(kv.nbytes, 2 * heads * tokens * dim * 4)
    assert kept / kv.nbytes <= most


@pytest.mark.parametrize("storage", ["exact", "float16", "int8", "int4"])
def test_a_memory_answers_the_same_before_and_after_a_restart(
    memory_model: LocalMemoryModel, documents: list[Document], prompts: Prompts, tmp_path: Path, storage: str
) -> None:
    settings = SETTINGS.model_copy(update={"kv_storage": storage})
    memory = build(memory_model, documents, prompts, settings, embedding_model="hash")
    save_memory(tmp_path, memory, index_memory(memory, documents, memory_model.language_model, HashEmbeddings()))
    loaded, _ = load_memory(tmp_path, HashEmbeddings())
    assert_same_shards(loaded, memory)
    assert [ask(memory_model, loaded, question) for question in QUESTIONS] == [
        ask(memory_model, memory, question) for question in QUESTIONS
    ]
    exact = build(memory_model, documents, prompts, SETTINGS, embedding_model="hash")
    assert (memory.id == exact.id) == (storage == "exact")


def test_heads_that_do_not_pack_are_refused_with_a_way_out(documents: list[Document], prompts: Prompts) -> None:
    model = LocalMemoryModel(tiny_model("llama", head_dim=12))
    with pytest.raises(InputError, match="use exact") as error:
        build(model, documents, prompts, SETTINGS.model_copy(update={"kv_storage": "int4"}))
    assert error.value.field == "kv_storage"


def test_what_float16_cannot_hold_is_refused() -> None:
    far = torch.full((1, 4, 8), 1e5)
    near = torch.zeros(1, 4, 8)
    for storage, keys, values in (("float16", far, far), ("int8", far, near), ("int4", near, far * 1e3)):
        with pytest.raises(ValueError, match="beyond the range of float16"):
            encode(KVPrefix(((keys, values),)), storage)
