"""Interface of indexes over chunks, independent of where the vectors are stored."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

from langchain_core.embeddings import Embeddings

from memorag_graph.progress import ReportProgress
from memorag_graph.text.chunking import Chunk


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk found by a query.

    Attributes:
        chunk: Position of the chunk in the index.
        score: Cosine similarity, BM25 score or a vector store's score; comparable only within one ranking.
    """

    chunk: int
    score: float


class ChunkIndex(Protocol):
    """Searches the chunks of one memory."""

    @property
    def chunks(self) -> Sequence[Chunk]:
        """The chunks, in document order."""

    @property
    def embeddings(self) -> Embeddings:
        """The model that embeds queries."""

    def search(self, queries: Sequence[str], hits: int) -> list[list[Hit]]:
        """Return at most ``hits`` chunks for each query, best first; equal scores in document order."""


@runtime_checkable
class KeptInFile(Protocol):
    """An index saved in its memory's directory; others are stored elsewhere."""

    def save(self, path: Path) -> None:
        """Write the index to a file."""


class IndexKind(Protocol):
    """Creates and opens indexes of one kind."""

    def make(
        self,
        memory_id: str,
        chunks: Sequence[Chunk],
        embeddings: Embeddings,
        known: ChunkIndex | None = None,
        report: ReportProgress = ...,
    ) -> ChunkIndex:
        """Index the chunks of a memory; vectors of a known index may be reused."""

    def load(
        self, memory_id: str, chunks: Sequence[Chunk], embeddings: Embeddings, file: Callable[[], Path]
    ) -> ChunkIndex:
        """Open the index of a memory; ``file`` checks and returns the path of its ``index.bin``."""
