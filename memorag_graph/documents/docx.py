"""Read DOCX as text with sections; lists keep numbers and bullets, table rows become lines with bars."""

import posixpath
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any
from zipfile import ZipFile

from memorag_graph.documents.archive import open_archive, read_xml
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.docx_numbering import Numbering
from memorag_graph.documents.docx_styles import WORD, Styles, children, inner_text
from memorag_graph.errors import InputError

_MOST_XML = 64 << 20
"""Maximum bytes of a parsed part; its tree takes up to twenty times as much memory."""

_ROOT = "_rels/.rels"
_MAIN = "word/document.xml"
_NOTES = ("footnote", "endnote")
_KINDS = ("styles", "numbering", *(f"{kind}s" for kind in _NOTES))


def read_docx(path: Path, name: str) -> Builder:
    """Read the body in order; text boxes and notes follow the paragraph that they are anchored to.

    Tracked changes are read as accepted. Only parts that contain text are unpacked.

    Raises:
        InputError: If it is damaged, encrypted or too large.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    builder = Builder(name)
    with open_archive(path, name) as archive:
        part = _related(archive, "", _ROOT, name).get("officeDocument", _MAIN)
        related = _related(archive, posixpath.dirname(part), _relations_of(part), name)
        named = {kind: target for kind, target in related.items() if kind in _KINDS and target in archive.NameToInfo}
        roots = {kind: read_xml(archive, target, name, _MOST_XML) for kind, target in named.items()}
        body = read_xml(archive, part, name, _MOST_XML).find(f"{WORD}body")
        if body is None:
            raise InputError("file", f"{name} is damaged (it has no body); save it again")
        styles = Styles(roots.get("styles"))
        blocks = _Blocks(styles, Numbering(roots.get("numbering"), styles), _notes(roots))
        blocks.add(builder, body)
    return builder


def _related(archive: ZipFile, base: str, relations: str, name: str) -> dict[str, str]:
    """Return the parts that a part refers to, by type of relationship (ECMA-376, part 2, "Relationships")."""
    if relations not in archive.NameToInfo:
        return {}
    found = {}
    for relation in read_xml(archive, relations, name, _MOST_XML).iter("{*}Relationship"):
        if relation.get("TargetMode") != "External":
            target = posixpath.normpath(posixpath.join("/", base, relation.get("Target", ""))).lstrip("/")
            found[posixpath.basename(relation.get("Type", ""))] = target
    return found


def _relations_of(part: str) -> str:
    return posixpath.join(posixpath.dirname(part), "_rels", f"{posixpath.basename(part)}.rels")


def _notes(roots: Mapping[str, Any]) -> dict[tuple[str, str], Any]:
    """Return the footnotes and endnotes by kind and id."""
    return {
        (kind, note.get(f"{WORD}id", "")): note
        for kind in _NOTES
        for note in (children(roots[f"{kind}s"], kind) if f"{kind}s" in roots else ())
    }


class _Blocks:
    """Adds the blocks of a document to a builder.

    Args:
        styles: Styles of the document.
        numbering: Counter of its numbered paragraphs.
        notes: Footnotes and endnotes by kind and id.
    """

    def __init__(self, styles: Styles, numbering: Numbering, notes: dict[tuple[str, str], Any]) -> None:
        self._styles = styles
        self._numbering = numbering
        self._notes = notes

    def add(self, builder: Builder, body: Any) -> None:  # noqa: ANN401
        """Add all blocks in order; notes follow the paragraph, list or table that refers to them."""
        listed: list[str] = []
        notes: list[str] = []
        for block in _blocks(body):
            is_table = block.tag == f"{WORD}tbl"
            label, level = ("", 0) if is_table else self._numbering.label(block)
            text = "" if is_table else inner_text(block).strip()
            is_heading = bool(text) and self._styles.is_heading(block)
            if label and text and not is_heading:
                listed.append(f"{'  ' * level}{label} {text}")
                notes += self._notes_of(block)
                continue
            _flush(builder, listed, notes)
            if is_table:
                builder.table(self._rows(block))
            elif is_heading:
                builder.heading(f"{label} {text}".strip())
            else:
                builder.text(text)
            notes += self._notes_of(block)
            _flush(builder, listed, notes)
        _flush(builder, listed, notes)

    def _notes_of(self, block: Any) -> Iterator[str]:  # noqa: ANN401
        """Yield the texts of the notes that a block refers to; each note is read once."""
        for kind in _NOTES:
            for reference in block.iter(f"{WORD}{kind}Reference"):
                note = self._notes.pop((kind, reference.get(f"{WORD}id", "")), None)
                if note is not None:
                    yield self._text_of(note)

    def _rows(self, table: Any) -> Iterator[list[str]]:  # noqa: ANN401
        """Yield the texts of each row's cells; spans, which may be huge, are not filled."""
        for row in children(table, "tr"):
            yield [self._text_of(cell) for cell in children(row, "tc")]

    def _text_of(self, node: Any) -> str:  # noqa: ANN401
        """Return the text of a cell or a note."""
        texts = []
        for block in _blocks(node):
            if block.tag == f"{WORD}tbl":
                texts.append(" ".join(" ".join(row) for row in self._rows(block)))
            else:
                label, _ = self._numbering.label(block)
                text = inner_text(block).strip()
                texts.append(f"{label} {text}" if label and text else text)
        return "\n".join(texts)


def _flush(builder: Builder, listed: list[str], notes: list[str]) -> None:
    """Add the items of a list as one block, then the notes, and clear both lists."""
    builder.text("\n".join(listed))
    for note in notes:
        builder.text(note)
    listed.clear()
    notes.clear()


def _blocks(node: Any) -> Iterator[Any]:  # noqa: ANN401
    """Yield paragraphs and tables in order; the blocks of a text box follow the paragraph that it is anchored to."""
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
