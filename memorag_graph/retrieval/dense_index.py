"""Index chunks by their embeddings in FAISS, with cosine similarity; small indexes are searched exactly."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import faiss
import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.disk_errors import damaged_or_unreadable
from memorag_graph.errors import MemoryFileError, MemoryMismatchError
from memorag_graph.models.query_batch import embed_each_query
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.retrieval.chunk_index import ChunkIndex, Hit
from memorag_graph.text.chunking import Chunk

EXACT_UP_TO = 400_000
"""Maximum chunks for exact search, which then takes some 25 ms.

Larger indexes use a graph of neighbours (HNSW), which misses 3 % of the best hundred hits on average, and all of them
for a few queries (``benchmarks/results/approximate_search.json``).
"""

_KINDS = (b"IxFI", b"IHNf")
"""How files of flat indexes and of graphs begin (faiss, ``index_write.cpp``)."""

_reading = threading.Lock()
"""Guards FAISS's limit, which is global."""

_NEIGHBOURS = 32
_CANDIDATES_BUILDING = 200
_CANDIDATES_SEARCHING = 256
_BATCH = 16
_SAME = 0.98
"""Minimum cosine similarity of two embeddings of a text by the same model; batches and machines round differently."""


class FaissIndex:
    """Nearest-neighbour search over chunks.

    Args:
        chunks: The chunks, in document order.
        index: FAISS inner-product index over their normalized embeddings, in the same order.
        embeddings: The model that embeds queries.
    """

    def __init__(self, chunks: Sequence[Chunk], index: faiss.Index, embeddings: Embeddings) -> None:
        if index.ntotal != len(chunks):
            raise MemoryFileError(
                f"the index holds {index.ntotal} vectors for {len(chunks)} chunks; memorize the document again"
            )
        self.chunks = tuple(chunks)
        self.embeddings = embeddings
        self._index = index
        self._is_checked = False

    @classmethod
    def from_chunks(
        cls,
        chunks: Sequence[Chunk],
        embeddings: Embeddings,
        report: ReportProgress = ignore_progress,
        known: ChunkIndex | None = None,
        exact_up_to: int = EXACT_UP_TO,
    ) -> "FaissIndex":
        """Embed chunks and index them, reusing the vectors of texts that a known FAISS index holds."""
        vectors = known.vectors() if isinstance(known, FaissIndex) else {}
        new = [text for text in dict.fromkeys(chunk.text for chunk in chunks) if text not in vectors]
        for start in range(0, len(new), _BATCH):
            texts = new[start : start + _BATCH]
            vectors.update(zip(texts, embed(embeddings, texts), strict=True))
            report(Progress("index", start + len(texts), len(new), "chunks"))
        matrix = np.stack([vectors[chunk.text] for chunk in chunks])
        index = _empty_index(matrix.shape[1], exact=len(chunks) <= exact_up_to)
        with _one_thread():  # with several, the links of the graph would differ from run to run
            index.add(matrix)
        return cls(chunks, index, embeddings)

    @classmethod
    def from_vectors(
        cls, chunks: Sequence[Chunk], vectors: NDArray[np.float32], embeddings: Embeddings
    ) -> "FaissIndex":
        """Index chunks whose normalized vectors are known, shape (chunks, size), for exact search.

        The vectors may be those of other texts than the chunks', so they are not checked against the model.
        """
        index = _empty_index(vectors.shape[1], exact=True)
        with _one_thread():
            index.add(vectors)
        made = cls(chunks, index, embeddings)
        made._is_checked = True
        return made

    def vectors(self) -> dict[str, NDArray[np.float32]]:
        """Return the vector of each chunk's text."""
        matrix = self._index.reconstruct_n(0, len(self.chunks))
        return {chunk.text: vector for chunk, vector in zip(self.chunks, matrix, strict=True)}

    @classmethod
    def load(cls, path: Path, chunks: Sequence[Chunk], embeddings: Embeddings) -> "FaissIndex":
        """Read the vectors of chunks from a file written by :meth:`save`.

        Raises:
            MemoryFileError: If the file is damaged or does not fit the chunks.
        """
        try:
            index = _read(path)
        except (OSError, RuntimeError) as error:
            raise damaged_or_unreadable(path, error) from None
        return cls(chunks, index, embeddings)

    def save(self, path: Path) -> None:
        """Write the vectors."""
        path.write_bytes(faiss.serialize_index(self._index).tobytes())  # ``write_index`` ignores a full disk

    def search(self, queries: Sequence[str], hits: int) -> list[list[Hit]]:
        """Return the ``hits`` most similar chunks for each query, best first; equal scores in document order.

        Raises:
            MemoryMismatchError: If the embedding model's vectors have another size than the index.
        """
        if not queries:
            return []
        vectors = self._embed(queries)
        with _one_thread():
            scores, found = self._index.search(vectors, min(hits, len(self.chunks)))
        return [
            sorted(
                (Hit(int(chunk), float(score)) for chunk, score in zip(row, row_scores, strict=True) if chunk >= 0),
                key=lambda hit: (-hit.score, hit.chunk),
            )
            for row, row_scores in zip(found, scores, strict=True)
        ]

    def _embed(self, queries: Sequence[str]) -> NDArray[np.float32]:
        """Embed queries; the first time, embed a chunk, too, to check that the index was built with this model."""
        probe = (
            [] if self._is_checked else [min(range(len(self.chunks)), key=lambda chunk: len(self.chunks[chunk].text))]
        )
        vectors = embed_queries(self.embeddings, queries)
        advice = "use the embedding model that the memory was made with"
        if vectors.shape[1] != self._index.d:
            raise MemoryMismatchError(
                f"the index holds vectors of size {self._index.d}, but the embedding model makes {vectors.shape[1]}; "
                f"{advice}"
            )
        for chunk in probe:
            (vector,) = embed(self.embeddings, [self.chunks[chunk].text])
            if vector @ self._index.reconstruct(chunk) < _SAME:
                raise MemoryMismatchError(f"the index was built with another embedding model; {advice}")
        self._is_checked = True
        return vectors


def _empty_index(size: int, *, exact: bool) -> faiss.Index:
    """Return a flat index for exact search, or a navigable small world (Malkov and Yashunin, 2016)."""
    if exact:
        return faiss.IndexFlatIP(size)
    index = faiss.IndexHNSWFlat(size, _NEIGHBOURS, faiss.METRIC_INNER_PRODUCT)
    index.hnsw.efConstruction = _CANDIDATES_BUILDING
    index.hnsw.efSearch = _CANDIDATES_SEARCHING
    return index


def _read(path: Path) -> faiss.Index:
    """Read an index that this module wrote, or a forged one: nothing is allocated that the file does not hold.

    Raises:
        OSError: If it cannot be read.
        RuntimeError: If it is damaged.
    """
    content = np.frombuffer(path.read_bytes(), dtype=np.uint8)
    if (kind := content[:4].tobytes()) not in _KINDS:
        raise RuntimeError(f"its kind {kind!r} is unknown")
    with _reading:
        before = faiss.get_deserialization_vector_byte_limit()
        faiss.set_deserialization_vector_byte_limit(len(content) + 1)
        try:
            return faiss.deserialize_index(content)
        finally:
            faiss.set_deserialization_vector_byte_limit(before)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Keep OpenMP from starting a pool for every calling thread, which would take cores from the models."""
    before = faiss.omp_get_max_threads()
    faiss.omp_set_num_threads(1)
    try:
        yield
    finally:
        faiss.omp_set_num_threads(before)


def embed(embeddings: Embeddings, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return normalized embeddings of passages, shape (texts, size)."""
    return _normalized(embeddings.embed_documents(list(texts)))


def embed_queries(embeddings: Embeddings, queries: Sequence[str]) -> NDArray[np.float32]:
    """Return normalized embeddings of queries, shape (queries, size); some models embed them unlike passages."""
    return _normalized(embed_each_query(embeddings, list(queries)) if queries else [])


def _normalized(vectors: Sequence[Sequence[float]]) -> NDArray[np.float32]:
    if not vectors:
        return np.zeros((0, 0), dtype=np.float32)
    matrix = np.asarray(vectors, dtype=np.float32)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.ascontiguousarray(matrix / np.maximum(norms, np.finfo(np.float32).tiny))


class FaissKind:
    """FAISS indexes saved in a memory's directory; the default."""

    def make(
        self,
        memory_id: str,
        chunks: Sequence[Chunk],
        embeddings: Embeddings,
        known: ChunkIndex | None = None,
        report: ReportProgress = ignore_progress,
    ) -> FaissIndex:
        """Index the chunks of a memory."""
        return FaissIndex.from_chunks(chunks, embeddings, report, known)

    def load(
        self, memory_id: str, chunks: Sequence[Chunk], embeddings: Embeddings, file: Callable[[], Path]
    ) -> FaissIndex:
        """Read the index of a memory."""
        return FaissIndex.load(file(), chunks, embeddings)
