"""Tables whose cells are framed by lines."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.blocks import Block, Paragraph, Table
from memorag_graph.documents.pdf.characters import Boxes
from memorag_graph.documents.pdf.headers import header_rows
from memorag_graph.documents.pdf.line_text import line_text
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.paragraphs import joined
from memorag_graph.documents.pdf.words import Indices

_MOST_RULES = 3000
_MOST_LINES = 400
_MOST_CELLS = 20_000
_FEWEST_LEVELS = 3
_NEAR = 2.5
"""Points within which lines count as one, and as touching."""

_COVERED = 0.6
"""Share of a cell's edge that a line covers."""

_FILLED = 0.25
"""Share of the cells of a table that have text, at least."""


@dataclass(frozen=True, slots=True)
class Grid:
    """Lines that frame cells.

    Attributes:
        xs: Places of the upright lines.
        ys: Places of the level lines, from the top.
        uprights: Whether an upright line stands at the left of each cell of a row, and at the right of the last.
        levels: Whether a level line is above each cell of a column, and below the last: one row for each of ``ys``.
        members: Numbers of the words inside.
    """

    xs: list[float]
    ys: list[float]
    uprights: NDArray[np.bool_]
    levels: NDArray[np.bool_]
    members: Indices

    @property
    def left(self) -> float:
        """Left edge."""
        return self.xs[0]

    @property
    def right(self) -> float:
        """Right edge."""
        return self.xs[-1]

    @property
    def top(self) -> float:
        """Upper edge."""
        return self.ys[0]

    @property
    def bottom(self) -> float:
        """Lower edge."""
        return self.ys[-1]


def find_grids(page: Page, members: Indices) -> list[Grid]:
    """Return the grids of lines that frame the words of a page, at least two cells each, from the top."""
    level, upright = page.level_rules(), page.upright_rules()
    if not 2 <= len(level) <= _MOST_RULES or not 3 <= len(upright) <= _MOST_RULES:
        return []
    level, upright = _collinear(level, upright=False), _collinear(upright, upright=True)
    found: list[Grid] = []
    for levels, uprights in _connected(level, upright):
        grid = _grid(level[levels], upright[uprights], page, members)
        if grid is not None and not any(_inside(grid, other) for other in found):
            found = [other for other in found if not _inside(other, grid)]
            found.append(grid)
    return sorted(found, key=lambda it: it.top)


def _inside(inner: Grid, outer: Grid) -> bool:
    return (
        outer.left <= inner.left
        and inner.right <= outer.right
        and outer.top <= inner.top
        and inner.bottom <= outer.bottom
    )


def _collinear(rules: Boxes, upright: bool) -> Boxes:
    """Return lines as (place, place, start, end) with those that continue each other joined, one row for each."""
    across, along = (0, 1) if upright else (1, 0)
    places = ((rules[:, across] + rules[:, across + 2]) / 2).astype(np.float32)
    by_place: dict[int, list[tuple[float, float]]] = defaultdict(list)
    names = _clusters(places)
    for name, rule in zip(names, rules, strict=True):
        by_place[name].append((float(rule[along]), float(rule[along + 2])))
    joined = []
    for name, parts in by_place.items():
        place = float(places[np.array(names) == name].mean())
        start, end = min(parts)
        for begin, stop in sorted(parts):
            if begin > end + _NEAR:
                joined.append((place, start, end))
                start, end = begin, stop
            end = max(end, stop)
        joined.append((place, start, end))
    return np.array([it for it in joined if it[2] - it[1] > _NEAR], np.float32).reshape(-1, 3)


def _clusters(places: NDArray[np.float32]) -> list[int]:
    """Number places so that near ones share a number."""
    order = np.argsort(places, kind="stable")
    names = np.zeros(len(places), int)
    names[order[1:]] = (np.diff(places[order]) > _NEAR).cumsum()
    return [int(name) for name in names]


def _connected(level: Boxes, upright: Boxes) -> list[tuple[list[int], list[int]]]:
    """Return the numbers of the level and upright lines of each group of lines that touch."""
    touch = (
        (level[:, None, 1] - _NEAR <= upright[None, :, 0])
        & (upright[None, :, 0] <= level[:, None, 2] + _NEAR)
        & (upright[None, :, 1] - _NEAR <= level[:, None, 0])
        & (level[:, None, 0] <= upright[None, :, 2] + _NEAR)
    )
    seen = np.zeros(len(level), bool)
    groups = []
    for start in range(len(level)):
        if seen[start]:
            continue
        levels = np.zeros(len(level), bool)
        levels[start] = True
        while True:
            uprights = touch[levels].any(axis=0)
            before = int(levels.sum())
            levels[touch[:, uprights].any(axis=1)] = True
            if int(levels.sum()) == before:
                break
        seen |= levels
        groups.append((np.flatnonzero(levels).tolist(), np.flatnonzero(uprights).tolist()))
    return groups


def _grid(level: Boxes, upright: Boxes, page: Page, members: Indices) -> Grid | None:
    """Return the grid of lines that touch; None if they frame no table."""
    xs, ys = _places(upright[:, 0]), _places(level[:, 0])
    level, ys = _closed(level, upright, ys)
    if not 3 <= len(xs) <= _MOST_LINES or not 2 <= len(ys) <= _MOST_LINES or len(xs) * len(ys) > _MOST_CELLS:
        return None
    boxes = page.words.boxes[members]
    x, y = (boxes[:, 0] + boxes[:, 2]) / 2, (boxes[:, 1] + boxes[:, 3]) / 2
    inside = members[(x > xs[0]) & (x < xs[-1]) & (y > ys[0]) & (y < ys[-1])]
    grid = Grid(xs, ys, _covered(upright, xs, ys), _covered(level, ys, xs).T.copy(), inside)
    cells = _cells_of(page, grid)
    filled = np.array([[bool(cell) for cell in row] for row in cells])
    if len(ys) <= _FEWEST_LEVELS and _has_rows_without_lines(page, cells):
        return None
    if filled.mean() < _FILLED or (filled.any(axis=0).sum() < 2):
        return None
    return grid


def _has_rows_without_lines(page: Page, cells: list[list[list[int]]]) -> bool:
    """Return whether a row of cells holds several rows of a table, with no line between them."""
    for row in cells:
        filled = [cell for cell in row if cell]
        rows = [set(page.words.rows[cell].tolist()) for cell in filled]
        if len(rows) > 1 and len(set.intersection(*rows)) > 1:
            return True
    return False


def _closed(level: Boxes, upright: Boxes, ys: list[float]) -> tuple[Boxes, list[float]]:
    """Close a grid at the ends of its upright lines, where a page break left it open."""
    if len(ys) < _FEWEST_LEVELS:
        return level, ys
    top, bottom = float(upright[:, 1].min()), float(upright[:, 2].max())
    left, right = upright[:, 0].min(), upright[:, 0].max()
    for end in (top, bottom):
        if end < ys[0] - 2 * _NEAR or end > ys[-1] + 2 * _NEAR:
            level = np.concatenate([level, np.array([[end, left, right]], np.float32)])
            ys = sorted([*ys, end])
    return level, ys


def _places(places: NDArray[np.float32]) -> list[float]:
    names = np.array(_clusters(places))
    return sorted(float(places[names == name].mean()) for name in set(names.tolist()))


def _covered(lines: Boxes, across: Sequence[float], along: Sequence[float]) -> NDArray[np.bool_]:
    """Return whether a line covers each cell's edge: a row for each cell along the lines, a column for each place."""
    covered = np.zeros((len(along) - 1, len(across)), np.float32)
    starts, ends = np.array(along[:-1]), np.array(along[1:])
    for place, start, end in lines:
        at = int(np.abs(np.array(across) - place).argmin())
        covered[:, at] += (np.minimum(ends, end) - np.maximum(starts, start)).clip(0)
    shares: NDArray[np.bool_] = covered >= _COVERED * (ends - starts)[:, None]
    return shares


def _cells_of(page: Page, grid: Grid) -> list[list[list[int]]]:
    """Return the words of each cell."""
    boxes = page.words.boxes[grid.members]
    columns = np.searchsorted(grid.xs, (boxes[:, 0] + boxes[:, 2]) / 2) - 1
    rows = np.searchsorted(grid.ys, (boxes[:, 1] + boxes[:, 3]) / 2) - 1
    cells: list[list[list[int]]] = [[[] for _ in grid.xs[1:]] for _ in grid.ys[1:]]
    for at, row, column in zip(grid.members.tolist(), rows.tolist(), columns.tolist(), strict=True):
        cells[row][column].append(at)
    return cells


def grid_table(page: Page, grid: Grid) -> list[Block]:
    """Return the table of a grid; a title that spans it comes first, as a paragraph."""
    cells, spans = _spanned(grid, _cells_of(page, grid))
    rows = [[cell_text(page, cell) for cell in row] for row in cells]
    firsts = [min((at for cell in row for at in cell), default=-1) for row in cells]
    kept = [at for at, row in enumerate(rows) if any(row)]
    above: list[Block] = []
    while len(kept) > 1 and spans[kept[0]] == len(grid.xs) - 1:
        above.append(Paragraph(rows[kept.pop(0)][0]))
    rows = [[row[0]] + [""] * (len(row) - 1) if spans[at] == len(row) else row for at, row in enumerate(rows)]
    if page.words.right_to_left:
        rows = [row[::-1] for row in rows]
    table, firsts = [rows[at] for at in kept], [firsts[at] for at in kept]
    body = page.font(firsts[-1]) if firsts else ""
    set_off = [page.font(first) != body for first in firsts[:3]]
    spanned = len(kept) > 2 and _spans_first(grid, kept[0])
    count = header_rows(table, set_off, spanned)
    columns = list(zip(grid.xs, grid.xs[1:], strict=False))[:: -1 if page.words.right_to_left else 1]
    return [*above, Table(table[count:], table[:count], columns, None, any(set_off[:count]))]


def _spans_first(grid: Grid, row: int) -> bool:
    """Return whether cells of a row span columns or reach into the row below."""
    return not grid.uprights[row, 1:-1].all() or (row + 1 < len(grid.ys) - 1 and not grid.levels[row + 1].all())


def _spanned(grid: Grid, cells: list[list[list[int]]]) -> tuple[list[list[list[int]]], list[int]]:
    """Give each cell the words of the cells that no line separates it from; return the widest span of each row, too."""
    rows, columns = len(cells), len(cells[0])
    names = np.arange(rows * columns).reshape(rows, columns)
    for row in range(rows):
        for column in range(columns):
            if column and not grid.uprights[row, column]:
                names[names == names[row, column]] = names[row, column - 1]
            if row and not grid.levels[row, column]:
                names[names == names[row, column]] = names[row - 1, column]
    members: dict[int, list[int]] = defaultdict(list)
    for row in range(rows):
        for column in range(columns):
            members[int(names[row, column])] += cells[row][column]
    spans = [int(np.unique(names[row], return_counts=True)[1].max()) for row in range(rows)]
    return [[members[int(name)] for name in row] for row in names], spans


def cell_text(page: Page, cell: Sequence[int]) -> str:
    """Return the text of a cell, its lines joined."""
    by_row: dict[int, list[int]] = defaultdict(list)
    for at in cell:
        by_row[int(page.words.rows[at])].append(at)
    text = ""
    for row in sorted(by_row):
        line = line_text(page.words, by_row[row])
        text = joined(text, line) if text else line
    return text
