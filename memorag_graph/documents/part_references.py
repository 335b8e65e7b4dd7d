"""Find the numbered parts that a text refers to, as in "clause 3.5" or "§ 12 Abs. 2", and those that lines begin."""

import re
from typing import NamedTuple

from memorag_graph.documents.numbered_headings import CHINESE, NAMES
from memorag_graph.documents.numerals import CHINESE_DIGITS, canonical, readings

_FIGURES = r"(\d{1,4}[a-z]?(?:\.\d{1,3}){0,4})(?!\w)"
_NAMED = rf"(?:{'|'.join(NAMES)})"
_BEFORE = rf"(?<!\w)(?:{_NAMED}[ \t:\u00a0]{{1,3}}|§{{1,2}}[ \t\u00a0]{{0,2}})"
_LETTERS = r"([A-Z]|[IVXLC]{1,8})(?!\w|[.'’]\w)"
_FIRST = r"(\d{1,4}(?=(?:er|re|º|°|ª)(?!\w))|premier(?!\w))"
_BY_FIGURES = re.compile(rf"{_BEFORE}(?:{_FIGURES}|{_FIRST})", re.IGNORECASE)
_BY_LETTERS = re.compile(rf"(?i:{_BEFORE}){_LETTERS}")
_AMBIGUOUS = re.compile(r"(?<!\w)[a-zà-ÿ]\w*[ \t:]+[AI]$")
"""A name in small letters before what may be a word: "the part I like"."""

_CHINESE = re.compile(CHINESE)
_LOOSE = re.compile(
    r"(?<!\w)(?:point|item|number|no\.|step|question|punkt|nr\.|numéro|n°|punto|número|numero|пункт|пункте)"
    rf"[ \t]{{1,3}}{_FIGURES}",
    re.IGNORECASE,
)
_INNER_NAMES = (
    r"abs(?:\.|atz)|satz|nr\.?|nummer|ziff(?:\.|er)|buchst(?:\.|abe)|lit\.?|para(?:graph|\.)?|paragraphe|subsection"
    r"|subclause|point|item|alinéa|al\.|apartado|párrafo|comma|lid|letter|lettre|letra"
)
_INNER = re.compile(
    rf"[ \t,]{{0,3}}(?:\(([\w]{{1,5}})\)|(?:{_INNER_NAMES})[ \t\u00a0]{{0,2}}\(?(\w{{1,4}})\)?(?!\w)"
    rf"|第([\d{CHINESE_DIGITS}]{{1,4}})[款项項])",
    re.IGNORECASE,
)
_OUTER = re.compile(
    rf"(?<!\w)(?:{_INNER_NAMES})[ \t]\(?(\w{{1,4}})\)?[ \t]{{1,2}}"
    r"(?:of|in|to|des|der|von|de|du|del|dell)[ \t’'l]{1,3}$",
    re.IGNORECASE,
)
_LEADING = re.compile(rf"^\W{{0,3}}(?:{_FIGURES}|\(?([A-Za-z]|[IVXLCivxlc]{{1,8}})[.)](?=\s|$))", re.MULTILINE)
_AROUND = 60


class Reference(NamedTuple):
    """A numbered part that a text refers to.

    Attributes:
        name: As it is written, "Section 3(2)(a)".
        number: Its number, "3".
        inner: The numbers of the parts within it, outermost first: "2", "a".
        is_loose: Whether what is named may be anything with a number, as in "number 7".
    """

    name: str
    number: str
    inner: tuple[str, ...] = ()
    is_loose: bool = False


def asked_parts(text: str) -> list[Reference]:
    """Return the numbered parts that a question refers to, in order."""
    found: list[tuple[int, int, Reference]] = []
    for pattern in (_BY_FIGURES, _BY_LETTERS, _CHINESE, _LOOSE):
        for match in pattern.finditer(text):
            if pattern is _BY_LETTERS and _AMBIGUOUS.search(match[0]) and text[match.end() :].strip(" ?!."):
                continue
            number = canonical(_chinese_number(match[0]) or next(filter(None, match.groups()), ""))
            start, end, inner = _with_inner(text, *match.span())
            found.append((start, end, Reference(" ".join(text[start:end].split()), number, inner, pattern is _LOOSE)))
    found.sort(key=lambda it: (it[0], -it[1], it[2].is_loose, -len(it[2].inner)))
    kept, taken = [], 0
    for start, end, part in found:
        if start >= taken:
            kept.append(part)
            taken = end
    return kept


def _with_inner(text: str, start: int, end: int) -> tuple[int, int, tuple[str, ...]]:
    """Return the span of a reference with the parts within it that follow or precede it, and their numbers."""
    inner = []
    while further := _INNER.match(text, end):
        inner.append(canonical(next(filter(None, further.groups()))))
        end = further.end()
    if outer := _OUTER.search(text[max(0, start - _AROUND) : start]):
        inner.append(canonical(outer[1]))
        start -= len(outer[0])
    return start, end, tuple(inner)


def references(text: str) -> dict[str, str]:
    """Return the numbered parts that a text refers to: their numbers, each with its name, as in "clause 3.5"."""
    return {part.number: part.name for part in asked_parts(text) if not part.is_loose}


def part_numbers(text: str) -> set[str]:
    """Return the numbers of the parts that a text refers to, and those that lines begin with, as "7.2 Rent".

    Each is in all its readings: of "Article IV" iv and 4.
    """
    written = [match for pattern in (_BY_FIGURES, _BY_LETTERS, _LEADING) for match in pattern.finditer(text)]
    numbers = [next(filter(None, match.groups())) for match in written]
    numbers += [_chinese_number(match[0]) for match in _CHINESE.finditer(text)]
    return {reading for number in numbers for reading in readings(canonical(number))}


def _chinese_number(written: str) -> str:
    """Return the number within 第七条 or 제 7 조; empty for other texts."""
    return written[1:-1].strip() if written[:1] in "第제" else ""
