"""The whole pipeline with the real embedded pair, and the laws on it in float32."""

import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import torch

from memorag_graph.documents import Document, read_document
from memorag_graph.graph import build_graph
from memorag_graph.inference.decode_session import SharedPrefixSession, open_session
from memorag_graph.inference.fast_paths import packable_dtypes
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.kv.rotary import rotary_frequencies
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.revision import appended
from memorag_graph.memory.storage.memory_files import load_memory, save_memory
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.compute_threads import compute
from memorag_graph.models.device import choose_dtype
from memorag_graph.models.loading import ModelSource, load_embeddings, load_language_model
from memorag_graph.models.running_batch import MAX_ROWS
from memorag_graph.models.sampling import Sampling
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.settings import KVStorage, MemoryKindName, MemorySettings, RunOptions
from memorag_graph.text.words import is_wide
from tests.conftest import EXAMPLE, HashEmbeddings, build, index_memory, prefill, rebuild, split_documents
from tests.test_decode_session import assert_close, one_go
from tests.test_memory import assert_same_shards

pytestmark = pytest.mark.embedded

LETTER = EXAMPLE.read_text(encoding="utf-8")[:24_000]
PART, SHORT_GISTS = 5_000, {"gist_chunk_size": 1024, "gist_tokens": 48}
"""What several tests memorize: the registry holds that memory once."""

CHINESE = (
    "二〇二〇年三月，疫情使所有渡轮航线停航四十天。公司全年客运量下降百分之六十三，只有一百二十七万人次。"
    "收入由前一年的一亿八千万元降至一亿两千八百万元，经营亏损为六百三十万元。\n\n"
    "公司没有裁减船员。总经理陈美华决定向银行借款四千万元，并出售旧船“海安号”，售价一千一百万元。\n\n"
    "货运方面的情况好得多，只比前一年减少百分之四点五。氧气瓶由夜航的货船送到医院。\n\n"
    "二〇一六年十一月十一日清晨，“塔湾之星”在因谢岛外触礁，船上有八十七名乘客和二十二名船员，全部获救。"
)


@pytest.fixture(scope="module")
def float32(embedded_home: Path) -> LocalMemoryModel:
    """The embedded model in float32, in which the laws hold to a small tolerance."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMORAG_GRAPH_HOME", str(embedded_home))
        return LocalMemoryModel(load_language_model(ModelSource("embedded", dtype="float32")))


@pytest.fixture(scope="module")
def registry(float32: LocalMemoryModel) -> Registry:
    registry = Registry()
    registry.add_memory_model("embedded", float32)
    return registry


def test_a_branch_of_a_real_memory_gives_the_logits_of_one_go(float32: LocalMemoryModel) -> None:
    model = float32.language_model
    remembered = model.encode(LETTER)[:200]
    prompts = [
        model.encode_chat([Turn("user", text)]) for text in ("Who wrote this?", "What happened to fuel in 2014?")
    ]

    kv = prefill(model, remembered)
    before = [tensor.clone() for layer in kv.layers for tensor in layer]
    session = open_session(model.model, [kv, kv], max(map(len, prompts)), 2)
    for row, prompt in enumerate(prompts):
        assert_close(session.prefill(row, prompt), one_go(model, remembered + prompt)[-1])
    logits = session.step([100, 200])
    for row, token in enumerate((100, 200)):
        assert_close(logits[row], one_go(model, [*remembered, *prompts[row], token])[-1])
    assert all(
        torch.equal(old, new) for old, new in zip(before, (t for layer in kv.layers for t in layer), strict=True)
    )


def test_a_saved_memory_and_a_question_give_the_logits_of_one_go(
    float32: LocalMemoryModel, prompts: Prompts, tmp_path: Path
) -> None:
    document = Document("letter", LETTER[:1200])
    settings = MemorySettings(kind="full", retrieval_chunk_size=128)
    memory = build(float32, [document], prompts, settings, embedding_model="hash")
    save_memory(tmp_path, memory, index_memory(memory, [document], float32.language_model, HashEmbeddings()))
    (shard,) = load_memory(tmp_path, HashEmbeddings())[0].shards
    turn = float32.turn_tokens(memory, [Turn("user", "How many passengers were carried?")])
    session = open_session(float32.language_model.model, [shard.kv], len(turn), 1)
    tokens = [*shard.token_ids, *turn]
    assert_close(session.prefill(0, turn), one_go(float32.language_model, tokens)[-1])
    assert_close(session.step([100])[0], one_go(float32.language_model, [*tokens, 100])[-1])


@pytest.mark.parametrize("kind", ["gist", "full"])
def test_an_appended_real_memory_is_the_one_made_from_scratch(
    float32: LocalMemoryModel, prompts: Prompts, kind: MemoryKindName
) -> None:
    documents = [Document(name, LETTER[start : start + 600]) for name, start in (("a", 0), ("b", 4000))]
    settings = MemorySettings(kind=kind, gist_chunk_size=128, gist_tokens=16)
    before = build(float32, documents[:1], prompts, settings)
    after = rebuild(float32, before, appended(before, documents[1:]))
    scratch = build(float32, documents, prompts, settings)
    assert after.id == scratch.id
    assert after.notes == scratch.notes
    assert_same_shards(after, scratch)


def test_quantized_keys_and_values_of_a_real_memory_change_few_next_tokens(float32: LocalMemoryModel) -> None:
    model = float32.language_model
    tokens = model.encode(LETTER)
    kv = prefill(model, tokens[:400])
    texts = [tokens[start : start + 20] for start in range(1000, 3000, 200)]

    def next_tokens(prefix: KVPrefix) -> torch.Tensor:
        session = open_session(model.model, [prefix] * len(texts), 0, 20)
        return torch.cat([session.step(column) for column in zip(*texts, strict=True)]).argmax(-1)

    exact = next_tokens(kv)
    least: dict[KVStorage, float] = {"int8": 0.985, "int4": 0.94}
    for storage, share in least.items():
        kept = Shard.of(tokens[:400], kv, storage, rotary_frequencies(model.model)).kv
        assert (next_tokens(kept) == exact).float().mean() >= share, storage


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_the_embedded_model_shares_the_prefix_in_every_dtype(embedded_home: Path, dtype: str) -> None:
    model = load_language_model(ModelSource("embedded", device="cpu", dtype=dtype)).model
    assert isinstance(open_session(model, [None], 1, 1), SharedPrefixSession)


@pytest.mark.parametrize("task_type", ["qa", "memorag", "summarize"])
def test_each_task_answers_over_a_real_text(registry: Registry, tmp_path: Path, task_type: str) -> None:
    text = LETTER[:PART]
    options = RunOptions(max_new_tokens=32, use_memory_answer=True, **SHORT_GISTS)
    given = {"context": text, "query": "How many passengers were carried on the Garrow?", "task_type": task_type}
    result = build_graph(registry).invoke({**given, "save_dir": str(tmp_path)}, context=options)  # type: ignore[call-overload]
    assert result["answer"]
    assert result["citations"]
    assert all(text[it["start"] : it["end"]] == it["quote"] for it in result["citations"])
    if task_type == "memorag":
        assert any("1.02 million" in it["quote"] for it in result["citations"])


def test_a_chinese_document_yields_chinese_clues_that_reach_retrieval(registry: Registry, tmp_path: Path) -> None:
    options = RunOptions(max_new_tokens=32, use_memory_answer=True, retrieval_chunk_size=128)
    given = {"context": CHINESE, "query": "疫情对公司的客运和收入有什么影响？", "save_dir": str(tmp_path)}
    result = build_graph(registry).invoke(given, context=options)  # type: ignore[call-overload]
    assert result["memory"]["language"] == "zh"
    clues = [*result["spans"], *result["surrogates"], result["draft"]]
    assert any(sum(map(is_wide, clue)) > len(clue) / 2 for clue in clues)
    searched = [query for document in result["evidence"] for query in document.metadata["queries"]]
    assert any(query["kind"] != "question" and is_wide(query["text"][0]) for query in searched)
    assert all(CHINESE[it["start"] : it["end"]] == it["quote"] for it in result["citations"])


def test_answers_are_the_same_from_a_new_process_state(
    registry: Registry, float32: LocalMemoryModel, tmp_path: Path
) -> None:
    options = RunOptions(max_new_tokens=24, **SHORT_GISTS)
    given = {"context": LETTER[:PART], "query": "Who is the captain?", "task_type": "qa", "save_dir": str(tmp_path)}
    first = build_graph(registry).invoke(given, context=options)  # type: ignore[call-overload]
    fresh = Registry()
    fresh.add_memory_model("embedded", float32)
    again = {"memory_id": str(tmp_path), "query": given["query"], "task_type": "qa"}
    assert build_graph(fresh).invoke(again, context=options)["answer"] == first["answer"]


def test_the_embedding_model_reads_whole_chunks(float32: LocalMemoryModel) -> None:
    embeddings = load_embeddings(ModelSource("embedded"))
    (chunk, *_) = split_documents([Document("a", LETTER)], float32.language_model, 512)
    half = chunk.text[: len(chunk.text) * 3 // 5]
    assert embeddings.embed_query(chunk.text) != embeddings.embed_query(half)


def test_questions_of_the_example_stand_where_they_say() -> None:
    document = read_document(EXAMPLE)
    lines = (EXAMPLE.parent / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    assert len(document.text.split()) >= 12_000
    assert len({question["id"] for question in questions}) == 20
    assert {question["kind"] for question in questions} == {"local", "global", "summary"}
    for question in questions:
        assert question["query"]
        assert question["answer"]
        assert question["document_id"] == EXAMPLE.stem
        for start, end in question["evidence"]:
            quote = document.text[start:end]
            assert quote == quote.strip()
            assert len(quote.split()) > 3


def test_greedy_decoding_of_a_real_model_is_the_same_alone_and_in_a_batch(float32: LocalMemoryModel) -> None:
    questions = ["Name three colours.", "What is the capital of France?", "Count to five."]

    def ask(question: str) -> str:
        return float32.complete(None, [Turn("user", question)], Sampling(16)).text

    alone = [ask(question) for question in questions]
    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(ask, questions)) == alone
    assert "Paris" in alone[1]


needs_fast_bfloat16 = pytest.mark.skipif(
    str(choose_dtype("auto", torch.device("cpu"))) != "torch.bfloat16" or torch.bfloat16 not in packable_dtypes(),
    reason="needs a CPU with bfloat16 whose fast paths are on",
)


@needs_fast_bfloat16
def test_in_bfloat16_guessed_tokens_have_the_bits_of_tokens_read_one_by_one(embedded_home: Path) -> None:
    model = load_language_model(ModelSource("embedded", dtype="bfloat16"))
    tokens = model.encode(LETTER[:2_000])
    prompts = [tokens[start : start + 20 + start] for start in range(9)]

    def ahead() -> None:
        kv = prefill(model, tokens)
        for count in (1, 3, 9):
            single, several = (open_session(model.model, [kv] * count, 128) for _ in range(2))
            for session in (single, several):
                for row in range(count):
                    session.prefill(row, prompts[row])
            expected = torch.stack([single.step([token] * count) for token in (50, 60, 70)], dim=1)
            assert torch.equal(several.step_ahead([[50, 60, 70]] * count), expected), count

    compute(torch.device("cpu"), ahead)


@needs_fast_bfloat16
def test_in_bfloat16_a_row_of_a_batch_has_the_bits_that_it_has_alone(embedded_home: Path, prompts: Prompts) -> None:
    model = LocalMemoryModel(load_language_model(ModelSource("embedded", dtype="bfloat16")))
    document = Document("letters.txt", LETTER[:2_000])
    memory = build(model, [document], prompts, MemorySettings(kind="full"))
    (shard,) = memory.shards
    turns = [model.turn_tokens(memory, [Turn("user", f"What was said {number} times?")]) for number in range(MAX_ROWS)]

    def written(rows: range, columns: int) -> list[torch.Tensor]:
        session = open_session(model.language_model.model, [shard.kv] * len(rows), columns)
        found = [torch.stack([session.prefill(at, turns[row]) for at, row in enumerate(rows)])]
        for _ in range(3):
            found.append(session.step(found[-1].argmax(-1).tolist()))
        return [torch.stack(steps) for steps in zip(*found, strict=True)]

    def compare() -> None:
        alone = {row: written(range(row, row + 1), 64)[0] for row in (0, 7, 15, 31)}
        for count in (2, 11, 16, 22, MAX_ROWS):
            together = written(range(MAX_ROWS - count, MAX_ROWS), 128)
            for row, logits in alone.items():
                if row >= MAX_ROWS - count:
                    assert torch.equal(together[row - MAX_ROWS + count], logits), (row, count)

    compute(torch.device("cpu"), compare)


def test_the_embedded_models_own_adapter_writes_drafts(registry: Registry) -> None:
    options = RunOptions(adapter="embedded", max_new_tokens=32, **SHORT_GISTS)
    given = {"context": LETTER[:PART], "query": "How many passengers were carried on the Garrow?"}
    result = build_graph(registry).invoke(given, context=options)  # type: ignore[call-overload]
    assert set(result["timings"]) == {"memorize", "draft_answer", "retrieve", "generate"}
    assert 0 < result["tokens"]["draft_answer"] <= 48
    memory = registry.open(result["memory_id"], options)
    assert memory.model.adapter is not None
    assert memory.model.adapter.learned.trust == "careful"
