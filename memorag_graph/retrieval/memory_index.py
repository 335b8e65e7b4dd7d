"""Search the chunks of one memory by meaning and by words."""

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial

from langchain_core.embeddings import Embeddings

from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.documents.context_words import context_words
from memorag_graph.retrieval.chunk_index import ChunkIndex
from memorag_graph.retrieval.embedding_fit import meaning_weight
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.no_index import NoIndex
from memorag_graph.retrieval.words_first import WordsFirst
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import detect_language

_SAMPLED = 8
"""Chunks from which the language of a document, and the size of its chunks, are found."""


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
    def of(
        cls, vectors: ChunkIndex, language_code: str, page_maps: Mapping[str, PageMap] | None = None
    ) -> "MemoryIndex":
        """Add an index by words, unless the memory has no index.

        Args:
            vectors: The index by meaning.
            language_code: ISO 639-1 code of the texts' language.
            page_maps: The sections of each document, by its name; their headings are searched, too.
        """
        if isinstance(vectors, NoIndex):
            return cls(vectors, None)
        return cls(vectors, _keywords(vectors.chunks, language_code, page_maps))

    @classmethod
    def of_words(
        cls,
        chunks: Sequence[Chunk],
        embeddings: Embeddings,
        language_code: str,
        page_maps: Mapping[str, PageMap] | None = None,
        keywords: KeywordIndex | None = None,
    ) -> "MemoryIndex":
        """Index chunks by their words; they are embedded later.

        Args:
            chunks: The chunks, in document order.
            embeddings: The model that will embed them.
            language_code: ISO 639-1 code of the texts' language.
            page_maps: See :meth:`of`.
            keywords: The index by words, if it is there.
        """
        keywords = keywords or _keywords(chunks, language_code, page_maps)
        return cls(WordsFirst(keywords, embeddings), keywords)

    @property
    def is_embedded(self) -> bool:
        """Whether all chunks are embedded, or never will be."""
        return not isinstance(self.vectors, WordsFirst)

    @property
    def chunks(self) -> Sequence[Chunk]:
        """The chunks, in document order."""
        return self.vectors.chunks

    @property
    def embeddings(self) -> Embeddings:
        """The model that embeds queries."""
        return self.vectors.embeddings

    @cached_property
    def meaning_weights(self) -> Mapping[int, float]:
        """The weight of the ranking by meaning for the chunks of each document, where that by words has weight 1.

        It is found for each language when it is first needed; see
        :func:`~memorag_graph.retrieval.embedding_fit.meaning_weight`.
        """
        documents_of: dict[str, list[int]] = defaultdict(list)
        samples_of: dict[str, list[Chunk]] = defaultdict(list)
        for document, chunks in self._samples.items():
            code = detect_language(" ".join(chunk.text for chunk in chunks)).code
            documents_of[code].append(document)
            samples_of[code] += self._of_document[document]
        from memorag_graph.retrieval.dense_index import embed

        embed_passages = partial(embed, self.embeddings)
        weights = {code: meaning_weight(embed_passages, chunks) for code, chunks in samples_of.items()}
        return {document: weights[code] for code, documents in documents_of.items() for document in documents}

    def tokens_of_chunks(self, size: int, count_tokens: Callable[[str], int]) -> Mapping[int, int]:
        """Return the maximum tokens of the chunks of each document: ``size``, or more where chunks have more room."""
        if (known := self._tokens.get(size)) is None:
            known = {
                document: max(size, *(count_tokens(chunk.text) for chunk in chunks))
                for document, chunks in self._samples.items()
            }
            self._tokens[size] = known  # only now that it is complete: other threads may be searching
        return known

    @cached_property
    def _tokens(self) -> dict[int, Mapping[int, int]]:
        """For each size, the maximum tokens of the chunks of each document."""
        return {}

    @cached_property
    def _of_document(self) -> Mapping[int, list[Chunk]]:
        of_document = defaultdict(list)
        for chunk in self.chunks:
            of_document[chunk.document].append(chunk)
        return of_document

    @cached_property
    def _samples(self) -> Mapping[int, list[Chunk]]:
        """Chunks from all over each document."""
        return {
            document: chunks[:: max(1, len(chunks) // _SAMPLED)][:_SAMPLED]
            for document, chunks in self._of_document.items()
        }

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
        from memorag_graph.retrieval.dense_index import embed, embed_queries

        nearest = self.chunks[hits[0].chunk].text  # embedded again: a store may score differently
        vectors = embed(self.embeddings, [nearest, *texts])
        first, *others = (float(score) for score in vectors @ embed_queries(self.embeddings, [question])[0])
        return first, others


def _keywords(chunks: Sequence[Chunk], language_code: str, page_maps: Mapping[str, PageMap] | None) -> KeywordIndex:
    return KeywordIndex.from_chunks(chunks, language_code, chunk_names(chunks, page_maps or {}))


def chunk_names(chunks: Sequence[Chunk], page_maps: Mapping[str, PageMap]) -> list[str]:
    """Return the words under which each chunk stands."""
    return [context_words(page_maps.get(chunk.source, NO_PAGES), chunk.start, chunk.source) for chunk in chunks]
