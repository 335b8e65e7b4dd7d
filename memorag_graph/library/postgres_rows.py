"""Rows of documents as Postgres takes them: without NUL, which is escaped in columns of any text."""

from collections.abc import Sequence
from typing import Any

from memorag_graph.library.catalogue import Detailed
from memorag_graph.library.catalogue_rows import COLUMNS, DETAILS, entry_of, row_of
from memorag_graph.library.entry import Entry

_ESCAPED = ("name", "origin", "title")
"""Columns of any text."""


def written_row(one: Detailed) -> list[object]:
    """Return the values of an entry's row, in the order of the columns and details."""
    values = zip((*COLUMNS, *DETAILS), row_of(one), strict=True)
    return [escaped(str(value)) if name in _ESCAPED else value for name, value in values]


def read_entry(row: Sequence[Any]) -> Entry:
    """Return the entry of the columns of a row."""
    values = zip(COLUMNS, row, strict=True)
    return entry_of([_unescaped(value) if name in _ESCAPED else value for name, value in values])


def escaped(text: str) -> str:
    """Return a text without NUL."""
    return text.replace("\\", "\\\\").replace("\0", "\\0")


def _unescaped(text: str) -> str:
    return "\\".join(part.replace("\\0", "\0") for part in text.split("\\\\"))
