"""A vector store as the index of a memory: its chunks are found by number, and other texts are refused."""

from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import InMemoryVectorStore

from memorag_graph.errors import MemoryFileError
from memorag_graph.retrieval.vector_store import VectorStoreIndex, VectorStoreKind
from memorag_graph.text.chunking import Chunk
from tests.conftest import HashEmbeddings

TEXTS = ["The ferry sailed.", "Captain Quill retired.", "The harbour was closed."]
CHUNKS = [Chunk("a", 0, 100 * at, 100 * at + len(text), text) for at, text in enumerate(TEXTS)]


@pytest.fixture
def stores() -> dict[str, InMemoryVectorStore]:
    return {}


@pytest.fixture
def kind(stores: dict[str, InMemoryVectorStore]) -> VectorStoreKind:
    def open_store(name: str, embeddings: Embeddings) -> InMemoryVectorStore:
        return stores.setdefault(name, InMemoryVectorStore(embeddings))

    return VectorStoreKind(open_store)


def test_chunks_are_found_by_their_numbers_and_making_the_index_again_adds_nothing(
    kind: VectorStoreKind, stores: dict[str, InMemoryVectorStore]
) -> None:
    for _ in range(2):
        made = kind.make("m", CHUNKS, HashEmbeddings())
    assert len(stores["m"].store) == len(CHUNKS)
    loaded = kind.load("m", CHUNKS, HashEmbeddings(), lambda: pytest.fail("no file is read"))
    for index in (made, loaded):
        assert [row[0].chunk for row in index.search(TEXTS, 2)] == [0, 1, 2]
        assert len(index.search(TEXTS, 99)[0]) == len(CHUNKS)


@pytest.mark.parametrize(
    ("text", "metadata"),
    [
        (TEXTS[1], {"chunk": 0}),
        ("Another text.", {"chunk": 0}),
        (TEXTS[0], {"chunk": 3}),
        (TEXTS[2], {"chunk": -1}),
        (TEXTS[0], {"chunk": "0"}),
        (TEXTS[0], {}),
    ],
)
def test_a_store_with_other_texts_is_refused(text: str, metadata: dict[str, Any]) -> None:
    store = InMemoryVectorStore(HashEmbeddings())
    store.add_documents([Document(text, metadata=metadata)])
    with pytest.raises(MemoryFileError, match=r"holds other texts than this memory's; memorize the document again"):
        VectorStoreIndex(CHUNKS, store, HashEmbeddings()).search(["ferry"], 3)


def test_an_empty_store_is_refused() -> None:
    with pytest.raises(MemoryFileError, match="does not hold this memory's chunks; memorize the document again"):
        VectorStoreIndex(CHUNKS, InMemoryVectorStore(HashEmbeddings()), HashEmbeddings()).search(["ferry"], 3)
