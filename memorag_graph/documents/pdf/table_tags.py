"""The tables that the tags of a PDF page describe: browsers and office programs say which text is which cell."""

import ctypes
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from memorag_graph.documents.pdf.fast_calls import address_of, fast_call

_MOST_ELEMENTS, _DEEPEST = 100_000, 40
_MOST_SPANNED = 1000
_LONGEST_TYPE = 64
_CELLS = {"TH": True, "TD": False}


@dataclass(frozen=True, slots=True)
class TagCell:
    """A cell: whether it names others, the rows and columns that it spans, the numbers of its contents on the page."""

    is_name: bool
    down: int
    across: int
    contents: frozenset[int]


EMPTY = TagCell(False, 1, 1, frozenset())
TagRows = list[list[TagCell]]


def read_table_tags(page: Any) -> list[TagRows]:  # noqa: ANN401 - the library is untyped
    """Return the rows of the tables of a page that contain no other table."""
    from pypdfium2 import raw

    tree = raw.FPDF_StructTree_GetForPage(page)
    if not tree:
        return []
    try:
        roots = (raw.FPDF_StructTree_GetChildAtIndex(tree, at) for at in range(raw.FPDF_StructTree_CountChildren(tree)))
        reader = _Reader()
        for root in filter(None, roots):
            reader.add_tables(address_of(root), 0)
        return [rows for rows in reader.tables if _are_apart(rows)]
    finally:
        raw.FPDF_StructTree_Close(tree)


def _are_apart(rows: TagRows) -> bool:
    """Return whether no two cells claim the same contents, as in a broken file."""
    contents = [number for row in rows for cell in row for number in cell.contents]
    return len(set(contents)) == len(contents)


class _Reader:
    """Walks through the elements of a page."""

    def __init__(self) -> None:
        self.tables: list[TagRows] = []
        self._buffer = ctypes.create_string_buffer(2 * _LONGEST_TYPE)
        self._elements = 0

    def add_tables(self, element: int, depth: int) -> None:
        """Add the innermost tables of an element."""
        before = len(self.tables)
        for child in self._children(element, depth):
            if child is not None:
                self.add_tables(child, depth + 1)
        if len(self.tables) == before and self._type(element) == "Table":
            self.tables.append(list(self._rows(element, depth)))

    def _rows(self, element: int, depth: int) -> Iterator[list[TagCell]]:
        for child in self._children(element, depth):
            if child is None:
                continue
            if self._type(child) == "TR":
                cells = [self._cell(it, depth + 2) for it in self._children(child, depth + 1)]
                yield [cell for cell in cells if cell is not None]
            elif self._type(child) not in ("Caption", *_CELLS):
                yield from self._rows(child, depth + 1)

    def _cell(self, element: int | None, depth: int) -> TagCell | None:
        """Return a cell; an empty one for a cell without text on the page, None for what is no cell."""
        if element is None:
            return EMPTY
        name = self._type(element)
        if name not in _CELLS:
            return None
        down, across = (_span(element, attribute) for attribute in (b"RowSpan", b"ColSpan"))
        return TagCell(_CELLS[name], down, across, frozenset(self._contents(element, depth)))

    def _contents(self, element: int, depth: int) -> Iterator[int]:
        """Yield the numbers of the contents in an element."""
        yield from self._numbers(element)
        for child in self._children(element, depth):
            if child is not None:
                yield from self._contents(child, depth + 1)

    def _numbers(self, element: int) -> Iterator[int]:
        """Yield the numbers of the contents that an element has on this page.

        Names that are repeated on each page have contents on all of them; those of another page have no number here.
        """
        for at in range(fast_call("FPDF_StructElement_CountChildren")(element)):
            number = fast_call("FPDF_StructElement_GetChildMarkedContentID")(element, at)
            if number >= 0:
                yield number

    def _children(self, element: int, depth: int) -> Iterator[int | None]:
        """Yield the elements in an element; None for those that have no text on the page."""
        count = fast_call("FPDF_StructElement_CountChildren")(element) if depth < _DEEPEST else 0
        for at in range(count):
            self._elements += 1
            if self._elements > _MOST_ELEMENTS:
                return
            child = fast_call("FPDF_StructElement_GetChildAtIndex")(element, at)
            if child:
                yield child
            elif fast_call("FPDF_StructElement_GetChildMarkedContentID")(element, at) < 0:
                yield None

    def _type(self, element: int) -> str:
        size = fast_call("FPDF_StructElement_GetType")(element, self._buffer, len(self._buffer))
        return self._buffer.raw[: max(0, size - 2)].decode("utf-16-le", "replace")


def _span(element: int, attribute: bytes) -> int:
    """Return the number of rows or columns that a cell spans."""
    number = ctypes.c_float()
    attribute_at, value_of = (fast_call(f"FPDF_StructElement_{it}") for it in ("GetAttributeAtIndex", "Attr_GetValue"))
    number_of = fast_call("FPDF_StructElement_Attr_GetNumberValue")
    for at in range(max(0, fast_call("FPDF_StructElement_GetAttributeCount")(element))):
        value = value_of(attribute_at(element, at), attribute)
        if value and number_of(value, ctypes.byref(number)) and 1 <= number.value <= _MOST_SPANNED:
            return int(number.value)
    return 1
