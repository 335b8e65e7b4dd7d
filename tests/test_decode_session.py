"""Laws 1 and 2: a branch of a memory gives the logits of reading everything in one go, and changes nothing."""

import threading

import pytest
import torch
from torch import Tensor
from transformers import (
    Gemma2Config,
    Gemma2ForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    NemotronConfig,
    NemotronForCausalLM,
)

from memorag_graph.inference import decode_session as sessions
from memorag_graph.inference.decode_session import SharedPrefixSession, open_session
from memorag_graph.inference.hf_session import HFCacheSession
from memorag_graph.models.language_model import LanguageModel
from tests.conftest import SIZES, byte_tokenizer, prefill, tiny_model


def random_tokens(count: int, seed: int) -> list[int]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(4, 260, (count,), generator=generator).tolist()


def one_go(model: LanguageModel, tokens: list[int]) -> Tensor:
    """Logits after every token, by the library's own attention over the whole sequence."""
    implementation = model.model.config._attn_implementation
    model.model.set_attn_implementation("eager")
    with torch.inference_mode():
        logits = model.model(torch.tensor([tokens]), use_cache=False).logits[0]
    model.model.set_attn_implementation(implementation)
    return logits


def assert_close(actual: Tensor, expected: Tensor) -> None:
    assert (actual - expected).abs().max() < 1e-4


def test_tiny_models_share_the_prefix(language_model: LanguageModel) -> None:
    session = open_session(language_model.model, [None], 3, 1)
    assert isinstance(session, SharedPrefixSession)


@pytest.mark.parametrize("piece", [7, 1024])
def test_prompts_of_different_length_equal_one_go(
    language_model: LanguageModel, monkeypatch: pytest.MonkeyPatch, piece: int
) -> None:
    monkeypatch.setattr(sessions, "PIECE", piece)
    remembered = random_tokens(41, seed=1)
    prompts = [random_tokens(length, seed=length) for length in (5, 17, 1)]
    continuations = [random_tokens(4, seed=50 + row) for row in range(3)]
    session = open_session(language_model.model, [prefill(language_model, remembered)] * 3, 17, 8)

    for row, prompt in enumerate(prompts):
        assert_close(session.prefill(row, prompt), one_go(language_model, remembered + prompt)[-1])
    for column in range(4):
        stepped = session.step([tokens[column] for tokens in continuations])
        for row in range(3):
            read = remembered + prompts[row] + continuations[row][: column + 1]
            assert_close(stepped[row], one_go(language_model, read)[-1])


@pytest.mark.parametrize("kept", [[2, 0], [0, 2], [1, 2], [1]])
def test_rows_that_leave_do_not_disturb_the_others(language_model: LanguageModel, kept: list[int]) -> None:
    remembered = random_tokens(20, seed=3)
    prompts = [random_tokens(length, seed=length) for length in (4, 9, 6)]
    session = open_session(language_model.model, [prefill(language_model, remembered)] * 3, 9, 8)
    for row, prompt in enumerate(prompts):
        session.prefill(row, prompt)
    session.step([10, 11, 12])
    session.keep(kept, 17)
    logits = session.step([21 + row for row in kept])
    for place, row in enumerate(kept):
        read = [*remembered, *prompts[row], 10 + row, 21 + row]
        assert_close(logits[place], one_go(language_model, read)[-1])


def test_rows_that_join_do_not_disturb_the_others(language_model: LanguageModel) -> None:
    """Over another prefix, with a longer prompt, beside rows that are under way, and after all of them have left."""
    remembered, other = random_tokens(20, seed=3), random_tokens(33, seed=4)
    prompts = [random_tokens(length, seed=length) for length in (4, 90)]
    session = open_session(language_model.model, [prefill(language_model, remembered)], 4, 8)
    session.prefill(0, prompts[0])
    session.step([10])
    session.join([prefill(language_model, other)], 98)
    assert_close(session.prefill(1, prompts[1]), one_go(language_model, other + prompts[1])[-1])
    logits = session.step([11, 12])
    assert_close(logits[0], one_go(language_model, [*remembered, *prompts[0], 10, 11])[-1])
    assert_close(logits[1], one_go(language_model, [*other, *prompts[1], 12])[-1])
    session.keep([], 0)
    session.join([None], 8)
    assert_close(session.prefill(0, prompts[0]), one_go(language_model, prompts[0])[-1])
    assert_close(session.step([5])[0], one_go(language_model, [*prompts[0], 5])[-1])


def test_a_branch_without_a_memory_equals_one_go(language_model: LanguageModel) -> None:
    prompts = [random_tokens(length, seed=length) for length in (30, 12)]
    session = open_session(language_model.model, [None, None], 30, 4)
    for row, prompt in enumerate(prompts):
        assert_close(session.prefill(row, prompt), one_go(language_model, prompt)[-1])
    logits = session.step([7, 8])
    assert_close(logits[0], one_go(language_model, [*prompts[0], 7])[-1])
    assert_close(logits[1], one_go(language_model, [*prompts[1], 8])[-1])


def test_growing_a_prefix_equals_reading_all_at_once(
    language_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = random_tokens(25, seed=5), random_tokens(33, seed=6)
    whole = prefill(language_model, first + second)
    monkeypatch.setattr(sessions, "PIECE", 8)
    grown = prefill(language_model, second, prefill(language_model, first))
    assert grown.length == whole.length == 58
    for mine, theirs in zip(grown.layers, whole.layers, strict=True):
        assert_close(mine[0], theirs[0])
        assert_close(mine[1], theirs[1])


def test_a_prefix_is_unchanged_after_branches_in_many_threads(language_model: LanguageModel) -> None:
    prefix = prefill(language_model, random_tokens(30, seed=9))
    before = [tensor.clone() for layer in prefix.layers for tensor in layer]

    def answer(seed: int) -> None:
        session = open_session(language_model.model, [prefix, prefix], 5, 10)
        session.prefill(0, random_tokens(5, seed))
        session.prefill(1, random_tokens(3, seed))
        for token in random_tokens(10, seed):
            session.step([token, token])

    threads = [threading.Thread(target=answer, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    after = [tensor for layer in prefix.layers for tensor in layer]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def sliding_model(kind: str) -> LanguageModel:
    torch.manual_seed(0)
    if kind == "mistral":
        model = MistralForCausalLM(MistralConfig(**SIZES, sliding_window=8))
    else:
        model = Gemma2ForCausalLM(Gemma2Config(**SIZES, head_dim=8, sliding_window=8))
    for parameter in model.parameters():
        parameter.data.normal_(std=0.2)
    return LanguageModel(model.float(), byte_tokenizer(), kind)


@pytest.mark.parametrize("kind", ["mistral", "gemma2"])
def test_models_with_a_sliding_window_use_their_own_attention_and_equal_one_go(kind: str) -> None:
    model = sliding_model(kind)
    remembered = random_tokens(20, seed=11)
    prompts = [random_tokens(length, seed=length) for length in (5, 11)]
    session = open_session(model.model, [prefill(model, remembered)] * 2, 11, 4)
    assert isinstance(session, HFCacheSession)
    for row, prompt in enumerate(prompts):
        assert_close(session.prefill(row, prompt), one_go(model, remembered + prompt)[-1])
    logits = session.step([7, 8])
    session.keep([1], 15)
    assert_close(logits[0], one_go(model, [*remembered, *prompts[0], 7])[-1])
    assert_close(session.step([9])[0], one_go(model, [*remembered, *prompts[1], 8, 9])[-1])
    session.join([None], 8)
    assert_close(session.prefill(1, prompts[0]), one_go(model, prompts[0])[-1])
    assert_close(session.step([3, 4])[0], one_go(model, [*remembered, *prompts[1], 8, 9, 3])[-1])


def test_a_model_with_soft_caps_uses_its_own_attention_and_equals_one_go() -> None:
    """Its scores are far above the cap for all tokens but those that are tried when it is loaded."""
    torch.manual_seed(0)
    sizes = {**SIZES, "num_hidden_layers": 1, "layer_types": ["full_attention"], "attn_logit_softcapping": 2.0}
    stock = Gemma2ForCausalLM(Gemma2Config(**sizes, head_dim=8, use_sliding_window=False)).float()
    for parameter in stock.parameters():
        parameter.data.normal_(std=0.2)
    tried = [(SIZES["vocab_size"] // 3 + 997 * place) % SIZES["vocab_size"] for place in range(20)]
    attention = stock.model.layers[0].self_attn
    for projection in (attention.q_proj, attention.k_proj):
        projection.weight.data[:, 1:] = 0
        projection.weight.data[:, 0] *= 10
    stock.model.embed_tokens.weight.data[tried, 0] = 0
    remembered, prompt = ([token for token in random_tokens(30, seed) if token not in tried] for seed in (1, 2))
    with torch.inference_mode():
        expected = stock(torch.tensor([remembered + prompt]), use_cache=False).logits[0, -1]
    model = LanguageModel(stock, byte_tokenizer(), "gemma2")
    session = open_session(model.model, [prefill(model, remembered)], len(prompt))
    assert_close(session.prefill(0, prompt), expected)


def test_a_model_that_drops_the_prefix_uses_its_own_attention() -> None:
    """Nemotron's layers do not hand on the arguments that the shared attention needs."""
    torch.manual_seed(0)
    model = LanguageModel(NemotronForCausalLM(NemotronConfig(**SIZES)).float(), byte_tokenizer(), "nemotron")
    remembered, prompt = random_tokens(20, seed=1), random_tokens(7, seed=2)
    session = open_session(model.model, [prefill(model, remembered)], 7, 2)
    assert isinstance(session, HFCacheSession)
    assert_close(session.prefill(0, prompt), one_go(model, remembered + prompt)[-1])


def test_a_model_of_another_seed_gives_other_logits() -> None:
    """The tolerance of these tests tells two models apart."""
    tokens = random_tokens(20, seed=1)
    assert (one_go(tiny_model("llama"), tokens) - one_go(tiny_model("llama", seed=1), tokens)).abs().max() > 0.1
