"""Find gutters: upright strips without text, between the columns of a page or of a table."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.justified import is_between_words
from memorag_graph.documents.pdf.occupancy import Occupancy, row_edges
from memorag_graph.documents.pdf.words import CELL_GAP, Indices, Words

_FEWEST_ROWS = 3
"""A strip is a gutter if so many rows have text on either side of it."""

_FEW_ROWS = 2
"""The same for a wide strip with more rows on the other side: a column that has just begun."""

_TRIES = 8
_NARROW, _WIDE = 0.15, 1.0
"""Width in font sizes of a strip, and of one that needs no aligned text beside it."""

FINEST = 0.5
"""Points; cells of sheets stand closer than words."""

_BETWEEN_CELLS = 0.09
"""The same as the first where a file draws the spaces between words, so that cells are known from words."""

_ALIGNED = 0.35
_ALIGNED_SHARE = 0.6
_APART = 0.8
"""Rows at the ends of a band that have text on one side only are cut off at gaps of so many font sizes."""

_MOST_CELLS_OF_ROW = 8
_FEWEST_SPACES = 3
_BETWEEN_FIGURES, _MOSTLY = 0.4, 0.7
"""Columns of figures may be closer to each other than words are."""

_BETWEEN_PROSE = 0.8

_BEYOND_SPACES = 1.7
"""A gutter is wider than the spaces between the words of its rows by this factor."""

_MOST_CUT = 3
LIST_MARK = re.compile(
    r"[-–—•▪■●○*‣◦·]|\(?(?:\d{1,3}|[a-zA-Z]|[ivxIVX]{1,5})[.)]|\(\w{1,4}\)|\d{1,2}(?:\.\d{1,2}){1,3}\.?"
)


@dataclass(frozen=True, slots=True)
class Gutter:
    """A strip without text: its left and right edge in points, the numbers of its first row and of that behind it."""

    left: float
    right: float
    first_row: int
    end_row: int


def tallest_gutter(words: Words, members: Indices) -> Gutter | None:
    """Return the gutter that most rows have text on both sides of; None if there is none."""
    if len(members) < 2 * _FEWEST_ROWS or not _may_have_columns(words, members):
        return None
    occupancy = Occupancy(words, members, FINEST if words.draws_spaces else 1.0)
    if occupancy.is_too_large or len(occupancy.row_numbers) < _FEWEST_ROWS:
        return None
    score, first, end = _empty_runs(occupancy.covered, occupancy.starts_anew)
    for _ in range(_TRIES):
        best = int(score.max(initial=0))
        if best < _FEW_ROWS:
            return None
        taken = _widest(score == best, first, end)
        lengths = (score == best) * (end - first)
        for start, stop in (_widest(lengths == lengths.max(), first, end), taken):
            gutter = _trimmed(occupancy, _gutter(occupancy, start, stop, first, end))
            if gutter is not None and separates(occupancy, gutter):
                return gutter
        score[slice(*taken)] = 0
    return None


def _may_have_columns(words: Words, members: Indices) -> bool:
    """Return whether several rows have wide gaps, or lie beside several others."""
    order = np.lexsort((words.boxes[members, 0], words.rows[members]))
    boxes, rows = words.boxes[members[order]], words.rows[members[order]]
    size = float(np.median(boxes[:, 3] - boxes[:, 1]))
    same = rows[1:] == rows[:-1]
    wide = same & (boxes[1:, 0] - boxes[:-1, 2] >= words.wide_gap * size)
    starts = np.concatenate([[0], np.flatnonzero(~same) + 1])
    if len(np.unique(rows[1:][wide])) >= 2:
        return True
    lefts, rights = np.minimum.reduceat(boxes[:, 0], starts), np.maximum.reduceat(boxes[:, 2], starts)
    if len(starts) < 2 * _FEWEST_ROWS - 1:
        return False
    return bool(np.sort(rights)[_FEWEST_ROWS - 2] <= np.sort(lefts)[1 - _FEWEST_ROWS])


def _gutter(occupancy: Occupancy, start: int, stop: int, first: Indices, end: Indices) -> Gutter | None:
    """Return the strip of a range of places; None if it is too narrow."""
    narrow = _BETWEEN_CELLS if occupancy.words.draws_spaces else _NARROW
    if stop - start < narrow * occupancy.size / occupancy.bin:
        return None
    return Gutter(*occupancy.strip(start, stop), int(first[start:stop].max()), int(end[start:stop].min()))


def _empty_runs(covered: NDArray[np.bool_], starts_anew: NDArray[np.bool_]) -> tuple[Indices, Indices, Indices]:
    """Return for each place its best empty run: rows with text on either side, its first row, and that behind it."""
    left = np.logical_or.accumulate(covered, axis=1)
    right = np.logical_or.accumulate(covered[:, ::-1], axis=1)[:, ::-1]
    bins = covered.shape[1]
    on_left, on_right, started = (np.zeros(bins, np.intp) for _ in range(3))
    score, first, end = (np.zeros(bins, np.intp) for _ in range(3))
    for row in range(covered.shape[0]):
        empty = ~covered[row]
        if starts_anew[row]:
            on_left[:], on_right[:], started[:] = 0, 0, row
        on_left = (on_left + left[row]) * empty
        on_right = (on_right + right[row]) * empty
        started = np.where(empty, started, row + 1)
        current = np.minimum(on_left, on_right)
        better = (current > score) | ((current == score) & (first == started) & (current > 0))
        score = np.where(better, current, score)
        first, end = np.where(better, started, first), np.where(better, row + 1, end)
    return score, first, end


def _widest(best: NDArray[np.bool_], first: Indices, end: Indices) -> tuple[int, int]:
    """Return the widest range of neighbouring places among the best ones that share rows."""
    found, start, last = (0, 0), -1, -1
    for at in np.flatnonzero(best).tolist():
        if at != last + 1 or first[at] >= end[start] or first[start] >= end[at]:
            start = at
        last = at
        if at + 1 - start > found[1] - found[0]:
            found = (start, at + 1)
    return found


def separates(occupancy: Occupancy, gutter: Gutter, near: tuple[float, float] = (-np.inf, np.inf)) -> bool:
    """Return whether a strip separates columns: it is wide, or text is aligned at it; list marks are no column.

    Args:
        occupancy: Where words are.
        gutter: The strip.
        near: Only words between these places count.
    """
    words, size = occupancy.words, occupancy.size
    lefts, rights = neighbours(occupancy, gutter, near)
    both = sorted(set(lefts) & set(rights))
    if not lefts or not rights or is_between_words(occupancy, lefts, rights):
        return False
    gaps = [float(words.boxes[rights[row], 0] - words.boxes[lefts[row], 2]) for row in both]
    marks = [words.word(lefts[row]) for row in both]
    if marks and all(map(LIST_MARK.fullmatch, marks)) and all(_is_alone(occupancy, lefts[row]) for row in both):
        return False
    if _are_cells(occupancy, lefts, rights):
        return True
    width = gutter.right - gutter.left
    usual = float(np.median(gaps)) if gaps else width
    figures = sum(1 for row in both if words.word(lefts[row])[-1].isdigit() and words.word(rights[row])[0].isdigit())
    least = size * (_BETWEEN_FIGURES if figures > _MOSTLY * len(both) else words.wide_gap)
    spaces = [space for row in both for space in _spaces(occupancy, row)]
    is_prose = len(spaces) > _MOST_CELLS_OF_ROW * len(both) and _low(spaces) < _WIDE * size
    if len(spaces) > _MOST_CELLS_OF_ROW * len(both):
        least = max(least, _BETWEEN_PROSE * size)
    loose = _low(spaces) < words.wide_gap * size or is_prose
    if usual < least or (loose and _low(spaces) > usual / _BEYOND_SPACES):
        return False
    starts = words.boxes[list(rights.values()), 0]
    ends = words.boxes[list(lefts.values()), 2]
    return width >= _WIDE * size or _are_aligned(starts, size) or _are_aligned(ends, size)


def neighbours(
    occupancy: Occupancy, gutter: Gutter, near: tuple[float, float] = (-np.inf, np.inf)
) -> tuple[dict[int, int], dict[int, int]]:
    """Return for each row of a strip the last word on its left, and the first on its right.

    Args:
        occupancy: Where words are.
        gutter: The strip.
        near: Only words between these places count.
    """
    lefts: dict[int, int] = {}
    rights: dict[int, int] = {}
    boxes = occupancy.words.boxes
    middle = (gutter.left + gutter.right) / 2
    inside = (occupancy.row_of >= gutter.first_row) & (occupancy.row_of < gutter.end_row)
    for at, row in zip(occupancy.members[inside].tolist(), occupancy.row_of[inside].tolist(), strict=True):
        if boxes[at, 0] < middle:
            if row not in lefts or boxes[at, 2] > boxes[lefts[row], 2]:
                lefts[row] = at
        elif row not in rights or boxes[at, 0] < boxes[rights[row], 0]:
            rights[row] = at
    lefts = {row: at for row, at in lefts.items() if boxes[at, 0] > near[0] - 1}
    rights = {row: at for row, at in rights.items() if boxes[at, 2] < near[1] + 1}
    return lefts, rights


def _are_cells(occupancy: Occupancy, lefts: dict[int, int], rights: dict[int, int]) -> bool:
    """Return whether words on either side of a strip are aligned, and no space of the file lies between them."""
    words = occupancy.words
    both = sorted(set(lefts) & set(rights))
    if not words.draws_spaces or len(both) < _FEW_ROWS:
        return False
    before, after = (np.array([side[row] for row in both], np.intp) for side in (lefts, rights))
    ends, starts = words.boxes[before, 2], words.boxes[after, 0]
    if (starts - ends <= CELL_GAP * occupancy.size).any() or words.is_spaced(before, after).any():
        return False
    return _are_aligned(starts, occupancy.size) or _are_aligned(ends, occupancy.size)


def _spaces(occupancy: Occupancy, row: int) -> list[float]:
    """Return the gaps between the words of a row."""
    boxes = occupancy.words.boxes[occupancy.members[occupancy.row_of == row]]
    boxes = boxes[np.argsort(boxes[:, 0])]
    return [float(gap) for gap in boxes[1:, 0] - boxes[:-1, 2]]


def _low(values: Sequence[float]) -> float:
    return sorted(values)[len(values) // 4] if values else 0.0


def _is_alone(occupancy: Occupancy, word: int) -> bool:
    """Return whether nothing stands on the left of a word in its row."""
    words = occupancy.words
    row = occupancy.members[words.rows[occupancy.members] == words.rows[word]]
    return bool(words.boxes[row, 0].min() >= words.boxes[word, 0])


def _are_aligned(edges: NDArray[np.float32], size: float) -> bool:
    """Return whether most of the edges are at one place."""
    nearest = np.median(edges)
    places = [float(nearest), float(edges.min()), float(edges.max())]
    share = max(float((np.abs(edges - place) <= _ALIGNED * size).mean()) for place in places)
    return share >= _ALIGNED_SHARE


def _trimmed(occupancy: Occupancy, gutter: Gutter | None) -> Gutter | None:
    """Cut off lines across a gutter at its ends, and rows that have text on one side only and stand apart.

    Returns None if too few rows are left.
    """
    if gutter is None:
        return None
    lefts, rights = neighbours(occupancy, gutter)
    first, end = gutter.first_row, gutter.end_row
    while first < end and first in lefts and first in rights and _is_line(occupancy, first):
        first = _end_of_text(occupancy, first, end, rights)
    while end > first and end - 1 in lefts and end - 1 in rights and _is_line(occupancy, end - 1):
        end -= 1
    both = [row for row in range(first, end) if row in lefts and row in rights]
    gap = _APART * occupancy.size
    if both:
        tops, bottoms = row_edges(occupancy.words, occupancy.members, occupancy.row_of)
        for row in range(both[0], first, -1):
            if tops[row] - bottoms[row - 1] > gap and _one_sided(range(first, row), lefts, rights):
                first = row if row - first <= _MOST_CUT else first
                break
        for row in range(both[-1], end - 1):
            if tops[row + 1] - bottoms[row] > gap and _one_sided(range(row + 1, end), lefts, rights):
                end = row + 1 if end - row - 1 <= _MOST_CUT else end
                break
    sides = [sum(1 for row in range(first, end) if row in side) for side in (lefts, rights)]
    is_short_column = min(sides) >= _FEW_ROWS and max(sides) > _FEWEST_ROWS
    is_wide = gutter.right - gutter.left >= _WIDE * occupancy.size
    kept = min(sides) >= _FEWEST_ROWS or (is_short_column and is_wide)
    return Gutter(gutter.left, gutter.right, first, end) if kept else None


def _is_line(occupancy: Occupancy, row: int) -> bool:
    """Return whether a row is a line of text across a gutter: none of its gaps parts cells."""
    words = occupancy.words
    members = occupancy.members[occupancy.row_of == row]
    ordered = members[np.argsort(words.boxes[members, 0])]
    if LIST_MARK.fullmatch(words.word(int(ordered[0]))):
        ordered = ordered[1:]  # the gap behind the mark of a list
    return len(ordered) > _FEWEST_SPACES and not words.cell_gaps(ordered, occupancy.size).any()


def _end_of_text(occupancy: Occupancy, line: int, end: int, rights: dict[int, int]) -> int:
    """Return the row behind the paragraph that goes on below a line, with lines that do not reach a gutter."""
    words = occupancy.words
    row = line + 1
    while row < end and row not in rights:
        members = occupancy.members[occupancy.row_of == row]
        first = int(members[np.argmin(words.boxes[members, 0])])
        if words.cell_gaps(members, occupancy.size).any() or not words.word(first)[0].islower():
            return line + 1
        row += 1
    return row if row < end else line + 1


def _one_sided(rows: Sequence[int], lefts: dict[int, int], rights: dict[int, int]) -> bool:
    return not any(row in lefts for row in rows) or not any(row in rights for row in rows)
