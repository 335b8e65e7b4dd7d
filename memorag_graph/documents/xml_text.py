"""Read XML of any vocabulary as text: elements that hold plain values are records, all others are paragraphs."""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from memorag_graph.documents.archive import DamagedXmlError, parse_xml
from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.docx_styles import number
from memorag_graph.documents.file import File
from memorag_graph.documents.html import read_html
from memorag_graph.documents.marks import Mark, joined
from memorag_graph.documents.plain_text import TEXT_SUFFIXES, read_text
from memorag_graph.documents.table_grid import Cell
from memorag_graph.documents.table_rows import record_lines

MOST_BYTES = 64 << 20
"""Maximum bytes of an XML file; its tree takes up to twenty times as much memory."""

_HEADINGS = frozenset(("title", "head", "heading", "h1", "h2", "h3", "h4", "h5", "h6"))
_INLINE = frozenset((
    "a", "abbr", "b", "bold", "code", "del", "em", "emph", "emphasis", "foreign", "hi", "i", "ins", "italic", "kbd",
    "lb", "link", "literal", "mark", "persName", "placeName", "q", "quote", "ref", "s", "small", "span", "strong",
    "sub", "subscript", "sup", "superscript", "term", "tspan", "tt", "u", "ulink", "xref",
))  # fmt: skip
"""Elements that do not interrupt a sentence, in XHTML, DocBook, JATS, TEI and SVG."""

_PROSE = ("p", "para", "title")
_NOTES = frozenset(("fn", "footnote", "note"))
_MARKS: dict[str, Mark] = {"sup": "sup", "superscript": "sup", "sub": "sub", "subscript": "sub"}
_TABLES = ("table", "informaltable", "tgroup")
_TECHNICAL = frozenset(("class", "dir", "id", "rend", "role", "space", "style", "type", "version"))
"""Attributes that say nothing to a reader, of elements that hold others."""

_LONGEST_FIELD = 300
_LONGEST_NAME = 80
"""Characters of an element's name that are written before each of its attributes."""

_PAGES = (".html", ".htm", ".xhtml")
_XHTML = "{http://www.w3.org/1999/xhtml}html"
_PLUMBING = re.compile(r"xmlns|schemaLocation$|^\{http://www\.w3\.org/(?:XML/1998/namespace|2001/XMLSchema-instance)\}")


def read_xml_text(file: File) -> Document | Builder:
    """Read the text of an XML file.

    A page that is no well-formed XML is read as HTML, and a file whose name says that it is text, as plain text.

    Raises:
        InputError: If it is damaged, too large or contains no text, or the caller's encoding does not fit.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    try:
        if file.encoding is None:
            tree = parse_xml(file.data(MOST_BYTES), file.name)
        else:  # the parser knows fewer encodings than Python
            tree = parse_xml(file.text(most=MOST_BYTES).encode(), file.name, "utf-8")
    except DamagedXmlError:
        if file.suffix in _PAGES or b"<html" in file.head.lower():
            return read_html(file)
        if file.suffix in TEXT_SUFFIXES:
            return replace(read_text(file), notices=("It is no well-formed XML and was read as plain text.",))
        raise
    if tree.tag == _XHTML or _name(tree) == "html":
        return read_html(file)
    builder = Builder(file.name)
    if _name(tree) == "svg":
        for element in tree.iter("{*}title", "{*}desc", "{*}text"):
            builder.text(" ".join("".join(element.itertext()).split()))
    else:
        _add(builder, tree)
    return builder


def _add(builder: Builder, root: Any) -> None:  # noqa: ANN401 - the library's elements are untyped
    """Add an element and those within it, from a list of those to visit: they may nest deeply."""
    is_prose = next(root.iter(*(f"{{*}}{it}" for it in _PROSE)), None) is not None
    waiting: list[Any] = [root]
    while waiting:
        element = waiting.pop()
        if isinstance(element, str):
            builder.text(" ".join(element.split()))
            continue
        name = _name(element)
        if name.lower() in _HEADINGS:
            builder.heading(_text(element))
        elif name in _TABLES and next(element.iter("{*}tr", "{*}row"), None) is not None:
            builder.spanned_table(_rows(element))
        elif _is_paragraph(element):
            text = _text(element)
            builder.text(text or "\n".join(record_lines(_attributes(element))))
            waiting.extend(reversed([it for it in element if _is_note(it)]))
        elif _is_record(element):
            builder.text("\n".join(record_lines(_fields(element))))
        else:
            said = () if is_prose else (it for it in _attributes(element) if it[0] not in _TECHNICAL)
            builder.text("\n".join(record_lines(said)))
            waiting.extend(_parts(element))


def _text(element: Any) -> str:  # noqa: ANN401
    return " ".join(joined(_runs(element)).split())


def _runs(element: Any) -> Iterator[tuple[str, Mark]]:  # noqa: ANN401
    waiting: list[tuple[Any, Mark]] = [(element, "")]
    while waiting:
        node, mark = waiting.pop()
        if isinstance(node, str):
            yield node, mark
            continue
        if node is not element and _is_note(node):
            continue
        within: Mark = "sup" if node.get("ref-type") else _MARKS.get(_name(node), mark)
        gap = "" if node is element or _name(node) in _INLINE else " "
        waiting.append((gap, mark))
        for child in reversed(node):
            waiting.append((child.tail or "", within))
            if isinstance(child.tag, str):
                waiting.append((child, within))
        waiting.append((gap + (node.text or ""), within))


def _rows(table: Any) -> Iterator[list[Cell]]:  # noqa: ANN401
    """Yield the rows of a table; the text of a table within a cell is that of the cell."""
    for row in table.iter("{*}tr", "{*}row"):
        if next(row.iterancestors("{*}td", "{*}th", "{*}entry", "{*}cell", table.tag), table) is not table:
            continue
        cells = row.iterchildren("{*}td", "{*}th", "{*}entry", "{*}cell")
        yield [Cell(_text(it), number(it.get("rowspan"), 1), number(it.get("colspan"), 1)) for it in cells]


def _parts(element: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield texts and children, last first."""
    for child in reversed(element):
        yield child.tail or ""
        if isinstance(child.tag, str):
            yield child
    yield element.text or ""


def _is_paragraph(element: Any) -> bool:  # noqa: ANN401
    """Return whether an element holds text that only inline elements interrupt."""
    if any(isinstance(it.tag, str) and _name(it) not in _INLINE and not _is_note(it) for it in element):
        return False
    has_text = bool((element.text or "").strip()) or any((it.tail or "").strip() for it in element)
    return has_text or len(element) == 0


def _is_note(element: Any) -> bool:  # noqa: ANN401
    return isinstance(element.tag, str) and _name(element) in _NOTES


def _is_record(element: Any) -> bool:  # noqa: ANN401
    """Return whether all children are short plain values that hardly repeat a name."""
    names = []
    for child in element:
        if not isinstance(child.tag, str):
            continue
        if len(child) or len(child.text or "") > _LONGEST_FIELD or (child.tail or "").strip():
            return False
        names.append(_name(child))
    text = (element.text or "").strip()
    return not text and bool(names) and not {"p", "para"} & set(names) and len(set(names)) * 2 > len(names)


def _fields(element: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    yield from _attributes(element)
    for child in element:
        if isinstance(child.tag, str):
            yield _name(child), child.text or ""
            for name, value in _attributes(child):
                yield f"{_name(child)[:_LONGEST_NAME]}.{name}", value


def _attributes(element: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    for name, value in element.attrib.items():
        if not _PLUMBING.search(name):
            yield name.rpartition("}")[2], value


def _name(element: Any) -> str:  # noqa: ANN401
    return str(element.tag).rpartition("}")[2]
