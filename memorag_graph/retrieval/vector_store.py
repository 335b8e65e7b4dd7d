"""Use any LangChain vector store as the index of a memory."""

import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path

from langchain_core.embeddings import Embeddings
from langchain_core.vectorstores import VectorStore

from memorag_graph.errors import MemoryFileError
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.retrieval.chunk_index import ChunkIndex, Hit
from memorag_graph.text.chunking import Chunk

_BATCH = 64
_NUMBER = "chunk"

OpenVectorStore = Callable[[str, Embeddings], VectorStore]
"""Opens the collection of a name with an embedding model, creating it if needed."""


class VectorStoreIndex:
    """Searches a collection that holds only the chunks of one memory.

    Args:
        chunks: The chunks, in document order.
        store: The collection; the metadata of each text hold the chunk's number.
        embeddings: The model that embeds queries.
    """

    def __init__(self, chunks: Sequence[Chunk], store: VectorStore, embeddings: Embeddings) -> None:
        self.chunks = tuple(chunks)
        self.embeddings = embeddings
        self._store = store

    def search(self, queries: Sequence[str], hits: int) -> list[list[Hit]]:
        """Return the ``hits`` best chunks for each query, in the store's order and with its scores.

        Raises:
            MemoryFileError: If the store returns nothing, or texts other than the memory's chunks.
        """
        return [self._search(query, min(hits, len(self.chunks))) for query in queries]

    def _search(self, query: str, hits: int) -> list[Hit]:
        found = self._store.similarity_search_with_score(query, k=hits)
        for document, _ in found:
            number = document.metadata.get(_NUMBER)
            if (
                not isinstance(number, int)
                or not 0 <= number < len(self.chunks)
                or self.chunks[number].text != document.page_content
            ):
                raise MemoryFileError(
                    "the vector store holds other texts than this memory's; memorize the document again"
                )
        if not found:
            raise MemoryFileError("the vector store does not hold this memory's chunks; memorize the document again")
        return [Hit(document.metadata[_NUMBER], float(score)) for document, score in found]


class VectorStoreKind:
    """Indexes kept in a vector store: one collection for each memory, named by its id.

    Args:
        open_store: Opens a collection.
    """

    def __init__(self, open_store: OpenVectorStore) -> None:
        self._open = open_store

    def make(
        self,
        memory_id: str,
        chunks: Sequence[Chunk],
        embeddings: Embeddings,
        known: ChunkIndex | None = None,
        report: ReportProgress = ignore_progress,
    ) -> VectorStoreIndex:
        """Add the chunks of a memory to its collection; idempotent, because ids depend on positions only."""
        store = self._open(memory_id, embeddings)
        for start in range(0, len(chunks), _BATCH):
            part = chunks[start : start + _BATCH]
            store.add_texts(
                [chunk.text for chunk in part],
                [{**_place(chunk), _NUMBER: number} for number, chunk in enumerate(part, start)],
                ids=[_id(memory_id, number) for number in range(start, start + len(part))],
            )
            report(Progress("index", start + len(part), len(chunks), "chunks"))
        return VectorStoreIndex(chunks, store, embeddings)

    def load(
        self, memory_id: str, chunks: Sequence[Chunk], embeddings: Embeddings, file: Callable[[], Path]
    ) -> VectorStoreIndex:
        """Open the collection of a memory."""
        return VectorStoreIndex(chunks, self._open(memory_id, embeddings), embeddings)


def _place(chunk: Chunk) -> dict[str, str | int]:
    return {key: value for key, value in asdict(chunk).items() if key != "text"}


def _id(memory_id: str, number: int) -> str:
    """Return a UUID for a chunk, the form of id that all stores accept."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{memory_id}/{number}"))
