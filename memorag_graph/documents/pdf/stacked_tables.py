"""Find where one table ends and another begins below it: where the pattern of the columns changes."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memorag_graph.documents.pdf.headers import is_figure
from memorag_graph.documents.pdf.line_text import line_text
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.words import Indices

_WIDER = 0.4
"""A gap that is wider than those beside it by this share of the font size sets rows apart."""

_FULL = 2
"""Rows of a pattern, at least, where no gap sets them apart."""

_SAME_EDGE = 3.0
"""Points."""

Span = tuple[float, float]


@dataclass(frozen=True, slots=True)
class _Row:
    """A row with several cells: its number, the places and texts of its cells, and whether a gap is above it."""

    number: int
    spans: list[Span]
    texts: list[str]
    is_apart: bool


def stacked_parts(page: Page, members: Indices) -> list[Indices]:
    """Cut the words of a part of a page where one table ends and another begins; one part if there is no such place."""
    starts = _starts(_rows(page, members))
    if not starts:
        return [members]
    names = np.searchsorted(np.array(starts), page.words.rows[members], side="right")
    return [members[names == at] for at in range(len(starts) + 1)]


def _rows(page: Page, members: Indices) -> list[_Row]:
    """Return the rows that have several cells. A row stands apart if a wide gap is above it or the lines before it."""
    words = page.words
    ordered = members[np.lexsort((words.boxes[members, 0], words.rows[members]))]
    boxes, numbers = words.boxes[ordered], words.rows[ordered]
    size = float(np.median(boxes[:, 3] - boxes[:, 1]))
    cuts = words.cell_gaps(ordered, size)
    starts = np.concatenate([[0], np.flatnonzero(np.diff(numbers)) + 1])
    tops, bottoms = np.minimum.reduceat(boxes[:, 1], starts), np.maximum.reduceat(boxes[:, 3], starts)
    gaps = (tops[1:] - bottoms[:-1]).tolist()
    found: list[_Row] = []
    is_apart = False
    for at, (start, end) in enumerate(itertools.pairwise([*starts.tolist(), len(ordered)])):
        is_apart |= at > 0 and _is_wider(gaps, at - 1, size)
        places = [start, *(np.flatnonzero(cuts[start : end - 1]) + start + 1).tolist(), end]
        cells = [ordered[first:last] for first, last in itertools.pairwise(places)]
        if len(cells) == 1:
            continue
        spans = [(float(words.boxes[cell, 0].min()), float(words.boxes[cell, 2].max())) for cell in cells]
        texts = [line_text(words, cell.tolist()) for cell in cells]
        found.append(_Row(int(numbers[start]), spans, texts, is_apart))
        is_apart = False
    return found


def _is_wider(gaps: Sequence[float], at: int, size: float) -> bool:
    """Return whether a gap is wider than those next to it."""
    beside = [*gaps[max(0, at - 1) : at], *gaps[at + 1 : at + 2]]
    return bool(beside) and gaps[at] > max(max(beside), 0.0) + _WIDER * size


def _starts(rows: Sequence[_Row]) -> list[int]:
    """Return the numbers of the rows that begin another table."""
    starts: list[int] = []
    first = 0
    for at in range(1, len(rows)):
        if _begins(rows, first, at):
            starts.append(rows[at].number)
            first = at
    return starts


def _begins(rows: Sequence[_Row], first: int, at: int) -> bool:
    """Return whether another table than that of the rows before begins at a row."""
    if _are_totals(rows, first, at):
        return True
    if not rows[at].is_apart:
        return _changes(rows[first:at][-_FULL:], rows[at : at + _FULL])
    end = next((it for it in range(at + 1, len(rows)) if rows[it].is_apart), len(rows))
    above, below = _columns(rows[first:at]), _columns(rows[at:end])
    if not _fit(above, below):
        return not _spans(above, below, at - first)
    is_named = not any(map(is_figure, rows[at].texts)) and end - at > 1
    if [it.lower() for it in rows[at].texts] == [it.lower() for it in rows[first].texts]:
        return is_named
    return is_named and _has_figures(rows[at + 1 : end]) and (_has_figures(rows[first:at]) or len(above) != len(below))


def _are_totals(rows: Sequence[_Row], first: int, at: int) -> bool:
    """Return whether all rows that follow are sums below the last columns of a table: names with figures."""
    if at - first < _FULL or len(rows[at - 1].spans) < 3:
        return False
    edge = min(span[1] for row in rows[first:at] for span in row.spans[:1])
    before = rows[at - 1]
    rest = list(itertools.takewhile(lambda row: len(row.spans) < len(before.spans), rows[at:]))
    if not rest or not (rest[0].is_apart or not any(_share_edge(rest[0].spans[0], it) for it in before.spans)):
        return False
    return is_figure(before.texts[-1]) and all(
        row.spans[0][0] > edge and is_figure(row.texts[-1]) and not is_figure(row.texts[0]) and _ends(row, before)
        for row in rest
    )


def _ends(row: _Row, before: _Row) -> bool:
    """Return whether the last cells of two rows are below each other."""
    return _overlap(row.spans[-1], before.spans[-1]) > 0 and row.spans[-2][1] < before.spans[-1][0]


def _changes(above: Sequence[_Row], below: Sequence[_Row]) -> bool:
    """Return whether two rows of one pattern are above two of another, whose cells are at other places."""
    if len(above) < _FULL or len(below) < _FULL:
        return False
    pairs = [(above[0], above[1]), (below[0], below[1])]
    if not all(_fit(one.spans, other.spans) and len(one.spans) == len(other.spans) for one, other in pairs):
        return False
    return not any(_are_aligned(one.spans, other.spans) for one in above for other in below)


def _columns(rows: Sequence[_Row]) -> list[Span]:
    """Return the places of the columns that the cells of rows form."""
    columns: list[Span] = []
    for left, right in sorted(span for row in rows for span in row.spans):
        if columns and left <= columns[-1][1]:
            columns[-1] = (columns[-1][0], max(columns[-1][1], right))
        else:
            columns.append((left, right))
    return columns


def _fit(above: Sequence[Span], below: Sequence[Span]) -> bool:
    """Return whether no cell is over several of the other columns."""
    return all(
        sum(_overlap(one, other) > 0 for other in others) <= 1
        for ones, others in ((above, below), (below, above))
        for one in ones
    )


def _are_aligned(one: Sequence[Span], other: Sequence[Span]) -> bool:
    """Return whether each cell of the row with fewer cells is aligned with one of the other row."""
    few, many = sorted((one, other), key=len)
    return all(any(_overlap(cell, it) > 0 and _share_edge(cell, it) for it in many) for cell in few)


def _share_edge(one: Span, other: Span) -> bool:
    places = zip((*one, sum(one) / 2), (*other, sum(other) / 2), strict=True)
    return any(abs(mine - theirs) <= _SAME_EDGE for mine, theirs in places)


def _spans(above: Sequence[Span], below: Sequence[Span], rows: int) -> bool:
    """Return whether one or two rows name groups of the columns below."""
    return rows <= _FULL and all(sum(_overlap(it, name) > 0 for name in above) <= 1 for it in below)


def _overlap(one: Span, other: Span) -> float:
    return min(one[1], other[1]) - max(one[0], other[0])


def _has_figures(rows: Sequence[_Row]) -> bool:
    return any(is_figure(text) for row in rows for text in row.texts[1:])
