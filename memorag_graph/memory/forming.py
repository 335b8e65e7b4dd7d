"""Documents → notes → a memory. What an earlier memory of some of them holds is used again."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

from memorag_graph.chunking import Chunk, CountsTokens, split_sections
from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.kv.shard import Shard
from memorag_graph.memory.kinds import MemoryKind, Note
from memorag_graph.memory.memory import DocumentInfo, Identity, Memory, memory_id
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings

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

    Raises:
        InputError: If there is no document, or one without its text is not in the earlier memory.
        MemoryFileError: If a journal of notes cannot be written.
    """
    if not documents:
        raise InputError("documents", "a memory needs at least one document")
    notes = _write_notes(kind, documents, tokens, known)
    shards = read(kind.arrange([note.text for note in notes]))
    infos = [it if isinstance(it, DocumentInfo) else DocumentInfo.of(it, tokens) for it in documents]
    return Memory(
        id=memory_id(infos, recipe.identity, recipe.settings, recipe.prompts),
        shards=shards,
        notes=tuple(notes),
        documents=tuple(infos),
        prompts=recipe.prompts,
        settings=recipe.settings,
        identity=recipe.identity,
    )


def _write_notes(
    kind: MemoryKind, documents: Sequence[Document | DocumentInfo], tokens: CountsTokens, known: Memory | None
) -> list[Note]:
    """Return the notes of all documents, writing those that are not known."""
    sections: list[tuple[str, Chunk]] = []
    notes: list[Note] = []
    for position, document in enumerate(documents):
        if isinstance(document, DocumentInfo):
            notes += _known_notes(known, document, position)
            continue
        split = split_sections(document, position, tokens, kind.section_tokens)
        sections += [(kind.key(section.text), section) for section in split]
    texts: Mapping[str, str] = {note.key: note.text for note in known.notes} if known else {}
    unknown = {key: section for key, section in sections if key not in texts}
    texts = {**texts, **kind.write(unknown)}
    notes += [Note(it.document, it.start, it.end, key, texts[key]) for key, it in sections]
    return sorted(notes, key=lambda note: (note.document, note.start))


def _known_notes(known: Memory | None, document: DocumentInfo, position: int) -> list[Note]:
    documents = known.documents if known else ()
    if known is None or document not in documents:
        raise InputError("documents", f"{document.source!r} is not in this memory; give its text")
    before = documents.index(document)
    return [replace(note, document=position) for note in known.notes if note.document == before]
