"""Lay out the cells of a table in rows and columns: a cell that spans several is repeated in each."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from itertools import zip_longest
from typing import NamedTuple

from memorag_graph.documents.table_rows import column_names, has_header, record

_WIDEST = 1000
"""Maximum columns that a cell spans, as in HTML."""

_MOST_REPEATED = 1_000_000
"""Maximum places that the spans of a table fill, where a long text counts as several; further ones are not filled."""

_COUNTED_AS_ONE = 20
"""Characters of a cell's text that count as one place."""

_LONGEST_HEADING = 100
_LABEL_AND_VALUE = 2
"""Columns of a table of labels and values."""


class Cell(NamedTuple):
    """A cell of a table.

    Attributes:
        text: Its text.
        rows: Number of rows that it spans; 0: all that follow.
        columns: Number of columns that it spans.
    """

    text: str
    rows: int = 1
    columns: int = 1


class GridRow(NamedTuple):
    """A row of a table that is laid out.

    Attributes:
        texts: Its text in each column up to the last cell.
        is_single: Whether it is one cell over all columns.
        has_wide: Whether a cell of it spans several columns.
    """

    texts: list[str]
    is_single: bool
    has_wide: bool


def filled(rows: Iterable[Sequence[Cell]]) -> list[GridRow]:
    """Lay out the rows of a table; columns in which no cell begins are left out."""
    table = [list(row) for row in rows]
    carried: dict[int, tuple[int, str]] = {}  # column -> last row and text of the cell that spans it from above
    begun: set[int] = set()
    placed: list[dict[int, str]] = []
    repeated = 0
    for number, row in enumerate(table):
        here = {column: text for column, (_, text) in carried.items()}
        column = 0
        for cell in row:
            while column in here:
                column += 1
            begun.add(column)
            wide = min(max(1, cell.columns), _WIDEST)
            last = len(table) - 1 if cell.rows == 0 else min(number + max(1, cell.rows), len(table)) - 1
            repeated += (wide * (last - number + 1) - 1) * (1 + len(cell.text) // _COUNTED_AS_ONE)
            if repeated > _MOST_REPEATED:
                wide, last = 1, number
            for each in range(column, column + wide):
                here.setdefault(each, cell.text)
                if last > number:
                    carried.setdefault(each, (last, cell.text))
            column += wide
        repeated += max(here, default=0) + 1 - len(here)  # places between the row's cells and those from above
        is_full = repeated > _MOST_REPEATED
        placed.append({it: text for it, text in here.items() if it < column} if is_full else here)
        carried = {} if is_full else {it: cell for it, cell in carried.items() if cell[0] > number}
    columns = sorted(begun)
    return [_laid_out(row, here, columns) for row, here in zip(table, placed, strict=True)]


def _laid_out(row: Sequence[Cell], here: dict[int, str], columns: Sequence[int]) -> GridRow:
    is_single = len(row) == 1 and len(columns) > 1 and row[0].columns >= len(columns) and len(set(here.values())) == 1
    if is_single:
        return GridRow([row[0].text], True, True)
    texts = [here.get(it, "") for it in columns[: bisect_right(columns, max(here, default=-1))]]
    return GridRow(texts, False, any(cell.columns > 1 for cell in row))


def table_lines(rows: Iterable[Sequence[Cell]], header_rows: int | None = None) -> list[str]:
    """Return a line for each row of a table whose cells may span rows and columns.

    A row of one cell over the whole width is a title at the top; further down it is a heading, which each row below it
    repeats, or a remark if it is long.

    Args:
        rows: The cells of each row.
        header_rows: Number of rows at the top, with titles, that name the columns; None looks whether one does.
    """
    table = [row for row in filled(rows) if any(cell.strip() for cell in row.texts)]
    titles = next((at for at, row in enumerate(table) if not row.is_single), len(table))
    lines = [record([("", row.texts[0])]) for row in table[:titles]]
    count = _header_rows(table[titles:]) if header_rows is None else max(0, header_rows - titles)
    header, body = table[titles : titles + count], table[titles + count :]
    if not body:
        return lines + [record(("", cell) for cell in row.texts) for row in header]
    return lines + _body_lines(body, column_names(row.texts for row in header if not row.is_single))


def _header_rows(table: Sequence[GridRow]) -> int:
    """Return the number of rows that name the columns: one, or those with wide cells and the one below them."""
    wide = next((at for at, row in enumerate(table) if row.is_single or not row.has_wide), len(table))
    rows = [row.texts for row in table if not row.is_single]
    for count in (wide + 1, 1):
        if len(rows) > count and has_header([column_names(rows[:count]), *rows[count:]]):
            return count
    return 0


def _body_lines(body: Sequence[GridRow], names: Sequence[str]) -> list[str]:
    if not names and _has_labels(body):
        return [record([(row.texts[0].strip(), row.texts[-1])]) for row in body]
    lines = []
    heading, is_written = "", True
    for row in body:
        if not row.is_single:
            lines.append(record([("", heading), *zip_longest(names[: len(row.texts)], row.texts, fillvalue="")]))
            is_written = True
            continue
        if not is_written:
            lines.append(heading)
        heading, is_written = record([("", row.texts[0])]), False
        if len(heading) > _LONGEST_HEADING:
            lines.append(heading)
            heading, is_written = "", True
    return lines if is_written else [*lines, heading]


def _has_labels(body: Sequence[GridRow]) -> bool:
    """Return whether the rows are labels with values: ``Phone: | 123``."""
    return all(len(row.texts) == _LABEL_AND_VALUE and row.texts[0].rstrip().endswith(":") for row in body)
