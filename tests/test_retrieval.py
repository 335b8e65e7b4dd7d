"""Law 4: index results equal brute force, fused rankings are deterministic, evidence keeps to its budget."""

from pathlib import Path

import numpy as np
import pytest
import torch

from memorag_graph.chunking import Chunk
from memorag_graph.documents import Document
from memorag_graph.errors import MemoryFileError, MemoryMismatchError
from memorag_graph.models.vectors import RememberedEmbeddings
from memorag_graph.retrieval.dense import FaissIndex
from memorag_graph.retrieval.evidence import RRF_K, WEIGHTS, Query, fuse, retrieve
from memorag_graph.retrieval.index import Hit
from tests.conftest import TEXT, HashEmbeddings, split_documents, tiny_model

QUERIES = ["the harbour at Thorle", "lorries in 1999", "Captain Quill", "proud"]


@pytest.fixture
def chunks() -> list[Chunk]:
    return split_documents(
        [Document("a", TEXT), Document("b", TEXT.replace("ferry", "train"))], tiny_model("llama"), 128
    )


@pytest.fixture
def index(chunks: list[Chunk]) -> FaissIndex:
    return FaissIndex.from_chunks(chunks, HashEmbeddings())


def count(text: str) -> int:
    return len(text.split())


def find(index: FaissIndex, queries: list[Query], hits: int = 4, budget: int = 100):
    return retrieve(index, queries, hits=hits, token_budget=budget, count_tokens=count, language_code="en")


@pytest.mark.parametrize("hits", [1, 5, 1000])
def test_search_equals_brute_force(index: FaissIndex, chunks: list[Chunk], hits: int) -> None:
    embeddings = HashEmbeddings()
    vectors = np.array(embeddings.embed_documents([chunk.text for chunk in chunks]))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for query, found in zip(QUERIES, index.search(QUERIES, hits), strict=True):
        direction = np.array(embeddings.embed_query(query))
        cosines = vectors @ (direction / np.linalg.norm(direction))
        best = np.sort(cosines)[::-1][:hits]
        np.testing.assert_allclose([hit.score for hit in found], best, atol=1e-5)
        np.testing.assert_allclose([cosines[hit.chunk] for hit in found], best, atol=1e-5)


def test_equal_scores_come_in_document_order(chunks: list[Chunk]) -> None:
    doubled = FaissIndex.from_chunks([chunks[0]] * 6, HashEmbeddings())
    assert [hit.chunk for hit in doubled.search(["harbour"], 6)[0]] == list(range(6))


def test_fusion_is_the_weighted_sum_of_reciprocal_ranks() -> None:
    queries = [Query("question", "q"), Query("span", "s1"), Query("span", "s2")]
    found = [[Hit(3, 0.9), Hit(1, 0.8)], [Hit(1, 0.7)], [Hit(3, 0.6)]]
    span = WEIGHTS["span"] / 2
    expected = {
        3: WEIGHTS["question"] / (RRF_K + 1) + span / (RRF_K + 1),
        1: WEIGHTS["question"] / (RRF_K + 2) + span / (RRF_K + 1),
    }
    assert fuse(queries, found) == pytest.approx(expected)


def test_evidence_is_in_document_order_within_the_budget_and_says_who_found_it(index: FaissIndex) -> None:
    queries = [Query("question", QUERIES[0]), Query("span", QUERIES[1]), Query("draft", QUERIES[2])]
    evidence = find(index, queries)
    sources = {"a": TEXT, "b": TEXT.replace("ferry", "train")}
    assert sum(count(passage.text) for passage in evidence) <= 100
    assert evidence == sorted(evidence, key=lambda passage: (passage.source, passage.start))
    for passage in evidence:
        assert sources[passage.source][passage.start : passage.end] == passage.text
        assert set(passage.queries) <= set(queries)
        assert passage.queries
    assert evidence == find(index, queries)


def test_clues_never_displace_the_questions_first_hits(index: FaissIndex) -> None:
    question = Query("question", QUERIES[0])
    clues = [Query(kind, text) for kind in ("span", "surrogate", "draft") for text in QUERIES[1:]]
    alone = {(it.source, it.start) for it in find(index, [question], hits=2, budget=10_000)}
    together = {(it.source, it.start) for it in find(index, [question, *clues], hits=2, budget=60)}
    assert len(together) < 8
    assert alone <= together


def test_the_order_of_clues_of_one_kind_does_not_matter(index: FaissIndex) -> None:
    question, *clues = [Query("question", QUERIES[0]), *(Query("span", text) for text in QUERIES[1:])]
    chosen = [(passage.source, passage.start) for passage in find(index, [question, *clues])]
    turned = [(passage.source, passage.start) for passage in find(index, [question, *reversed(clues)])]
    assert chosen == turned


def test_a_chunk_that_does_not_fit_is_cut_at_a_sentence(index: FaissIndex) -> None:
    (passage,) = find(index, [Query("question", "Captain Quill")], hits=1, budget=20)
    assert count(passage.text) <= 20
    assert passage.text.endswith(".")


def test_repeated_clues_count_once(index: FaissIndex) -> None:
    once = find(index, [Query("question", "harbour"), Query("span", "lorries")])
    assert find(index, [Query("question", "harbour"), *[Query("span", "lorries")] * 5]) == once


def test_an_index_that_does_not_fit_is_refused(index: FaissIndex, chunks: list[Chunk], tmp_path: Path) -> None:
    index.save(tmp_path / "index.bin")
    with pytest.raises(MemoryFileError, match="vectors for"):
        FaissIndex.load(tmp_path / "index.bin", chunks[1:], HashEmbeddings())
    other = FaissIndex.load(tmp_path / "index.bin", chunks, HashEmbeddings(32))
    with pytest.raises(MemoryMismatchError, match="size 64, but the embedding model makes 32"):
        other.search(["x"], 1)


class OtherWeights(HashEmbeddings):
    """Vectors of the same size from another model of the same name."""

    def embed_query(self, text: str) -> list[float]:
        return super().embed_query(text)[::-1]


def test_vectors_of_other_weights_are_refused(index: FaissIndex, chunks: list[Chunk], tmp_path: Path) -> None:
    index.save(tmp_path / "index.bin")
    assert FaissIndex.load(tmp_path / "index.bin", chunks, HashEmbeddings()).search(["ferry"], 3)
    with pytest.raises(MemoryMismatchError, match="other vectors than those of the index"):
        FaissIndex.load(tmp_path / "index.bin", chunks, OtherWeights()).search(["ferry"], 3)


class CountedEmbeddings(HashEmbeddings):
    """Notes which texts it is given."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.given += texts
        return [np.float32(vector).tolist() for vector in super().embed_documents(texts)]


def test_remembered_vectors_are_the_models_own_and_each_text_is_embedded_once() -> None:
    counted = CountedEmbeddings()
    remembered = RememberedEmbeddings(counted, most=3)
    plain = CountedEmbeddings()
    for texts in (["a b", "c", "a b"], ["c", "d"], [], ["d", "a b"]):
        assert remembered.embed_documents(texts) == plain.embed_documents(texts)
    assert counted.given == ["a b", "c", "d"]
    remembered.embed_documents(["e"])  # takes the place of what was asked for longest ago
    remembered.embed_documents(["a b", "d", "c"])
    assert counted.given == ["a b", "c", "d", "e", "c"]
    assert remembered.embed_query("a b") == counted.embed_query("a b")


def test_a_search_leaves_the_number_of_threads_as_it_is(index: FaissIndex) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    index.search(["ferry"], 2)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)
