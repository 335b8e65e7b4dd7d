"""The index of one memory: its chunks by meaning and by words."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.embeddings import Embeddings

from memorag_graph.chunking import Chunk
from memorag_graph.retrieval.index import ChunkIndex
from memorag_graph.retrieval.keywords import KeywordIndex
from memorag_graph.retrieval.no_index import NoIndex


@dataclass(frozen=True, eq=False)
class MemoryIndex:
    """What finds the chunks of a memory.

    Attributes:
        vectors: Finds them by meaning.
        keywords: Finds them by words; None where a memory has no index.
    """

    vectors: ChunkIndex
    keywords: KeywordIndex | None

    @classmethod
    def of(cls, vectors: ChunkIndex, language_code: str) -> "MemoryIndex":
        """Index the words of the chunks, too; not those of a memory without an index."""
        without = isinstance(vectors, NoIndex)
        return cls(vectors, None if without else KeywordIndex.from_chunks(vectors.chunks, language_code))

    @property
    def chunks(self) -> Sequence[Chunk]:
        """The chunks, in document order."""
        return self.vectors.chunks

    @property
    def embeddings(self) -> Embeddings:
        """The model that embeds queries."""
        return self.vectors.embeddings
