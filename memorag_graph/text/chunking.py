"""Split text into sections and chunks at the best boundaries that the token limit allows."""

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from memorag_graph.text.english import ENGLISH
from memorag_graph.text.words import is_wide

if TYPE_CHECKING:
    from semantic_text_splitter import TextSplitter
    from tokenizers import Tokenizer

_UNIT_SHARE = 16
"""Long paragraphs are split into units of at most this fraction, 1/16, of a section."""

_SHORTEST_SECTION = 0.6
"""Minimum length of a section, as a share of the maximum."""

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n")
_WORD = re.compile(r"\S")
_COUNTED_SPACE = 1000
"""Characters of white space that are tokenized; any beyond are counted as a token each."""

_LONGEST_PARAGRAPH = 1 << 16
"""Characters; longer paragraphs, for example a log without blank lines, are split to save memory."""

_FOREIGN = 2.0
"""A text is foreign to a tokenizer if it takes this many times the tokens of English text of its length."""

_MOST_ROOM = 4
"""Maximum factor by which chunks have room for more tokens, so that several still fit the evidence."""

_SAMPLE = 4096
"""Characters from which the tokens per character of a text are estimated."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: ``document.text[start:end] == text``.

    Attributes:
        source: Name of the document.
        document: Position of the document in the memory's list of documents.
        start: Start offset in the document's text.
        end: End offset, excluded.
        text: The text between.
    """

    source: str
    document: int
    start: int
    end: int
    text: str


class CountsTokens(Protocol):
    """The part of a tokenizer that splitting needs."""

    @property
    def fast_tokenizer(self) -> "Tokenizer | None":
        """The Rust tokenizer; None for a tokenizer written in Python."""

    def count(self, text: str) -> int:
        """Number of tokens of a text."""


@dataclass(frozen=True, slots=True)
class Section:
    """A part of a text for which a memory holds a note.

    Attributes:
        start: Start offset.
        end: End offset, excluded.
        tokens: Number of tokens, counted separately from the rest of the text.
    """

    start: int
    end: int
    tokens: int


@dataclass(frozen=True, slots=True)
class _Unit:
    """A span that no section boundary cuts: a paragraph, or a part of a long one."""

    start: int
    end: int
    tokens: int
    ends_paragraph: bool


def split_sections(text: str, tokens: CountsTokens, size: int) -> Iterator[Section]:
    """Split a text into sections of at most ``size`` tokens that stay the same after edits elsewhere in the text.

    Each section ends at the boundary with the smallest hash among those that make it long enough, preferably the end
    of a paragraph, so soon after an edit the boundaries are the same as before (content-defined chunking:
    Muthitacharoen, Chen and Mazières, "A low-bandwidth network file system", SOSP 2001).
    """
    waiting: list[_Unit] = []
    total = 0
    for unit in _units(text, tokens, max(1, size // _UNIT_SHARE)):
        waiting.append(unit)
        total += unit.tokens
        while total > size:
            taken = _section_length(text, waiting, size)
            yield _section(text, waiting[:taken], tokens)
            waiting = waiting[taken:]
            total = sum(each.tokens for each in waiting)
    if waiting:
        yield _section(text, waiting, tokens)


def split_chunks(sections: Iterable[Chunk], tokens: CountsTokens, size: int, overlap: int = 0) -> Iterator[Chunk]:
    """Split sections into chunks of at most ``size`` tokens that overlap by at most ``overlap`` tokens.

    In scripts that the tokenizer is not made for, both are multiplied by :func:`room`. Cuts are made at the highest
    level of structure that fits: paragraphs, then sentences, words, characters. White space between chunks belongs to
    none; without overlap, all other text belongs to exactly one chunk.
    """
    splitters: dict[float, TextSplitter] = {}
    of_english = _english_tokens(tokens.count)
    for section in sections:
        factor = _room(section.text, tokens.count, of_english)
        if factor not in splitters:
            splitters[factor] = _splitter(tokens, int(size * factor), int(overlap * factor))
        for offset, text in splitters[factor].chunk_indices(section.text):
            start = section.start + offset
            yield Chunk(section.source, section.document, start, start + len(text), text)


def room(text: str, count_tokens: Callable[[str], int]) -> float:
    """Return the factor by which chunks of a text need more tokens to say as much as English ones: 1 to 4.

    A tokenizer takes four times as many tokens for Hindi or Thai as for English, and three times for Arabic, so that
    chunks of equal tokens would be too short to be found. The factor is 1 for text that takes less than twice as many,
    and a multiple of 1/4. Characters of Chinese, Japanese and Korean count double.
    """
    return _room(text, count_tokens, _english_tokens(count_tokens))


def _room(text: str, count_tokens: Callable[[str], int], of_english: float) -> float:
    sample = text if len(text) <= _SAMPLE else text[: _SAMPLE // 2] + text[-_SAMPLE // 2 :]
    times = _per_character(sample, count_tokens) / of_english
    return 1.0 if times < _FOREIGN else min(_MOST_ROOM, round(4 * times) / 4)


def _english_tokens(count_tokens: Callable[[str], int]) -> float:
    """Return the tokens per character of English text."""
    return _per_character(" ".join(ENGLISH), count_tokens)


def _per_character(text: str, count_tokens: Callable[[str], int]) -> float:
    return count_tokens(text) / max(1, len(text) + sum(map(is_wide, text)))


def _splitter(tokens: CountsTokens, size: int, overlap: int = 0) -> "TextSplitter":
    from semantic_text_splitter import TextSplitter

    if (fast := tokens.fast_tokenizer) is not None:
        return TextSplitter.from_huggingface_tokenizer(fast, size, overlap)
    return TextSplitter.from_callback(tokens.count, size, overlap)


def _section(text: str, units: Sequence[_Unit], tokens: CountsTokens) -> Section:
    start, end = units[0].start, units[-1].end
    return Section(start, end, tokens.count(text[start:end]))


def _units(text: str, tokens: CountsTokens, size: int) -> Iterator[_Unit]:
    splitter = _splitter(tokens, size)
    for start, end, after, ends_paragraph in _paragraphs(text):
        cost = _cost(text, start, end, after, tokens)
        if cost <= size:
            yield _Unit(start, end, cost, ends_paragraph)
            continue
        pieces = splitter.chunk_indices(text[start:end])
        spans = [(start + offset, start + offset + len(piece)) for offset, piece in pieces]
        following = [begin for begin, _ in spans[1:]] + [after]
        for (begin, stop), then in zip(spans, following, strict=True):
            yield _Unit(begin, stop, _cost(text, begin, stop, then, tokens), ends_paragraph and stop == end)


def _cost(text: str, start: int, end: int, after: int, tokens: CountsTokens) -> int:
    """Return an upper bound of the tokens of a unit and of the white space after it, which may be long."""
    counted = min(after, end + _COUNTED_SPACE)
    # White space may take one token more before a word than at the end of a text.
    return tokens.count(text[start:counted]) + (after - counted) + 1


def _paragraphs(text: str) -> Iterator[tuple[int, int, int, bool]]:
    """Yield each paragraph's start, end, the next one's start, and whether it is whole; very long ones are split."""
    word = _WORD.search(text)
    while word:
        start = word.start()
        blank = _BLANK_LINE.search(text, start, start + _LONGEST_PARAGRAPH)
        stop = blank.start() if blank else _part_end(text, start)
        word = _WORD.search(text, stop)
        after = word.start() if word else len(text)
        yield start, start + len(text[start:stop].rstrip()), after, blank is not None or word is None


def _part_end(text: str, start: int) -> int:
    """Return the end of a part of a paragraph: the end of the text, of a line, of a word, or anywhere."""
    end = start + _LONGEST_PARAGRAPH
    if end >= len(text):
        return len(text)
    return next((at + 1 for mark in "\n " if (at := text.rfind(mark, start, end)) > start), end)


def _section_length(text: str, units: Sequence[_Unit], size: int) -> int:
    """Return the number of units in the next section."""
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
