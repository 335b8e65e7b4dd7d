"""Memories without an index, which answer only from memory."""

from collections.abc import Callable, Sequence
from pathlib import Path

from langchain_core.embeddings import Embeddings

from memorag_graph.errors import InputError
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.retrieval.chunk_index import ChunkIndex, Hit
from memorag_graph.text.chunking import Chunk


def _refused() -> InputError:
    return InputError(
        "task_type", "this memory has no index and answers with task_type 'qa' only; memorize the text with an index"
    )


class NoEmbeddings(Embeddings):
    """Refuses to embed."""

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        """Refuse.

        Raises:
            InputError: Always.
        """
        raise _refused()

    def embed_query(self, text: str) -> list[float]:
        """Refuse.

        Raises:
            InputError: Always.
        """
        raise _refused()


class NoIndex:
    """An index that finds nothing."""

    def __init__(self, chunks: Sequence[Chunk]) -> None:
        self.chunks = tuple(chunks)

    @property
    def embeddings(self) -> Embeddings:
        """Refuse.

        Raises:
            InputError: Always.
        """
        raise _refused()

    def search(self, queries: Sequence[str], hits: int) -> list[list[Hit]]:
        """Return no chunk for each query."""
        return [[] for _ in queries]


class NoIndexKind:
    """Creates no index."""

    def make(
        self,
        memory_id: str,
        chunks: Sequence[Chunk],
        embeddings: Embeddings,
        known: ChunkIndex | None = None,
        report: ReportProgress = ignore_progress,
    ) -> NoIndex:
        """Keep only the chunks."""
        return NoIndex(chunks)

    def load(
        self, memory_id: str, chunks: Sequence[Chunk], embeddings: Embeddings, file: Callable[[], Path]
    ) -> NoIndex:
        """Keep only the chunks."""
        return NoIndex(chunks)
