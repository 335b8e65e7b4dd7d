"""Build a memory from documents: sections, section notes, shards and retrieval chunks.

What an earlier memory of some of the documents holds is reused, not computed again.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.build.gist_kind import EarlyGistWriter, GistKind
from memorag_graph.memory.build.kinds import MemoryKind
from memorag_graph.memory.build.sections import PlacedSection, Sections
from memorag_graph.memory.kv_memory import DocumentInfo, Identity, Memory, memory_id
from memorag_graph.memory.section_note import SectionNote
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings
from memorag_graph.text.chunking import Chunk, CountsTokens, split_chunks, split_sections

_COUNTED_AT_ONCE = 1 << 20
"""Maximum characters to tokenize at once; tokenizing more takes gigabytes."""

Prefill = Callable[[Sequence[Sequence[str]]], tuple[Shard, ...]]
"""Makes shards of their texts."""


@dataclass(frozen=True)
class Recipe:
    """Everything that decides a memory besides its documents.

    Attributes:
        prompts: The prompts of the documents' language.
        settings: How the memory is made.
        identity: The models it is made with.
    """

    prompts: Prompts
    settings: MemorySettings
    identity: Identity

    def memory_id(self, documents: Sequence[Document | DocumentInfo]) -> str:
        """Return the content address of the memory of some documents."""
        return memory_id(documents, self.identity, self.settings, self.prompts)


@dataclass(frozen=True)
class Built:
    """A new memory.

    Attributes:
        memory: The memory.
        chunks: The retrieval chunks of its documents, in order; none crosses a section.
    """

    memory: Memory
    chunks: list[Chunk]


def build_memory(
    documents: Sequence[Document | DocumentInfo],
    recipe: Recipe,
    kind: MemoryKind,
    tokens: CountsTokens,
    prefill: Prefill,
    require_room: Callable[[int], None],
    known: Built | None = None,
    report: ReportProgress = ignore_progress,
) -> Built:
    """Build the memory of documents, in order; the result is the same with and without ``known``.

    Args:
        documents: The documents; for those in ``known``, their description is enough.
        recipe: What else decides the memory.
        kind: What the memory holds of each section.
        tokens: Counts the model's tokens.
        prefill: Makes the shards.
        require_room: Called with the maximum tokens of the new sections before any model reads them.
        known: An earlier memory made by the same recipe, with its chunks.
        report: Called as documents are split.

    Raises:
        InputError: If there is no document, or one without its text is not in the earlier memory.
        MemoryFileError: If a journal of notes cannot be written.
        NoRoomError: If the memory does not fit.
    """
    if not documents:
        raise InputError("documents", "a memory needs at least one document")
    sections, infos = _split(documents, kind, tokens, report)
    require_room(kind.most_tokens([it.section.tokens for it in sections]))
    notes = _write_notes(documents, sections, kind, known.memory if known else None)
    memory = Memory(
        id=recipe.memory_id(infos),
        shards=prefill(kind.arrange([note.text for note in notes])),
        notes=tuple(notes),
        documents=tuple(infos),
        prompts=recipe.prompts,
        settings=recipe.settings,
        identity=recipe.identity,
    )
    return Built(memory, cut_chunks(memory, documents, tokens, known, report))


def begin_memory(
    documents: Sequence[Document],
    recipe: Recipe,
    kind: MemoryKind,
    tokens: CountsTokens,
    report: ReportProgress = ignore_progress,
) -> Built:
    """Return what can be searched of documents before any model reads them: no shards, and notes without texts.

    Args:
        documents: The documents.
        recipe: What else decides the memory.
        kind: Where its sections end.
        tokens: Counts the model's tokens.
        report: Called as documents are split.

    Raises:
        InputError: If there is no document.
    """
    if not documents:
        raise InputError("documents", "a memory needs at least one document")
    sections, infos = _split(documents, kind, tokens, report)
    notes = tuple(SectionNote(it.document, it.section.start, it.section.end, it.key, "") for it in sections)
    identifier = recipe.memory_id(infos)
    memory = Memory(identifier, (), notes, tuple(infos), recipe.prompts, recipe.settings, recipe.identity)
    return Built(memory, cut_chunks(memory, documents, tokens, report=report))


def begin_gists(
    documents: Sequence[Document | DocumentInfo],
    kind: GistKind,
    tokens: CountsTokens,
    writer: EarlyGistWriter,
    known: Memory | None = None,
) -> None:
    """Have a writer begin the gists for which :func:`build_memory` will ask it.

    Args:
        documents: The documents; for those in ``known``, their description is enough.
        kind: What the memory holds of each section.
        tokens: Counts the model's tokens.
        writer: Drafts gists.
        known: An earlier memory made by the same recipe.
    """
    sections, _ = _split(documents, kind, tokens, ignore_progress)
    kind.begin(_unknown(documents, sections, known), writer)


def cut_chunks(
    memory: Memory,
    documents: Sequence[Document | DocumentInfo],
    tokens: CountsTokens,
    known: Built | None = None,
    report: ReportProgress = ignore_progress,
) -> list[Chunk]:
    """Return the retrieval chunks of a memory's documents; those of known documents are reused."""
    size, overlap = memory.settings.retrieval_chunk_size, memory.settings.retrieval_chunk_overlap
    total = sum(len(document.text) for document in documents if isinstance(document, Document))
    chunks: list[Chunk] = []
    before = 0
    for position, document in enumerate(documents):
        if isinstance(document, Document):
            sections = _sections(memory, document, position, partial(_tell_chunks, report, before, total))
            chunks += split_chunks(sections, tokens, size, overlap)
            before += len(document.text)
        elif known is not None:
            old = known.memory.documents.index(document)
            chunks += [replace(chunk, document=position) for chunk in known.chunks if chunk.document == old]
    return chunks


def _tell_chunks(report: ReportProgress, before: int, total: int, characters: int) -> None:
    report(Progress("chunks", before + characters, total, "characters"))


def _sections(memory: Memory, document: Document, position: int, tell: Callable[[int], None]) -> Iterator[Chunk]:
    """Yield the sections of a document, and tell how many of its characters have been split into chunks."""
    for note in memory.notes:
        if note.document == position:
            yield Chunk(document.source, position, note.start, note.end, document.text[note.start : note.end])
            tell(note.end)
    tell(len(document.text))


def _split(
    documents: Sequence[Document | DocumentInfo], kind: MemoryKind, tokens: CountsTokens, report: ReportProgress
) -> tuple[list[PlacedSection], list[DocumentInfo]]:
    """Return the sections of the documents whose texts are given, and the descriptions of all."""
    total = sum(len(it.text) for it in documents if isinstance(it, Document))
    sections: list[PlacedSection] = []
    infos: list[DocumentInfo] = []
    before = 0
    for position, document in enumerate(documents):
        if isinstance(document, DocumentInfo):
            infos.append(document)
            continue
        text = document.text
        counted = size = 0
        for section in split_sections(text, tokens, kind.section_tokens):
            sections.append(PlacedSection(position, kind.key(text[section.start : section.end]), section))
            if section.end - counted >= _COUNTED_AT_ONCE:
                size += _count(text, counted, section.end, tokens)
                counted = section.end
            report(Progress("sections", before + section.end, total, "characters"))
        infos.append(DocumentInfo.of(document, size + _count(text, counted, len(text), tokens)))
        before += len(text)
        report(Progress("sections", before, total, "characters"))
    return sections, infos


def _count(text: str, start: int, end: int, tokens: CountsTokens) -> int:
    """Return the tokens of a part of a text, counted in pieces where it is long."""
    pieces = range(start, end, _COUNTED_AT_ONCE)
    return sum(tokens.count(text[it : min(it + _COUNTED_AT_ONCE, end)]) for it in pieces)


def _write_notes(
    documents: Sequence[Document | DocumentInfo],
    sections: Sequence[PlacedSection],
    kind: MemoryKind,
    known: Memory | None,
) -> list[SectionNote]:
    """Return the notes of all documents, writing those that are not known."""
    texts = {note.key: note.text for note in known.notes} if known else {}
    texts |= kind.write(_unknown(documents, sections, known))
    notes = [SectionNote(it.document, it.section.start, it.section.end, it.key, texts[it.key]) for it in sections]
    for position, document in enumerate(documents):
        if isinstance(document, DocumentInfo):
            notes += _known_notes(known, document, position)
    return sorted(notes, key=lambda note: (note.document, note.start))


def _unknown(
    documents: Sequence[Document | DocumentInfo], sections: Sequence[PlacedSection], known: Memory | None
) -> Sections:
    """Return the sections of which an earlier memory has no note."""
    noted = {note.key for note in known.notes} if known else set()
    unknown = Sections()
    for it in sections:
        document = documents[it.document]
        if it.key not in noted and isinstance(document, Document):
            unknown.add(it.key, document.text, it.section)
    return unknown


def _known_notes(known: Memory | None, document: DocumentInfo, position: int) -> list[SectionNote]:
    documents = known.documents if known else ()
    if known is None or document not in documents:
        raise InputError("documents", f"{document.source!r} is not in this memory; give its text")
    before = documents.index(document)
    return [replace(note, document=position) for note in known.notes if note.document == before]
