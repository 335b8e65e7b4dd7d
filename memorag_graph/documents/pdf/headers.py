"""Find out how many rows of a table name its columns."""

import re
from collections.abc import Sequence

from memorag_graph.documents.pdf.blocks import Row
from memorag_graph.documents.table_rows import has_header

_FIGURE = re.compile(r"\W*\d[\d\s.,:/%‰°+–−-]*\W*[A-Za-z€$£¥%]{0,4}\W*")
_MOST_ROWS = 3
_FIGURES_SHARE = 0.6


def header_rows(rows: Sequence[Row], is_set_off: Sequence[bool], spans: bool = False) -> int:
    """Return the number of rows at the top of a table that name its columns.

    Args:
        rows: The rows.
        is_set_off: Whether each of the first rows differs from those below: in its font, or by a rule under it.
        spans: Whether cells of the first row span several columns or rows, so that two rows name them.
    """
    if len(rows) < 2:
        return 0
    if spans and len(rows) > 2 and not _has_figures(rows[0]) and not _has_figures(rows[1]):
        return 2
    marked = 0
    for is_header in is_set_off[:_MOST_ROWS]:
        if not is_header:
            break
        marked += 1
    if 0 < marked < len(rows) and not _has_figures(rows[0]):
        return marked
    if not has_header(rows) or not any(rows[0]):
        return 0
    return 1 if len(rows[0]) > 2 or _figures_below(rows) else 0


def is_figure(cell: str) -> bool:
    """Return whether a cell is a figure, perhaps with a unit."""
    return _FIGURE.fullmatch(cell) is not None


def _has_figures(row: Row) -> bool:
    filled = [cell for cell in row if cell]
    figures = [cell for cell in filled if _FIGURE.fullmatch(cell) and not re.fullmatch(r"(?:1[89]|2[01])\d\d", cell)]
    return 2 * len(figures) > len(filled)


def _figures_below(rows: Sequence[Row]) -> bool:
    """Return whether a column has a name over figures."""
    for name, *cells in zip(*rows, strict=True):
        filled = [cell for cell in cells if cell]
        if filled and name and not _FIGURE.fullmatch(name):
            figures = sum(1 for cell in filled if _FIGURE.fullmatch(cell))
            if figures >= _FIGURES_SHARE * len(filled):
                return True
    return False


def normal(row: Row) -> str:
    """Return a row's text for comparison with another."""
    return "|".join(re.sub(r"\W+", "", cell).lower() for cell in row)


def without_repeated(rows: Sequence[Row], header: Sequence[Row]) -> list[Row]:
    """Return the rows below a header that is repeated at the top of a page; all rows if it is not."""
    count = len(header)
    if count and [normal(row) for row in rows[:count]] == [normal(row) for row in header]:
        return list(rows[count:])
    return list(rows)
