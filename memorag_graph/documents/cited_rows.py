"""Show cited rows of a table as a table: the names of its columns, and the cells of each row."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from memorag_graph.documents.table_rows import CELLS

_BAR = re.compile(r"(?<!\\)\|")
"""What divides the cells of a row in Markdown."""


@dataclass(frozen=True, slots=True)
class CitedRows:
    """Rows of a table.

    Attributes:
        names: Names of the columns; empty ones where the table names none.
        rows: The cells of each row, as many as there are columns.
    """

    names: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def cited_rows(quote: str, header: str | None = None) -> CitedRows | None:
    """Return the table that a quotation is some rows of; None if it is something else.

    Args:
        quote: The quotation: lines like ``Depot: Leeds | Stock: 44``, or rows of a Markdown table.
        header: Header of the table, if its rows do not name their columns.
    """
    lines = [line for line in quote.split("\n") if line.strip()]
    if header:
        return _even(header.split(CELLS), [_markdown_cells(line) for line in lines])
    if not lines or not all(CELLS in line for line in lines):
        return None
    names: list[str] = []
    rows = []
    for line in lines:
        cells: dict[int, str] = {}
        for place, cell in enumerate(line.split(CELLS)):
            name, _, value = cell.partition(": ") if ": " in cell else ("", "", cell)
            cells[_column(names, name, place)] = value.strip()
        rows.append([cells.get(column, "") for column in range(len(names))])
    return _even(names, rows)


def _markdown_cells(row: str) -> list[str]:
    cells = _BAR.split(row.strip())
    inner = cells[cells[0] == "" : len(cells) - (cells[-1] == "")]
    return [cell.replace("\\|", "|").strip() for cell in inner]


def _column(names: list[str], name: str, place: int) -> int:
    """Return the column of a cell, a new one if its name is new; cells without a name are told apart by their place."""
    if name in names and name:
        return names.index(name)
    if not name and place < len(names) and not names[place]:
        return place
    names.append(name)
    return len(names) - 1


def _even(names: Sequence[str], rows: Sequence[Sequence[str]]) -> CitedRows:
    width = max(len(names), *map(len, rows))
    even = [(*row, *[""] * (width - len(row))) for row in (names, *rows)]
    return CitedRows(even[0], tuple(even[1:]))
