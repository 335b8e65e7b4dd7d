"""Chunks → a dense index: embeddings in a flat FAISS index with cosine similarity (exact search)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import faiss
import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.chunking import Chunk
from memorag_graph.errors import MemoryFileError, MemoryMismatchError
from memorag_graph.progress import Progress, ReportProgress, ignore_progress

_BATCH = 16


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by a query.

    Attributes:
        chunk: Position of the chunk in the index.
        score: Cosine similarity with the query, -1 to 1.
    """

    chunk: int
    score: float


class DenseIndex:
    """Exact nearest-neighbour search over chunks.

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

    @classmethod
    def from_chunks(
        cls, chunks: Sequence[Chunk], embeddings: Embeddings, report: ReportProgress = ignore_progress
    ) -> "DenseIndex":
        """Embed chunks and index them."""
        vectors = []
        for start in range(0, len(chunks), _BATCH):
            vectors.append(embed(embeddings, [chunk.text for chunk in chunks[start : start + _BATCH]]))
            report(Progress("index", min(start + _BATCH, len(chunks)), len(chunks), "chunks"))
        matrix = np.concatenate(vectors)
        index = faiss.IndexFlatIP(matrix.shape[1])
        index.add(matrix)
        return cls(chunks, index, embeddings)

    @classmethod
    def load(cls, path: Path, chunks: Sequence[Chunk], embeddings: Embeddings) -> "DenseIndex":
        """Read the vectors of chunks from a file written by :meth:`save`.

        Raises:
            MemoryFileError: If the file does not fit the chunks.
        """
        return cls(chunks, faiss.read_index(str(path)), embeddings)

    def save(self, path: Path) -> None:
        """Write the vectors."""
        faiss.write_index(self._index, str(path))

    def search(self, queries: Sequence[str], hits: int) -> list[list[Hit]]:
        """Return the ``hits`` most similar chunks for each query, best first; equal scores in document order.

        Raises:
            MemoryMismatchError: If the embedding model's vectors have another size than the index.
        """
        if not queries:
            return []
        vectors = embed(self.embeddings, queries)
        if vectors.shape[1] != self._index.d:
            raise MemoryMismatchError(
                f"the index holds vectors of size {self._index.d}, but the embedding model makes {vectors.shape[1]}; "
                "use the embedding model that the memory was made with"
            )
        scores, found = self._index.search(vectors, min(hits, len(self.chunks)))
        return [
            sorted(
                (Hit(int(chunk), float(score)) for chunk, score in zip(row, row_scores, strict=True)),
                key=lambda hit: (-hit.score, hit.chunk),
            )
            for row, row_scores in zip(found, scores, strict=True)
        ]


def embed(embeddings: Embeddings, texts: Sequence[str]) -> NDArray[np.float32]:
    """Return normalized embeddings, shape (texts, size)."""
    matrix = np.asarray(embeddings.embed_documents(list(texts)), dtype=np.float32)
    norms = np.linalg.norm(matrix, axis=1, keepdims=True)
    return np.ascontiguousarray(matrix / np.maximum(norms, np.finfo(np.float32).tiny))
