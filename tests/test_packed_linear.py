"""The written-out pass of the Llama family equals transformers' own; packed layers equal the layers that they were."""

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from transformers import (
    GraniteConfig,
    GraniteForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
    Qwen2Config,
    Qwen2ForCausalLM,
    Qwen3Config,
    Qwen3ForCausalLM,
)

from memorag_graph.inference.chosen_paths import fast_paths_of
from memorag_graph.inference.decode_session import SharedPrefixSession, open_session
from memorag_graph.inference.fast_paths import packable_dtypes, packing_works, prepare, switched_off
from memorag_graph.inference.llama_forward import FAMILY, supports_llama_forward
from memorag_graph.inference.packed_linear import PACKED_DTYPES, PackedLinear, PackedPart, joined, pack_linears
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.models.fingerprint import fingerprint
from memorag_graph.settings import FastPathsOption
from tests.conftest import SIZES
from tests.test_decode_session import assert_close, random_tokens

LLAMA3_ROPE = {
    "rope_type": "llama3",
    "rope_theta": 10_000.0,
    "factor": 4.0,
    "low_freq_factor": 1.0,
    "high_freq_factor": 4.0,
    "original_max_position_embeddings": 32,
}
MODELS: dict[str, tuple[type[PreTrainedModel], Any]] = {
    "llama": (LlamaForCausalLM, LlamaConfig(**SIZES)),
    "llama, scaled positions": (LlamaForCausalLM, LlamaConfig(**SIZES, rope_parameters=LLAMA3_ROPE)),
    "llama, biases, tied": (
        LlamaForCausalLM,
        LlamaConfig(**SIZES, attention_bias=True, mlp_bias=True, tie_word_embeddings=True),
    ),
    "llama, heads of another size": (LlamaForCausalLM, LlamaConfig(**SIZES, head_dim=12)),
    "mistral": (MistralForCausalLM, MistralConfig(**SIZES, sliding_window=None)),
    "qwen2": (Qwen2ForCausalLM, Qwen2Config(**SIZES)),
    "qwen3": (Qwen3ForCausalLM, Qwen3Config(**SIZES, head_dim=8)),
}


def seeded(name: str) -> PreTrainedModel:
    kind, config = MODELS[name]
    torch.manual_seed(3)
    model: Any = kind(copy.deepcopy(config))
    for parameter in model.parameters():  # norms and biases, too, so that none can be left out
        parameter.data.normal_(std=0.2)
    return model.float().eval()  # type: ignore[no-any-return]


def logits_after(model: PreTrainedModel, tokens: list[int]) -> Tensor:
    with torch.inference_mode():
        return model(torch.tensor([tokens]), use_cache=False).logits[0, -1]  # type: ignore[no-any-return, operator]


def require_packing(dtype: torch.dtype) -> None:
    """Skip a test of packed layers on a processor where they do not work; the fallback is tested instead."""
    if not packing_works(dtype):
        pytest.skip(f"packed weights do not work in {dtype} on this processor")


@pytest.mark.parametrize("option", ["auto", "off"])
@pytest.mark.parametrize("name", MODELS)
def test_a_prepared_model_gives_the_logits_of_the_original(name: str, option: FastPathsOption) -> None:
    original, model = seeded(name), seeded(name)
    prepare(model, option=option)
    assert supports_llama_forward(model)
    assert fast_paths_of(model).llama_forward is not switched_off(option)
    assert fast_paths_of(model).packed_weights is (torch.float32 in packable_dtypes(option))
    remembered, prompts = random_tokens(60, seed=1), [random_tokens(length, seed=length) for length in (9, 1, 30)]
    first = open_session(model, [None], 60)
    assert isinstance(first, SharedPrefixSession)
    assert_close(first.prefill(0, remembered), logits_after(original, remembered))
    session = open_session(model, [first.prefix()] * 3, 30, 4)
    for row, prompt in enumerate(prompts):
        assert_close(session.prefill(row, prompt), logits_after(original, remembered + prompt))
    for token in (7, 8):
        stepped = session.step([token] * 3)
        for row, prompt in enumerate(prompts):
            prompt.append(token)
            assert_close(stepped[row], logits_after(original, remembered + prompt))
    assert_close(logits_after(model, remembered), logits_after(original, remembered))


@pytest.mark.parametrize("name", MODELS)
def test_a_packed_model_is_the_same_model(name: str) -> None:
    model = seeded(name)
    before = fingerprint(model)
    prepare(model)
    assert fingerprint(model) == before
    with torch.inference_mode():
        model.model.norm.weight[0] += 1  # type: ignore[union-attr, index, operator]
    assert fingerprint(model) != before


def test_families_that_compute_something_else_keep_their_own_pass() -> None:
    granite = GraniteForCausalLM(GraniteConfig(**SIZES, residual_multiplier=0.5, logits_scaling=3.0))
    assert granite.config.model_type not in FAMILY

    class Changed(LlamaForCausalLM):
        """A model of one's own under a known name."""

    assert not supports_llama_forward(Changed(LlamaConfig(**SIZES)))
    patched = seeded("llama")
    patched.model.layers[1].self_attn.forward = lambda *_, **__: None  # type: ignore[union-attr, index]
    assert not supports_llama_forward(patched), "what was patched would be passed by"
    expected = logits_after(granite.eval(), [5, 6, 7])
    prepare(granite)
    assert_close(open_session(granite, [None], 3).prefill(0, [5, 6, 7]), expected)


def test_layers_are_side_by_side_only_where_one_pass_uses_them_so() -> None:
    sliding = MistralForCausalLM(MistralConfig(**SIZES, sliding_window=8)).eval()
    expected = logits_after(sliding, random_tokens(20, seed=1))
    prepare(sliding)
    assert_close(logits_after(sliding, random_tokens(20, seed=1)), expected)
    assert not any(isinstance(module, PackedPart) for module in sliding.modules())


def test_rows_with_and_without_a_prefix_stand_together() -> None:
    original, model = seeded("llama"), seeded("llama")
    prepare(model)
    remembered = random_tokens(20, seed=4)
    reader = open_session(model, [None], 20)
    reader.prefill(0, remembered)
    prefixes: list[KVPrefix | None] = [None, reader.prefix(), None]
    session = open_session(model, prefixes, 4, 2)
    for row in range(3):
        session.prefill(row, [9, 10 + row])
    for row, logits in enumerate(session.step([4, 5, 6])):
        before = remembered if row == 1 else []
        assert_close(logits, logits_after(original, [*before, 9, 10 + row, 4 + row]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("inputs", "outputs"), [(48, 32), (33, 70), (8, 5)])
@pytest.mark.parametrize("bias", [True, False])
def test_a_packed_layer_equals_the_layer(dtype: torch.dtype, inputs: int, outputs: int, bias: bool) -> None:
    torch.manual_seed(0)
    require_packing(dtype)
    plain = nn.Linear(inputs, outputs, bias=bias, dtype=dtype)
    packed = PackedLinear(plain)
    torch.testing.assert_close(packed.weight, plain.weight.detach(), rtol=0, atol=0)
    for shape in ((inputs,), (1, inputs), (3, inputs), (2, 1, inputs), (2, 9, inputs), (40, inputs)):
        states = torch.randn(shape).to(dtype)
        with torch.inference_mode():
            torch.testing.assert_close(packed(states), plain(states))


def test_a_row_has_the_same_bits_whatever_rows_are_beside_it() -> None:
    require_packing(torch.float32)
    torch.manual_seed(0)
    packed = PackedLinear(nn.Linear(1536, 576, bias=False))
    rows = torch.randn(40, 1536)
    with torch.inference_mode():
        alone = packed(rows[7:8])[0]
        for start, stop in ((6, 8), (5, 8), (7, 11), (0, 8), (0, 33), (7, 40)):
            assert torch.equal(packed(rows[start:stop])[7 - start], alone)


def test_layers_with_one_input_are_packed_side_by_side_and_saved_as_they_were() -> None:
    require_packing(torch.float32)
    torch.manual_seed(0)
    names = ("q_proj", "k_proj", "v_proj")
    module = nn.ModuleDict({name: nn.Linear(16, 8 * size) for size, name in enumerate(names, start=1)})
    module["other"] = nn.Linear(16, 4, bias=False)
    original = copy.deepcopy(module)
    pack_linears(module, PACKED_DTYPES, [names])
    states = torch.randn(5, 16)
    with torch.inference_mode():
        for name in (*names, "other"):
            torch.testing.assert_close(module[name](states), original[name](states))
        together = torch.cat([original[name](states) for name in names], dim=-1)
        torch.testing.assert_close(joined([module[name] for name in names])(states), together)
        torch.testing.assert_close(joined([original[name] for name in names])(states), together)
    assert [type(it) for it in module.values()] == [PackedPart] * 3 + [PackedLinear]
    assert joined([module[name] for name in names]) is module["q_proj"].whole
    saved = module.state_dict()
    assert saved.keys() == original.state_dict().keys()
    assert all(torch.equal(saved[key], value) for key, value in original.state_dict().items())


def test_layers_that_are_watched_or_of_another_kind_are_left_as_they_are() -> None:
    class Special(nn.Linear):
        """A layer that computes something else."""

    watched = nn.Linear(8, 8)
    watched.register_forward_hook(lambda *_: None)
    module = nn.ModuleDict({"special": Special(8, 8), "watched": watched, "sixteen": nn.Linear(8, 8).half()})
    kept = list(module.values())
    pack_linears(module, PACKED_DTYPES)
    assert all(old is new for old, new in zip(kept, module.values(), strict=True))
