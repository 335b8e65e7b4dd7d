"""Read XLSX: sheets are sections, rows are records; numbers and dates are written as they are shown."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zipfile import ZipFile

from memorag_graph.documents.archive import iterate_xml, open_archive, read_xml
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.docx_styles import number
from memorag_graph.documents.file import File
from memorag_graph.documents.number_format import NumberFormats
from memorag_graph.documents.ooxml import MOST_XML, main_part, related_by_id, related_by_kind, relation_id
from memorag_graph.documents.sheet_tables import Merged, sheet_lines

_MAIN = "xl/workbook.xml"
_PLACE = re.compile(r"([A-Z]{1,3})(\d{1,7})")
_ESCAPE = re.compile(r"_x([0-9A-Fa-f]{4})_")
_MOST_DESCRIBED = 5000
"""Merged cells, and descriptions of columns, of a sheet that are looked at."""

_WIDEST = 1 << 14
"""Number of columns of a sheet."""

_PARTS = ("{*}col", "{*}row", "{*}mergeCell")
_TRUE = ("1", "true", "on")


def is_workbook(file: File) -> bool:
    """Return whether a file is a workbook whose parts are XML."""
    return any(part.startswith("xl/") for part in file.parts) and "xl/workbook.bin" not in file.parts


def read_xlsx(file: File) -> Builder:
    """Read the sheets in order, with the values of formulas that the file keeps.

    Hidden sheets, rows and columns are left out.

    Raises:
        InputError: If it is damaged, encrypted or too large.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    builder = Builder(file.name)
    with open_archive(file.path, file.name) as archive:
        part = main_part(archive, file.name, _MAIN)
        workbook = read_xml(archive, part, file.name, MOST_XML)
        book = _book(archive, part, workbook, file.name)
        parts = related_by_id(archive, part, file.name)
        for sheet in workbook.iter("{*}sheet"):
            title = sheet.get("name", "")
            if sheet.get("state", "visible") != "visible":
                builder.notice(f"The hidden sheet {title!r} was left out.")
                continue
            place = parts.get(relation_id(sheet), "")
            if place in archive.NameToInfo and "worksheet" in place:
                _add_sheet(builder, title, iterate_xml(archive, place, file.name, MOST_XML, _PARTS), book)
            else:
                builder.notice(f"The sheet {title!r} holds a chart or a macro, no cells, and was left out.")
    return builder


@dataclass(frozen=True)
class _Book:
    """What the sheets of a workbook share.

    Attributes:
        texts: Its shared texts.
        formats: Its number formats.
        cell_formats: Id of the number format of each cell style.
    """

    texts: list[str]
    formats: NumberFormats
    cell_formats: list[int]


def _book(archive: ZipFile, part: str, workbook: Any, name: str) -> _Book:  # noqa: ANN401 - the library is untyped
    related = related_by_kind(archive, part, name)
    texts: list[str] = []
    if related.get("sharedStrings", "") in archive.NameToInfo:
        texts = [_rich_text(it) for it in read_xml(archive, related["sharedStrings"], name, MOST_XML).iter("{*}si")]
    codes: dict[int, str] = {}
    cell_formats: list[int] = []
    if related.get("styles", "") in archive.NameToInfo:
        styles = read_xml(archive, related["styles"], name, MOST_XML)
        codes = {number(it.get("numFmtId"), -1): it.get("formatCode", "") for it in styles.iter("{*}numFmt")}
        for formats in styles.iter("{*}cellXfs"):
            cell_formats += [number(it.get("numFmtId"), 0) for it in formats.iterchildren("{*}xf")]
    from_1904 = any(it.get("date1904") in _TRUE for it in workbook.iter("{*}workbookPr"))
    return _Book(texts, NumberFormats(codes, from_1904), cell_formats)


def _rich_text(node: Any) -> str:  # noqa: ANN401
    """Return the text of a shared or inline text, without its phonetic guide."""
    texts = (it.text or "" for it in node.iter("{*}t") if not str(it.getparent().tag).endswith("}rPh"))
    return _ESCAPE.sub(lambda found: chr(int(found[1], 16)), "".join(texts))


def _add_sheet(builder: Builder, title: str, elements: Iterator[Any], book: _Book) -> None:
    hidden, hidden_cells, unknown = bytearray(_WIDEST + 1), 0, False
    rows: dict[int, dict[int, str]] = {}
    merged: list[Merged] = []
    at = described = 0
    for element in elements:
        kind = str(element.tag).rpartition("}")[2]
        if kind == "row":
            at = number(element.get("r"), at + 1)
            cells = dict(_cells(element, book))
            is_shown = element.get("hidden") not in _TRUE
            kept = {it: text for it, text in cells.items() if is_shown and not hidden[min(it, _WIDEST)]}
            hidden_cells += len(cells) - len(kept)
            unknown = unknown or any(map(_lacks_value, element.iter("{*}f")))
            if kept:
                rows[at] = kept
        elif (described := described + 1) > _MOST_DESCRIBED:
            continue
        elif kind == "col":
            _hide_columns(hidden, element)
        elif area := _area(element.get("ref", "")):
            merged.append(area)
    if hidden_cells:
        builder.notice(f"Hidden rows or columns of the sheet {title!r} were left out.")
    if unknown:
        builder.notice("Formulas whose value the file does not keep were left out; save it in a spreadsheet program.")
    lines = sheet_lines(rows, merged)
    builder.text("\n".join([title, *lines]) if lines else "", [(0, title)])


def _lacks_value(formula: Any) -> bool:  # noqa: ANN401
    """Return whether a file keeps no value of a formula; an empty text is one."""
    value = formula.getnext()
    return value is None or (not value.text and formula.getparent().get("t") != "str")


def _cells(row: Any, book: _Book) -> Iterator[tuple[int, str]]:  # noqa: ANN401
    """Yield column and text of each cell that is not empty."""
    column = 0
    for cell in row.iterchildren("{*}c"):
        place = _PLACE.fullmatch(cell.get("r", ""))
        column = _column(place[1]) if place else column + 1
        text = " ".join(_value(cell, book).split())
        if text:
            yield column, text


def _value(cell: Any, book: _Book) -> str:  # noqa: ANN401
    kind = cell.get("t", "n")
    if kind == "inlineStr":
        return _rich_text(cell)
    found = cell.find("{*}v")
    value = "" if found is None else found.text or ""
    if kind == "s":
        place = number(value, -1)
        return book.texts[place] if 0 <= place < len(book.texts) else ""
    if kind == "b":
        return {"1": "TRUE", "0": "FALSE"}.get(value, value)
    if kind == "n" and value:
        style = number(cell.get("s"), 0)
        form = book.cell_formats[style] if 0 <= style < len(book.cell_formats) else 0
        return book.formats.written(value, form)
    return value


def _column(letters: str) -> int:
    value = 0
    for letter in letters:
        value = value * 26 + ord(letter) - ord("A") + 1
    return value


def _hide_columns(hidden: bytearray, column: Any) -> None:  # noqa: ANN401
    """Mark the columns that an element describes if it hides them."""
    if column.get("hidden") in _TRUE:
        first, last = max(0, number(column.get("min"), 1)), min(number(column.get("max"), 0), _WIDEST)
        hidden[first : last + 1] = b"\1" * max(0, last + 1 - first)


def _area(reference: str) -> Merged | None:
    """Return the rows and columns of a reference such as A1:B3."""
    corners = [_PLACE.fullmatch(it) for it in reference.split(":")]
    if len(corners) != 2 or corners[0] is None or corners[1] is None:
        return None
    (left, top), (right, bottom) = ((_column(it[1]), int(it[2])) for it in corners if it)
    return top, left, bottom, right
