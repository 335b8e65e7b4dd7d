"""DOCX → text with sections; lists keep their numbers and bullets, and tables become lines with bars."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from memorag_graph.documents.archive import DAMAGE, open_archive, require_small
from memorag_graph.documents.builder import Builder
from memorag_graph.documents.docx_numbering import Numbering
from memorag_graph.documents.docx_styles import WORD, Styles, children, inner_text
from memorag_graph.errors import InputError, MissingExtraError

MOST_XML = 128 << 20
"""Bytes of a part that is parsed; its tree takes about five times as much memory."""

_NOTES = {"word/footnotes.xml": "footnote", "word/endnotes.xml": "endnote"}


def read_docx(path: Path, name: str) -> Builder:
    """Read a document: its body in order, with text boxes after their paragraphs, then its footnotes and endnotes.

    Changes that were tracked are read as accepted.

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
        for entry in archive.infolist():
            if entry.filename.endswith((".xml", ".rels")):
                require_small(entry, name, MOST_XML)
    try:
        with path.open("rb") as stream:
            part = docx.Document(stream).part
            _add_blocks(builder, part)
            for note in _notes(part):
                builder.text(note)
    except (*DAMAGE, OpcError, LxmlError, KeyError, ValueError, AttributeError) as error:
        raise InputError(
            "file", f"{name} is damaged ({error}); open it in a word processor and save it again"
        ) from None
    return builder


def _add_blocks(builder: Builder, part: Any) -> None:  # noqa: ANN401 - the library is untyped there
    styles = Styles(part.styles.element)
    roots = [it.target_part.element for it in part.rels.values() if it.reltype.endswith("/numbering")]
    numbering = Numbering(roots, styles)
    listed: list[str] = []
    for block in _blocks(part.element.body):
        is_table = block.tag == f"{WORD}tbl"
        text = "" if is_table else inner_text(block).strip()
        label, level = numbering.label(block) if text else ("", 0)
        is_heading = bool(text) and styles.is_heading(block)
        if label and not is_heading:
            listed.append(f"{'  ' * level}{label} {text}")
            continue
        builder.text("\n".join(listed))
        listed = []
        if is_table:
            builder.table(_rows(block))
        elif is_heading:
            builder.heading(f"{label} {text}".strip())
        else:
            builder.text(text)
    builder.text("\n".join(listed))


def _blocks(node: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield paragraphs and tables in order; what stands in a text box follows the paragraph that the box hangs on."""
    for block in children(node, "p", "tbl"):
        yield block
        if block.tag == f"{WORD}p":
            for box in _boxes(block):
                yield from _blocks(box)


def _boxes(node: Any) -> Iterator[Any]:  # noqa: ANN401
    for child in node:
        if child.tag == f"{WORD}txbxContent":
            yield child
        elif not str(child.tag).endswith("}Fallback"):  # the same box again, for old programs
            yield from _boxes(child)


def _rows(table: Any) -> Iterator[list[str]]:  # noqa: ANN401
    """Yield the texts of each row's cells, as they are written: spans, which may be endless, are not filled."""
    for row in children(table, "tr"):
        yield [_cell_text(cell) for cell in children(row, "tc")]


def _cell_text(cell: Any) -> str:  # noqa: ANN401
    texts = []
    for block in _blocks(cell):
        nested = block.tag == f"{WORD}tbl"
        texts.append(" ".join(" ".join(row) for row in _rows(block)) if nested else inner_text(block))
    return "\n".join(texts)


def _notes(part: Any) -> Iterator[str]:  # noqa: ANN401
    """Yield the footnotes and endnotes, which the library does not read."""
    from lxml import etree

    parser = etree.XMLParser(resolve_entities=False, no_network=True)
    for related in part.package.iter_parts():
        kind = _NOTES.get(str(related.partname).lstrip("/"))
        if kind is None:
            continue
        for note in etree.fromstring(related.blob, parser).iter(f"{WORD}{kind}"):
            if note.get(f"{WORD}type") is None:  # the others are lines that separate notes
                yield "\n".join(inner_text(paragraph) for paragraph in note.iter(f"{WORD}p"))
