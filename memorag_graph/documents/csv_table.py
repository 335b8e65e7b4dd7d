"""Read CSV and TSV as records: one line for each row, which names its columns."""

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from itertools import chain, islice, zip_longest

from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.plain_text import read_text
from memorag_graph.documents.table_rows import record_lines

_DELIMITERS = ",;\t|"
_SAMPLE = 65_536
_SAMPLE_ROWS = 50
_DECLARED = re.compile(r'(?:"?sep=(.)"?)\n', re.IGNORECASE)
"""The first line by which Excel states the delimiter."""

_VALUE = re.compile(r"[-+]?[\d.,:/%€$£ -]*\d[\d.,:/%€$£ TZ-]*")
_LONGEST_NAME = 80
_AT_ONCE = 1000
"""Rows that are added as one block."""


def read_csv(file: File) -> Document | Builder:
    """Read a table; a file without a delimiter is read as plain text.

    Rows with fewer cells above the header are remarks. A file whose quotation marks do not fit is read without them.

    Raises:
        InputError: If it contains no text, or too much.
    """
    text = file.text()
    declared = _DECLARED.match(text)
    delimiter = declared[1] if declared else delimiter_of(text, file.suffix)
    if delimiter is None:
        return read_text(file)
    text = text[declared.end() :] if declared else text
    for quoting in (csv.QUOTE_MINIMAL, csv.QUOTE_NONE):  # without, if a quotation mark is none, or is never closed
        with suppress(csv.Error):
            rows = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, quoting=quoting, strict=True)
            return _table(file.name, rows)
    notice = f"It has a cell of more than {csv.field_size_limit():,} characters and was read as plain text."
    return replace(read_text(file), notices=(notice,))


def delimiter_of(text: str, suffix: str) -> str | None:
    """Return the delimiter that gives the most rows of the same number of cells; None if none gives any."""
    sample = text[:_SAMPLE]
    if suffix in (".tsv", ".tab") and "\t" in sample:
        return "\t"
    best, most = None, 0.0
    for delimiter in _DELIMITERS:
        widths = Counter(map(len, _sample_rows(sample, delimiter)))
        width, rows = max(widths.items(), key=lambda it: (it[0] > 1, it[1]), default=(0, 0))
        share = rows / max(1, widths.total())
        if width > 1 and share > most:
            best, most = delimiter, share
    return best


def _sample_rows(sample: str, delimiter: str) -> list[list[str]]:
    rows: list[list[str]] = []
    with suppress(csv.Error):  # the rows before it decide
        rows.extend(islice(csv.reader(io.StringIO(sample, newline=""), delimiter=delimiter), _SAMPLE_ROWS))
    return [row for row in rows if any(row)]


def _table(name: str, rows: Iterator[list[str]]) -> Builder:
    builder = Builder(name)
    first = list(islice((row for row in rows if any(cell.strip() for cell in row)), _SAMPLE_ROWS))
    width = Counter(map(len, first)).most_common(1)[0][0] if first else 0
    begin = next((at for at, row in enumerate(first) if sum(map(bool, row)) > width // 2), 0)
    for row in first[:begin]:
        builder.text(" ".join(filter(None, map(str.strip, row))))
    names: Sequence[str] = ()
    if len(first) > begin + 1 and _names_columns(first[begin]):
        names = [" ".join(cell.split()) for cell in first[begin]]
        begin += 1
    block: list[str] = []
    for row in chain(first[begin:], rows):
        block += record_lines(zip_longest(names, row, fillvalue=""))
        if len(block) >= _AT_ONCE:
            builder.text("\n".join(block))
            block.clear()
    builder.text("\n".join(block))
    return builder


def _names_columns(row: Sequence[str]) -> bool:
    """Return whether a row names the columns: short, distinct texts that are no figures or dates."""
    names = [cell.strip() for cell in row if cell.strip()]
    is_named = len(names) >= len(row) - 1 and len(set(names)) == len(names)
    return is_named and all(len(name) <= _LONGEST_NAME and not _VALUE.fullmatch(name) for name in names)
