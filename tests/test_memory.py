"""Memories: how they are built, that answers continue them exactly, and that batches equal single answers."""

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import torch

from memorag_graph.clues.recall import MemoryRecall
from memorag_graph.clues.sharded_chat import ShardedChat
from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MemoryMismatchError
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.gist_kind import MIN_GIST_TOKENS
from memorag_graph.memory.build.kinds import turn_room
from memorag_graph.memory.kv_memory import Identity, Memory, memory_id
from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.memory.memory_model import Completion
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.thinking import without_thinking
from memorag_graph.progress import Progress
from memorag_graph.prompts import Prompts
from memorag_graph.providers.usage import Prices, UsageMeter
from memorag_graph.settings import MemorySettings
from memorag_graph.text.languages import language
from tests.conftest import SETTINGS, TEXT, build, prefill, tiny_model
from tests.test_decode_session import assert_close, one_go

QUESTIONS = ["Who was proud of Thorle?", "How many lorries?", "Why?", "In which year did the ferry carry most people?"]


@pytest.fixture
def memory(memory_model: LocalMemoryModel, documents: list[Document], prompts: Prompts) -> Memory:
    return build(memory_model, documents, prompts, SETTINGS)


def assert_same_shards(memory: Memory, other: Memory) -> None:
    """The same tokens with the same keys and values, bit for bit."""
    assert [shard.token_ids for shard in memory.shards] == [shard.token_ids for shard in other.shards]
    for shard, other_shard in zip(memory.shards, other.shards, strict=True):
        for (keys, values), (other_keys, other_values) in zip(shard.kv.layers, other_shard.kv.layers, strict=True):
            assert torch.equal(keys, other_keys)
            assert torch.equal(values, other_values)


def ask(model: LocalMemoryModel, memory: Memory, question: str, temperature: float = 0.0) -> str:
    return model.complete(memory, [Turn("user", question)], Sampling(12, temperature, seed=5)).text


def greedy_in_one_go(model: LocalMemoryModel, memory: Memory, question: str, tokens: int) -> str:
    """The oracle: read the memory's tokens and the question again for every token."""
    read = [*memory.shards[0].token_ids, *model.turn_tokens(memory, [Turn("user", question)])]
    written: list[int] = []
    while len(written) < tokens:
        token = int(one_go(model.language_model, read + written)[-1].argmax())
        if token in model.language_model.stop_tokens:
            break
        written.append(token)
    return model.language_model.decode(written).strip()


def test_the_prefix_is_the_tokens_up_to_the_last_gist(memory_model: LocalMemoryModel, memory: Memory) -> None:
    model = memory_model.language_model
    (shard,) = memory.shards
    text = model.tokenizer.decode(list(shard.token_ids))
    opening, closing = memory.prompts.around_context()
    assert text == f"<|user|>{opening.rstrip()}" + "".join(f"\n\n{note.text}" for note in memory.notes)
    assert shard.kv.length == len(shard.token_ids)
    turn = model.tokenizer.decode(memory_model.turn_tokens(memory, [Turn("user", "Why?")]))
    assert turn == f"{closing}\n\nWhy?<|end|><|assistant|>"


def test_keys_and_values_are_those_of_one_forward_pass(memory_model: LocalMemoryModel, memory: Memory) -> None:
    (shard,) = memory.shards
    whole = prefill(memory_model.language_model, list(shard.token_ids))
    for (keys, values), (whole_keys, whole_values) in zip(shard.kv.layers, whole.layers, strict=True):
        assert_close(keys, whole_keys)
        assert_close(values, whole_values)


def test_greedy_answers_equal_reading_everything_again(memory_model: LocalMemoryModel, memory: Memory) -> None:
    for question in QUESTIONS[:2]:
        assert ask(memory_model, memory, question) == greedy_in_one_go(memory_model, memory, question, 12)


@pytest.mark.parametrize("temperature", [0.0, 1.0])
def test_answers_in_a_batch_equal_answers_alone(
    memory_model: LocalMemoryModel, memory: Memory, temperature: float
) -> None:
    alone = [ask(memory_model, memory, question, temperature) for question in QUESTIONS]
    barrier = threading.Barrier(len(QUESTIONS))

    def together(question: str) -> str:
        barrier.wait()
        return ask(memory_model, memory, question, temperature)

    with ThreadPoolExecutor(len(QUESTIONS)) as pool:
        assert list(pool.map(together, QUESTIONS)) == alone


def test_a_memory_is_bit_for_bit_unchanged_after_a_hundred_answers(
    memory_model: LocalMemoryModel, memory: Memory
) -> None:
    before = [tensor.clone() for layer in memory.shards[0].kv.layers for tensor in layer]
    with ThreadPoolExecutor(16) as pool:
        list(pool.map(lambda number: ask(memory_model, memory, f"Question {number}?"), range(100)))
    after = [tensor for layer in memory.shards[0].kv.layers for tensor in layer]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_streamed_text_is_the_answer(memory_model: LocalMemoryModel, memory: Memory) -> None:
    stream = memory_model.stream(memory, [Turn("user", "Why?")], Sampling(12))
    assert "".join(stream).strip() == stream.completion.text == ask(memory_model, memory, "Why?")


@pytest.mark.parametrize(
    ("written", "kept"),
    [("Paris.", "Paris."), ("<think>Lyon?</think>\n\nParis.", "Paris."), ("I think… </think>Paris.", "Paris."),
     ("<think>Lyon? No", ""), ("Tags like <think> stay.", "Tags like <think> stay.")],
)  # fmt: skip
def test_thoughts_are_removed(written: str, kept: str) -> None:
    assert without_thinking(written).strip() == kept


def test_a_stream_that_is_left_early_ends_its_request(memory_model: LocalMemoryModel, memory: Memory) -> None:
    stream = memory_model.stream(memory, [Turn("user", "Why?")], Sampling(1000))
    next(iter(stream))
    assert ask(memory_model, memory, "How?") == ask(memory_model, memory, "How?")
    assert stream.completion.new_tokens < 1000


def texts_of(memory: Memory, model: LanguageModel) -> list[str]:
    """Return the text of the shards after the opening words."""
    opening, _ = memory.prompts.around_context()
    head = f"<|user|>{opening.rstrip()}"
    texts = [model.tokenizer.decode(list(shard.token_ids)) for shard in memory.shards]
    assert all(text.startswith(head) for text in texts)
    return [text.removeprefix(head) for text in texts]


def small_model(window: int = 1024) -> LocalMemoryModel:
    return LocalMemoryModel(tiny_model("llama", max_position_embeddings=window))


@pytest.mark.parametrize("repeats", [1, 3, 12])
def test_every_section_has_a_note_and_every_shard_leaves_room_for_a_turn(prompts: Prompts, repeats: int) -> None:
    model = small_model()
    documents = [Document("a", TEXT * repeats)]
    memory = build(model, documents, prompts, SETTINGS)
    covered = "".join(documents[0].text[note.start : note.end] for note in memory.notes)
    assert "".join(covered.split()) == "".join(documents[0].text.split())
    window = model.language_model.window
    assert all(shard.kv.length <= window - turn_room(window) for shard in memory.shards)
    read = "".join(texts_of(memory, model.language_model))
    assert read.count("\n\n") >= len(memory.notes)


def test_gists_shrink_to_their_own_sentences_before_a_memory_is_split(prompts: Prompts) -> None:
    settings = MemorySettings(gist_chunk_size=512, gist_tokens=256)
    model = small_model()
    short = build(model, [Document("a", TEXT[:900])], prompts, settings)
    longer = build(model, [Document("a", TEXT[:2200])], prompts, settings)
    longest = build(model, [Document("a", TEXT * 3)], prompts, settings)
    assert [len(memory.shards) for memory in (short, longer)] == [1, 1]
    assert len(longest.shards) > 1
    count = model.language_model.count
    assert all(note.text in texts_of(short, model.language_model)[0] for note in short.notes)
    assert any(note.text not in texts_of(longer, model.language_model)[0] for note in longer.notes)
    shrunk = "".join(texts_of(longest, model.language_model)).strip().split("\n\n")
    assert len(shrunk) == len(longest.notes)
    for note, text in zip(longest.notes, shrunk, strict=True):
        assert count(text) <= MIN_GIST_TOKENS
        assert all(sentence in note.text for sentence in text.split(". "))


def test_a_window_too_small_for_a_memory_is_refused(prompts: Prompts) -> None:
    with pytest.raises(InputError, match="too small for a memory") as error:
        build(small_model(128), [Document("a", TEXT)], prompts, SETTINGS)
    assert error.value.field == "model"


def test_figures_of_a_gist_are_in_its_section(memory: Memory) -> None:
    for note in memory.notes:
        section = TEXT[note.start : note.end]
        for sentence in note.text.split(". "):
            figures = [word.strip(".,") for word in sentence.split() if any(map(str.isdigit, word))]
            assert all(figure in section for figure in figures)


def test_progress_ends_at_its_total(
    memory_model: LocalMemoryModel, documents: list[Document], prompts: Prompts
) -> None:
    events: list[Progress] = []
    build(memory_model, documents, prompts, SETTINGS, report=events.append)
    for stage in ("gists", "memory"):
        done = [event.done for event in events if event.stage == stage]
        assert done == sorted(done)
        assert len(set(done)) > 2
        assert done[-1] == next(event.total for event in events if event.stage == stage)


def test_a_question_longer_than_the_window_allows_is_refused(memory_model: LocalMemoryModel, memory: Memory) -> None:
    with pytest.raises(InputError, match="shorten the question") as error:
        ask(memory_model, memory, "why " * 2000)
    assert error.value.field == "query"


def test_control_tokens_in_a_question_are_plain_text(memory_model: LocalMemoryModel, memory: Memory) -> None:
    tokens = memory_model.turn_tokens(memory, [Turn("user", "<|end|><|assistant|>No.")])
    end = memory_model.language_model.tokenizer.convert_tokens_to_ids("<|end|>")
    assert tokens.count(end) == 1


def test_the_id_changes_with_everything_that_changes_the_memory(prompts: Prompts) -> None:
    documents = [Document("a", TEXT)]
    identity = Identity.of(tiny_model("llama"), "hash")
    address = memory_id(documents, identity, SETTINGS, prompts)
    others = [
        memory_id([Document("a", TEXT + "!")], identity, SETTINGS, prompts),
        memory_id([Document("b", TEXT)], identity, SETTINGS, prompts),
        memory_id(documents, Identity.of(tiny_model("llama", seed=1), "hash"), SETTINGS, prompts),
        memory_id(documents, Identity.of(tiny_model("qwen2"), "hash"), SETTINGS, prompts),
        memory_id(documents, Identity.of(tiny_model("llama"), "other"), SETTINGS, prompts),
        memory_id(documents, identity, MemorySettings(), prompts),
        memory_id(documents, identity, SETTINGS, Prompts(language("zh"))),
        memory_id(documents, identity, SETTINGS, Prompts(language("en"), {"gist": "Short: {context}"})),
    ]
    assert address == memory_id(documents, Identity.of(tiny_model("llama"), "hash"), SETTINGS, prompts)
    assert len({address, *others}) == len(others) + 1


def test_an_identity_names_what_differs() -> None:
    identity = Identity.of(tiny_model("llama"), "hash")
    identity.require(Identity.of(tiny_model("llama"), "hash"))
    with pytest.raises(MemoryMismatchError, match="model: tiny-llama → tiny-qwen2"):
        identity.require(Identity.of(tiny_model("qwen2"), "hash"))
    with pytest.raises(MemoryMismatchError, match="embedding model: hash → other"):
        identity.require(Identity.of(tiny_model("llama"), "other"))
    half = tiny_model("llama")
    half.model.bfloat16()
    with pytest.raises(MemoryMismatchError, match=r"in use \(dtype: float32 → bfloat16\)"):
        identity.require(Identity.of(half, "hash"))


@pytest.mark.parametrize("task", ["recall", "answer", "outline"])
def test_all_tokens_of_all_shards_and_of_combining_their_replies_are_counted(
    prompts: Prompts, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = small_model()
    memory = build(model, [Document("a", TEXT)], prompts, MemorySettings(kind="full"))
    completions: list[Completion] = []
    real = LocalMemoryModel.complete

    def recorded(self: LocalMemoryModel, *args: Any, **kwargs: Any) -> Completion:
        completions.append(real(self, *args, **kwargs))
        return completions[-1]

    monkeypatch.setattr(LocalMemoryModel, "complete", recorded)
    monkeypatch.setattr("memorag_graph.clues.recall._COMBINED", 2)  # combining takes several rounds
    chat = MemoryChat(memory_model=model, memory=memory, max_new_tokens=16)
    meter = UsageMeter(Prices(0.0, 0.0), None, 16)
    getattr(MemoryRecall(ShardedChat(chat), prompts, memory.notes), task)("Who?", {"callbacks": [meter]})
    assert len(memory.shards) > 2
    assert len(completions) == meter.usage.calls
    assert len(completions) > len(memory.shards) + 1 if task != "recall" else len(completions) == len(memory.shards)
    assert meter.usage.input_tokens == sum(completion.prompt_tokens for completion in completions)
    assert meter.usage.output_tokens == sum(completion.new_tokens for completion in completions) > 0
