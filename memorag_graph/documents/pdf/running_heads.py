"""Lines that are repeated at the top or bottom of pages: running heads and page numbers."""

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.layout import lines_of
from memorag_graph.documents.pdf.occupancy import row_edges
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.table_bounds import wide_gaps
from memorag_graph.documents.pdf.words import Indices

_ZONE = 0.16
"""Share of the page's height at its top and bottom where running heads stand."""

_NUMBER_ZONE = 0.25
"""The same for lines that are only a number."""

_MOST_LINES = 3
_LARGER = 1.3
"""A line that is larger than the text by this factor is a heading."""

_SMALLER = 0.9
"""A running head that is not set off is smaller than the text by this factor."""

_SET_OFF = 0.6
"""A running head is as far from the text as this share of its font size, at least."""

_WIDER = 1.3
"""And farther than lines of the text from each other, by this factor."""

_WIDEST = 2.0
"""Lines of the text are not farther from each other than so many font sizes."""

_CELLS = 2
"""A row with so many wide gaps, beside another such row, belongs to a table."""

_SAME_PLACE = 4.0
"""Points."""

_NUMBER = re.compile(r"\d+")
_COUNTED = re.compile(r"\b[A-Z]{1,2}[-–.]\d{1,4}\b|\d+|\b[ivxlcdm]{1,8}\b")
"""What may be the number of a page, also in front matter and appendices: 12, iv, A-3."""

_ONLY_NUMBER = re.compile(
    r"\W*(?:(?:page|seite|p\.|s\.|стр\.)\s*)?(\d{1,5}|[ivxlcdm]{1,8})(?:\s*(?:/|of|von|de|sur|из)\s*\d{1,5})?\W*",
    re.IGNORECASE,
)
_FACTS = re.compile(r"@|www\.|https?:|\+?\d[\d ()/.-]{6,}\d")
"""An address or a telephone number, which may stand nowhere else."""

_OF_ALL = re.compile(r"(?:\b\d{1,5})?\s?(?:/|\b(?:of|von|de|sur|из)\b)\s?\d{1,5}\s*$")
_STAMP = re.compile(r"\d{1,4}[./-]\d{1,2}[./-]\d{1,4},? \d{1,2}:\d\d")
"""When a browser printed the page: no telephone number."""

NEIGHBOURS = 2
"""Pages before and after a page whose lines are compared with its own: left and right pages differ."""


@dataclass(frozen=True, slots=True)
class Margin:
    """A line in the margin of a page.

    Attributes:
        text: Its text.
        at_top: Whether it stands above the page's text.
        left: Its left edge in points.
        right: Its right edge in points.
        y: Its upper edge in points.
        row: Number of its row.
    """

    text: str
    at_top: bool
    left: float
    right: float
    y: float
    row: int


def find_margins(page: Page, members: Indices) -> list[Margin]:
    """Return the lines in the margins of a page that may be running heads, from the top.

    Such a line ends at a gap, or is the outermost one and smaller than the text or stamped with a time, and no heading.

    Args:
        page: The page.
        members: Numbers of its words.
    """
    words = page.words
    if not len(members):
        return []
    usual = float(np.median(words.heights()[members]))
    numbers, row_of = np.unique(words.rows[members], return_inverse=True)
    tops, bottoms = row_edges(words, members, row_of)
    lines = list(zip(numbers.tolist(), tops.tolist(), bottoms.tolist(), strict=True))
    height = words.characters.height
    zones = [_NUMBER_ZONE if _is_number(page, members, row) else _ZONE for row in (lines[0][0], lines[-1][0])]
    lower = [it for it in lines if it[1] > (1 - zones[1]) * height][::-1]
    bottom = _set_off(lower, lines[::-1], downwards=False) or _small(page, members, lower[:1], usual)
    others = [it for it in lines if it[0] not in bottom]
    upper = [it for it in others if it[2] < zones[0] * height]
    top = _set_off(upper, others, downwards=True) or _small(page, members, upper[:1], usual)
    margins: list[Margin] = []
    for rows, at_top in ((top, True), (bottom[::-1], False)):
        for row in rows:
            (line,) = lines_of(page, members[words.rows[members] == row])
            if line.height <= _LARGER * usual:
                margins.append(Margin(line.text, at_top, abs(line.left), abs(line.right), line.top, row))
    return margins


def _small(page: Page, members: Indices, lines: Sequence[tuple[int, float, float]], usual: float) -> list[int]:
    """Return the rows that are smaller than the text, or say when a browser printed the page."""
    return [
        row
        for row, top, bottom in lines
        if bottom - top < _SMALLER * usual or _STAMP.search(_text_of(page, members, row))
    ]


def without_table_rows(
    page: Page, members: Indices, margins: Sequence[Margin], is_table_row: Callable[[Indices], bool]
) -> list[Margin]:
    """Return the running heads of a page that belong to no table.

    Args:
        page: The page.
        members: Numbers of its words.
        margins: Its running heads.
        is_table_row: Whether the words of a row belong to a table.
    """
    numbers = np.unique(page.words.rows[members])
    kept: list[Margin] = []
    is_below_cells = False
    for margin in margins:
        is_cells = _is_row(page, members, margin.row, numbers, is_table_row)
        is_below_cells = margin.at_top and (is_cells or is_below_cells)
        if not is_cells and not is_below_cells:
            kept.append(margin)
    return kept


def set_apart(
    page: Page, members: Indices, heads: Sequence[Margin], running: Sequence[Margin], at_top: bool
) -> list[Margin]:
    """Return the outermost lines of a margin that are no running heads but have wide gaps, as columns have.

    Args:
        page: The page.
        members: Numbers of its words.
        heads: The lines in its margins.
        running: Its running heads.
        at_top: Whether the lines above the text are meant.
    """
    by_row = {head.row: head for head in heads if head.at_top == at_top}
    numbers = np.unique(page.words.rows[members])
    gaps = wide_gaps(page.words, members) if by_row else {}
    found: list[Margin] = []
    for row in numbers.tolist() if at_top else numbers[::-1].tolist():
        head = by_row.get(row)
        if head is None or (head not in running and not gaps.get(row, 0)):
            break
        if head not in running:
            found.append(head)
    return found if at_top else found[::-1]


def _is_row(
    page: Page, members: Indices, row: int, numbers: NDArray[np.intp], is_table_row: Callable[[Indices], bool]
) -> bool:
    """Return whether a row in the margin belongs to a table."""
    if is_table_row(members[page.words.rows[members] == row]):
        return True
    gaps = wide_gaps(page.words, members)
    at = int(np.searchsorted(numbers, row))
    beside = [int(number) for number in numbers[max(0, at - 1) : at + 2] if number != row]
    return gaps.get(row, 0) >= _CELLS and any(gaps.get(it, 0) >= _CELLS for it in beside)


def _is_number(page: Page, members: Indices, row: int) -> bool:
    return _ONLY_NUMBER.fullmatch(_text_of(page, members, row)) is not None


def _text_of(page: Page, members: Indices, row: int) -> str:
    (line,) = lines_of(page, members[page.words.rows[members] == row])
    return line.text


def _set_off(
    candidates: Sequence[tuple[int, float, float]], lines: Sequence[tuple[int, float, float]], downwards: bool
) -> list[int]:
    """Return the rows among the candidates, from the page's edge, that end at a gap."""
    found: list[int] = []
    gaps = [after[1] - before[2] if downwards else before[1] - after[2] for before, after in itertools.pairwise(lines)]
    for at, (_, top, bottom) in enumerate(candidates[:_MOST_LINES]):
        others = sorted(map(abs, gaps[:at] + gaps[at + 1 :]))
        usual = min(others[(len(others) - 1) // 2], _WIDEST * (bottom - top)) if others else 0.0
        if at < len(gaps) and gaps[at] >= max(_SET_OFF * (bottom - top), _WIDER * usual):
            found = [number for number, _, _ in candidates[: at + 1]]
    return found


def is_running(
    margin: Margin, index: int, others: Iterable[tuple[int, Sequence[Margin]]], titles: Sequence[str]
) -> bool:
    """Return whether a line is a running head or a page number.

    Args:
        margin: The line.
        index: Index of its page.
        others: Index and lines of the pages around it.
        titles: Titles in the outline that refer to the page.
    """
    if any(_plain(title) == _plain(margin.text) for title in titles):
        return False
    alike = [it for place, lines in others for it in lines if _is_same(margin, it, place - index)]
    return bool(alike)


def is_page_number(margin: Margin, number: str, label: str) -> bool:
    """Return whether a line is the number or the label of its page."""
    match = _ONLY_NUMBER.fullmatch(margin.text)
    shown = match[1] if match else margin.text.strip(" -–—|")
    return shown.lower() in (number, label.lower())


def has_facts(margin: Margin) -> bool:
    """Return whether a running head says what may stand nowhere else."""
    return bool(_FACTS.search(_STAMP.sub("", margin.text)))


def uncounted(text: str, number: int) -> str:
    """Return a running head without the number of its page, with which "of 12" may stand."""
    return _NUMBER.sub(lambda found: "#" if found[0] == str(number) else found[0], _OF_ALL.sub("", text))


def _is_same(one: Margin, other: Margin, pages: int) -> bool:
    """Return whether two lines are the same but for a page number, and at the same place."""
    if one.at_top != other.at_top or abs(one.y - other.y) > _SAME_PLACE:
        return False
    if _ONLY_NUMBER.fullmatch(one.text) and _ONLY_NUMBER.fullmatch(other.text):
        return True
    mine, theirs = _COUNTED.findall(one.text), _COUNTED.findall(other.text)
    if _COUNTED.sub("#", one.text) != _COUNTED.sub("#", other.text):
        return False
    return all(a == b or _counts_on(a, b, pages) for a, b in zip(mine, theirs, strict=True))


def _counts_on(one: str, other: str, pages: int) -> bool:
    """Return whether two numbers may be those of pages so many pages apart: 3 and 4, A-1 and A-2, ii and 1."""
    kinds = [_NUMBER.sub("#", number) for number in (one, other)]
    if kinds[0] != kinds[1] or "#" not in kinds[0]:
        return True  # Roman numbers, or a new way of counting
    first, second = (int(_NUMBER.findall(number)[-1][:9]) for number in (one, other))
    return second - first == pages


def _plain(text: str) -> str:
    return re.sub(r"\W+", "", text).lower()
