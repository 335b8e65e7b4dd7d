"""Read DOCX as text with sections; lists keep numbers and bullets, rows of tables become records."""

from collections.abc import Iterator, Mapping
from typing import Any

from memorag_graph.documents.archive import open_archive, read_xml
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.docx_numbering import Numbering
from memorag_graph.documents.docx_styles import WORD, Styles, children, is_on, number, value
from memorag_graph.documents.docx_text import TextReader
from memorag_graph.documents.file import File
from memorag_graph.documents.ooxml import MOST_XML, main_part, related_by_kind
from memorag_graph.documents.table_grid import Cell
from memorag_graph.errors import InputError

_WIDEST = 1000
"""Maximum columns that a cell spans."""

_MAIN = "word/document.xml"
_CORE, _TITLE = "docProps/core.xml", "{http://purl.org/dc/elements/1.1/}title"
_NOTES = ("footnote", "endnote")
_KINDS = ("styles", "numbering", *(f"{kind}s" for kind in _NOTES))


def read_docx(file: File) -> Builder:
    """Read the body in order; text boxes and notes follow the paragraph that they are anchored to.

    Tracked changes are read as accepted. Only parts that contain text are unpacked.

    Raises:
        InputError: If it is damaged, encrypted or too large.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    name = file.name
    builder = Builder(name)
    with open_archive(file.path, name) as archive:
        part = main_part(archive, name, _MAIN)
        related = related_by_kind(archive, part, name)
        named = {kind: target for kind, target in related.items() if kind in _KINDS and target in archive.NameToInfo}
        roots = {kind: read_xml(archive, target, name, MOST_XML) for kind, target in named.items()}
        body = read_xml(archive, part, name, MOST_XML).find(f"{WORD}body")
        if body is None:
            raise InputError("file", f"{name} is damaged (it has no body); save it again")
        styles = Styles(roots.get("styles"))
        blocks = _Blocks(styles, Numbering(roots.get("numbering"), styles), _notes(roots))
        blocks.add(builder, body)
        if _CORE in archive.NameToInfo:
            builder.title(read_xml(archive, _CORE, name, MOST_XML).findtext(_TITLE) or "")
    return builder


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
        self._reader = TextReader(styles)
        self._numbering = numbering
        self._notes = notes

    def add(self, builder: Builder, body: Any) -> None:  # noqa: ANN401
        """Add all blocks in order; notes follow the paragraph, list or table that refers to them."""
        listed: list[str] = []
        notes: list[str] = []
        for block in _blocks(body):
            is_table = block.tag == f"{WORD}tbl"
            label, level = ("", 0) if is_table else self._numbering.label(block)
            text = "" if is_table else self._reader.text(block).strip()
            is_heading = bool(text) and self._styles.is_heading(block)
            if label and text and not is_heading:
                listed.append(f"{'  ' * level}{label} {text}")
                notes += self._notes_of(block)
                continue
            _flush(builder, listed, notes)
            if is_table:
                builder.spanned_table(*self._table(block))
            elif is_heading:
                builder.heading(f"{label} {text}".strip())
            else:
                builder.text(text)
            notes += self._notes_of(block)
            _flush(builder, listed, notes)
        _flush(builder, listed, notes)
        if self._reader.found_hidden:
            builder.hidden()

    def _notes_of(self, block: Any) -> Iterator[str]:  # noqa: ANN401
        """Yield the texts of the notes that a block refers to; each note is read once."""
        for kind in _NOTES:
            for reference in block.iter(f"{WORD}{kind}Reference"):
                note = self._notes.pop((kind, reference.get(f"{WORD}id", "")), None)
                if note is not None:
                    yield self._text_of(note)

    def _table(self, table: Any) -> tuple[list[list[Cell]], int | None]:  # noqa: ANN401
        """Return the cells of a table that is not within another, and the number of header rows if it says so."""
        rows: list[list[Cell]] = []
        begun: dict[int, tuple[int, int]] = {}  # column -> row and place of the cell that goes on below
        header = 0
        for at, row in enumerate(children(table, "tr")):
            properties = row.find(f"{WORD}trPr")
            header += header == at and is_on(properties, "tblHeader") is True
            column = min(number(value(properties, "gridBefore"), 0), _WIDEST)
            cells = [Cell("", columns=column)] if column else []
            for cell in children(row, "tc"):
                wide = number(value(cell, "tcPr/gridSpan"), 1)
                merge = cell.find(f"{WORD}tcPr/{WORD}vMerge")
                goes_on = merge is not None and merge.get(f"{WORD}val") != "restart"
                if goes_on and column in begun:
                    begin, place = begun[column]
                    rows[begin][place] = rows[begin][place]._replace(rows=at - begin + 1)
                else:
                    begun[column] = (at, len(cells))
                    cells.append(Cell(self._text_of(cell), columns=wide))
                column += min(wide, _WIDEST)
            rows.append(cells)
        return rows, header or None

    def _rows(self, table: Any) -> Iterator[list[str]]:  # noqa: ANN401
        """Yield the texts of each row's cells in a table within another."""
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
                text = self._reader.text(block).strip()
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
