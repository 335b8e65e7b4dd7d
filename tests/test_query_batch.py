"""Queries that are embedded together have the vectors that each has alone."""

import threading

import numpy as np
import pytest
import torch
from langchain_core.embeddings import Embeddings
from langchain_huggingface import HuggingFaceEmbeddings

from memorag_graph.models.compute_threads import ThreadedEmbeddings
from memorag_graph.models.embedded import embedding_model_dir
from memorag_graph.models.embedding_cache import CachedEmbeddings
from memorag_graph.models.query_batch import embed_each_query
from memorag_graph.retrieval.dense_index import embed_queries
from tests.conftest import HashEmbeddings

QUERIES = ["the harbour at Thorle", "lorries in 1999", "Captain Quill", "the harbour at Thorle", "proud"]


class Local(HashEmbeddings):
    """Embeds queries unlike passages, in the calling thread only."""

    def __init__(self) -> None:
        super().__init__()
        self.threads: list[int] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [HashEmbeddings.embed_query(self, f"passage {text}") for text in texts]

    def embed_query(self, text: str) -> list[float]:
        self.threads.append(threading.get_ident())
        return super().embed_query(f"query {text}")


class Served(Local):
    """A client of a server, as its own asynchronous call tells. Each request waits until others are made."""

    def __init__(self, together: int) -> None:
        super().__init__()
        self.barrier = threading.Barrier(together, timeout=20)

    def embed_query(self, text: str) -> list[float]:
        self.barrier.wait()
        return super().embed_query(text)

    async def aembed_query(self, text: str) -> list[float]:
        return self.embed_query(text)


@pytest.mark.parametrize(
    "model",
    [
        Local(),
        CachedEmbeddings(Local()),
        ThreadedEmbeddings(Local(), torch.device("cpu")),
        CachedEmbeddings(ThreadedEmbeddings(Local(), torch.device("cpu"))),
    ],
)
def test_queries_have_the_vectors_that_each_has_alone(model: Embeddings) -> None:
    expected = np.array([Local().embed_query(query) for query in QUERIES], dtype=np.float32)
    assert np.array_equal(np.float32(embed_each_query(model, QUERIES)), expected)
    assert np.array_equal(np.float32(embed_each_query(model, QUERIES[::-1])), expected[::-1])
    assert np.array_equal(np.float32(model.embed_query(QUERIES[2])), expected[2])
    assert embed_queries(model, []).shape[0] == 0


def test_a_served_model_gets_several_requests_at_once_and_a_local_one_none() -> None:
    expected = [Local().embed_query(query) for query in QUERIES]
    assert embed_each_query(Served(len(QUERIES)), QUERIES) == expected
    known = CachedEmbeddings(Served(4))  # one query occurs twice
    assert np.array_equal(np.float32(embed_each_query(known, QUERIES)), np.float32(expected))
    local = Local()
    embed_each_query(local, QUERIES)
    assert set(local.threads) == {threading.get_ident()}


def test_a_query_and_a_passage_of_any_text_are_cached_apart() -> None:
    known, plain = CachedEmbeddings(Local()), Local()
    for text in ("ferry", "\0query:ferry", "query"):
        assert known.embed_query(text) == pytest.approx(plain.embed_query(text))
        assert known.embed_documents([text]) == [pytest.approx(it) for it in plain.embed_documents([text])]


@pytest.mark.parametrize("of_queries", [{}, {"prompt": "query: "}], ids=["alike", "with a prompt"])
def test_a_model_of_sentence_transformers_gets_one_batch_unless_queries_have_a_prompt(
    of_queries: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    model = HuggingFaceEmbeddings(
        model=str(embedding_model_dir()), model_kwargs={"device": "cpu"}, query_encode_kwargs=of_queries
    )
    expected = [model.embed_query(query) for query in QUERIES]
    calls: list[list[str]] = []
    encode = model._client.encode
    monkeypatch.setattr(model._client, "encode", lambda texts, **how: calls.append(texts) or encode(texts, **how))
    np.testing.assert_allclose(embed_each_query(model, QUERIES), expected, atol=1e-5)
    assert len(calls) == (len(QUERIES) if of_queries else 1)
