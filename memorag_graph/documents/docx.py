"""DOCX → text with sections; lists keep their bullets and tables become lines with bars."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorag_graph.documents.archive import DAMAGE, open_archive, require_small
from memorag_graph.documents.builder import Builder
from memorag_graph.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from docx.table import Table
    from docx.text.paragraph import Paragraph

MOST_XML = 128 << 20
"""Bytes of a part that is parsed; its tree takes about five times as much memory."""

_HEADING = re.compile(r"(?:heading \d|title)$", re.IGNORECASE)
_NOTES = {"word/footnotes.xml": "footnote", "word/endnotes.xml": "endnote"}
_WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"


def read_docx(path: Path, name: str) -> Builder:
    """Read a document: its body in order, then its footnotes and endnotes.

    Raises:
        InputError: If it is damaged, encrypted or too large.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    try:
        import docx
        from docx.opc.exceptions import OpcError
        from lxml.etree import LxmlError
    except ImportError:
        raise MissingExtraError(f"reading the DOCX {name}", "documents") from None
    builder = Builder()
    with open_archive(path, name) as archive:
        for part in archive.infolist():
            if part.filename.endswith((".xml", ".rels")):
                require_small(part, name, MOST_XML)
    try:
        with path.open("rb") as stream:
            document = docx.Document(stream)
            _add_blocks(builder, document)
            for note in _notes(document.part):
                builder.text(note)
    except (*DAMAGE, OpcError, LxmlError, KeyError, ValueError, AttributeError) as error:
        raise InputError(
            "file", f"{name} is damaged ({error}); open it in a word processor and save it again"
        ) from None
    return builder


def _add_blocks(builder: Builder, document: Any) -> None:  # noqa: ANN401 - the library's class
    from docx.table import Table

    style_name = _style_names(document)
    listed: list[str] = []
    for block in document.iter_inner_content():
        style = "" if isinstance(block, Table) else style_name(block._p.style)
        item = None if isinstance(block, Table) else _list_item(block, style)
        if item is not None:
            listed.append(item)
            continue
        builder.text("\n".join(listed))
        listed = []
        if isinstance(block, Table):
            builder.table(_rows(block))
        elif _HEADING.match(style):
            builder.heading(block.text)
        else:
            builder.text(block.text)
    builder.text("\n".join(listed))


def _style_names(document: Any) -> Callable[[str | None], str]:  # noqa: ANN401
    """Return what names the style of an id; the library searches all styles each time."""
    names = {style.style_id: style.name or "" for style in document.styles}
    return lambda style_id: names.get(style_id, "")


def _list_item(paragraph: "Paragraph", style: str) -> str | None:
    """Return the line of a list's item, or None for another paragraph."""
    properties: Any = paragraph._p.pPr
    numbered = properties is not None and properties.numPr is not None
    text = "" if _HEADING.match(style) or not (numbered or style.startswith("List ")) else paragraph.text.strip()
    if not text:
        return None
    level = properties.numPr.ilvl.val if numbered and properties.numPr.ilvl is not None else 0
    return f"{'  ' * level}- {text}"


def _rows(table: "Table") -> Iterator[list[str]]:
    """Yield the texts of each row's cells, as they are written: spans, which may be endless, are not filled."""
    from docx.table import _Cell

    for row in table.rows:
        yield [_Cell(cell, table).text for cell in row._tr.tc_lst]


def _notes(part: Any) -> Iterator[str]:  # noqa: ANN401 - the library is untyped there
    """Yield the footnotes and endnotes, which the library does not read."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    for related in part.package.iter_parts():
        kind = _NOTES.get(str(related.partname).lstrip("/"))
        if kind is None:
            continue
        for note in etree.fromstring(related.blob, parser).iter(f"{_WORD}{kind}"):
            if note.get(f"{_WORD}type") is None:  # the others are lines that separate notes
                yield "".join(run.text or "" for run in note.iter(f"{_WORD}t"))
