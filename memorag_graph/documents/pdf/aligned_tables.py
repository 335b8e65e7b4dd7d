"""Tables without upright rules: their cells are aligned below each other."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

import numpy as np

from memorag_graph.documents.pdf.blocks import Block, Paragraph, Row, Table
from memorag_graph.documents.pdf.characters import Boxes
from memorag_graph.documents.pdf.columns import column_edges
from memorag_graph.documents.pdf.headers import header_rows, is_figure
from memorag_graph.documents.pdf.line_text import line_text
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.paragraphs import joined
from memorag_graph.documents.pdf.spanned_cells import filled_down, names_over_columns, rows_between
from memorag_graph.documents.pdf.words import Indices

_PROSE_CHARACTERS = 18
_PROSE_FILL = 0.6
_LOWER_SHARE = 0.35
_DIGITS_SHARE = 0.3
_ALIGNED = 0.7
"""Share of the lines of the emptiest column that stand in a row with others."""

_RULE_COVER = 0.5
_BIMODAL = 0.25
_FEWEST_GROUPS = 3
_LEADER = re.compile(r"(?:\s?[.·…_]){3,}\s*$")


@dataclass(frozen=True, slots=True)
class Cells:
    """Cells of the visual rows of a table, before wrapped lines are joined."""

    rows: list[Row]
    tops: list[float]
    bottoms: list[float]
    first_words: list[int]
    columns: list[tuple[float, float]]


def is_table(page: Page, members: Indices) -> bool:
    """Return whether words with gutters between them are a table, not columns of prose."""
    columns = column_edges(page.words, members)
    if len(columns) < 2:
        return False
    cells = _with_spans(cut_cells(page, members, columns))
    filled = [[bool(cell) for cell in row] for row in cells.rows]
    counts = [sum(column) for column in zip(*filled, strict=True)]
    shared = [row for row in filled if sum(row) > 1]
    emptiest = counts.index(min(counts))
    in_rows = sum(1 for row in shared if row[emptiest])
    lengths = [
        float(np.median([len(cell) for cell in column if cell] or [0])) for column in zip(*cells.rows, strict=True)
    ]
    single = [next(at for at, cell in enumerate(row) if cell) for row in cells.rows if sum(map(bool, row)) == 1]
    alone = sum(1 for at in single if lengths[at] < _PROSE_CHARACTERS)
    if len(shared) < max(2, alone) or in_rows < _ALIGNED * counts[emptiest]:
        return False
    widths = _line_widths(page, members, columns)
    prose = [
        _is_prose([row[at] for row in cells.rows if row[at]], widths[at], right - left)
        for at, (left, right) in enumerate(cells.columns)
    ]
    return not all(prose) or _in_step(page, cells)


def cut_cells(page: Page, members: Indices, columns: Sequence[tuple[float, float]]) -> Cells:
    """Cut the rows of words at the gutters between columns."""
    words = page.words
    borders = np.array([(left[1] + right[0]) / 2 for left, right in itertools.pairwise(columns)])
    middles = (words.boxes[members, 0] + words.boxes[members, 2]) / 2
    places = np.searchsorted(borders, middles)
    by_row: dict[int, list[list[int]]] = {}
    for at, row, place in zip(members.tolist(), words.rows[members].tolist(), places.tolist(), strict=True):
        by_row.setdefault(row, [[] for _ in columns])[place].append(at)
    found = Cells([], [], [], [], list(columns[::-1] if words.right_to_left else columns))
    for row in sorted(by_row):
        inside = [at for cell in by_row[row] for at in cell]
        cells = [_LEADER.sub("", line_text(words, cell)) if cell else "" for cell in by_row[row]]
        found.rows.append(cells[::-1] if words.right_to_left else cells)
        found.tops.append(float(np.median(words.boxes[inside, 1])))
        found.bottoms.append(float(np.median(words.boxes[inside, 3])))
        found.first_words.append(inside[0])
    return found


def aligned_table(page: Page, members: Indices) -> list[Block]:
    """Return the table that words with gutters between them are, after the text above its rows."""
    columns = column_edges(page.words, members)
    cells = cut_cells(page, members, columns)
    above: list[Block] = []
    while (
        cells.rows
        and sum(map(bool, cells.rows[0])) == 1
        and (_crosses(page, members, cells, columns) or (cells.rows[0][0] and len(columns) > 2))
    ):
        above.append(Paragraph(" ".join(filter(None, cells.rows.pop(0)))))
        for values in (cells.tops, cells.bottoms, cells.first_words):
            values.pop(0)
    cells = _with_spans(cells)
    spans = _name_groups(page, members, cells)
    groups = row_groups(page, cells)
    rows = joined_rows(cells, groups)
    set_off = _set_off(page, cells, groups)
    count = header_rows(rows, set_off, spans)
    return [*above, Table(rows[count:], rows[:count], cells.columns, None, any(set_off[:count]))]


def _with_spans(cells: Cells) -> Cells:
    """Return the cells with those that span rows in each of them."""
    between = rows_between(cells.tops, cells.bottoms)
    if not cells.rows or not (between or _begins_below(cells.rows)):
        return cells
    rows = filled_down(cells.rows, cells.tops, cells.bottoms, between)
    if rows is None:
        return cells
    kept = [at for at in range(len(cells.rows)) if at not in between]
    tops, bottoms = ([edges[at] for at in kept] for edges in (cells.tops, cells.bottoms))
    firsts = [cells.first_words[at] for at in kept]
    return Cells(rows, tops, bottoms, firsts, cells.columns)


def _begins_below(rows: Sequence[Row]) -> bool:
    """Return whether the first cell of rows that are full otherwise stands below the first of them."""
    body = [row for row in rows if any(map(is_figure, row))]
    return len(body) > 2 and not body[0][0] and any(row[0] for row in body) and all(all(row[1:]) for row in body)


def _name_groups(page: Page, members: Indices, cells: Cells) -> bool:
    """Repeat names that stand over several columns in the first row; return whether there are some."""
    if len(cells.rows) < _FEWEST_GROUPS or all(cells.rows[0]) or page.words.right_to_left:
        return False
    words = page.words
    row = members[words.rows[members] == words.rows[cells.first_words[0]]]
    row = row[np.argsort(words.boxes[row, 0])]
    cuts = np.flatnonzero(words.cell_gaps(row, float(np.median(words.heights()[row])))) + 1
    names = [
        (float(words.boxes[part, 0].min()), float(words.boxes[part, 2].max()), line_text(words, part.tolist()))
        for part in np.split(row, cuts)
    ]
    found = names_over_columns(names, cells.columns, cells.rows[1])
    if found is None or any(name and not below for name, below in zip(found, cells.rows[1], strict=True)):
        return False
    cells.rows[0] = [name or cell for name, cell in zip(found, cells.rows[0], strict=True)]
    return True


def _crosses(page: Page, members: Indices, cells: Cells, columns: Sequence[tuple[float, float]]) -> bool:
    """Return whether the first row is a line across the columns, or stands alone above them."""
    boxes = page.words.boxes
    row = members[page.words.rows[members] == page.words.rows[cells.first_words[0]]]
    left, right = float(boxes[row, 0].min()), float(boxes[row, 2].max())
    return any(left < after[0] - 1 and right > before[1] + 1 for before, after in itertools.pairwise(columns))


def row_groups(page: Page, cells: Cells) -> list[list[int]]:
    """Return the visual rows that make each row of the table: cells of several lines are one."""
    groups = _between_rules(page, cells)
    return [part for group in groups for part in _by_gaps(cells, group)]


def _between_rules(page: Page, cells: Cells) -> list[list[int]]:
    """Cut the visual rows at the level rules across them."""
    left, right = min(it[0] for it in cells.columns), max(it[1] for it in cells.columns)
    rules = page.level_rules()
    groups = [[0]]
    for at in range(1, len(cells.rows)):
        upper, lower = _middle(cells, at - 1), _middle(cells, at)
        if _covered_between(rules, (upper, lower), (left, right)) > _RULE_COVER * (right - left):
            groups.append([])
        groups[-1].append(at)
    return groups


def _covered_between(rules: Boxes, rows: tuple[float, float], edges: tuple[float, float]) -> float:
    """Return the width of the rules between two heights that lies between two edges."""
    between = rules[(rules[:, 1] > rows[0]) & (rules[:, 3] < rows[1])]
    return float((np.minimum(between[:, 2], edges[1]) - np.maximum(between[:, 0], edges[0])).clip(0).sum())


def _middle(cells: Cells, at: int) -> float:
    return (cells.tops[at] + cells.bottoms[at]) / 2


def _by_gaps(cells: Cells, group: Sequence[int]) -> list[list[int]]:
    """Cut visual rows at wide gaps if some are wrapped lines of others; else where the first cell is filled."""
    rows = [cells.rows[at] for at in group]
    if len(group) == 1 or all(all(row) for row in rows):
        return [[at] for at in group]
    gaps = [cells.tops[after] - cells.bottoms[at] for at, after in itertools.pairwise(group)]
    size = float(np.median([cells.bottoms[at] - cells.tops[at] for at in group]))
    if max(gaps) - min(gaps) > _BIMODAL * size:
        parts = _cut(group, [gap > (max(gaps) + min(gaps)) / 2 for gap in gaps])
        if len(parts) > 1 and _are_rows(cells, parts):
            return parts
    wrapped = [not cells.rows[at][0] and any(cells.rows[at]) for at in group[1:]]
    return _cut(group, [not it for it in wrapped])


def _are_rows(cells: Cells, parts: Sequence[Sequence[int]]) -> bool:
    """Return whether each part fills more than one column and no part has several full rows."""
    for part in parts:
        filled = [sum(map(bool, cells.rows[at])) for at in part]
        if sum(1 for count in filled if count == len(cells.columns)) > 1 and len(cells.columns) > 2:
            return False
        if sum(map(bool, _joined([cells.rows[at] for at in part]))) < 2 and len(part) > 1:
            return False
    return True


def _cut(group: Sequence[int], is_cut: Sequence[bool]) -> list[list[int]]:
    parts = [[group[0]]]
    for at, cut in zip(group[1:], is_cut, strict=True):
        if cut:
            parts.append([])
        parts[-1].append(at)
    return parts


def joined_rows(cells: Cells, groups: Sequence[Sequence[int]]) -> list[Row]:
    """Return the rows of a table, each joined from its visual rows."""
    return [_joined([cells.rows[at] for at in group]) for group in groups]


def _joined(rows: Sequence[Row]) -> Row:
    return [reduce(joined, filter(None, column), "") for column in zip(*rows, strict=True)]


def _set_off(page: Page, cells: Cells, groups: Sequence[Sequence[int]]) -> list[bool]:
    """Return whether each of the first rows has another font than the last one, or alone has a rule below it."""
    if len(groups) < 2:
        return []
    body = page.font(cells.first_words[groups[-1][0]])
    fonts = [page.font(cells.first_words[group[0]]) != body for group in groups[:3]]
    if any(fonts):
        return fonts
    ruled = _between_rules(page, cells)
    starts = {group[0] for group in ruled}
    only_below_first = groups[1][0] in starts and len(groups) > 2 and groups[2][0] not in starts
    return [only_below_first]


def _line_widths(page: Page, members: Indices, columns: Sequence[tuple[float, float]]) -> list[list[float]]:
    """Return the widths of the lines in each column."""
    boxes, rows = page.words.boxes, page.words.rows
    widths: list[list[float]] = []
    for left, right in columns:
        middles = (boxes[members, 0] + boxes[members, 2]) / 2
        inside = members[(middles >= left) & (middles <= right)]
        of_column = []
        for row in np.unique(rows[inside]):
            line = inside[rows[inside] == row]
            of_column.append(float(boxes[line, 2].max() - boxes[line, 0].min()))
        widths.append(of_column)
    return widths[::-1] if page.words.right_to_left else widths


def _is_prose(lines: Sequence[str], widths: Sequence[float], width: float) -> bool:
    """Return whether the lines of a column are those of paragraphs."""
    if not lines:
        return False
    full = [at for at, line in enumerate(lines) if not at or line[-1] not in ".!?" or lines[at - 1][-1] in ".!?"]
    length = float(np.median([len(lines[at]) for at in full]))
    if len(widths) == len(lines):
        widths = [widths[at] for at in full]  # the last lines of paragraphs are short
    letters = "".join(lines)
    if sum(map(str.isdigit, letters)) > _DIGITS_SHARE * len(letters):
        return False
    lower = sum(1 for line in lines if line[0].islower()) / len(lines)
    if len(lines) > 3 and lower >= _LOWER_SHARE and length >= _PROSE_CHARACTERS / 2:
        return True
    return length >= _PROSE_CHARACTERS and float(np.median(widths)) >= _PROSE_FILL * width


def _in_step(page: Page, cells: Cells) -> bool:
    """Return whether all columns begin anew after the same wide gaps, below names or between rules: cells of prose."""
    gaps = [after - before for before, after in zip(cells.bottoms, cells.tops[1:], strict=False)]
    size = float(np.median([bottom - top for top, bottom in zip(cells.tops, cells.bottoms, strict=True)]))
    if not gaps or max(gaps) - min(gaps) <= _BIMODAL * size:
        return False
    cut = (max(gaps) + min(gaps)) / 2
    starts = [0, *(at + 1 for at, gap in enumerate(gaps) if gap > cut)]
    if len(starts) < _FEWEST_GROUPS or not all(all(cells.rows[at]) for at in starts):
        return False
    has_names = starts[1] == 1 and max(map(len, cells.rows[0])) < _PROSE_CHARACTERS
    return has_names or len(_between_rules(page, cells)) >= _FEWEST_GROUPS
