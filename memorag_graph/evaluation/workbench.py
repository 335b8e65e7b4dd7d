"""Models, chunks and indexes that all pipelines of an evaluation share."""

import hashlib
import os
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from langchain_core.embeddings import Embeddings
from langchain_core.language_models import BaseChatModel

from memorag_graph.clue_trust import clue_weights
from memorag_graph.documents import Document
from memorag_graph.errors import MemoryFileError
from memorag_graph.evaluation.chunks import count_tokens, split_document
from memorag_graph.evaluation.dataset import Question
from memorag_graph.generation.choose_generator import EXTRACTIVE, LOCAL, Generator
from memorag_graph.model_pool import NO_INDEX
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import default_embedding_model
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.providers.usage import Prices
from memorag_graph.registry import Registry
from memorag_graph.retrieval.clue_weights import ClueWeights
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.selection import Counts
from memorag_graph.settings import RunOptions
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import Language, detect_language

if TYPE_CHECKING:
    from memorag_graph.memory.memory_model import MemoryModel

_CACHE_SIZE = 4
"""Documents, and memories, kept in RAM."""

_UNKNOWN_WINDOW = 8192
"""Context window assumed for a chat model that does not report it, in tokens."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document with its chunks and indexes.

    Attributes:
        document: The document.
        chunks: Chunks in document order.
        index: Dense index of the chunks.
        keywords: BM25 index of the chunks.
        language: Language of the document.
        both: Both indexes together.
    """

    document: Document
    chunks: tuple[Chunk, ...]
    index: FaissIndex
    keywords: KeywordIndex
    language: Language
    both: MemoryIndex


@dataclass(frozen=True, slots=True)
class Case:
    """A question about a prepared document."""

    question: Question
    prepared: Prepared


class Workbench:
    """Models and prepared documents of one evaluation.

    Args:
        registry: Provides models and memories.
        options: Models and settings; ``evidence_tokens`` is the budget, ``retrieval_chunk_size`` the chunk size.
        directory: Directory of the dense indexes, reused between runs.
        prices: Token prices; None if unknown.
    """

    def __init__(self, registry: Registry, options: RunOptions, directory: Path, prices: Prices | None = None) -> None:
        self.registry = registry
        self.options = options
        self.prices = prices
        self._directory = directory
        self._prepared: OrderedDict[str, Prepared] = OrderedDict()
        self._memories: OrderedDict[str, OpenMemory] = OrderedDict()

    @property
    def model_name(self) -> str:
        """Name of the memory model."""
        return self.options.model or EMBEDDED

    @property
    def embedding_model(self) -> str:
        """Name of the embedding model."""
        name = self.options.embedding_model or default_embedding_model(self.model_name)
        return self.registry.models.embedding_name(name)

    @property
    def embeddings(self) -> Embeddings:
        """The embedding model."""
        return self.registry.models.embeddings(self.embedding_model)

    @property
    def memory_model(self) -> "MemoryModel":
        """The memory model."""
        return self.registry.models.memory_model(self.model_name, self.options)

    @property
    def clue_weights(self) -> ClueWeights:
        """How much the clues of the memory model count; loads it."""
        return clue_weights(self.memory_model)

    @property
    def generator_name(self) -> str:
        """Name of the generator, chosen as in the graph."""
        name = self.options.generator or (EXTRACTIVE if self.model_name == EMBEDDED else LOCAL)
        return self.model_name if name == LOCAL else name

    def prepare(self, document: Document, report: ReportProgress = ignore_progress) -> Prepared:
        """Split and index a document; the vectors are stored for later runs."""
        if document.source not in self._prepared:
            chunks = split_document(document, self.options.retrieval_chunk_size)
            language = detect_language(document.text)
            keywords = KeywordIndex.from_chunks(chunks, language.code)
            index = self._dense(document, chunks, report)
            for chunk in chunks:
                count_tokens(chunk.text)  # fill the cache, so that no pipeline is charged for counting
            both = MemoryIndex(index, keywords)
            _ = both.meaning_weights  # found now, so that no pipeline is charged for it
            self._prepared[document.source] = Prepared(document, tuple(chunks), index, keywords, language, both)
            while len(self._prepared) > _CACHE_SIZE:
                self._prepared.popitem(last=False)
        return self._prepared[document.source]

    def memory(self, document: Document, report: ReportProgress = ignore_progress) -> OpenMemory:
        """Return the memory of a document, building it if needed; it has no index of its own."""
        if document.source not in self._memories:
            options = self.options.model_copy(update={"index": NO_INDEX})
            self._memories[document.source] = self.registry.memorize([document], options, report=report)
            while len(self._memories) > _CACHE_SIZE:
                self._memories.popitem(last=False)
        return self._memories[document.source]

    def prompts(self, prepared: Prepared) -> Prompts:
        """Return the prompts of a document's language."""
        return Prompts(prepared.language, self.options.prompts)

    def writer(self) -> BaseChatModel:
        """Return the language model for prompts without a memory: the generator's, else the memory model."""
        return self._chat(self._writer_name)

    def forget(self) -> None:
        """Clear cached embeddings, so that no pipeline profits from what an earlier one embedded."""
        from memorag_graph.models.embedding_cache import CachedEmbeddings

        if isinstance(self.embeddings, CachedEmbeddings):
            self.embeddings.forget()

    def writer_window(self) -> tuple[int, Counts]:
        """Return the context window of :meth:`writer` in tokens, and its token counter."""
        name = self._writer_name
        if self.registry.models.added_chat_model(name) is not None:
            return _UNKNOWN_WINDOW, count_tokens
        language_model = self.registry.models.memory_model(name, self.options).language_model
        return language_model.window, language_model.count

    def expander(self) -> BaseChatModel:
        """Return the memory model as a chat model without a memory."""
        return self._chat(self.model_name)

    def generator(self) -> Generator:
        """Return the generator.

        Unlike the graph's, it does not fall back to quotations if a chat model fails: they would
        be scored as its answer.
        """
        from memorag_graph.generation.chat_generator import ChatGenerator
        from memorag_graph.generation.extractive_generator import ExtractiveGenerator

        if self.generator_name == EXTRACTIVE:
            return ExtractiveGenerator(embeddings=self.embeddings)
        return ChatGenerator(chat=self.writer(), embeddings=self.embeddings)

    @property
    def _writer_name(self) -> str:
        return self.model_name if self.generator_name == EXTRACTIVE else self.generator_name

    def _chat(self, name: str) -> BaseChatModel:
        from memorag_graph.memory.memory_chat import MemoryChat
        from memorag_graph.models.sampling import NO_REPEAT
        from memorag_graph.providers.provider_models import ProviderModel

        options = self.options
        if (added := self.registry.models.added_chat_model(name)) is not None:
            return added
        if (served := ProviderModel.named(name, options.temperature)) is not None:
            return served.chat(max_tokens=options.max_new_tokens)
        return MemoryChat(
            memory_model=self.registry.models.memory_model(name, options),
            max_new_tokens=options.max_new_tokens,
            temperature=options.temperature,
            no_repeat=NO_REPEAT,
        )

    def _dense(self, document: Document, chunks: list[Chunk], report: ReportProgress) -> FaissIndex:
        made_of = f"{document.sha256} {self.options.retrieval_chunk_size} {self.embedding_model}"
        path = self._directory / f"{hashlib.sha256(made_of.encode()).hexdigest()[:16]}.bin"
        if path.is_file():
            try:
                return FaissIndex.load(path, chunks, self.embeddings)
            except MemoryFileError:
                path.unlink()
        index = FaissIndex.from_chunks(chunks, self.embeddings, report)
        self._directory.mkdir(parents=True, exist_ok=True)
        new = path.with_suffix(f".{os.getpid()}")
        index.save(new)
        new.replace(path)
        return index
