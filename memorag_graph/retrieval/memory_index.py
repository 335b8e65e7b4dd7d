"""Search the chunks of one memory by meaning and by words."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.embeddings import Embeddings

from memorag_graph.retrieval.chunk_index import ChunkIndex
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.no_index import NoIndex
from memorag_graph.text.chunking import Chunk


@dataclass(frozen=True, eq=False)
class MemoryIndex:
    """The indexes over the chunks of a memory.

    Attributes:
        vectors: Searches by meaning.
        keywords: Searches by words; None if the memory has no index.
    """

    vectors: ChunkIndex
    keywords: KeywordIndex | None

    @classmethod
    def of(cls, vectors: ChunkIndex, language_code: str) -> "MemoryIndex":
        """Add an index by words, unless the memory has no index."""
        has_none = isinstance(vectors, NoIndex)
        return cls(vectors, None if has_none else KeywordIndex.from_chunks(vectors.chunks, language_code))

    @property
    def chunks(self) -> Sequence[Chunk]:
        """The chunks, in document order."""
        return self.vectors.chunks

    @property
    def embeddings(self) -> Embeddings:
        """The model that embeds queries."""
        return self.vectors.embeddings

    def share_known(self, text: str) -> float:
        """Return the share of a text's terms that occur in the chunks; 1 if they are not indexed."""
        return self.keywords.share_known(text) if self.keywords else 1.0

    def nearness(self, question: str, texts: Sequence[str]) -> tuple[float, Sequence[float]]:
        """Return the cosine similarity of a question with its nearest chunk, and with each given text.

        Without an index, all similarities are 0.
        """
        (hits,) = self.vectors.search([question], 1)
        if not hits:
            return 0.0, [0.0] * len(texts)
        from memorag_graph.retrieval.dense_index import embed

        nearest = self.chunks[hits[0].chunk].text  # embedded again: a store may score differently
        vectors = embed(self.embeddings, [question, nearest, *texts])
        first, *others = (float(score) for score in vectors[1:] @ vectors[0])
        return first, others
