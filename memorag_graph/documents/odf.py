"""Read OpenDocument texts, spreadsheets and presentations (ODT, ODS, ODP), packed or as one XML file."""

from collections.abc import Iterator
from typing import Any

from memorag_graph.documents.archive import open_archive, parse_xml, read_part, read_xml
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.odf_sheets import sheet_rows
from memorag_graph.documents.odf_text import DRAW, OFFICE, PRESENTATION, TABLE, TEXT, Styles, paragraph_text
from memorag_graph.documents.odf_text import attribute as get
from memorag_graph.documents.ooxml import MOST_XML
from memorag_graph.documents.sheet_tables import sheet_lines
from memorag_graph.documents.table_grid import Cell
from memorag_graph.errors import InputError

ODF_SUFFIXES = (".odt", ".ods", ".odp", ".ott", ".ots", ".otp", ".fodt", ".fods", ".fodp")
_CONTENT, _TYPE, _MANIFEST, _STYLES = "content.xml", "mimetype", "META-INF/manifest.xml", "styles.xml"
_FLAT_ROOT = b"office:document"
_ENCRYPTED = b"encryption-data"
_NOT_CONTENT = frozenset(
    f"{{{space}}}{name}"
    for space, name in (
        (TEXT, "tracked-changes"),
        (TEXT, "sequence-decls"),
        (OFFICE, "forms"),
        (OFFICE, "annotation"),
        (PRESENTATION, "footer"),
    )
)
_REPEATING = ("page-number", "date-time", "footer", "header")
"""Classes of frames that repeat on each slide."""

_MOST_LEVELS = 9


def is_opendocument(file: File) -> bool:
    """Return whether a file is an OpenDocument text, spreadsheet or presentation."""
    if file.is_archive:
        return _CONTENT in file.parts and not file.parts.isdisjoint((_TYPE, _MANIFEST))
    return file.start.startswith(b"<?xml") and _FLAT_ROOT in file.head[:2000]


def read_odf(file: File) -> Builder:
    """Read the body in order: sheets and slides are sections, slides also pages.

    Raises:
        InputError: If it is damaged, encrypted, too large or of another kind, such as a drawing's.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    builder = Builder(file.name)
    if file.is_archive:
        with open_archive(file.path, file.name) as archive:
            if _MANIFEST in file.parts and _ENCRYPTED in read_part(archive, _MANIFEST, file.name, MOST_XML):
                raise InputError("file", f"{file.name} is password-protected; save it without a password")
            roots = [read_xml(archive, _CONTENT, file.name, MOST_XML)]
            if _STYLES in file.parts:
                roots.append(read_xml(archive, _STYLES, file.name, MOST_XML))
    else:
        roots = [parse_xml(file.data(MOST_XML), file.name)]
    body = next(roots[0].iter(f"{{{OFFICE}}}body"), None)
    if body is None:
        raise InputError("file", f"{file.name} is damaged (it has no body); save it again")
    reader = _Reader(builder, Styles(roots))
    for kind in body:
        if kind.tag == f"{{{OFFICE}}}spreadsheet":
            reader.add_sheets(kind)
        elif kind.tag == f"{{{OFFICE}}}presentation":
            reader.add_slides(kind)
        else:
            reader.add_blocks(kind)
    if reader.styles.found:
        builder.hidden()
    return builder


class _Reader:
    """Adds the blocks of a document to a builder.

    Args:
        builder: Builder of the text.
        styles: Styles of the document.
    """

    def __init__(self, builder: Builder, styles: Styles) -> None:
        self._builder = builder
        self.styles = styles

    def add_sheets(self, body: Any) -> None:  # noqa: ANN401 - the library's elements are untyped
        """Add the sheets that are shown."""
        for table in body.iterchildren(f"{{{TABLE}}}table"):
            title = get(table, TABLE, "name")
            if self.styles.hides_table(table):
                self._builder.notice(f"The hidden sheet {title!r} was left out.")
                continue
            sheet = sheet_rows(table, self._cell_text)
            if sheet.has_hidden:
                self._builder.notice(f"Hidden rows or columns of the sheet {title!r} were left out.")
            lines = sheet_lines(sheet.rows, sheet.merged)
            self._builder.text("\n".join([title, *lines]) if lines else "", [(0, title)])

    def add_slides(self, body: Any) -> None:  # noqa: ANN401
        """Add the slides that are shown: title, contents, notes."""
        for number, page in enumerate(body.iterchildren(f"{{{DRAW}}}page"), start=1):
            if self.styles.hides_page(page):
                self._builder.notice("Hidden slides were left out.")
                continue
            self._builder.page(number)
            frames = list(page.iterchildren())
            titles = [it for it in frames if get(it, PRESENTATION, "class") == "title"]
            for frame in titles:
                self._builder.heading(" ".join(self._cell_text(frame).split()))
            for frame in frames:
                if frame.tag == f"{{{PRESENTATION}}}notes":
                    self._builder.text("\n".join(f"Notes: {it}" for it in self._notes(frame)))
                elif frame not in titles and get(frame, PRESENTATION, "class") not in _REPEATING:
                    self.add_blocks(frame)

    def _notes(self, notes: Any) -> Iterator[str]:  # noqa: ANN401
        for frame in notes.iterchildren():
            text = self._cell_text(frame)
            if text and get(frame, PRESENTATION, "class") not in (*_REPEATING, "page"):
                yield text

    def add_blocks(self, node: Any) -> None:  # noqa: ANN401
        """Add headings, paragraphs, lists and tables in order, from a list of those to visit: they may nest deeply."""
        waiting = [node]
        while waiting:
            block = waiting.pop()
            if block.tag in _NOT_CONTENT or not isinstance(block.tag, str) or self.styles.hides(block):
                continue
            if block.tag == f"{{{TEXT}}}h" or self.styles.is_title(block):
                text = paragraph_text(block, self.styles)
                is_heading = block.tag == f"{{{TEXT}}}h"
                self._builder.heading(self.styles.numbers.numbered(block, text) if is_heading else text)
                waiting.extend(reversed(self._anchored(block)))
            elif block.tag == f"{{{TEXT}}}p":
                self._builder.text(paragraph_text(block, self.styles))
                waiting.extend(reversed(self._anchored(block)))
            elif block.tag == f"{{{TEXT}}}list" and _holds_headings(block):
                self._add_headings(block)
            elif block.tag == f"{{{TEXT}}}list":
                self._builder.text("\n".join(self._items(block)))
                waiting.extend(reversed(self._anchored(block)))
            elif block.tag == f"{{{TABLE}}}table":
                self._builder.spanned_table(*self._table(block))
                waiting.extend(reversed(self._notes_of_cells(block)))
            else:
                waiting.extend(reversed(block))

    def _add_headings(self, listed: Any) -> None:  # noqa: ANN401
        """Add the headings of a list, as programs write those that a list's style numbers."""
        for heading in listed.iter(f"{{{TEXT}}}h"):
            lists = list(heading.iterancestors(f"{{{TEXT}}}list"))
            style = next(filter(None, (get(it, TEXT, "style-name") for it in lists)), "")
            text = "" if self.styles.hides(heading) else paragraph_text(heading, self.styles)
            self._builder.heading(self.styles.numbers.numbered(heading, text, style, len(lists)))

    def _anchored(self, paragraph: Any) -> list[Any]:  # noqa: ANN401
        """Return the notes and text boxes of a paragraph or list, which follow it."""
        kinds = (f"{{{TEXT}}}note-body", f"{{{DRAW}}}text-box")
        around = _nearest(paragraph, *kinds)
        return [it for it in paragraph.iter(*kinds) if _nearest(it, *kinds) is around]

    def _notes_of_cells(self, table: Any) -> list[Any]:  # noqa: ANN401
        """Return the notes of the cells of a table, which follow it, without those of hidden text."""
        kind = f"{{{TEXT}}}note-body"
        around = _nearest(table, kind)
        notes = [it for it in table.iter(kind) if _nearest(it, kind) is around]
        return [it for it in notes if not any(map(self.styles.hides, it.iterancestors()))]

    def _items(self, listed: Any) -> Iterator[str]:  # noqa: ANN401
        """Yield the items of a list with their numbers or hyphens, indented by level."""
        waiting = [(listed, 0, "", "")]
        while waiting:
            node, level, style, label = waiting.pop()
            if node.tag in (f"{{{TEXT}}}p", f"{{{TEXT}}}h"):
                text = "" if self.styles.hides(node) else paragraph_text(node, self.styles)
                if text:
                    yield f"{'  ' * min(level - 1, _MOST_LEVELS)}{label or ' '} {text}"
            elif node.tag == f"{{{TEXT}}}list":
                style = get(node, TEXT, "style-name") or style
                items = enumerate(node.iterchildren(f"{{{TEXT}}}list-item"), start=1)
                inner = [(it, level + 1, style, self.styles.label(style, level + 1, at)) for at, it in items]
                headers = [(it, level + 1, style, "") for it in node.iterchildren(f"{{{TEXT}}}list-header")]
                waiting.extend(reversed(headers + inner))
            elif isinstance(node.tag, str) and node.tag not in _NOT_CONTENT:
                waiting.extend(reversed([(it, level, style, "" if at else label) for at, it in enumerate(node)]))

    def _table(self, table: Any) -> tuple[list[list[Cell]], int | None]:  # noqa: ANN401
        """Return the cells of a table, and the number of its header rows if it says so."""
        rows, header = [], 0
        for row in table.iter(f"{{{TABLE}}}table-row"):
            if next(row.iterancestors(f"{{{TABLE}}}table")) is not table:
                continue
            header += row.getparent().tag == f"{{{TABLE}}}table-header-rows"
            cells = row.iterchildren(f"{{{TABLE}}}table-cell")
            rows.append([Cell(self._cell_text(it), _span(it, "rows"), _span(it, "columns")) for it in cells])
        return rows, header or None

    def _cell_text(self, cell: Any) -> str:  # noqa: ANN401
        """Return the paragraphs of a cell or a frame."""
        found = cell.iter(f"{{{TEXT}}}p", f"{{{TEXT}}}h")
        notes = (f"{{{OFFICE}}}annotation", f"{{{TEXT}}}p", f"{{{TEXT}}}h")
        outer = (it for it in found if next(it.iterancestors(*notes), None) is None)
        return "\n".join(filter(None, (paragraph_text(it, self.styles) for it in outer if not self.styles.hides(it))))


def _holds_headings(listed: Any) -> bool:  # noqa: ANN401
    """Return whether a list holds headings and nothing else."""
    headings = next(listed.iter(f"{{{TEXT}}}h"), None) is not None
    return headings and next(listed.iter(f"{{{TEXT}}}p", f"{{{TABLE}}}table"), None) is None


def _nearest(element: Any, *kinds: str) -> Any:  # noqa: ANN401
    """Return the nearest element around another that is of some kinds."""
    return next(element.iterancestors(*kinds), None)


def _span(cell: Any, kind: str) -> int:  # noqa: ANN401
    written = get(cell, TABLE, f"number-{kind}-spanned")
    return int(written) if written.isdecimal() and len(written) < 8 else 1
