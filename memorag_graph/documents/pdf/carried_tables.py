"""Tables that go on over pages."""

import itertools
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from memorag_graph.documents.pdf.aligned_tables import cut_cells, joined_rows, row_groups
from memorag_graph.documents.pdf.blocks import Block, Row, Table
from memorag_graph.documents.pdf.grids import find_grids
from memorag_graph.documents.pdf.headers import header_rows, normal, without_repeated
from memorag_graph.documents.pdf.line_text import line_text
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.table_bounds import wide_gaps
from memorag_graph.documents.pdf.words import Indices, Words

_SLACK = 3.0
"""Points that a column may differ by on another page."""

_CELLS, _FEW_ROWS, _MOST_WORDS = 2, 2, 3
_AT_BOTTOM = 0.75
"""Share of a page's height below which its last rows may go on, on the next page."""

_FARTHEST = 3.0
"""Rows of a table are not farther apart than so many font sizes."""


def rest_of_table(page: Page, members: Indices, before: Table) -> tuple[Table | None, Indices]:
    """Return the rows at the top of a page that continue an unruled table of the page before, and the other words.

    Args:
        page: The page.
        members: Numbers of its words.
        before: The table at the end of the page before.
    """
    words = page.words
    columns = sorted(before.columns)
    grids = find_grids(page, members)
    if len(columns) < 2 or not len(members) or (grids and grids[0].top <= words.boxes[members, 3].min()):
        return None, members
    rows = np.unique(words.rows[members])
    gaps = wide_gaps(words, members)
    taken: list[int] = []
    end: float | None = None
    for row in rows.tolist():
        inside = members[words.rows[members] == row]
        boxes = words.boxes[inside]
        top, bottom = float(boxes[:, 1].min()), float(boxes[:, 3].max())
        is_far = end is not None and top - end > _FARTHEST * (bottom - top)
        if is_far and not _is_header(page, members[np.isin(words.rows[members], taken)], before):
            break
        if not _fits(boxes[:, 0].tolist(), boxes[:, 2].tolist(), columns):
            if taken and gaps.get(row, 0):
                return None, members  # another row of a table, with other columns
            break
        taken.append(row)
        end = bottom
    mine = members[np.isin(words.rows[members], taken)]
    if not len(mine) or not _fills_columns(page, mine, columns):
        return None, members
    cells = cut_cells(page, mine, columns)
    groups = row_groups(page, cells)
    left = members[~np.isin(words.rows[members], taken)]
    return Table(joined_rows(cells, groups), (), cells.columns), left


def first_rows_of_table(page: Page, members: Indices) -> tuple[Table | None, Indices]:
    """Return the one or two rows at the bottom of a page that begin an unruled table, and the other words."""
    words = page.words
    if not len(members) or words.boxes[members, 3].max() < _AT_BOTTOM * words.characters.height:
        return None, members
    gaps = wide_gaps(words, members)
    rows = np.unique(words.rows[members]).tolist()
    taken: list[int] = []
    while rows and gaps.get(rows[-1], 0) >= _CELLS and (not taken or gaps[rows[-1]] == gaps[taken[0]]):
        taken.insert(0, rows.pop())
    if not taken or len(taken) > _FEW_ROWS or not rows or gaps.get(rows[-1], 0):
        return None, members
    size = float(np.median(words.heights()[members]))
    cells = [_segments(words, members[words.rows[members] == row], words.wide_gap * size) for row in taken]
    if any(len(cell) > _MOST_WORDS for row in cells for cell in row):
        return None, members
    edges = [[(words.boxes[cell, 0].min(), words.boxes[cell, 2].max()) for cell in row] for row in cells]
    sides = [list(zip(*column, strict=True)) for column in zip(*edges, strict=True)]
    columns = [(float(min(lefts)), float(max(rights))) for lefts, rights in sides]
    step = -1 if words.right_to_left else 1
    texts = [[line_text(words, cell.tolist()) for cell in row][::step] for row in cells]
    return Table(texts, (), columns[::step]), members[~np.isin(words.rows[members], taken)]


def _segments(words: Words, row: Indices, gap: float) -> list[Indices]:
    """Cut the words of a row at wide gaps."""
    row = row[np.argsort(words.boxes[row, 0])]
    cuts = np.flatnonzero(words.boxes[row[1:], 0] - words.boxes[row[:-1], 2] >= gap) + 1
    return np.split(row, cuts)


def with_names(before: Table, after: Block) -> Table | None:
    """Return a table at the top of a page with the rows before it that name its columns; None if there are none."""
    if not isinstance(after, Table) or before.header or len(before.rows) > _FEW_ROWS:
        return None
    rows: list[Row] = [*before.rows, *after.header, *after.rows]
    if len(before.columns) != len(after.columns) or not _same_places(before, after):
        return None
    count = header_rows(rows, [])
    return replace(after, rows=rows[count:], header=rows[:count]) if count else None


def is_table_row(page: Page, row: Indices, before: Table) -> bool:
    """Return whether the words of a row stand in several columns of a table, and none between them."""
    boxes, columns = page.words.boxes[row], sorted(before.columns)
    if len(columns) < 2 or not _fits(boxes[:, 0].tolist(), boxes[:, 2].tolist(), columns):
        return False
    return sum(map(bool, cut_cells(page, row, columns).rows[0])) > 1


def _is_header(page: Page, members: Indices, before: Table) -> bool:
    """Return whether words are the repeated names of a table's columns, which may be set off."""
    rows = cut_cells(page, members, sorted(before.columns)).rows
    return [normal(row) for row in rows] == [normal(row) for row in before.header]


def _fits(lefts: Sequence[float], rights: Sequence[float], columns: Sequence[tuple[float, float]]) -> bool:
    """Return whether no word of a row stands in a gutter between columns or beside them."""
    for left, right in zip(lefts, rights, strict=True):
        if not any(start - _SLACK <= left and right <= end + _SLACK for start, end in _widened(columns)):
            return False
    return True


def _widened(columns: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Return the columns with half of the gutters beside them."""
    borders = [(left[1] + right[0]) / 2 for left, right in itertools.pairwise(columns)]
    gutter = min((right[0] - left[1]) / 2 for left, right in itertools.pairwise(columns))
    edges = [columns[0][0] - gutter, *borders, columns[-1][1] + gutter]
    return list(itertools.pairwise(edges))


def _fills_columns(page: Page, members: Indices, columns: Sequence[tuple[float, float]]) -> bool:
    """Return whether some row has text in several columns."""
    filled = [sum(map(bool, row)) for row in cut_cells(page, members, columns).rows]
    return max(filled, default=0) > 1


def continued(before: Table, after: Block) -> Table | None:
    """Return a table at the top of a page as the continuation of the one before it; None if it is another table."""
    if not isinstance(after, Table):
        return None
    rows: list[Row] = [*after.header, *after.rows]
    if len(rows[0]) != len(before.columns) or not _same_places(before, after):
        return None
    below = without_repeated(rows, before.header)
    if after.is_marked and len(below) == len(rows):
        return None
    rows = below
    opening = rows.pop(0) if rows and not rows[0][0] and any(rows[0]) and before.rows and before.rows[-1][0] else None
    return replace(after, rows=rows, header=before.header, opening=opening)


def _same_places(before: Table, after: Table) -> bool:
    for one, other in zip(before.columns, after.columns, strict=True):
        if min(one[1], other[1]) - max(one[0], other[0]) < 0.5 * min(one[1] - one[0], other[1] - other[0]):
            return False
    return True
