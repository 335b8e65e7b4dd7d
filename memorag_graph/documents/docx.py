"""DOCX → text with sections; lists keep their numbers and bullets, and tables become lines with bars."""

import posixpath
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from memorag_graph.documents.archive import open_archive, read_xml
from memorag_graph.documents.builder import Builder
from memorag_graph.documents.docx_numbering import Numbering
from memorag_graph.documents.docx_styles import WORD, Styles, children, inner_text
from memorag_graph.errors import InputError

_MOST_XML = 64 << 20
"""Bytes of a part that is parsed; its tree takes up to twenty times as much memory."""

_ROOT = "_rels/.rels"
_MAIN = "word/document.xml"
_NOTES = ("footnotes", "endnotes")
_KINDS = ("styles", "numbering", *_NOTES)


def read_docx(path: Path, name: str) -> Builder:
    """Read a document: its body in order, with text boxes after their paragraphs, then its footnotes and endnotes.

    Changes that were tracked are read as accepted. Of the archive only the parts that hold text are unpacked.

    Raises:
        InputError: If it is damaged, encrypted or too large.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    builder = Builder(name)
    with open_archive(path, name) as archive:
        part = _related(archive, "", _ROOT, name).get("officeDocument", _MAIN)
        related = _related(archive, posixpath.dirname(part), _relations_of(part), name)
        named = {kind: it for kind, it in related.items() if kind in _KINDS and it in archive.NameToInfo}
        roots = {kind: read_xml(archive, it, name, _MOST_XML) for kind, it in named.items()}
        body = read_xml(archive, part, name, _MOST_XML).find(f"{WORD}body")
        if body is None:
            raise InputError("file", f"{name} is damaged (it has no body); save it again")
        styles = Styles(roots.get("styles"))
        numbering = Numbering(roots.get("numbering"), styles)
        _add_blocks(builder, body, styles, numbering)
        for kind in _NOTES:
            for note in () if kind not in roots else children(roots[kind], kind.removesuffix("s")):
                if note.get(f"{WORD}type") is None:  # the others are lines that separate notes
                    builder.text(_text_of(note, numbering))
    return builder


def _related(archive: ZipFile, base: str, relations: str, name: str) -> dict[str, str]:
    """Return the parts that a part refers to, by what they are to it (ECMA-376, part 2, "Relationships")."""
    if relations not in archive.NameToInfo:
        return {}
    found = {}
    for it in read_xml(archive, relations, name, _MOST_XML).iter("{*}Relationship"):
        if it.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", base, it.get("Target", ""))).lstrip("/")
            found[posixpath.basename(it.get("Type", ""))] = target
    return found


def _relations_of(part: str) -> str:
    return posixpath.join(posixpath.dirname(part), "_rels", f"{posixpath.basename(part)}.rels")


def _add_blocks(builder: Builder, body: Any, styles: Styles, numbering: Numbering) -> None:  # noqa: ANN401
    listed: list[str] = []
    for block in _blocks(body):
        is_table = block.tag == f"{WORD}tbl"
        label, level = ("", 0) if is_table else numbering.label(block)
        text = "" if is_table else inner_text(block).strip()
        is_heading = bool(text) and styles.is_heading(block)
        if label and text and not is_heading:
            listed.append(f"{'  ' * level}{label} {text}")
            continue
        builder.text("\n".join(listed))
        listed = []
        if is_table:
            builder.table(_rows(block, numbering))
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


def _rows(table: Any, numbering: Numbering) -> Iterator[list[str]]:  # noqa: ANN401
    """Yield the texts of each row's cells, as they are written: spans, which may be endless, are not filled."""
    for row in children(table, "tr"):
        yield [_text_of(cell, numbering) for cell in children(row, "tc")]


def _text_of(node: Any, numbering: Numbering) -> str:  # noqa: ANN401
    """Return the text of a cell or a note."""
    texts = []
    for block in _blocks(node):
        if block.tag == f"{WORD}tbl":
            texts.append(" ".join(" ".join(row) for row in _rows(block, numbering)))
        else:
            label, _ = numbering.label(block)
            text = inner_text(block)
            texts.append(f"{label} {text}" if label and text else text)
    return "\n".join(texts)
