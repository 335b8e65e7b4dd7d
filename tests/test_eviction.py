"""Eviction from full memories: scores against the model's own attention, what is left against a reading of it."""

import math
from pathlib import Path

import pytest
import torch
from torch import Tensor
from transformers import (
    CohereConfig,
    CohereForCausalLM,
    GPT2Config,
    GPT2LMHeadModel,
    MistralConfig,
    MistralForCausalLM,
    SmolLM3Config,
    SmolLM3ForCausalLM,
)

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.inference import decode_session as sessions
from memorag_graph.inference.decode_session import open_session
from memorag_graph.inference.prefix_attention import AttentionProbe
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.kv.rotary import rotate
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.revision import appended
from memorag_graph.memory.eviction.kvzip import kvzip_scores
from memorag_graph.memory.eviction.prune import checked_frequencies, prune
from memorag_graph.memory.eviction.scoring import Read
from memorag_graph.memory.prompt_layout import opening_tokens
from memorag_graph.memory.storage.memory_files import load_memory, save_memory
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling
from memorag_graph.progress import Progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import run_options
from tests.conftest import (
    SETTINGS,
    SIZES,
    TEXT,
    HashEmbeddings,
    build,
    byte_tokenizer,
    index_memory,
    prefill,
    rebuild,
    tiny_model,
)
from tests.test_decode_session import random_tokens
from tests.test_memory import QUESTIONS, ask, assert_same_shards

PRUNED = SETTINGS.model_copy(update={"kind": "full", "kv_keep": 0.5})


def reader(model: LanguageModel) -> Read:
    def read(prefix: KVPrefix, tokens: list[int], watch: AttentionProbe) -> None:
        open_session(model.model, [prefix], len(tokens)).prefill(0, tokens, watch)

    return read


def eager_attention(model: LanguageModel, tokens: list[int]) -> list[Tensor]:
    """Every layer's attention weights by the library, shape (kv_heads, query heads of a key head, tokens, tokens)."""
    implementation = model.model.config._attn_implementation
    model.model.set_attn_implementation("eager")
    with torch.inference_mode():
        found = model.model(torch.tensor([tokens]), use_cache=False, output_attentions=True).attentions
    model.model.set_attn_implementation(implementation)
    return [weights[0].unflatten(0, (SIZES["num_key_value_heads"], -1)) for weights in found]


OPENING = 6


def test_kvzip_scores_are_the_attention_of_a_repetition(language_model: LanguageModel) -> None:
    tokens, request = random_tokens(150, seed=4), random_tokens(9, seed=5)
    kv = prefill(language_model, tokens)
    room = 64 + len(request) + 8
    scores = kvzip_scores(kv, tokens, OPENING, request, room, reader(language_model))
    for start in range(OPENING, 150, 64):
        chunk = tokens[start : start + 64]
        repeated = [*request, *tokens[max(0, start - 8) : start], *chunk]
        assert len(repeated) <= room
        among = [*range(OPENING), *range(start, start + len(chunk)), *range(150, 150 + len(repeated))]
        for score, weights in zip(scores, eager_attention(language_model, tokens + repeated), strict=True):
            seen = weights[:, :, 150:, among]
            shares = seen / seen.sum(-1, keepdim=True)
            expected = shares[..., OPENING : OPENING + len(chunk)].amax(dim=(1, 2))
            torch.testing.assert_close(score[:, start : start + 64], expected, atol=1e-5, rtol=1e-3)
        assert not any(score[:, :OPENING].any() for score in scores)


def test_kvzip_gives_the_same_scores_however_the_repetition_is_read(
    language_model: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    tokens, request = random_tokens(150, seed=4), random_tokens(9, seed=5)
    kv = prefill(language_model, tokens)
    whole = kvzip_scores(kv, tokens, OPENING, request, 512, reader(language_model))
    monkeypatch.setattr(sessions, "PIECE", 37)
    for score, expected in zip(
        kvzip_scores(kv, tokens, OPENING, request, 512, reader(language_model)), whole, strict=True
    ):
        torch.testing.assert_close(score, expected)


def test_what_is_left_is_what_a_reading_of_the_kept_tokens_gives(language_model: LanguageModel) -> None:
    """In the first layer, where keys and values depend on token and position alone; by head, since heads differ."""
    tokens = random_tokens(90, seed=6)
    kv = prefill(language_model, tokens)
    scores = [torch.rand(keys.shape[:2]) for keys, _ in kv.layers]
    left = prune(kv, scores, 0.4, 5, language_model.model)
    count = 5 + math.ceil(85 * 0.4)
    assert left.length == count
    for head in range(SIZES["num_key_value_heads"]):
        ranked = sorted(range(5, 90), key=lambda at: -float(scores[0][head, at]))
        kept = [*range(5), *sorted(ranked[: count - 5])]
        expected = prefill(language_model, [tokens[at] for at in kept])
        for part in range(2):
            torch.testing.assert_close(left.layers[0][part][head], expected.layers[0][part][head])


def test_deeper_layers_keep_their_values_and_turn_their_keys(language_model: LanguageModel) -> None:
    kv = prefill(language_model, random_tokens(60, seed=7))
    scores = [torch.arange(60.0).expand(keys.shape[:2]) for keys, _ in kv.layers]
    left = prune(kv, scores, 0.5, 0, language_model.model)
    frequencies = checked_frequencies(language_model.model)
    for (keys, values), (old_keys, old_values) in zip(left.layers, kv.layers, strict=True):
        assert torch.equal(values, old_values[:, 30:])
        torch.testing.assert_close(keys, rotate(old_keys[:, 30:], torch.full((30,), -30), frequencies))


def test_keeping_all_changes_nothing(language_model: LanguageModel) -> None:
    kv = prefill(language_model, random_tokens(60, seed=8))
    left = prune(kv, [torch.rand(keys.shape[:2]) for keys, _ in kv.layers], 1.0, 0, language_model.model)
    for mine, theirs in zip(left.layers, kv.layers, strict=True):
        assert all(torch.equal(*pair) for pair in zip(mine, theirs, strict=True))


def test_a_pruned_memory_keeps_its_share_and_its_opening(
    memory_model: LocalMemoryModel, documents: list[Document], prompts: Prompts
) -> None:
    seen: list[Progress] = []
    memory = build(memory_model, documents, prompts, PRUNED, report=seen.append)
    whole = build(memory_model, documents, prompts, PRUNED.model_copy(update={"kv_keep": 1.0}))
    opening = len(opening_tokens(memory_model.language_model, prompts))
    assert len(memory.shards) == 2
    for shard, full in zip(memory.shards, whole.shards, strict=True):
        assert shard.token_ids == full.token_ids
        assert shard.kv.length == opening + math.ceil((full.kv.length - opening) / 2)
        assert not shard.is_exact
        for mine, theirs in zip(shard.kv.layers, full.kv.layers, strict=True):
            for part, other in zip(mine, theirs, strict=True):
                assert torch.equal(part[:, :opening], other[:, :opening])
    assert any(it.stage == "eviction" for it in seen)
    assert memory.id != whole.id


@pytest.mark.parametrize("storage", ["exact", "int8"])
def test_a_pruned_memory_answers_the_same_after_a_restart(
    memory_model: LocalMemoryModel,
    documents: list[Document],
    prompts: Prompts,
    storage: str,
    tmp_path: Path,
) -> None:
    kept = PRUNED.model_copy(update={"kv_storage": storage})
    memory = build(memory_model, documents, prompts, kept, embedding_model="hash")
    save_memory(tmp_path, memory, index_memory(memory, documents, memory_model.language_model, HashEmbeddings()))
    loaded, _ = load_memory(tmp_path, HashEmbeddings())
    assert_same_shards(loaded, memory)
    assert [ask(memory_model, loaded, it) for it in QUESTIONS] == [ask(memory_model, memory, it) for it in QUESTIONS]


def test_an_appended_pruned_memory_is_the_one_made_from_scratch(
    memory_model: LocalMemoryModel, documents: list[Document], prompts: Prompts
) -> None:
    other = Document("other.txt", TEXT[:700].replace("ferry", "train"))
    before = build(memory_model, documents, prompts, PRUNED)
    after = rebuild(memory_model, before, appended(before, [other]))
    assert_same_shards(after, build(memory_model, [*documents, other], prompts, PRUNED))


def test_a_pruned_memory_leaves_the_window_to_questions(
    memory_model: LocalMemoryModel, documents: list[Document], prompts: Prompts
) -> None:
    whole = build(memory_model, documents, prompts, PRUNED.model_copy(update={"kv_keep": 1.0}))
    pruned = build(memory_model, documents, prompts, PRUNED)
    long = [Turn("user", "word " * 400)]
    with pytest.raises(InputError, match="window"):
        memory_model.complete(whole, long, Sampling(4))
    assert memory_model.complete(pruned, long, Sampling(4)).new_tokens


def loaded(model: torch.nn.Module) -> LanguageModel:
    return LanguageModel(model.float(), byte_tokenizer(), "tiny")  # type: ignore[operator, arg-type]


SMOL3 = {**SIZES, "num_hidden_layers": 4, "no_rope_layers": [1, 1, 0, 1], "layer_types": ["full_attention"] * 4}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: GPT2LMHeadModel(GPT2Config(vocab_size=260, n_embd=32, n_layer=2, n_head=4, n_positions=4096)),
         "does not use rotary position embedding"),
        (lambda: CohereForCausalLM(CohereConfig(**SIZES)), "cannot be moved"),
        (lambda: SmolLM3ForCausalLM(SmolLM3Config(**SMOL3)), "cannot be moved"),
    ],
    ids=["learned positions", "other pairs", "layers without positions"],
)  # fmt: skip
def test_models_whose_keys_do_not_turn_are_refused(
    make: object, message: str, documents: list[Document], prompts: Prompts
) -> None:
    torch.manual_seed(0)
    model = LocalMemoryModel(loaded(make()))  # type: ignore[operator]
    with pytest.raises(InputError, match=message) as error:
        build(model, documents, prompts, PRUNED)
    assert error.value.field == "kv_keep"


def test_a_model_whose_attention_cannot_be_observed_keeps_all(documents: list[Document], prompts: Prompts) -> None:
    torch.manual_seed(0)
    model = LocalMemoryModel(loaded(MistralForCausalLM(MistralConfig(**SIZES, sliding_window=4096))))
    with pytest.raises(InputError, match="cannot be observed; use 1") as error:
        build(model, documents, prompts, PRUNED)
    assert error.value.field == "kv_keep"


def test_gists_are_kept_whole(memory_model: LocalMemoryModel, documents: list[Document], prompts: Prompts) -> None:
    with pytest.raises(InputError, match="use kind=full"):
        build(memory_model, documents, prompts, SETTINGS.model_copy(update={"kv_keep": 0.5}))


@pytest.mark.parametrize("share", [0, -0.5, 1.01, float("nan")])
def test_a_share_out_of_range_is_refused(share: float) -> None:
    with pytest.raises(InputError) as error:
        run_options({"kind": "full", "kv_keep": share})
    assert error.value.field == "kv_keep"


def test_a_text_of_three_tokens_can_be_pruned() -> None:
    model = tiny_model("llama")
    kv = prefill(model, [7, 8, 9])
    scores = kvzip_scores(kv, [7, 8, 9], 1, [5], 64, reader(model))
    assert prune(kv, scores, 0.1, 1, model.model).length == 2
