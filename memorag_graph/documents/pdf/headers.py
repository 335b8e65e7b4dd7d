"""Find out how many rows of a table name its columns."""

import re
from collections.abc import Sequence

from memorag_graph.documents.pdf.blocks import Row
from memorag_graph.documents.table_rows import has_header

_FIGURE = re.compile(r"\W*\d[\d\s.,:/%‰°+–−-]*\W*[A-Za-z€$£¥%]{0,4}\W*")
_MOST_ROWS = 3
_FIGURES_SHARE = 0.6
_LONGEST_NAME = 80
_LABEL_AND_VALUE, _FEWEST_BELOW, _FEWEST_REPEATED = 2, 2, 4


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
    return 1 if _names_columns(rows) else 0


def _names_columns(rows: Sequence[Row]) -> bool:
    """Return whether the first row names the columns, though nothing marks it: it differs in kind from those below.

    A row of data that is taken for names would be said of all other rows, so it counts as data in doubt.
    """
    names, body = [cell.strip() for cell in rows[0]], rows[1:]
    filled = [name for name in names if name]
    if len(names) - len(filled) > 1 or len(set(filled)) < len(filled) or any(len(it) > _LONGEST_NAME for it in filled):
        return False
    if any(map(is_figure, filled)) and not has_header(rows):
        return False
    columns = [[cell for cell in column if cell] for column in zip(*body, strict=True)]
    if _figures_below(rows):
        return True
    if any(name and name in column for name, column in zip(names, columns, strict=True)):
        return False
    pairs = [(name, column) for name, column in zip(names, columns, strict=True) if name and column]
    if len(body) < _FEWEST_BELOW or not has_header(rows):
        return False
    if len(names) == _LABEL_AND_VALUE:
        return _is_lower(*pairs[-1]) and not any(name.endswith(":") for name in filled)
    return any(_is_lower(*it) or _is_longer(*it) or _has_digits(*it) or _is_repetitive(it[1]) for it in pairs)


def _is_lower(name: str, column: Sequence[str]) -> bool:
    """Return whether all cells begin with small letters, unlike the name."""
    return name[0].isupper() and all(cell[0].islower() for cell in column)


def _is_longer(name: str, column: Sequence[str]) -> bool:
    """Return whether all cells have several words, unlike the name."""
    return " " not in name and all(" " in cell for cell in column)


def _has_digits(name: str, column: Sequence[str]) -> bool:
    """Return whether all cells have digits, unlike the name."""
    return not re.search(r"\d", name) and all(re.search(r"\d", cell) for cell in column)


def _is_repetitive(column: Sequence[str]) -> bool:
    """Return whether the cells are few words over and over; the name is none of them."""
    return len(column) >= _FEWEST_REPEATED and 2 * len(set(column)) <= len(column)


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
