"""Text → sections and chunks with character offsets, cut at the best boundary that the token limit allows."""

import hashlib
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from memorag_graph.documents import Document

if TYPE_CHECKING:
    from semantic_text_splitter import TextSplitter
    from tokenizers import Tokenizer

_UNIT_SHARE = 16
_SHORTEST_SECTION = 0.6
_PARAGRAPH = re.compile(r"\S.*?(?=\n[^\S\n]*\n|\s*\Z)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: ``document.text[start:end] == text``.

    Attributes:
        source: Name of the document.
        document: Position of the document in the memory's list of documents.
        start: First character, counted from 0 in the document's text.
        end: One past the last character.
        text: The characters between.
    """

    source: str
    document: int
    start: int
    end: int
    text: str


class CountsTokens(Protocol):
    """What the splitter needs to know of a tokenizer."""

    @property
    def fast_tokenizer(self) -> "Tokenizer | None":
        """The Rust tokenizer, or None for one written in Python."""

    def count(self, text: str) -> int:
        """Number of tokens of a text."""


@dataclass(frozen=True, slots=True)
class _Unit:
    """A run of text that no section cuts: a paragraph, or a part of a long one."""

    start: int
    end: int
    tokens: int
    ends_paragraph: bool


def split_sections(document: Document, position: int, tokens: CountsTokens, size: int) -> list[Chunk]:
    """Split a document into sections of at most ``size`` tokens that survive edits elsewhere in the document.

    Each section ends at the boundary with the smallest hash among those that make it long enough, a paragraph's
    where there is one, so after an edit the boundaries soon fall where they fell before (content-defined chunking:
    Muthitacharoen, Chen and Mazières, "A low-bandwidth network file system", SOSP 2001).
    """
    text = document.text
    units = list(_units(text, tokens, _splitter(tokens, max(1, size // _UNIT_SHARE))))
    sections = []
    while units:
        taken = _section_length(text, units, size)
        start, end = units[0].start, units[taken - 1].end
        sections.append(Chunk(document.source, position, start, end, text[start:end]))
        units = units[taken:]
    return sections


def split_chunks(sections: Iterable[Chunk], tokens: CountsTokens, size: int, overlap: int = 0) -> list[Chunk]:
    """Split sections into chunks of at most ``size`` tokens, which repeat at most ``overlap`` of the one before.

    Cuts fall at the highest level of structure that fits: paragraphs, then sentences, words, characters.
    White space between chunks belongs to none; without overlap, all else belongs to exactly one chunk.
    """
    splitter = _splitter(tokens, size, overlap)
    return [
        Chunk(section.source, section.document, section.start + start, section.start + start + len(text), text)
        for section in sections
        for start, text in splitter.chunk_indices(section.text)
    ]


def _splitter(tokens: CountsTokens, size: int, overlap: int = 0) -> "TextSplitter":
    from semantic_text_splitter import TextSplitter

    if (fast := tokens.fast_tokenizer) is not None:
        return TextSplitter.from_huggingface_tokenizer(fast, size, overlap)
    return TextSplitter.from_callback(tokens.count, size, overlap)


def _units(text: str, tokens: CountsTokens, splitter: "TextSplitter") -> Iterator[_Unit]:
    spans = []
    for paragraph in _PARAGRAPH.finditer(text):
        spans += [
            (start := paragraph.start() + offset, start + len(piece), start + len(piece) == paragraph.end())
            for offset, piece in splitter.chunk_indices(paragraph[0])
        ]
    following = [start for start, _, _ in spans[1:]] + [len(text)]
    for (start, end, ends_paragraph), after in zip(spans, following, strict=True):
        cost = tokens.count(text[start:after]) + 1  # white space at an end is fewer tokens than between words
        yield _Unit(start, end, cost, ends_paragraph)


def _section_length(text: str, units: Sequence[_Unit], size: int) -> int:
    """Return how many units the next section takes."""
    total = fitting = shortest = 0
    for unit in units:
        total += unit.tokens
        if total > size:
            break
        fitting += 1
        shortest += total < _SHORTEST_SECTION * size
    else:
        return fitting
    ends = range(min(shortest + 1, fitting), fitting + 1)
    whole = [end for end in ends if end and units[end - 1].ends_paragraph]
    return max(1, min(whole or ends, key=lambda end: _hash(text, units[max(0, end - 1)])))


def _hash(text: str, unit: _Unit) -> bytes:
    return hashlib.sha256(text[unit.start : unit.end].encode()).digest()
