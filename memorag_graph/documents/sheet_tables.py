"""Find the tables of a spreadsheet's sheet: blocks of rows, their titles and headers, merged cells."""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from memorag_graph.documents.table_grid import Cell, table_lines
from memorag_graph.documents.table_rows import column_names, has_header, record

Rows = Mapping[int, Mapping[int, str]]
"""The texts of cells by row and column; empty rows are missing."""

Merged = tuple[int, int, int, int]
"""First row, first column, last row and last column of a merged cell."""

_EMPTY = Cell("")
_MOST_PLACES = 5_000_000
"""Rows times columns of a sheet in which tables are looked for."""

_MOST_COVERED = 500_000
"""Places that merged cells cover; those beyond are not filled."""

_FIGURE = re.compile(r"\d")


def sheet_lines(rows: Rows, merged: Sequence[Merged] = ()) -> list[str]:
    """Return a line for each row of a sheet, which names its columns.

    An empty row ends a table if the next one begins with a header; above a header, a row of one cell is a title.

    Args:
        rows: The cells that are shown.
        merged: The merged cells; the text of each is that of its first place.
    """
    columns = {column for row in rows.values() for column in row}
    if len(columns) * len(rows) > _MOST_PLACES:
        return _sparse_lines(rows)
    lines: list[str] = []
    for block in _tables(rows):
        lines += table_lines(_cells({at: rows[at] for at in block}, merged))
    return lines


def _tables(rows: Rows) -> Iterator[list[int]]:
    """Yield the rows of each table."""
    table: list[int] = []
    for block in _blocks(sorted(rows)):
        if table and _begins_table(rows, block):
            yield table
            table = []
        table += block
    if table:
        yield table


def _blocks(places: list[int]) -> Iterator[list[int]]:
    """Yield the numbers of rows that follow each other without a gap."""
    block = places[:1]
    for before, place in pairwise(places):
        if place > before + 1:
            yield block
            block = []
        block.append(place)
    if block:
        yield block


def _begins_table(rows: Rows, block: Sequence[int]) -> bool:
    """Return whether the first row with several cells names the columns of figures below it."""
    wide = [rows[at] for at in block if len(rows[at]) > 1]
    if not has_header([list(row.values()) for row in wide[:2]]):
        return False
    names = wide[0]
    return any(_FIGURE.search(row.get(column, "")) for row in wide[1:] for column in names)


def _cells(rows: Rows, merged: Sequence[Merged]) -> Iterator[list[Cell]]:
    """Yield the cells of each row, with those that are empty; columns that are empty everywhere are left out."""
    places = sorted(rows)
    columns = sorted({column for row in rows.values() for column in row})
    spans, covered = _spans(rows, places, columns, merged)
    is_above = len(columns) > 1 and any(len(row) > 1 for row in rows.values())
    for at in places:
        row = rows[at]
        is_above = is_above and len(row) == 1
        if is_above:
            yield [Cell(next(iter(row.values())), 1, len(columns))]
            continue
        shown = columns[: bisect_right(columns, max(row))]
        yield [
            Cell(row[it], *spans.get((at, it), (1, 1))) if it in row else _EMPTY
            for it in shown
            if (at, it) not in covered
        ]


Place = tuple[int, int]


def _spans(
    rows: Rows, places: Sequence[int], columns: Sequence[int], merged: Sequence[Merged]
) -> tuple[dict[Place, Place], set[Place]]:
    """Return the numbers of rows and columns that merged cells span, and the places that they cover."""
    spans: dict[Place, Place] = {}
    covered: set[Place] = set()
    room = _MOST_COVERED
    for top, left, bottom, right in merged:
        down = places[bisect_left(places, top) : bisect_right(places, bottom)]
        across = columns[bisect_left(columns, left) : bisect_right(columns, right)]
        room -= len(down) * len(across)
        if left in rows.get(top, {}) and room >= 0:
            spans[top, left] = (len(down), len(across))
            covered.update((at, it) for at in down for it in across if (at, it) != (top, left))
    return spans, covered


def _sparse_lines(rows: Rows) -> list[str]:
    """Return a line for each row of a sheet whose empty places are too many to be filled."""
    names = {it: column_names([[text]])[0] for it, text in rows[min(rows)].items()}
    return [record((names.get(it, ""), text) for it, text in rows[at].items()) for at in sorted(rows)]
