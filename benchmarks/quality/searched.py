"""A document searched as the package does, whole or without the passages that hold the evidence of a question."""

from dataclasses import dataclass

from evidence_data import Spans, touches
from langchain_core.embeddings import Embeddings

from memorag_graph.documents import Document
from memorag_graph.evaluation.chunks import count_tokens, split_document
from memorag_graph.generation.answer import GenerationInput
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Evidence, Search, retrieve
from memorag_graph.settings import RunOptions
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import language

CHUNK_TOKENS = 128
_SEARCH = Search.from_options(RunOptions(model="embedded"), CHUNK_TOKENS, None)


@dataclass
class Searched:
    """The chunks of an English document and their index."""

    chunks: list[Chunk]
    index: MemoryIndex
    embeddings: Embeddings

    @classmethod
    def of(cls, name: str, text: str, embeddings: Embeddings) -> "Searched":
        return cls._of(split_document(Document(name, text), CHUNK_TOKENS), embeddings)

    @classmethod
    def _of(cls, chunks: list[Chunk], embeddings: Embeddings) -> "Searched":
        index = MemoryIndex(FaissIndex.from_chunks(chunks, embeddings), KeywordIndex.from_chunks(chunks, "en"))
        return cls(chunks, index, embeddings)

    def without(self, spans: Spans) -> "Searched":
        """Return the document without the chunks that overlap some spans."""
        return self._of([it for it in self.chunks if not touches([(it.start, it.end)], spans)], self.embeddings)

    def evidence(self, question: str) -> list[Evidence]:
        return retrieve(
            self.index, [Query("question", question)], _SEARCH, count_tokens=count_tokens, language_code="en"
        )

    def asked(self, question: str) -> GenerationInput:
        """Return what the generator gets for a question."""
        return GenerationInput(
            question=question, task_type="memorag", evidence=self.evidence(question), outline=[], draft="",
            prompts=Prompts(language("en")), rarity=self.index.keywords.rarity(question) if self.index.keywords else {},
        )  # fmt: skip
