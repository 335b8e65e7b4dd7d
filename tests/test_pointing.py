"""Recall by attention: scores against the library's own attention over all in one go; which heads, which files."""

import json
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from langchain_core.documents import Document as LangChainDocument

from memorag_graph.chunking import Chunk
from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.graph import build_graph
from memorag_graph.kv import branch as branches
from memorag_graph.kv import lookback
from memorag_graph.kv.lookback import Head, attention_to_prefix
from memorag_graph.memory.heads import HeadChoice, all_heads, find_heads, user_heads_file, write_heads
from memorag_graph.memory.local import LocalMemoryModel
from memorag_graph.memory.memory import Memory
from memorag_graph.memory.pointing import CONTENT_FREE, Pointer, asking_turn, can_point, point
from memorag_graph.models.chat_template import Turn
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.retrieval.evidence import Search, retrieve
from memorag_graph.retrieval.index import Hit
from memorag_graph.retrieval.query import Query
from tests.conftest import SETTINGS, TEXT, TINY, prefill, split_documents, tiny_model
from tests.test_branches import random_tokens
from tests.test_eviction import eager_attention

QUESTION = "Who was proud of Thorle — and why?"
HEADS: list[Head] = [(1, 3), (0, 0), (1, 2)]
GIST = SETTINGS.model_copy(update={"gist_chunk_size": 128})
FULL = SETTINGS.model_copy(update={"kind": "full"})
DOCUMENTS = [
    Document("a", TEXT[:700] + " naïve 航 ☂ café\n\n" + TEXT[700:900]),
    Document("b", "Über " + TEXT[2600:3000]),
]


def choice_of(model: LocalMemoryModel, heads: Sequence[Head] = HEADS) -> HeadChoice:
    language_model = model.language_model
    return HeadChoice(
        model=language_model.name,
        model_fingerprint=language_model.fingerprint,
        tokenizer_fingerprint=language_model.tokenizer_fingerprint,
        heads=tuple(heads),
    )


def use_heads(model: LocalMemoryModel, heads: Sequence[Head] = HEADS) -> None:
    write_heads(choice_of(model, heads), user_heads_file(model.language_model))


def eager_weights(
    model: LocalMemoryModel, memory: Memory, question: str, heads: Sequence[Head] = HEADS
) -> list[np.ndarray]:
    """The oracle: each shard's tokens and the question's turn in one go through the library's eager attention."""
    found = []
    tokens, asking = asking_turn(model.language_model, memory.prompts, question)
    for shard in memory.shards:
        weights = eager_attention(model.language_model, [*shard.token_ids, *tokens])
        length = len(shard.token_ids)
        rows = slice(length + asking.start, length + asking.stop)
        chosen = [weights[layer].flatten(0, 1)[head, rows, :length].mean(0) for layer, head in heads]
        found.append(torch.stack(chosen).numpy())
    return found


def test_attention_to_a_prefix_is_the_librarys(memory_model: LocalMemoryModel, monkeypatch: pytest.MonkeyPatch) -> None:
    model = memory_model.language_model
    remembered, turn = random_tokens(150, seed=3), random_tokens(40, seed=4)
    prefix = prefill(model, remembered)
    weights = eager_attention(model, remembered + turn)
    expected = torch.stack([weights[layer].flatten(0, 1)[head, 160:185, :150].mean(0) for layer, head in HEADS])
    found = attention_to_prefix(model.model, prefix, turn, range(10, 35), HEADS)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)
    monkeypatch.setattr(branches, "PIECE", 7)  # the asking tokens lie in several passes
    found = attention_to_prefix(model.model, prefix, turn, range(10, 35), HEADS)
    torch.testing.assert_close(found, expected, atol=1e-5, rtol=1e-4)


def at_window(window: int) -> LocalMemoryModel:
    return LocalMemoryModel(tiny_model("llama", max_position_embeddings=window))


@pytest.mark.parametrize(("window", "shards"), [(4096, 1), (900, 3)], ids=["one shard", "several shards"])
def test_a_full_memory_scores_chunks_as_the_librarys_attention_does(window: int, shards: int, prompts: Prompts) -> None:
    model = at_window(window)
    memory = model.memorize(DOCUMENTS, prompts, FULL)
    assert len(memory.shards) == shards
    use_heads(model)
    before = [tensor.clone() for shard in memory.shards for layer in shard.kv.layers for tensor in layer]

    paid, drawn = (eager_weights(model, memory, question) for question in (QUESTION, CONTENT_FREE))
    worth = [(one - other).mean(0) for one, other in zip(paid, drawn, strict=True)]
    chunks = split_documents(DOCUMENTS, model.language_model, 50)
    expected = [0.0] * len(chunks)
    for number, chunk in enumerate(chunks):
        for note, shard, places in characters(model, memory):
            for token, character in places:
                if note == chunk.document and chunk.start <= character < chunk.end:
                    expected[number] += float(worth[shard][token])

    hits = point(model, memory, QUESTION, chunks, hits=len(chunks))
    assert sorted(hit.chunk for hit in hits) == list(range(len(chunks)))
    assert [hit.score for hit in hits] == sorted((hit.score for hit in hits), reverse=True)
    for hit in hits:
        assert hit.score == pytest.approx(expected[hit.chunk], abs=1e-5)
    assert point(model, memory, QUESTION, chunks, hits=3) == hits[:3]
    after = [tensor for shard in memory.shards for layer in shard.kv.layers for tensor in layer]
    assert all(torch.equal(old, new) for old, new in zip(before, after, strict=True))


def characters(model: LocalMemoryModel, memory: Memory) -> list[tuple[int, int, list[tuple[int, int]]]]:
    """Brute force for a tokenizer of bytes: the document, the shard, and the token and last character of each byte."""
    found = []
    shard, at = 0, len(opening(model, memory))
    for note in memory.notes:
        size = len(f"\n\n{note.text}".encode())
        if at + size > len(memory.shards[shard].token_ids):
            shard, at = shard + 1, len(opening(model, memory))
        owners = [note.start + index for index, letter in enumerate(note.text) for _ in letter.encode()]
        found.append((note.document, shard, list(enumerate(owners, start=at + 2))))
        at += size
    return found


def opening(model: LocalMemoryModel, memory: Memory) -> list[int]:
    words = memory.prompts.around_context()[0].rstrip()
    return [2, *model.language_model.encode(words)]


@pytest.mark.parametrize("storage", ["exact", "int8"])
def test_a_gist_memory_gives_every_chunk_the_score_of_its_section(prompts: Prompts, storage: str) -> None:
    model = at_window(640)
    memory = model.memorize(DOCUMENTS, prompts, GIST.model_copy(update={"kv_storage": storage}))
    assert len(memory.shards) > 1
    assert len(memory.notes) > len(memory.documents)
    use_heads(model)
    paid, drawn = (eager_weights(model, memory, question) for question in (QUESTION, CONTENT_FREE))
    worth = [(one - other).mean(0) for one, other in zip(paid, drawn, strict=True)]
    texts = model.texts(memory)
    expected = []
    for shard, notes in enumerate(texts):
        at = len(opening(model, memory))
        for text in notes:
            expected.append(float(worth[shard][at : at + len(text.encode())].sum()))
            at += len(text.encode())
    chunks = [
        Chunk("", note.document, start, start + 4, "") for note in memory.notes for start in (note.start, note.end - 4)
    ]
    hits = point(model, memory, QUESTION, chunks, hits=len(chunks))
    tolerance = 1e-5 if storage == "exact" else 0.02
    for hit in hits:
        assert hit.score == pytest.approx(expected[hit.chunk // 2], abs=tolerance)
    assert {(hit.chunk, hit.score) for hit in hits} == {(hit.chunk ^ 1, hit.score) for hit in hits}


def test_a_question_without_content_points_at_nothing(prompts: Prompts) -> None:
    model = at_window(4096)
    memory = model.memorize(DOCUMENTS, prompts, FULL)
    for weights in Pointer(model, memory, HEADS).attention(CONTENT_FREE):
        assert not weights.any()


def test_the_content_free_question_is_read_once_for_each_memory(
    prompts: Prompts, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = at_window(900)
    memory = model.memorize(DOCUMENTS, prompts, FULL)
    use_heads(model)
    chunks = split_documents(DOCUMENTS, model.language_model, 50)
    passes: list[int] = []
    forward = branches.SharedBranch.prefill

    def counted(self: branches.SharedBranch, row: int, tokens: Sequence[int], watch: object = None) -> torch.Tensor:
        passes.append(len(tokens))
        return forward(self, row, tokens, watch)  # type: ignore[arg-type]

    monkeypatch.setattr(branches.SharedBranch, "prefill", counted)
    first = point(model, memory, QUESTION, chunks)
    assert len(passes) == 2 * len(memory.shards)
    assert point(model, memory, QUESTION, chunks) == first
    assert len(passes) == 3 * len(memory.shards)


def test_only_the_question_asks(memory_model: LocalMemoryModel, prompts: Prompts) -> None:
    model = memory_model.language_model
    tokens, asking = asking_turn(model, prompts, QUESTION)
    assert model.decode([tokens[at] for at in asking]) == QUESTION
    whole = memory_model.turn_tokens(
        memory_model.memorize(DOCUMENTS, prompts, FULL), [Turn("user", prompts.fill("qa", question=QUESTION))]
    )
    assert whole[: len(tokens)] == tokens


def test_only_the_chosen_heads_are_computed(memory_model: LocalMemoryModel, monkeypatch: pytest.MonkeyPatch) -> None:
    """A watch on one head multiplies one head's queries with one head's keys, in its layer alone."""
    model = memory_model.language_model
    prefix = prefill(model, random_tokens(60, seed=3))
    products: list[tuple[torch.Size, torch.Size]] = []
    watched = lookback._Lookback.__call__

    class Counting(torch.utils._python_dispatch.TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):  # type: ignore[no-untyped-def]
            if "mm" in str(func) or "matmul" in str(func):
                products.append((args[0].shape, args[1].shape))
            return func(*args, **(kwargs or {}))

    def counting(self: lookback._Lookback, layer: int, queries: torch.Tensor, own: torch.Tensor) -> None:
        with Counting():
            watched(self, layer, queries, own)

    monkeypatch.setattr(lookback._Lookback, "__call__", counting)
    attention_to_prefix(model.model, prefix, random_tokens(12, seed=4), range(4, 10), [(1, 2)])
    assert products == [((1, 6, 8), (1, 8, 10)), ((1, 6, 8), (1, 8, 60))]


def test_no_layer_above_the_chosen_ones_is_run(memory_model: LocalMemoryModel) -> None:
    model = memory_model.language_model
    prefix = prefill(model, random_tokens(60, seed=3))
    ran: list[int] = []
    for number, layer in enumerate(model.model.model.layers):
        layer.mlp.down_proj.register_forward_hook(lambda *_, number=number: ran.append(number))
    attention_to_prefix(model.model, prefix, random_tokens(12, seed=4), range(4, 10), [(1, 2), (0, 1)])
    assert ran == [0]
    ran.clear()
    attention_to_prefix(model.model, prefix, random_tokens(12, seed=4), range(4, 10), [(0, 2)])
    assert ran == []


def test_heads_are_found_by_the_models_identity(memory_model: LocalMemoryModel) -> None:
    assert find_heads(memory_model.language_model) is None
    use_heads(memory_model)
    found = find_heads(memory_model.language_model)
    assert found is not None
    assert found.heads == tuple(HEADS)
    assert find_heads(tiny_model("llama", seed=9)) is None
    assert len(all_heads(memory_model.language_model)) == 8


FAULTS = {
    "another model": ({"model_fingerprint": "0" * 32}, "another model"),
    "another tokenizer": ({"tokenizer_fingerprint": "0" * 32}, "another model"),
    "a layer too many": ({"heads": ((2, 0),)}, "does not have"),
    "a head below zero": ({"heads": ((0, -1),)}, "does not have"),
    "a head twice": ({"heads": ((0, 1), (0, 1))}, "twice"),
    "no heads": ({"heads": ()}, "cannot be read"),
    "another format": ({"format": 2}, "cannot be read"),
    "an unknown field": ({"surprise": 1}, "cannot be read"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_file_that_does_not_fit_is_refused(name: str, memory_model: LocalMemoryModel, prompts: Prompts) -> None:
    changes, reason = FAULTS[name]
    use_heads(memory_model)
    file = user_heads_file(memory_model.language_model)
    file.write_text(json.dumps({**json.loads(file.read_text("utf-8")), **changes}), "utf-8")
    memory = memory_model.memorize(DOCUMENTS, prompts, FULL)
    assert reason in str(can_point(memory_model, memory))
    with pytest.raises(InputError, match=reason):
        point(memory_model, memory, QUESTION, [])


def test_a_file_that_is_no_json_is_refused(memory_model: LocalMemoryModel, prompts: Prompts) -> None:
    use_heads(memory_model)
    user_heads_file(memory_model.language_model).write_text("{", encoding="utf-8")
    memory = memory_model.memorize(DOCUMENTS, prompts, FULL)
    assert "cannot be read" in str(can_point(memory_model, memory))


def test_memories_that_cannot_point_say_why(prompts: Prompts) -> None:
    model = at_window(4096)
    memory = model.memorize(DOCUMENTS, prompts, FULL)
    assert "choose-heads" in str(can_point(model, memory))
    use_heads(model)
    assert can_point(model, memory) is None
    evicted = model.memorize(DOCUMENTS, prompts, FULL.model_copy(update={"kv_keep": 0.5, "eviction": "keydiff"}))
    assert "kv_keep" in str(can_point(model, evicted))
    chopped = replace(memory, notes=(*memory.notes[:-1], replace(memory.notes[-1], text="other")))
    assert "not where they are expected" in str(can_point(model, chopped))
    model.language_model.model.set_attn_implementation("sdpa")
    assert "cannot be watched" in str(can_point(model, memory))


def test_questions_that_cannot_be_read_are_refused(prompts: Prompts) -> None:
    model = at_window(4096)
    memory = model.memorize(DOCUMENTS, prompts, FULL)
    use_heads(model)
    with pytest.raises(InputError, match="empty"):
        point(model, memory, "  ", [])
    with pytest.raises(InputError, match="shorten the question"):
        point(model, memory, "why? " * 2000, [])


@pytest.mark.parametrize("kind", ["full", "gist"])
def test_the_graph_searches_with_what_the_memory_points_at(registry: Registry, kind: str) -> None:
    model = registry.memory_model("tiny-llama", TINY)
    use_heads(model)  # type: ignore[arg-type]
    options = TINY.model_copy(update={"kind": kind, "gist_chunk_size": 128, "evidence_tokens": 300})
    pointing = options.model_copy(update={"recall_by_attention": True})
    given = {"documents": [*map(_given, DOCUMENTS)], "query": "zyzzyva", "task_type": "lookup"}  # no word is known
    plain = build_graph(registry).invoke(given, context=options)  # type: ignore[call-overload]
    pointed = build_graph(registry).invoke(given, context=pointing)  # type: ignore[call-overload]
    assert [record["what"] for record in pointed["trace"]] == ["route"]
    opened = registry.open(pointed["memory_id"], options)
    search = Search(hits=options.hits, token_budget=300, chunk_tokens=options.retrieval_chunk_size)
    tokens = opened.model.language_model

    def expected(pointed: list[Hit]) -> list[tuple[int, int]]:
        queries = [Query("question", given["query"])]  # type: ignore[arg-type]
        found = retrieve(opened.index, queries, search, count_tokens=tokens.count, language_code="en", pointed=pointed)
        return [(it.start, it.end) for it in found]

    hits = point(opened.model, opened.memory, "zyzzyva", opened.index.chunks, options.hits)
    assert places(pointed) == expected(hits)
    assert places(plain) == expected([])
    assert places(plain) != places(pointed)


def places(result: dict[str, Any]) -> list[tuple[int, int]]:
    return [(it.metadata["start"], it.metadata["end"]) for it in result["evidence"]]


def _given(document: Document) -> LangChainDocument:
    return LangChainDocument(document.text, metadata={"source": document.source})
