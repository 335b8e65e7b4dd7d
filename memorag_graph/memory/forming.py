"""Documents → a memory. What an earlier memory of some of them holds is used again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from memorag_graph.chunking import Chunk, split_sections
from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.kv.cache import PIECE, open_branch
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.kv.rotary import rotary_frequencies
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.frame import opening_tokens
from memorag_graph.memory.full import FullKind
from memorag_graph.memory.gists import GistKind
from memorag_graph.memory.journal import Journal
from memorag_graph.memory.kinds import MemoryKind, Note
from memorag_graph.memory.memory import DocumentInfo, Identity, Memory, memory_id
from memorag_graph.models.language_model import LanguageModel
from memorag_graph.models.worker import Worker
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings


@dataclass(frozen=True)
class Recipe:
    """What decides a memory besides its documents.

    Attributes:
        prompts: The prompts of the documents' language.
        settings: How it is made.
        identity: What it is made with.
    """

    prompts: Prompts
    settings: MemorySettings
    identity: Identity


class Former:
    """Forms memories with a model.

    Args:
        model: The model.
        worker: Its thread.
    """

    def __init__(self, model: LanguageModel, worker: Worker) -> None:
        self._model = model
        self._worker = worker

    def form(
        self,
        documents: Sequence[Document | DocumentInfo],
        recipe: Recipe,
        *,
        known: Memory | None = None,
        journal: Journal | None = None,
        report: ReportProgress = ignore_progress,
    ) -> Memory:
        """Form the memory of documents, in order.

        No note is written twice: those of an earlier memory and of a journal are taken over, and reading goes on
        where the earlier memory's tokens end or differ. The result is the same as without them, to the bit.

        Args:
            documents: The documents; of those in ``known``, the description is enough.
            recipe: What else decides the memory.
            known: An earlier memory, made by the same recipe.
            journal: Where notes are kept as they are made.
            report: Called as the work goes on.

        Raises:
            InputError: If there is no document, or the model's window is too small.
            MemoryFileError: If the journal cannot be written.
        """
        if not documents:
            raise InputError("documents", "a memory needs at least one document")
        kind = self._kind(recipe, journal or Journal(), report)
        notes = self._notes(kind, documents, known)
        shards = self._read(kind, notes, recipe, known, report)
        infos = [it if isinstance(it, DocumentInfo) else DocumentInfo.of(it, self._model) for it in documents]
        return Memory(
            id=memory_id(infos, recipe.identity, recipe.settings, recipe.prompts),
            shards=shards,
            notes=tuple(notes),
            documents=tuple(infos),
            prompts=recipe.prompts,
            settings=recipe.settings,
            identity=recipe.identity,
        )

    def _kind(self, recipe: Recipe, journal: Journal, report: ReportProgress) -> MemoryKind:
        if recipe.settings.kind == "full":
            return FullKind(self._worker, self._model, recipe.prompts, recipe.settings, report)
        if recipe.settings.kv_keep < 1:
            raise InputError("kv_keep", "a memory of gists is kept whole; use kind=full, or kv_keep=1")
        return GistKind(self._worker, self._model, recipe.prompts, recipe.settings, journal, report)

    def _notes(
        self, kind: MemoryKind, documents: Sequence[Document | DocumentInfo], known: Memory | None
    ) -> list[Note]:
        """Return the notes of all documents, writing those that are not known."""
        sections: list[tuple[str, Chunk]] = []
        notes: list[Note] = []
        for position, document in enumerate(documents):
            if isinstance(document, DocumentInfo):
                notes += _known_notes(known, document, position)
                continue
            split = split_sections(document, position, self._model, kind.section_tokens)
            sections += [(kind.key(section.text), section) for section in split]
        texts: Mapping[str, str] = {note.key: note.text for note in known.notes} if known else {}
        unknown = {key: section for key, section in sections if key not in texts}
        texts = {**texts, **kind.write(unknown)}
        notes += [Note(it.document, it.start, it.end, key, texts[key]) for key, it in sections]
        return sorted(notes, key=lambda note: (note.document, note.start))

    def _read(
        self, kind: MemoryKind, notes: Sequence[Note], recipe: Recipe, known: Memory | None, report: ReportProgress
    ) -> tuple[Shard, ...]:
        """Return the shards over the notes, reading on from those that are known."""
        opening = opening_tokens(self._model, recipe.prompts)
        layouts = [
            [*opening, *(token for text in texts for token in self._model.encode(text))]
            for texts in kind.arrange([note.text for note in notes])
        ]
        total = sum(map(len, layouts))
        progress = _Total(total, report)
        shards = []
        for tokens in layouts:
            shard = _same(tokens, known)
            if shard is None:
                kv = self._prefill(tokens, _longest_start(tokens, known), progress)
                shard = self._shard(tokens, kind.keep(kv, tokens), recipe.settings)
            else:
                progress.add(len(tokens))
            shards.append(shard)
        return tuple(shards)

    def _shard(self, tokens: Sequence[int], kv: KVPrefix, settings: MemorySettings) -> Shard:
        try:
            frequencies = rotary_frequencies(self._model.model)
            return self._worker.call(lambda: Shard.of(tokens, kv, settings.kv_storage, frequencies))
        except ValueError as error:
            raise InputError("kv_storage", f"{error}; use int8 or exact") from None

    def _prefill(self, tokens: Sequence[int], start: KVPrefix | None, progress: "_Total") -> KVPrefix:
        """Read tokens, of which a start may be known; between two pieces the model is free for others."""
        branch = self._worker.call(lambda: open_branch(self._model.model, [None], len(tokens)))
        done = start.length if start else 0
        if start:
            self._worker.call(lambda: branch.restart(0, start))
        progress.add(done)
        for at in range(done, len(tokens), PIECE):
            piece = tokens[at : at + PIECE]
            self._worker.call(partial(branch.prefill, 0, piece))
            progress.add(len(piece))
        return self._worker.call(branch.prefix)


class _Total:
    """Adds up what is read."""

    def __init__(self, total: int, report: ReportProgress) -> None:
        self._total = total
        self._done = 0
        self._report = report
        report(Progress("memory", 0, total, "tokens"))

    def add(self, tokens: int) -> None:
        """Report more tokens."""
        self._done += tokens
        self._report(Progress("memory", self._done, self._total, "tokens"))


def _known_notes(known: Memory | None, document: DocumentInfo, position: int) -> list[Note]:
    documents = known.documents if known else ()
    if known is None or document not in documents:
        raise InputError("documents", f"{document.source!r} is not in this memory; give its text")
    before = documents.index(document)
    return [replace(note, document=position) for note in known.notes if note.document == before]


def _same(tokens: Sequence[int], known: Memory | None) -> Shard | None:
    """Return the known shard over just these tokens."""
    shards = known.shards if known else ()
    return next((shard for shard in shards if list(shard.token_ids) == list(tokens)), None)


def _longest_start(tokens: Sequence[int], known: Memory | None) -> KVPrefix | None:
    """Return the keys and values of the longest known start of some tokens, in whole pieces."""
    best: KVPrefix | None = None
    for shard in known.shards if known else ():
        if shard.is_exact:
            whole = _common(tokens, shard.token_ids) // PIECE * PIECE
            if whole > (best.length if best else 0):
                best = shard.kv.head(whole)
    return best


def _common(first: Sequence[int], second: Sequence[int]) -> int:
    """Return how many tokens two sequences have in common at their starts."""
    for length, (one, other) in enumerate(zip(first, second, strict=False)):
        if one != other:
            return length
    return min(len(first), len(second))
