"""A text beyond one window: several shards, all asked at once, merged into clues, answers and summaries."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from langchain_core.messages import AIMessage

from memorag_graph.clues.recall import MOST_CLUES, MOST_POINTS, MemoryRecall
from memorag_graph.clues.sharded_chat import ShardedChat
from memorag_graph.documents import Document
from memorag_graph.errors import MemoryMismatchError
from memorag_graph.graph import build_graph
from memorag_graph.inference.decode_session import open_session
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.sampling import Sampling
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.text.sentences import split_sentences
from tests.conftest import SETTINGS, TEXT, TINY, HashEmbeddings, build, prefill, tiny_model
from tests.test_decode_session import assert_close, one_go, random_tokens

QUESTION = "Who was proud of Thorle?"


@pytest.fixture(scope="module")
def model() -> LocalMemoryModel:
    return LocalMemoryModel(tiny_model("llama", max_position_embeddings=1024))


@pytest.fixture
def memory(model: LocalMemoryModel, prompts: Prompts) -> Memory:
    memory = build(model, [Document("a", TEXT * 3)], prompts, SETTINGS)
    assert len(memory.shards) >= 2
    return memory


def test_rows_over_different_prefixes_equal_one_go(language_model: LanguageModel) -> None:
    remembered = [random_tokens(length, seed=length) for length in (30, 50)]
    first, second = (prefill(language_model, tokens) for tokens in remembered)
    prompts = [random_tokens(length, seed=length) for length in (6, 9, 4, 7)]
    session = open_session(language_model.model, [first, first, second, None], 9, 2)
    starts = [remembered[0], remembered[0], remembered[1], []]
    for row, prompt in enumerate(prompts):
        assert_close(session.prefill(row, prompt), one_go(language_model, starts[row] + prompt)[-1])
    logits = session.step([11, 12, 13, 14])
    for row, token in enumerate((11, 12, 13, 14)):
        assert_close(logits[row], one_go(language_model, [*starts[row], *prompts[row], token])[-1])


def test_a_question_to_all_shards_at_once_equals_each_alone(model: LocalMemoryModel, memory: Memory) -> None:
    def ask(shard: int) -> str:
        return model.complete(memory, [Turn("user", QUESTION)], Sampling(12), shard=shard).text

    shards = range(len(memory.shards))
    alone = [ask(shard) for shard in shards]
    barrier = threading.Barrier(len(shards))

    def together(shard: int) -> str:
        barrier.wait()
        return ask(shard)

    with ThreadPoolExecutor(len(shards)) as pool:
        assert list(pool.map(together, shards)) == alone


def test_shards_are_unchanged_by_answers(model: LocalMemoryModel, memory: Memory) -> None:
    before = [tensor.clone() for shard in memory.shards for layer in shard.kv.layers for tensor in layer]
    chat = ShardedChat(MemoryChat(memory_model=model, memory=memory, max_new_tokens=8))
    recollection = MemoryRecall(chat, memory.prompts, memory.notes)
    recollection.recall(QUESTION)
    recollection.outline(QUESTION)
    after = [tensor for shard in memory.shards for layer in shard.kv.layers for tensor in layer]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def test_a_hundred_answers_at_once_change_no_shard_and_no_answer(model: LocalMemoryModel, memory: Memory) -> None:
    shards = len(memory.shards)
    before = [tensor.clone() for shard in memory.shards for layer in shard.kv.layers for tensor in layer]

    def ask(number: int) -> str:
        turn = Turn("user", f"Who was captain in {1990 + number // shards}?")
        return model.complete(memory, [turn], Sampling(3 + number % 5), shard=number % shards).text

    with ThreadPoolExecutor(25) as pool:
        together = list(pool.map(ask, range(100)))
    after = [tensor for shard in memory.shards for layer in shard.kv.layers for tensor in layer]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))
    assert together[:30] == [ask(number) for number in range(30)]


class Scripted:
    """Stands in for the shards of a memory: each gives its reply; alone, the model repeats what it was given."""

    max_new_tokens = 64
    begins_answers = True
    adapter = None

    def __init__(self, *replies: str) -> None:
        self.replies = replies
        self.alone: list[str] = []

    def __len__(self) -> int:
        return len(self.replies)

    def ask(self, messages, config, **changes):
        self.asked = changes
        return [AIMessage(reply) for reply in self.replies]

    def ask_alone(self, messages, config, **changes):
        self.alone.append(messages[0].text)
        return AIMessage("\n".join(line for line in messages[0].text.splitlines() if "harbour" in line))


def scripted(memory: Memory, *replies: str) -> tuple[MemoryRecall, Scripted]:
    chat = Scripted(*replies)
    return MemoryRecall(chat, memory.prompts, memory.notes), chat  # type: ignore[arg-type]


def sentences(memory: Memory, count: int) -> list[str]:
    found = [it.text for note in memory.notes for it in split_sentences(note.text, "en") if "harbour" in it.text]
    return list(dict.fromkeys(found))[:count]


def test_spans_of_all_shards_are_merged_nearest_to_the_question_first(memory: Memory) -> None:
    one, two, three, *_ = sentences(memory, 9)
    recollection, _ = scripted(memory, f"{one}\nMoonbases were opened on distant planets", f"{two}\n{one}\n{three}")
    name = next(word for word in three.split() if word not in f"{one} {two}")
    spans = recollection.recall(f"What is known about {name} in these letters?").items
    assert spans[0] == three
    assert set(spans) == {one, two, three}
    assert len(spans) <= MOST_CLUES


@pytest.mark.parametrize(("shards", "lines"), [(1, MOST_CLUES), (2, 4), (3, 3), (50, 2)])
def test_the_more_shards_the_less_each_is_asked_for(memory: Memory, shards: int, lines: int) -> None:
    recollection, chat = scripted(memory, *[""] * shards)
    recollection.rewrite(QUESTION)
    assert chat.asked["max_lines"] == lines
    assert lines * shards >= MOST_CLUES


def test_an_answer_is_written_from_the_answers_of_all_shards(memory: Memory) -> None:
    recollection, chat = scripted(memory, "The harbour was full.", "The harbour froze.")
    assert recollection.answer(QUESTION).items == ("The harbour was full.\nThe harbour froze.",)
    (prompt,) = chat.alone
    assert QUESTION in prompt


def test_many_shards_are_combined_group_by_group(memory: Memory) -> None:
    recollection, chat = scripted(memory, *(f"The harbour flooded {number} times." for number in range(20)))
    (answer,) = recollection.answer(QUESTION).items
    assert len(chat.alone) == 4 + 1
    assert all(f"flooded {number} times" in answer for number in range(20))


def test_an_outline_is_made_from_the_outlines_of_all_shards(memory: Memory) -> None:
    points = sentences(memory, 6)
    recollection, chat = scripted(memory, "\n".join(points[:3]), "\n".join(points[3:]))
    outline = recollection.outline("Summarize.").items
    assert len(chat.alone) == 1
    assert set(outline) <= set(points)
    assert 4 <= len(outline) <= MOST_POINTS


@pytest.mark.parametrize("kind", ["gist", "full"])
@pytest.mark.parametrize("task_type", ["qa", "memorag", "summarize"])
def test_each_task_answers_over_shards(model: LocalMemoryModel, kind: str, task_type: str) -> None:
    registry = Registry()
    registry.add_memory_model("tiny-llama", model)
    registry.add_embeddings("hash", HashEmbeddings())
    text = TEXT * 3
    options = TINY.model_copy(update={"kind": kind, "use_memory_answer": True})
    given = {"context": text, "query": QUESTION, "task_type": task_type}
    result = build_graph(registry).invoke(given, context=options)  # type: ignore[call-overload]
    assert result["memory"]["shards"] >= 2
    assert result["answer"] or task_type == "qa"
    assert all(text[it["start"] : it["end"]] == it["quote"] for it in result["citations"])


def test_each_window_has_a_memory_of_its_own_that_answers() -> None:
    ids, shards = set(), []
    for window in (4096, 2048, 1024):
        registry = Registry()
        model = tiny_model("llama", max_position_embeddings=window)
        registry.add_memory_model("tiny-llama", LocalMemoryModel(model))
        registry.add_embeddings("hash", HashEmbeddings())
        opened = registry.memorize([Document("a", TEXT * 3)], TINY)
        ids.add(opened.memory.id)
        shards.append(len(opened.memory.shards))
        answer = build_graph(registry).invoke({"memory_id": opened.memory.id, "query": QUESTION}, context=TINY)
        assert answer["answer"]
    assert len(ids) == 3
    assert shards[0] < shards[2]


def test_a_memory_laid_out_for_another_window_is_refused() -> None:
    registry, other = Registry(), Registry()
    for where, window in ((registry, 2048), (other, 1024)):
        where.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama", max_position_embeddings=window)))
        where.add_embeddings("hash", HashEmbeddings())
    memory_id = registry.memorize([Document("a", TEXT)], TINY).memory.id
    with pytest.raises(MemoryMismatchError, match=r"window: 2,048 → 1,024 tokens"):
        other.open(memory_id, TINY)
