"""A memory that is to be made: documents, recipe and ready parts."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING

from memorag_graph.documents import Document, with_distinct_names
from memorag_graph.errors import InputError
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.model_pool import NO_INDEX, ModelPool
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import default_embedding_model
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import ReportProgress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import RunOptions
from memorag_graph.text.languages import detect_common_language

if TYPE_CHECKING:
    from langchain_core.embeddings import Embeddings

    from memorag_graph.documents import PageMap
    from memorag_graph.memory.build.builder import Built, Recipe
    from memorag_graph.memory.build.gist_kind import EarlyGistWriter, GistWriter
    from memorag_graph.memory.build.revision import Listed
    from memorag_graph.memory.kv_memory import DocumentInfo, Identity, Memory
    from memorag_graph.memory.memory_model import MemoryModel
    from memorag_graph.retrieval.chunk_index import IndexKind
    from memorag_graph.settings import MemorySettings


@dataclass(frozen=True)
class MemoryPlan:
    """What to memorize and with what.

    Attributes:
        documents: The documents; for those in ``known``, their description is enough.
        recipe: What else decides the memory.
        model: The memory model.
        embeddings: Embeds the chunks.
        index_kind: Makes the index.
        known: An earlier memory made by the same recipe.
        begun: The same memory, begun: its index is reused.
        writer: Has the model write gists; None for this process.
    """

    documents: "Sequence[Document | DocumentInfo]"
    recipe: "Recipe"
    model: "MemoryModel"
    embeddings: "Embeddings"
    index_kind: "IndexKind"
    known: OpenMemory | None = None
    begun: OpenMemory | None = None
    writer: "GistWriter | None" = None

    @classmethod
    def revised(cls, before: OpenMemory, change: "Callable[[Memory], Listed]", models: ModelPool) -> "MemoryPlan":
        """Return the plan of a memory whose documents are changed; the rest stays as it was.

        Args:
            before: The memory; one that is only begun tells what would be made.
            change: Returns the new list of documents.
            models: Holds its models.

        Raises:
            InputError: If the change cannot be made.
            ModelError: If a model cannot be loaded.
        """
        from memorag_graph.memory.build.builder import Recipe

        old = before.memory
        return cls(
            change(old),
            Recipe(old.prompts, old.settings, old.identity),
            before.model,
            models.embeddings(old.identity.embedding_model),
            models.index_kind(old.settings.index),
            before,
        )

    @cached_property
    def memory_id(self) -> str:
        """Content address of the memory."""
        return self.recipe.memory_id(self.documents)

    def after(self, earlier: OpenMemory | None) -> "MemoryPlan":
        """Return the plan with what an earlier memory holds, if that was made by the same recipe."""
        memory = earlier.memory if earlier else None
        if memory and memory.is_whole and (memory.prompts, memory.settings, memory.identity) == _parts(self.recipe):
            return replace(self, known=earlier)
        return self

    def build(self, journal: Journal, report: ReportProgress) -> OpenMemory:
        """Build the memory and its index.

        Raises:
            InputError: If the documents or settings cannot be used.
            ModelError: If a model fails.
            MemoryFileError: If the journal cannot be written.
        """
        from memorag_graph.models.compute_threads import in_background

        with in_background():
            return self._build(journal, report)

    def begin(self, report: ReportProgress, *, words_first: bool) -> OpenMemory:
        """Build the index only, so that the documents can be searched before the model reads them.

        Args:
            report: Called with progress.
            words_first: Whether the chunks of long documents are indexed by their words alone; see :meth:`embedded`.

        Raises:
            InputError: If the documents or settings cannot be used.
            ModelError: If a model fails.
        """
        from memorag_graph.retrieval.dense_index import FaissKind
        from memorag_graph.retrieval.memory_index import MemoryIndex
        from memorag_graph.retrieval.words_first import EMBEDDED_AT_ONCE

        documents = [it for it in self.documents if isinstance(it, Document)]
        built = self.model.begin(documents, self.recipe, report=report)
        memory = built.memory
        if words_first and len(built.chunks) > EMBEDDED_AT_ONCE and isinstance(self.index_kind, FaissKind):
            code = memory.prompts.language.code
            index = MemoryIndex.of_words(built.chunks, self.embeddings, code, _page_maps(memory))
            return OpenMemory(memory, index, self.model)
        return self._indexed(built, report)

    def begin_gists(self, journal: Journal, writer: "EarlyGistWriter") -> None:
        """Have a writer begin the gists for which :meth:`build` will ask it.

        Args:
            journal: Holds gists that are written already.
            writer: Has the model write gists.

        Raises:
            InputError: If the documents or settings cannot be used.
            MemoryUnreadableError: If the journal cannot be read although it is not damaged.
        """
        known = self.known.memory if self.known else None
        self.model.begin_gists(self.documents, self.recipe, writer, known=known, journal=journal)

    def embedded(self, begun: OpenMemory, report: ReportProgress) -> OpenMemory:
        """Return a begun memory with all its chunks embedded.

        Raises:
            ModelError: If the embedding model fails.
        """
        from memorag_graph.memory.build.builder import Built
        from memorag_graph.models.compute_threads import in_background

        with in_background():
            return self._indexed(Built(begun.memory, list(begun.index.chunks)), report)

    def _build(self, journal: Journal, report: ReportProgress) -> OpenMemory:
        from memorag_graph.memory.build.builder import Built

        known = Built(self.known.memory, list(self.known.index.chunks)) if self.known else None
        built = self.model.build(
            self.documents, self.recipe, known=known, journal=journal, report=report, writer=self.writer
        )
        return self._indexed(built, report)

    def _indexed(self, built: "Built", report: ReportProgress) -> OpenMemory:
        from memorag_graph.retrieval.memory_index import MemoryIndex

        earlier = self.known or self.begun
        vectors = self.index_kind.make(
            built.memory.id, built.chunks, self.embeddings, earlier.index.vectors if earlier else None, report
        )
        index = MemoryIndex.of(vectors, built.memory.prompts.language.code, _page_maps(built.memory))
        return OpenMemory(built.memory, index, self.model)


def new_plan(documents: Sequence[Document], options: RunOptions, models: ModelPool) -> MemoryPlan:
    """Load the memory model and settle how new documents are memorized.

    Raises:
        InputError: If there is no document, or an option cannot be used.
        ModelError: If a model cannot be loaded.
    """
    if not documents:
        raise InputError("documents", "nothing to memorize; give at least one document")
    documents = with_distinct_names(documents)
    model = models.memory_model(options.model or EMBEDDED, options)
    embedding_model = options.embedding_model or default_embedding_model(model.language_model.name)
    embedding_model = "" if options.index == NO_INDEX else models.embedding_name(embedding_model)
    prompts = Prompts(detect_common_language([document.text for document in documents]), options.prompts)
    return MemoryPlan(
        documents,
        model.recipe(prompts, options.memory_settings, embedding_model),
        model,
        models.embeddings(embedding_model),
        models.index_kind(options.index),
    )


def _page_maps(memory: "Memory") -> "dict[str, PageMap]":
    return {document.source: document.page_map for document in memory.documents}


def _parts(recipe: "Recipe") -> "tuple[Prompts, MemorySettings, Identity]":
    return recipe.prompts, recipe.settings, recipe.identity
