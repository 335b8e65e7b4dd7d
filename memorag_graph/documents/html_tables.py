"""Flatten HTML tables that padding would make huge: cells are padded to the width of their column."""

from typing import Any

MOST_PADDED = 100_000_000
"""Maximum characters of a padded table."""

_PARTS = ("table", "thead", "tbody", "tfoot", "tr", "td", "th")


def flatten_wide_tables(tree: Any) -> None:  # noqa: ANN401 - the library's elements are untyped
    """Turn the cells of tables that might become too long into blocks.

    Examples are tables with one huge cell, and pages laid out as a table.
    """
    for table in tree.xpath("//table[not(ancestor::table)]"):
        if _padded(table) > MOST_PADDED:
            for part in list(table.iter(*_PARTS)):
                part.tag = "div"


def _padded(table: Any) -> int:  # noqa: ANN401
    """Return an upper bound of the characters of a padded table: lines times the width of all columns."""
    widths: dict[int, int] = {}
    lines = 0
    for row in table.iter("tr"):
        if next(row.iterancestors("table")) is not table:
            continue
        cells = list(row.iterchildren("td", "th"))
        lines += max(map(_lines, cells), default=0)
        for column, cell in enumerate(cells):
            widths[column] = max(widths.get(column, 0), len(cell.text_content()))
    return lines * sum(widths.values())


def _lines(cell: Any) -> int:  # noqa: ANN401
    """Return an upper bound of the lines of a cell: line breaks in ``pre``, and one per element."""
    written = sum(int(pre.text_content().count("\n")) for pre in cell.iter("pre"))
    return written + sum(1 for _ in cell.iter())
