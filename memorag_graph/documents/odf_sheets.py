"""Lay out the rows and cells of an OpenDocument sheet, which stand for many by a count."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from memorag_graph.documents.odf_text import TABLE, attribute
from memorag_graph.documents.sheet_tables import Merged

_MOST_REPEATED = 1000
"""Times that a filled cell or row is repeated; further repetitions are left out."""

_MOST_COPIES = 200_000
"""Filled cells that repetitions of cells and rows add to a sheet; a long text counts as several."""

_COUNTED_AS_ONE = 100
"""Characters of a cell's text that count as one cell."""

_CELL, _COVERED = f"{{{TABLE}}}table-cell", f"{{{TABLE}}}covered-table-cell"
_SHOWN = ("", "visible")


@dataclass
class Sheet:
    """The cells of a sheet that are shown.

    Attributes:
        rows: Their texts by row and column.
        merged: The merged cells.
        has_hidden: Whether filled cells are hidden.
    """

    rows: dict[int, dict[int, str]] = field(default_factory=dict)
    merged: list[Merged] = field(default_factory=list)
    has_hidden: bool = False


def sheet_rows(table: Any, text_of: Callable[[Any], str]) -> Sheet:  # noqa: ANN401 - the library is untyped
    """Return the cells of a sheet.

    Args:
        table: The element of the sheet.
        text_of: Returns the text of a cell.
    """
    sheet = Sheet()
    hidden = _hidden_columns(table)
    at, copies = 1, 0
    for row in table.iter(f"{{{TABLE}}}table-row"):
        times = _count(row, "number-rows-repeated")
        cells, repeated = _cells(row, at, text_of, sheet.merged, _MOST_COPIES - copies)
        copies += repeated
        shown = {column: text for column, text in cells.items() if not _is_within(column, hidden)}
        if attribute(row, TABLE, "visibility") not in _SHOWN:
            shown = {}
        sheet.has_hidden = sheet.has_hidden or len(shown) < len(cells)
        size = sum(map(_size, shown.values()))
        for number in range(min(times, _MOST_REPEATED) if shown else 0):
            copies += size if number else 0
            if not number or copies <= _MOST_COPIES:
                sheet.rows[at + number] = shown
        at += times
    return sheet


def _cells(
    row: Any,  # noqa: ANN401
    at: int,
    text_of: Callable[[Any], str],
    merged: list[Merged],
    most: int,
) -> tuple[dict[int, str], int]:
    """Return the filled cells of a row, and the size of those that repetitions added: not more than a limit."""
    cells: dict[int, str] = {}
    column, copies = 1, 0
    for cell in row.iterchildren(_CELL, _COVERED):
        times = _count(cell, "number-columns-repeated")
        text = " ".join(text_of(cell).split()) if cell.tag == _CELL else ""
        if text:
            down, across = _count(cell, "number-rows-spanned"), _count(cell, "number-columns-spanned")
            if down > 1 or across > 1:
                merged.append((at, column, at + down - 1, column + across - 1))
            cells[column] = text
            room = max(0, most - copies) // _size(text)
            repeated = min(times - 1, _MOST_REPEATED, room)
            copies += repeated * _size(text)
            cells.update((column + number, text) for number in range(1, repeated + 1))
        column += times
    return cells, copies


def _size(text: str) -> int:
    return 1 + len(text) // _COUNTED_AS_ONE


def _hidden_columns(table: Any) -> list[tuple[int, int]]:  # noqa: ANN401
    hidden: list[tuple[int, int]] = []
    at = 1
    for column in table.iter(f"{{{TABLE}}}table-column"):
        times = _count(column, "number-columns-repeated")
        if attribute(column, TABLE, "visibility") not in _SHOWN and len(hidden) < _MOST_REPEATED:
            hidden.append((at, at + times - 1))
        at += times
    return hidden


def _is_within(column: int, areas: list[tuple[int, int]]) -> bool:
    return any(first <= column <= last for first, last in areas)


def _count(element: Any, name: str) -> int:  # noqa: ANN401
    written = attribute(element, TABLE, name)
    return max(1, int(written)) if written.isdecimal() and len(written) < 8 else 1
