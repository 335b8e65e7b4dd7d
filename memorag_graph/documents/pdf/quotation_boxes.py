"""Find a quotation of the text that was read from a PDF among the characters of its page.

What was read differs from what the page draws: white space, hyphens at line ends, ligatures, the order of columns and
cells, and rows of tables that repeat the names of their columns. So only letters and digits are compared, in runs of
whole words, each as long as possible; runs may stand anywhere, but short ones only near others.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np

from memorag_graph.documents.pdf.characters import Boxes, Characters
from memorag_graph.documents.table_rows import CELLS

_MOST_LETTERS = 200_000
"""Letters of a page that are compared; pages of a book have 3,000."""

_MOST_PLACES = 1_000
"""Places on a page where the same word is looked at."""

_LONG = 8
"""A run of so many letters is found anywhere on the page, a shorter one near others only."""

_NEAR = 3.0
_NEAR_IN_ROW = 6.0
"""Distance of what is near, in heights of a line; the cells of a row may have several lines."""

_FIRST_UNSPACED = 0x2E80
"""First code point of the scripts of East Asia, in which a word may begin at any letter."""


@dataclass(frozen=True, slots=True)
class FoundQuotation:
    """Where a quotation stands on a page.

    Attributes:
        boxes: Boxes in points, each of what is found in one line; the top of the page is 0.
        share: How much of the quotation was found.
    """

    boxes: Boxes
    share: float


def find_quotation(characters: Characters, quote: str, before: str = "", after: str = "") -> FoundQuotation:
    """Find a quotation on a page.

    Args:
        characters: The characters of the page.
        quote: The quotation.
        before: Some text before it, which tells equal sentences of the page apart.
        after: Some text after it.
    """
    page = _Page(characters)
    lines = [line for line in quote.split("\n") if line.strip()]
    rows = [[page.cell(cell) for cell in line.split(CELLS)] for line in lines if CELLS in line]
    wanted = sum(len(cell.text) for cells in rows for cell in cells)
    spans = [span for cells in rows for span in page.row(cells)]
    if text := "\n".join(line for line in lines if CELLS not in line):
        letters = _Letters(f"{before} {text} {after}")
        first, last = letters.between(len(before) + 1, len(before) + 1 + len(text))
        wanted += last - first
        for run in page.runs(letters):
            start, end = max(run.start, first), min(run.start + run.length, last)
            if start < end:
                spans.append((run.place + start - run.start, run.place + end - run.start))
    found = sum(end - start for start, end in spans)
    return FoundQuotation(_boxes(characters, page, spans), found / wanted if wanted else 0.0)


class _Letters:
    """The letters and digits of a text in one form, and where words begin.

    Args:
        text: The text.
        most: Maximum letters.
    """

    def __init__(self, text: str, most: int = _MOST_LETTERS) -> None:
        pieces: list[str] = []
        self.places: list[int] = []
        self.begins: list[bool] = []
        is_apart = True
        for place, character in enumerate(text):
            letters = _plain(character)
            for letter in letters:
                pieces.append(letter)
                self.places.append(place)
                self.begins.append(is_apart or ord(letter) >= _FIRST_UNSPACED)
                is_apart = False
            is_apart = is_apart or (not letters and not unicodedata.combining(character))
            if len(pieces) >= most:
                break
        self.text = "".join(pieces)
        self.begins.append(True)

    def between(self, start: int, end: int) -> tuple[int, int]:
        """Return the first letter of a part of the text, and one past the last."""
        first, last = np.searchsorted(self.places, [start, end])
        return int(first), int(last)


@dataclass(frozen=True, slots=True)
class _Run:
    """Letters of a text from ``start``, ``length`` of them, that stand on the page from letter ``place``."""

    start: int
    length: int
    place: int


class _Page(_Letters):
    """The letters of a page, found by the first letters of words."""

    def __init__(self, characters: Characters) -> None:
        super().__init__(characters.text)
        self._levels = (characters.boxes[:, 1] + characters.boxes[:, 3]) / 2
        heights = (characters.boxes[:, 3] - characters.boxes[:, 1])[~characters.spaces]
        self._height = max(1.0, float(np.median(heights))) if len(heights) else 1.0
        self._words: dict[str, list[int]] = defaultdict(list)
        for place, begins in enumerate(self.begins[:-1]):
            if begins and len(known := self._words[self.text[place]]) < _MOST_PLACES:
                known.append(place)

    def runs(self, wanted: _Letters) -> Sequence[_Run]:
        """Return long runs of the letters of a text, and what stands near them of the rest."""
        long = list(self._parse(wanted, 0, len(wanted.text), None))
        found: list[_Run] = []
        place = 0
        for run in [*long, None]:
            end = run.start if run else len(wanted.text)
            around = [it for it in (*found[-1:], run) if it]
            if around:
                found += self._parse(wanted, place, end, [self._level(it.place) for it in around])
            if run:
                found.append(run)
                place = run.start + run.length
        return found

    def cell(self, text: str) -> _Letters:
        """Return what is looked for of a cell: without the name of its column, unless that stands beside the value."""
        whole = _Letters(text)
        value = text.partition(": ")[2]
        if not value or any(length == len(whole.text) for length, _ in self._options(whole, 0)):
            return whole
        return _Letters(value)

    def row(self, cells: Sequence[_Letters]) -> list[tuple[int, int]]:
        """Return the spans of the cells of a row: where they stand nearest to each other."""
        options = [_longest(self._options(cell, 0)) for cell in cells]
        levels = [np.array([self._level(place) for _, place in it]) for it in options if it]
        if not levels:
            return []
        rarest = min(levels, key=len)
        costs = [sum(float(np.abs(others - level).min()) for others in levels) for level in rarest]
        level = float(rarest[int(np.argmin(costs))])
        runs = [run for cell in cells for run in self._parse(cell, 0, len(cell.text), [level], _NEAR_IN_ROW)]
        return [(run.place, run.place + run.length) for run in runs]

    def _parse(
        self, wanted: _Letters, start: int, end: int, levels: Sequence[float] | None, reach: float = _NEAR
    ) -> Iterator[_Run]:
        """Yield runs, each the longest that begins where the last one ended, or at a later word.

        Args:
            wanted: What is looked for.
            start: Its first letter.
            end: One past its last.
            levels: Heights near which runs have to stand; None for long runs anywhere.
            reach: Heights of a line that count as near.
        """
        at = start
        while at < end:
            best = self._best(self._options(wanted, at, end), levels, reach * self._height)
            if best and (levels is not None or best[0] >= min(_LONG, len(wanted.text))):
                yield _Run(at, *best)
                at += best[0]
            else:
                at += 1
                while at < end and not wanted.begins[at]:
                    at += 1

    def _best(
        self, options: Sequence[tuple[int, int]], levels: Sequence[float] | None, reach: float
    ) -> tuple[int, int] | None:
        """Return the longest option, of equal ones the nearest."""
        if levels is None:
            return max(options, key=lambda it: it[0], default=None)
        near = [
            (length, -distance, place)
            for length, place in options
            if (distance := min(abs(self._level(place) - level) for level in levels)) <= reach
        ]
        length, _, place = max(near, default=(0, 0.0, 0))
        return (length, place) if length else None

    def _options(self, wanted: _Letters, at: int, end: int | None = None) -> list[tuple[int, int]]:
        """Return the lengths and places of runs of whole words of the page that begin with a letter of a text."""
        end = len(wanted.text) if end is None else end
        if at >= end:
            return []
        found = []
        for place in self._words.get(wanted.text[at], ()):
            length = _common(wanted.text, at, end, self.text, place)
            while length and not (wanted.begins[at + length] and self.begins[place + length]):
                length -= 1
            if length:
                found.append((length, place))
        return found

    def _level(self, place: int) -> float:
        return float(self._levels[self.places[place]])


def _common(wanted: str, at: int, end: int, text: str, place: int) -> int:
    """Return how many letters of two texts are equal from two places on."""
    most = min(end - at, len(text) - place)
    length = 0
    while length < most and wanted[at + length] == text[place + length]:
        length += 1
    return length


def _longest(options: Sequence[tuple[int, int]]) -> list[tuple[int, int]]:
    most = max((length for length, _ in options), default=0)
    return [it for it in options if it[0] == most]


@cache
def _plain(character: str) -> str:
    """Return the letters and digits of a character without accents, ligatures and case; empty for other signs."""
    return "".join(filter(str.isalnum, unicodedata.normalize("NFKD", character).casefold()))


def _boxes(characters: Characters, page: _Page, spans: Sequence[tuple[int, int]]) -> Boxes:
    """Return a box for each line of each span, with the signs beside its words."""
    lines: list[list[float]] = []
    for start, end in sorted(spans):
        before = page.places[start - 1] + 1 if start else 0
        after = page.places[end] if end < len(page.places) else len(characters.text)
        first, last = page.places[start], page.places[end - 1] + 1
        while first > before and _is_sign(characters, first - 1):
            first -= 1
        while last < after and _is_sign(characters, last):
            last += 1
        lines += _lines(characters, first, last)
    return np.array(lines, np.float32).reshape(-1, 4)


def _is_sign(characters: Characters, at: int) -> bool:
    return not characters.spaces[at] and characters.text[at].isprintable()


def _lines(characters: Characters, first: int, last: int) -> Iterator[list[float]]:
    """Yield the boxes of characters, joined where they stand side by side."""
    line: list[float] = []
    for left, top, right, bottom in characters.boxes[first:last][~characters.spaces[first:last]].tolist():
        if right <= left or bottom <= top:
            continue
        if line and _continues(line, left, top, bottom):
            line = [min(line[0], left), min(line[1], top), max(line[2], right), max(line[3], bottom)]
        else:
            if line:
                yield line
            line = [left, top, right, bottom]
    if line:
        yield line


def _continues(line: Sequence[float], left: float, top: float, bottom: float) -> bool:
    height = min(bottom - top, line[3] - line[1])
    overlap = min(bottom, line[3]) - max(top, line[1])
    return overlap > height / 2 and -height < left - line[2] < 2 * height
