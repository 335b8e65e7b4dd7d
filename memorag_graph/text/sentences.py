"""Split text into sentences with character offsets."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from sentencex import get_sentence_boundaries

from memorag_graph.text.clauses import clauses, is_unmarked
from memorag_graph.text.code_notes import code_notes
from memorag_graph.text.heading_lines import is_heading_line
from memorag_graph.text.opposites import MONTHS
from memorag_graph.text.record_blocks import record_blocks
from memorag_graph.text.records import Span, record_spans
from memorag_graph.text.words import count_words

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_LINE = re.compile(r"[^\n]+")
_ENDS_SENTENCE = re.compile(r"""[.!?:;。！？：；…।॥۔؟။។៕།༎።]["'”’»)\]]*\s*$""")
_STARTS_ITEM = re.compile(r"\s*(?:[-*•#>|]|\(?\w{1,3}[.)、]|[A-Z][\w.'-]*(?:\s[A-Z][\w.'-]*){0,3}\s?[:：])\s")
_ITEM_NUMBER = re.compile(r"\s*\(?(?:\d{1,3}(?:\.\d{1,3}){0,4}|[A-Za-z]|[ivxIVX]{1,5})[.)、]\s*")
"""The number of an item, which belongs to the sentence after it."""

_BRIEF = re.compile(
    r"(?!(?:See|Cf|And|But|Or|In|On|At|To|From|Fig|Figs|Table|Page|Pages|Chapter|Section|Part|No|Nr|Vol|Room|Step|Line"
    r"|Abb|Tab|Seite|Kapitel|Siehe|Vgl|Und|Am|Im|Voir|Dans|Ver|En)\b)"
    r"[^\W\d_]{2,}\s(?:(?!(?:of|and|the|von|und|de|du|des|del|di|da|van|et)\s)[^\W\d_A-Z]{1,5}\s[^\W\d_]\w+"
    r"|(?:[^\W\d_A-Z]{1,5}\s)?\d[\w.,:%€$-]{0,15})[.!]"
)
"""A word and a figure, or a word, a short one such as "in", and a name or a figure."""

_COPULA = re.compile(r"\s[^\W\d_a-z][\w]*[’'](?:[dt][ıiuü]r|y?[dt][ıiuü])[.!]$")
"""A name that is the predicate, as in Turkish "Bekçisi Halil Aksoy'dur."."""

_ORDINAL_POINTS = (
    "bs",
    "cs",
    "da",
    "de",
    "et",
    "fi",
    "hr",
    "hu",
    "is",
    "lb",
    "lv",
    "nb",
    "nn",
    "no",
    "pl",
    "sk",
    "sl",
    "tr",
)
"""Languages that write the number of a day with a point."""

_CLOSES_EMPHASIS = re.compile(r"(?:\*{1,3}|_{1,3})(?=\s)")
"""Marks of Markdown that belong to the sentence before, as in ``**It is open.** Come in.``"""

_MAY = re.compile(r"\bMay\.\s+(?=[^\W\d_a-z])")

_DAY = re.compile(r"(?<![\w.])\d{1,2}\.\s*$")
_FIRST_WORD = re.compile(r"[^\W\d_]+")
_MONTHS = frozenset(MONTHS.split())

_FEWEST_WORDS = 4
_LONGEST_HEADING = 8
_WRAPPED_SHARE = 0.6
"""A line shorter than this share of its paragraph's longest line was broken on purpose, not wrapped."""


_CONTINUES = re.compile(r"[ \t]{2,}[a-zß-öø-ÿа-я]")
"""A line that goes on with the item of a list above it, in Markdown."""


@dataclass(frozen=True, slots=True)
class Sentence:
    """A sentence or a record: ``text[start:end]`` of the original text.

    Attributes:
        start: Start offset.
        end: End offset, excluded.
        text: The text between.
        is_record: Whether it is a record, such as a row, a labelled value, or a line of a log or a list
            (:mod:`memorag_graph.text.records`).
    """

    start: int
    end: int
    text: str
    is_record: bool = False


def split_sentences(text: str, language_code: str) -> list[Sentence]:
    """Split a text into sentences and records without surrounding white space.

    A blank line ends a sentence. A single line break does so only if it was made on purpose (headings, list items,
    turns of a transcript), not within a wrapped paragraph. A record is never cut and never joined with what surrounds
    it. In scripts that often mark no ends, as Thai, lines end sentences, and long lines are cut at spaces.
    """
    sentences = []
    for start, end, is_record in _blocks(text):
        if is_record:
            sentences += _stripped(text, start, end, is_record=True)
            continue
        number = None
        for first_char, piece in _boundaries(text[start:end], language_code):
            at = start + first_char
            if number is None and _ITEM_NUMBER.fullmatch(piece):
                number = at
                continue
            for first, last in clauses(piece):
                sentences += _stripped(text, at + first if number is None else number, at + last)
                number = None
        if number is not None:
            sentences += _stripped(text, number, end)
    return sentences


def _boundaries(text: str, language_code: str) -> list[tuple[int, str]]:
    """Return the start and the text of each sentence with its marks; a date as in "dem 16. September" ends none."""
    pieces: list[tuple[int, str]] = []
    for found in get_sentence_boundaries(language_code, text):
        start, piece = int(found["start_index"]), str(found["text"])
        if pieces and language_code in _ORDINAL_POINTS and _DAY.search(pieces[-1][1]) and _begins_month(piece):
            start = pieces.pop()[0]
            piece = text[start : int(found["end_index"])]
        elif pieces and not pieces[-1][1][-1].isspace() and (mark := _CLOSES_EMPHASIS.match(piece)):
            pieces[-1] = (pieces[-1][0], pieces[-1][1] + mark[0])
            start, piece = start + mark.end(), piece[mark.end() :]
        pieces.append((start, piece))
    return [(start + first, text) for start, piece in pieces for first, text in _ended_by_month(piece)]


def _ended_by_month(piece: str) -> Iterator[tuple[int, str]]:
    """Yield the sentences of a piece: "May." abbreviates nothing, as in "It rose in May. It fell in June."."""
    first = 0
    for month in _MAY.finditer(piece):
        yield first, piece[first : month.end()]
        first = month.end()
    yield first, piece[first:]


def _begins_month(text: str) -> bool:
    word = _FIRST_WORD.match(text)
    return word is not None and word[0].lower() in _MONTHS


def _stripped(text: str, start: int, end: int, *, is_record: bool = False) -> list[Sentence]:
    body = text[start:end]
    stripped = body.strip()
    at = start + len(body) - len(body.lstrip())
    return [Sentence(at, at + len(stripped), stripped, is_record)] if stripped else []


def is_statement(text: str) -> bool:
    """Return whether a sentence can answer a question: it is not a heading or a fragment."""
    words = count_words(text)
    return words >= _FEWEST_WORDS and (words > _LONGEST_HEADING or ends_sentence(text))


def ends_sentence(text: str) -> bool:
    """Return whether a text ends as a sentence does, or in a script without marks for that."""
    return bool(_ENDS_SENTENCE.search(text)) or is_unmarked(text.rstrip()[-1:] or " ")


def is_brief_statement(text: str) -> bool:
    """Return whether two or three words are a sentence that tells a name or a figure, as "Born in Trento." does.

    A heading has no full stop; "Bank of England.", "Fig. 3." and "See above." are crumbs.
    """
    last = text.split()[-1:]
    return bool(_COPULA.search(text)) or (bool(_BRIEF.fullmatch(text)) and not last[0][0].islower())


def _blocks(text: str) -> Iterator[tuple[int, int, bool]]:
    """Yield the spans that sentences cannot cross, and whether each is a record."""
    paragraphs = list(_paragraphs(text))
    groups = record_blocks(text, paragraphs)
    width = max((end - start for lines in paragraphs for start, end in lines), default=0)
    for at, lines in enumerate(paragraphs):
        records = _grouped(lines, groups[at]) if at in groups else record_spans(text, lines) | code_notes(text, lines)
        longest = max((end - start for start, end in lines), default=0)
        block_start = None
        for number, (start, end) in enumerate(lines):
            if number in records:
                yield from ((first, last, True) for first, last in records[number])
                continue
            block_start = start if block_start is None else block_start
            line = text[start:end]
            following = text[slice(*lines[number + 1])] if number + 1 < len(lines) else ""
            heads = block_start == start and is_heading_line(line, following, width)
            if not following or number + 1 in records or heads or _is_ended(line, following, longest):
                yield block_start, end, False
                block_start = None


def _paragraphs(text: str) -> Iterator[list[Span]]:
    """Yield the lines of each paragraph."""
    start = 0
    for blank in [*_BLANK_LINE.finditer(text), None]:
        end = blank.start() if blank else len(text)
        yield [match.span() for match in _LINE.finditer(text, start, end)]
        start = blank.end() if blank else len(text)


def _grouped(lines: Sequence[Span], groups: Sequence[tuple[int, int]]) -> dict[int, list[Span]]:
    """Return the span of each group of lines at its first line, and none at the others."""
    spans: dict[int, list[Span]] = {number: [] for number in range(len(lines))}
    for first, after in groups:
        spans[first] = [(lines[first][0], lines[after - 1][1])]
    return spans


def _is_ended(line: str, following: str, longest: int) -> bool:
    return (
        bool(_ENDS_SENTENCE.search(line) or _STARTS_ITEM.match(following))
        or (len(line) < _WRAPPED_SHARE * longest and not _CONTINUES.match(following))
        or is_unmarked(line.rstrip()[-1:] or " ")
    )
