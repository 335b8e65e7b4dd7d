"""Prepare a document for a library without a language model: chunks, notes, and the rows by which it is found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

from memorag_graph.documents import Document, PageMap
from memorag_graph.documents.context_words import context_words
from memorag_graph.library.catalogue import Note
from memorag_graph.library.cut import Cut
from memorag_graph.library.row_table import Row
from memorag_graph.library.workers import Pending, Workers
from memorag_graph.retrieval.keyword_index import chunk_terms, term_pairs

_BATCH = 32
"""Texts that are embedded at once."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a document that gets a row: ``text[start:end]``, and what is embedded and searched for it.

    Attributes:
        start: First character.
        end: One past the last.
        text: The text by whose words it is found.
        names: The words under which it stands.
        embedded: The text that is embedded.
        is_section: Whether it is a section, which is also found by pairs of neighbouring words.
    """

    start: int
    end: int
    text: str
    names: str
    embedded: str
    is_section: bool = False

    def terms(self, language_code: str) -> tuple[str, ...]:
        """Return the terms by which it is found."""
        found = chunk_terms(self.text, self.names, language_code)
        return (*found, *term_pairs(found)) if self.is_section else tuple(found)


@dataclass(frozen=True, slots=True)
class Prepared:
    """A document that is ready to be indexed.

    Attributes:
        document: The document.
        language: ISO 639-1 code of its language.
        tokens: Estimated tokens of its text.
        chunks: Its chunks.
        notes: What each of its sections is about.
    """

    document: Document
    language: str
    tokens: int
    chunks: tuple[Part, ...]
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, document: Document, cut: Cut) -> "Prepared":
        """Return what is prepared of a document, whose text was cut."""
        chunks = tuple(_part(document, start, end, document.text[start:end]) for start, end in cut.chunks)
        return cls(document, cut.language, cut.tokens, chunks, cut.notes)

    @property
    def note_parts(self) -> list[Part]:
        """Its sections: what is embedded is the note, what is searched by words is the section."""
        parts = (_part(self.document, note.start, note.end, note.text) for note in self.notes)
        return [replace(part, is_section=True) for part in parts]


def title_of(page_map: PageMap) -> str:
    """Return a document's first heading; empty if it has none."""
    return page_map.sections[0][1] if page_map.sections else ""


def begin_rows(parts: Sequence[tuple[int, str, Sequence[Part]]], workers: Workers) -> Pending[list[Row]]:
    """Have the parts of documents embedded; the result are their rows.

    Args:
        parts: The id, the language and the parts of each document.
        workers: Embed them.
    """
    texts = dict.fromkeys(part.embedded for _, _, its_parts in parts for part in its_parts)
    ordered = sorted(texts, key=len)  # a batch takes as long as its longest text
    batches = [workers.vectors(ordered[start : start + _BATCH]) for start in range(0, len(ordered), _BATCH)]

    def rows() -> Iterator[Row]:
        vectors = dict(zip(ordered, chain.from_iterable(batch.result() for batch in batches), strict=True))
        for document, code, its_parts in parts:
            for number, part in enumerate(its_parts):
                yield Row(document, number, part.start, part.end, part.terms(code), vectors[part.embedded])

    return Pending(lambda: list(rows()), tuple(unit for batch in batches for unit in batch.units))


def _part(document: Document, start: int, end: int, embedded: str) -> Part:
    names = context_words(document.page_map, start, document.source)
    return Part(start, end, document.text[start:end], names, embedded)
