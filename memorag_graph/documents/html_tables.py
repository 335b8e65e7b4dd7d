"""Write the tables of HTML as records in their place; tables that only lay out a page become blocks."""

from collections.abc import Iterator
from typing import Any

from memorag_graph.documents.table_grid import Cell, table_lines

_PARTS = ("table", "thead", "tbody", "tfoot", "tr", "td", "th", "caption", "colgroup", "col")
_WITHIN = {"table": ("thead", "tbody", "tfoot", "tr"), **dict.fromkeys(("thead", "tbody", "tfoot"), ("tr",)), "tr": ()}
"""The parts of a table that are looked into, by the part around them."""

_CONTENTS = ("td", "th", "caption")
_BLOCKS = frozenset(
    ("address", "blockquote", "br", "dd", "div", "dl", "dt", "figure", "hr", "li", "ol", "p", "pre", "section", "ul")
)
_HEADINGS = ("h1", "h2", "h3", "h4", "h5", "h6")
_LAYOUT_ROLES = ("presentation", "none")
_LONGEST_CELL = 400
"""Characters of a cell beyond which a table without header cells lays out a page."""

_LONGEST_HEADED_CELL = 4000


def write_tables(tree: Any) -> None:  # noqa: ANN401 - the library's elements are untyped
    """Replace each table of data by lines, one for each row, and the parts of all others by blocks."""
    for table in reversed(list(tree.iter("table"))):  # inner ones first
        lines = [] if _lays_out(table) else _lines(table)
        if lines:
            table.tail, tail = None, table.tail
            table.clear()
            table.tail = tail
            table.tag, table.text = "pre", "\n".join(lines)
        else:
            for part in list(table.iter(*_PARTS)):
                part.tag = "div"


def _lays_out(table: Any) -> bool:  # noqa: ANN401
    """Return whether a table lays out a page: it holds headings or tables, long texts, or one column or row."""
    if table.get("role") in _LAYOUT_ROLES or next(table.iter("pre", "form", *_HEADINGS), None) is not None:
        return True
    if _has_strays(table):
        return True
    rows = [list(row.iterchildren("td", "th")) for row in table.iter("tr")]
    rows = [row for row in rows if row]
    has_names = next(table.iter("th"), None) is not None
    if max(map(len, rows), default=0) < 2 or (len(rows) < 2 and not has_names):
        return True
    longest = _LONGEST_HEADED_CELL if has_names else _LONGEST_CELL
    return any(len(cell.text_content()) > longest for row in rows for cell in row)


def _has_strays(table: Any) -> bool:  # noqa: ANN401
    """Return whether a table holds something outside its cells, as pages do whose marks are not closed."""
    waiting = [table]
    while waiting:
        part = waiting.pop()
        if (part.text or "").strip():
            return True
        for child in part:
            if (child.tail or "").strip():
                return True
            if child.tag in _WITHIN.get(part.tag, ()):
                waiting.append(child)
            elif isinstance(child.tag, str) and child.tag not in _CONTENTS and child.text_content().strip():
                return True
    return False


def _lines(table: Any) -> list[str]:  # noqa: ANN401
    rows = [(row, list(row.iterchildren("td", "th"))) for row in _rows(table)]
    rows = [(row, cells) for row, cells in rows if cells]
    captions = [_text(caption) for caption in table.iter("caption")]
    cells = [[Cell(_text(it), span(it, "rowspan"), span(it, "colspan")) for it in row] for _, row in rows]
    if rows and all([it.tag for it in row] == ["th", "td"] for _, row in rows):  # labels and values
        cells = [[Cell(f"{label.text.rstrip(':')}:"), value] for label, value in cells]
        return [*filter(None, captions), *table_lines(cells, 0)]
    header = 0
    for row, row_cells in rows:
        if row.getparent().tag != "thead" and any(it.tag == "td" and _text(it) for it in row_cells):
            break
        header += 1
    return [*filter(None, captions), *table_lines(cells, header or None)]


def _rows(table: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield the rows as a browser orders them: those of the header first, those of the footer last."""
    rows = list(table.iter("tr"))
    for kinds in (("thead",), ("table", "tbody"), ("tfoot",)):
        yield from (row for row in rows if row.getparent().tag in kinds)


def _text(cell: Any) -> str:  # noqa: ANN401
    """Return the text of a cell; blocks are separated by spaces."""
    return " ".join("".join(_pieces(cell)).split())


def _pieces(node: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the texts of a node, from a list of nodes to visit: pages nest deeply."""
    waiting: list[Any] = [node]
    while waiting:
        it = waiting.pop()
        if isinstance(it, str):
            yield it
            continue
        gap = " " if it.tag in _BLOCKS else ""
        waiting.append(gap)
        for child in reversed(it):
            waiting.append(child.tail or "")
            if isinstance(child.tag, str):
                waiting.append(child)
        waiting.append(gap + (it.text or ""))


def span(cell: Any, name: str) -> int:  # noqa: ANN401
    """Return how many rows or columns a cell spans, by the attribute ``rowspan`` or ``colspan``; 0: all that follow."""
    written = (cell.get(name) or "").strip()
    return int(written) if written.isascii() and written.isdecimal() and len(written) < 8 else 1
