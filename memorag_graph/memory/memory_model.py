"""Define a memory model: it builds memories and continues them."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Protocol

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.build.builder import Built, Recipe, begin_gists, begin_memory, build_memory
from memorag_graph.memory.build.full_kind import FullKind
from memorag_graph.memory.build.gist_kind import EarlyGistWriter, GistKind, GistWriter, NoDrafts
from memorag_graph.memory.build.kinds import MemoryKind
from memorag_graph.memory.kv_memory import DocumentInfo, Identity, Memory
from memorag_graph.memory.room import require_room_to_build
from memorag_graph.memory.section_note import SectionNote
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.models.adapter import Adapter
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.device import free_memory
from memorag_graph.models.model_size import is_small
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.text_model import TextModel
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings


@dataclass(frozen=True, slots=True)
class Completion:
    """An answer of the model.

    Attributes:
        text: The answer, without control tokens and thoughts.
        prompt_tokens: Tokens read; for a local model, without the memory's.
        new_tokens: Tokens generated.
        ended: False if the answer was cut at its maximum length.
        cached_tokens: Tokens among ``prompt_tokens`` that were in a server's cache.
    """

    text: str
    prompt_tokens: int
    new_tokens: int
    ended: bool
    cached_tokens: int = 0


class TextStream(Protocol):
    """A streamed answer: iterate for pieces of text, then read :attr:`completion`."""

    def __iter__(self) -> Iterator[str]:
        """Yield the answer's text piece by piece; pieces may be empty."""

    @property
    def completion(self) -> Completion:
        """The complete answer, once it is finished."""


class MemoryModel(ABC):
    """A language model that reads documents once and answers from its memory of them.

    Answers never change a memory. Thread-safe.
    """

    @property
    @abstractmethod
    def language_model(self) -> TextModel:
        """The language model."""

    @property
    @abstractmethod
    def device(self) -> str:
        """Device of the keys and values, for example ``"cpu"`` or ``"cuda:0"``."""

    @property
    @abstractmethod
    def begins_answers(self) -> bool:
        """Whether it can continue a given start of an answer."""

    @property
    def adapter(self) -> Adapter | None:
        """What writes clues, if anything was trained to; it takes no part in reading a memory."""
        return None

    def of_tenant(self, tenant: str) -> "MemoryModel":
        """Return the model for a tenant: itself, unless a server's cache has to be kept apart."""
        return self

    @abstractmethod
    def complete(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
        adapted: bool = False,
    ) -> Completion:
        """Answer a conversation that continues a shard of a memory, or one without a memory.

        Args:
            memory: The memory to continue; None for none.
            turns: The conversation; the first turn is the user's and follows the memory.
            sampling: Decoding settings.
            complete: Called with each new piece of text of this answer; True ends it there, if the model can be
                stopped.
            shard: Index of the memory's shard.
            adapted: Whether the adapter, if there is one, takes part.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
            ModelError: If a server does not answer.
        """

    @abstractmethod
    def stream(
        self,
        memory: Memory | None,
        turns: Sequence[Turn],
        sampling: Sampling,
        complete: Callable[[str], bool] | None = None,
        *,
        shard: int = 0,
        adapted: bool = False,
    ) -> TextStream:
        """Answer like :meth:`complete`, streaming the text.

        Raises:
            InputError: If the conversation and its answer do not fit the model's window.
            ModelError: If a server does not answer.
        """

    def settled(self, settings: MemorySettings) -> MemorySettings:
        """Return the settings with which this model builds a memory for requested settings.

        Raises:
            InputError: If the model cannot build such a memory.
        """
        if settings.kind == "beacon":
            raise InputError("kind", "beacon needs a model with beacons; use gist or full")
        if settings.kind != "gist" or settings.gist_writer != "auto":
            return settings
        return settings.model_copy(
            update={"gist_writer": "extractive" if is_small(self.language_model.size) else "model"}
        )

    def recipe(self, prompts: Prompts, settings: MemorySettings, embedding_model: str = "") -> Recipe:
        """Return the recipe of a new memory of this model.

        Args:
            prompts: The prompts of the documents' language.
            settings: Settings of the memory.
            embedding_model: Name of the model behind the retrieval index; part of the memory's identity.

        Raises:
            InputError: If the model cannot build such a memory.
        """
        return Recipe(prompts, self.settled(settings), Identity.of(self.language_model, embedding_model))

    def build(
        self,
        documents: Sequence[Document | DocumentInfo],
        recipe: Recipe,
        *,
        known: Built | None = None,
        journal: Journal | None = None,
        report: ReportProgress = ignore_progress,
        writer: GistWriter | None = None,
    ) -> Built:
        """Build the memory of documents.

        Args:
            documents: Documents to read, in order; for documents in ``known``, their description is enough. See
                :mod:`memorag_graph.memory.build.revision` for common changes.
            recipe: Everything else that determines the memory.
            known: An earlier memory built by the same recipe, with its chunks; it is left unchanged.
            journal: Stores notes as soon as they are written, so that an interrupted build can resume.
            report: Called with the progress.
            writer: Has this model write gists; by default it does so in this process.

        Raises:
            InputError: If there is no document, or the model's window is too small.
            MemoryMismatchError: If the recipe is for another model.
            NoRoomError: If the memory does not fit the device's memory or the disk.
        """
        recipe.identity.require(Identity.of(self.language_model, recipe.identity.embedding_model))
        journal = journal or Journal()
        kind = self._kind(recipe, journal, report, writer)

        def require_room(tokens: int) -> None:
            before = sum(self.language_model.count(note.text) for note in _kept_notes(known, documents))
            token_bytes, free = self.language_model.cache_bytes_per_token, free_memory(self.device)
            require_room_to_build(before + tokens, token_bytes, recipe.settings, free, journal.directory)

        def prefill(texts: Sequence[Sequence[str]]) -> tuple[Shard, ...]:
            return self._prefill(texts, recipe, known.memory if known else None, report)

        return build_memory(documents, recipe, kind, self.language_model, prefill, require_room, known, report)

    def begin(
        self, documents: Sequence[Document], recipe: Recipe, *, report: ReportProgress = ignore_progress
    ) -> Built:
        """Return what can be searched of documents before the model reads them; :meth:`build` makes the memory.

        Args:
            documents: The documents, in order.
            recipe: Everything else that determines the memory.
            report: Called with the progress.

        Raises:
            InputError: If there is no document, or the model's window is too small.
        """
        kind = self._kind(recipe, Journal(), report)
        return begin_memory(documents, recipe, kind, self.language_model, report)

    def writes_gists(self, settings: MemorySettings) -> bool:
        """Return whether this model writes the gists of a memory with these settings.

        Raises:
            InputError: If the model cannot build such a memory.
        """
        settled = self.settled(settings)
        return settled.kind == "gist" and settled.gist_writer == "model"

    def begin_gists(
        self,
        documents: Sequence[Document | DocumentInfo],
        recipe: Recipe,
        writer: EarlyGistWriter,
        *,
        known: Memory | None = None,
        journal: Journal | None = None,
    ) -> None:
        """Have a writer begin the gists for which :meth:`build` will ask it, if this model writes gists.

        Args:
            documents: The documents; for those in ``known``, their description is enough.
            recipe: Everything else that determines the memory.
            writer: Has this model write gists.
            known: An earlier memory built by the same recipe.
            journal: Holds notes that are written already.

        Raises:
            InputError: If the model's window is too small.
        """
        if self.writes_gists(recipe.settings):
            kind = self._gist_kind(recipe, journal or Journal(), ignore_progress, writer)
            begin_gists(documents, kind, self.language_model, writer, known)

    def loader(self) -> "Callable[[], MemoryModel] | None":
        """Return what loads this model in another process, where it computes on one processor; None for a served model.

        A model that was not loaded by its name is sent there as it is.
        """
        return partial(_itself, self)

    def _kind(
        self, recipe: Recipe, journal: Journal, report: ReportProgress, writer: GistWriter | None = None
    ) -> MemoryKind:
        if recipe.settings.kind == "full":
            return FullKind(self.language_model, recipe.prompts)
        if recipe.settings.kv_keep < 1:
            raise InputError("kv_keep", "a gist memory is kept whole; use kind=full, or kv_keep=1")
        return self._gist_kind(recipe, journal, report, writer)

    def _gist_kind(
        self, recipe: Recipe, journal: Journal, report: ReportProgress, writer: GistWriter | None
    ) -> GistKind:
        settings = self.settled(recipe.settings)
        drafter = NoDrafts() if settings.gist_writer == "extractive" else writer or self.gist_writer()
        return GistKind(drafter, self.language_model, recipe.prompts, settings, journal, report)

    @abstractmethod
    def gist_writer(self) -> GistWriter:
        """Return what has this model write gists in this process."""

    @abstractmethod
    def _prefill(
        self, texts: Sequence[Sequence[str]], recipe: Recipe, known: Memory | None, report: ReportProgress
    ) -> tuple[Shard, ...]:
        """Read the texts of each shard; return the shards."""


def _itself(model: MemoryModel) -> MemoryModel:
    return model


def _kept_notes(known: Built | None, documents: Sequence[Document | DocumentInfo]) -> list[SectionNote]:
    """Return the notes of an earlier memory whose documents stay."""
    if known is None:
        return []
    kept = {number for number, it in enumerate(known.memory.documents) if it in documents}
    return [note for note in known.memory.notes if note.document in kept]
