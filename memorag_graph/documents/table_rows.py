"""Write the rows of a table as records: each row names its columns, so that it can be found and quoted alone."""

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import zip_longest

CELLS = " | "
"""Separates the cells of a row."""

_SPACES = re.compile(r"\s+")
_FIGURE = re.compile(r"\d")
_YEAR = re.compile(r"(?:\D*\b(?:1[89]|2[01])\d\d\b\D*|Q[1-4]\D*)+")
_FULL_NAME = re.compile(r"[^\W\d_a-z][^\W\d_]+(?: [^\W\d_a-z][^\W\d_]+){1,3}")
"""Several words with capitals, as "Ada Lindqvist"."""

_LONGEST_NAME = 80
_LONGEST_COLUMN_NAME = 200
"""Characters of a column's name that each row repeats."""

_LONGEST_REPEATED = 500
"""Characters of a first field that is repeated."""

_LONGEST_LINE = 1500
"""Maximum characters of a record's line; a longer one is continued on a line that repeats its first field."""


def rows_as_records(rows: Iterable[Sequence[str]], header_rows: int | None = None) -> list[str]:
    """Return a line for each row below the header: ``Depot: Leeds | Stock: 44``.

    A cell whose column has no name stands alone, as does each cell of a table without a header: ``Leeds | 44``. Empty
    cells and rows are left out.

    Args:
        rows: The cells of each row. Cells that span rows or columns are repeated in each.
        header_rows: Number of rows at the top that name the columns, joined for each column; None looks whether the
            first row does.
    """
    table = [[_SPACES.sub(" ", cell).strip() for cell in row] for row in rows]
    table = [row for row in table if any(row)]
    count = (1 if has_header(table) else 0) if header_rows is None else header_rows
    names = column_names(table[:count])
    body = table[count:]
    if not body:
        return [CELLS.join(filter(None, row)) for row in table]
    return [CELLS.join(_named(row, names)) for row in body]


def has_header(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether the first row names the columns: short, distinct texts, no figures other than years.

    A row whose cell is a name of several words, as those below it are, is one of them.
    """
    if len(rows) < 2 or len(rows[0]) < 2:
        return False
    names = [name for name in rows[0] if name]
    named = len(rows[0]) - len(names) <= 1 and len(set(names)) == len(names)
    for column in range(len(rows[0])):
        cells = [row[column] for row in rows if column < len(row)]
        if all(_FULL_NAME.fullmatch(cell) for cell in cells):
            return False
    return named and all(len(it) <= _LONGEST_NAME and (not _FIGURE.search(it) or _YEAR.fullmatch(it)) for it in names)


def column_names(header: Iterable[Sequence[str]]) -> list[str]:
    """Return the name of each column: its cells in all rows of a header, joined."""
    return [
        _joined([_SPACES.sub(" ", cell).strip() for cell in column]) for column in zip_longest(*header, fillvalue="")
    ]


def record(fields: Iterable[tuple[str, str]]) -> str:
    """Return the line of a record: ``Depot: Leeds | Stock: 44``.

    Args:
        fields: Key and value of each field. One without a value is left out, one without a key stands alone.
    """
    return CELLS.join(_written(fields))


def record_lines(fields: Iterable[tuple[str, str]]) -> list[str]:
    """Return the lines of a record that may be long; each but the first repeats a first field of usual length."""
    lines: list[list[str]] = [[]]
    length = 0
    for field in _written(fields):
        if lines[-1] and length + len(field) > _LONGEST_LINE:
            lines.append([it for it in lines[0][:1] if len(it) <= _LONGEST_REPEATED])
            length = sum(map(len, lines[-1]))
        lines[-1].append(field)
        length += len(field) + len(CELLS)
    return [CELLS.join(line) for line in lines if line]


def _written(fields: Iterable[tuple[str, str]]) -> Iterator[str]:
    for name, text in fields:
        value = _SPACES.sub(" ", text).strip()
        if value:
            yield f"{name.rstrip(':')}: {value}" if name and name != value else value


def _named(row: Sequence[str], names: Sequence[str]) -> list[str]:
    pairs = zip_longest(row, names[: len(row)], fillvalue="")
    return list(_written((name, cell) for cell, name in pairs))


def _joined(names: Sequence[str]) -> str:
    """Return the name of a column from its cells in several header rows; a cell that spans rows counts once."""
    return " ".join(dict.fromkeys(filter(None, names)))[:_LONGEST_COLUMN_NAME]
