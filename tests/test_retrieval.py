"""Vector search equals brute force."""

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import faiss
import numpy as np
import pytest
import torch

from memorag_graph.documents import Document
from memorag_graph.errors import MemoryFileError, MemoryMismatchError
from memorag_graph.models.embedding_cache import CachedEmbeddings
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.text.chunking import Chunk
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


def numbered(count: int) -> list[Chunk]:
    texts = (f"ferry {number} sailed to quay {number * 7919 % 1000}" for number in range(count))
    return [Chunk("a", 0, at, at + len(text), text) for at, text in enumerate(texts)]


def test_many_chunks_are_searched_through_their_neighbours(tmp_path: Path) -> None:
    chunks = numbered(600)
    near = FaissIndex.from_chunks(chunks, HashEmbeddings(), exact_up_to=599)
    exact = FaissIndex.from_chunks(chunks, HashEmbeddings(), exact_up_to=600)
    queries = [f"quay {number}" for number in range(50)]
    pairs = list(zip(near.search(queries, 10), exact.search(queries, 10), strict=True))
    shared = [len({hit.chunk for hit in some} & {hit.chunk for hit in best}) / 10 for some, best in pairs]
    assert np.mean(shared) >= 0.95
    near.save(tmp_path / "near")
    assert FaissIndex.load(tmp_path / "near", chunks, HashEmbeddings()).search(queries, 10) == near.search(queries, 10)
    again = FaissIndex.from_chunks(chunks, HashEmbeddings(), exact_up_to=599)
    again.save(tmp_path / "again")
    assert (tmp_path / "near").read_bytes() == (tmp_path / "again").read_bytes()
    np.testing.assert_array_equal(np.stack([*near.vectors().values()]), np.stack([*exact.vectors().values()]))


@pytest.mark.parametrize("exact_up_to", [1, 1000], ids=["graph", "flat"])
@pytest.mark.parametrize("claimed", [2**20, 2**31, 2**60])
def test_nothing_is_allocated_for_values_that_the_file_does_not_hold(
    chunks: list[Chunk], tmp_path: Path, exact_up_to: int, claimed: int
) -> None:
    FaissIndex.from_chunks(chunks, HashEmbeddings(), exact_up_to=exact_up_to).save(tmp_path / "index")
    data, limit = (tmp_path / "index").read_bytes(), faiss.get_deserialization_vector_byte_limit()
    at = data.rindex((len(chunks) * 64).to_bytes(8, "little"))  # the number of values
    (tmp_path / "index").write_bytes(data[:at] + claimed.to_bytes(8, "little") + data[at + 8 :])
    with pytest.raises(MemoryFileError, match="byte_limit"):
        FaissIndex.load(tmp_path / "index", chunks, HashEmbeddings())
    assert faiss.get_deserialization_vector_byte_limit() == limit


def test_other_kinds_of_indexes_are_not_read(chunks: list[Chunk], tmp_path: Path) -> None:
    other = faiss.IndexLSH(64, 8)
    other.add(np.zeros((len(chunks), 64), dtype=np.float32))
    faiss.write_index(other, str(tmp_path / "index"))
    with pytest.raises(MemoryFileError, match="its kind b'IxHe' is unknown"):
        FaissIndex.load(tmp_path / "index", chunks, HashEmbeddings())


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
    with pytest.raises(MemoryMismatchError, match="built with another embedding model"):
        FaissIndex.load(tmp_path / "index.bin", chunks, OtherWeights()).search(["ferry"], 3)


class CountedEmbeddings(HashEmbeddings):
    """Records the texts that it embeds."""

    def __init__(self) -> None:
        super().__init__()
        self.given: list[str] = []

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.given += texts
        return [self.embed_query(text) for text in texts]

    def embed_query(self, text: str) -> list[float]:
        return np.float32(super().embed_query(text)).tolist()


def test_remembered_vectors_are_the_models_own_and_each_text_is_embedded_once() -> None:
    counted = CountedEmbeddings()
    remembered = CachedEmbeddings(counted, most=3)
    plain = CountedEmbeddings()
    for texts in (["a b", "c", "a b"], ["c", "d"], [], ["d", "a b"]):
        assert remembered.embed_documents(texts) == plain.embed_documents(texts)
    assert counted.given == ["a b", "c", "d"]
    remembered.embed_documents(["e"])  # evicts the least recently used
    remembered.embed_documents(["a b", "d", "c"])
    assert counted.given == ["a b", "c", "d", "e", "c"]
    assert remembered.embed_query("a b") == counted.embed_query("a b")


def test_a_search_leaves_the_number_of_threads_as_it_is(index: FaissIndex) -> None:
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    index.search(["ferry"], 2)
    assert torch.get_num_threads() == 2
    torch.set_num_threads(before)


def test_a_thread_that_asks_while_another_counts_knows_the_chunks_of_every_document() -> None:
    texts = ["ferry", "a ferry left the cold quay early", "the last ferry of March"]
    chunks = [Chunk(str(at), at, 0, len(text), text) for at, text in enumerate(texts)]
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks, HashEmbeddings()), "en")
    others: list[Mapping[int, int]] = []

    def words(text: str) -> int:
        return len(text.split())

    def count(text: str) -> int:
        if text == texts[1]:  # the first document is counted, the last one is not
            with ThreadPoolExecutor(1) as pool:
                others.append(dict(pool.submit(index.tokens_of_chunks, 4, words).result()))
        return words(text)

    assert index.tokens_of_chunks(4, count) == {0: 4, 1: 7, 2: 5}
    assert others == [{0: 4, 1: 7, 2: 5}]
    assert index.tokens_of_chunks(6, words) == {0: 6, 1: 7, 2: 6}
