"""Tables of HTML that would become far longer than they are: cells are padded to the width of their column."""

from typing import Any

MOST_PADDED = 100_000_000
"""Characters that a table may become."""

_PARTS = ("table", "thead", "tbody", "tfoot", "tr", "td", "th")


def take_wide_tables_apart(tree: Any) -> None:  # noqa: ANN401 - the library's elements are untyped
    """Turn the cells of tables that might become too long into blocks, one after the other.

    Such are tables with one huge cell, and pages that are laid out in a table as a whole.
    """
    for table in tree.xpath("//table[not(ancestor::table)]"):
        if _padded(table) > MOST_PADDED:
            for part in list(table.iter(*_PARTS)):
                part.tag = "div"


def _padded(table: Any) -> int:  # noqa: ANN401
    """Return a bound of a table's characters: the lines of its rows, each as wide as all columns together."""
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
    """Return a bound of a cell's lines: those that are written so, and one for each element."""
    written = sum(int(pre.text_content().count("\n")) for pre in cell.iter("pre"))
    return written + sum(1 for _ in cell.iter())
