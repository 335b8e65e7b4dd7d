"""Documents → notes → a memory. What an earlier memory of some of them holds is used again."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from memorag_graph.chunking import CountsTokens, split_sections
from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.kinds import MemoryKind, Note
from memorag_graph.memory.memory import DocumentInfo, Identity, Memory, memory_id
from memorag_graph.memory.sections import PlacedSection, Sections
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings

_COUNTED_AT_ONCE = 1 << 20
"""Characters; the tokens of more take gigabytes."""

ReadTexts = Callable[[Sequence[Sequence[str]]], tuple[Shard, ...]]
"""Makes shards of their texts."""


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


def form_memory(
    documents: Sequence[Document | DocumentInfo],
    recipe: Recipe,
    kind: MemoryKind,
    tokens: CountsTokens,
    read: ReadTexts,
    known: Memory | None = None,
    report: ReportProgress = ignore_progress,
) -> Memory:
    """Form the memory of documents, in order.

    No note is written twice: those of an earlier memory are taken over. The result is the same as without it.

    Args:
        documents: The documents; of those in ``known``, the description is enough.
        recipe: What else decides the memory.
        kind: What is held of each section.
        tokens: Counts the model's tokens.
        read: Makes the shards.
        known: An earlier memory, made by the same recipe.
        report: Called while documents are split into sections.

    Raises:
        InputError: If there is no document, or one without its text is not in the earlier memory.
        MemoryFileError: If a journal of notes cannot be written.
    """
    if not documents:
        raise InputError("documents", "a memory needs at least one document")
    sections, infos = _split(documents, kind, tokens, report)
    notes = _write_notes(documents, sections, kind, known)
    shards = read(kind.arrange([note.text for note in notes]))
    return Memory(
        id=memory_id(infos, recipe.identity, recipe.settings, recipe.prompts),
        shards=shards,
        notes=tuple(notes),
        documents=tuple(infos),
        prompts=recipe.prompts,
        settings=recipe.settings,
        identity=recipe.identity,
    )


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
) -> list[Note]:
    """Return the notes of all documents, writing those that are not known."""
    texts = {note.key: note.text for note in known.notes} if known else {}
    unknown = Sections()
    for it in sections:
        document = documents[it.document]
        if it.key not in texts and isinstance(document, Document):
            unknown.add(it.key, document.text, it.section)
    texts |= kind.write(unknown)
    notes = [Note(it.document, it.section.start, it.section.end, it.key, texts[it.key]) for it in sections]
    for position, document in enumerate(documents):
        if isinstance(document, DocumentInfo):
            notes += _known_notes(known, document, position)
    return sorted(notes, key=lambda note: (note.document, note.start))


def _known_notes(known: Memory | None, document: DocumentInfo, position: int) -> list[Note]:
    documents = known.documents if known else ()
    if known is None or document not in documents:
        raise InputError("documents", f"{document.source!r} is not in this memory; give its text")
    before = documents.index(document)
    return [replace(note, document=position) for note in known.notes if note.document == before]
