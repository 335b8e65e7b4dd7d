"""Read PPTX: slides are pages and sections; text boxes, tables, diagrams and speaker notes."""

from collections.abc import Iterator
from typing import Any
from zipfile import ZipFile

from memorag_graph.documents.archive import open_archive, read_xml
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.docx_styles import number
from memorag_graph.documents.file import File
from memorag_graph.documents.marks import Mark, joined
from memorag_graph.documents.ooxml import MOST_XML, main_part, related_by_id, relation_id, relations
from memorag_graph.documents.table_grid import Cell

_MAIN = "ppt/presentation.xml"
_TITLES = ("title", "ctrTitle")
_NOT_CONTENT = ("sldNum", "dt", "ftr", "hdr", "sldImg")
"""Placeholders that repeat on each slide: number, date, footer, header; and the slide's picture in its notes."""

_OFF = ("0", "false")
_ON = ("1", "true", "on")
_INDENT = "  "
_MOST_LEVELS = 9


def read_pptx(file: File) -> Builder:
    """Read the slides in order; hidden ones are left out.

    Raises:
        InputError: If it is damaged, encrypted or too large.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    builder = Builder(file.name)
    with open_archive(file.path, file.name) as archive:
        part = main_part(archive, file.name, _MAIN)
        slides = related_by_id(archive, part, file.name)
        order = [
            slides.get(relation_id(it), "") for it in read_xml(archive, part, file.name, MOST_XML).iter("{*}sldId")
        ]
        for page, slide in enumerate(dict.fromkeys(it for it in order if it in archive.NameToInfo), start=1):
            _add_slide(builder, archive, slide, page)
    return builder


def _add_slide(builder: Builder, archive: ZipFile, part: str, page: int) -> None:
    root = read_xml(archive, part, builder.name, MOST_XML)
    if root.get("show") in _OFF:
        builder.notice("Hidden slides were left out.")
        return
    builder.page(page)
    shapes = list(_shapes(root))
    titles = [it for it in shapes if _placeholder(it) in _TITLES]
    for shape in titles:
        builder.heading(" ".join(_text(shape).split()))
    for shape in shapes:
        if shape not in titles and _placeholder(shape) not in _NOT_CONTENT:
            _add_shape(builder, shape)
    related = [it for it in relations(archive, part, builder.name) if it.part in archive.NameToInfo]
    for it in (it for it in related if it.kind == "diagramData"):
        for point in read_xml(archive, it.part, builder.name, MOST_XML).iter("{*}pt"):
            builder.text(_text(point))
    for it in (it for it in related if it.kind == "notesSlide"):
        for note in _notes(read_xml(archive, it.part, builder.name, MOST_XML)):
            builder.text(f"Notes: {note}")


def _notes(root: Any) -> Iterator[str]:  # noqa: ANN401 - the library's elements are untyped
    for shape in _shapes(root):
        text = _text(shape)
        if text and _placeholder(shape) not in _NOT_CONTENT:
            yield text


def _shapes(root: Any) -> Iterator[Any]:  # noqa: ANN401 - the library's elements are untyped
    """Yield the shapes and frames in order, those of groups too, without what is hidden."""
    for shape in root.iter("{*}sp", "{*}graphicFrame", "{*}cxnSp"):
        is_hidden = any(it.get("hidden") in _ON for it in shape.iter("{*}cNvPr"))
        if not is_hidden and next(shape.iterancestors("{*}Fallback"), None) is None:  # a fallback says the same again
            yield shape


def _placeholder(shape: Any) -> str:  # noqa: ANN401
    found = next(shape.iter("{*}ph"), None)
    return "" if found is None else str(found.get("type", "body"))


def _add_shape(builder: Builder, shape: Any) -> None:  # noqa: ANN401
    table = next(shape.iter("{*}tbl"), None)
    if table is not None:
        properties = table.find("{*}tblPr")
        has_names = properties is not None and properties.get("firstRow") in _ON
        builder.spanned_table(_rows(table), 1 if has_names else None)
    elif next(shape.iter("{*}chart"), None) is not None:
        builder.notice("Charts were not read.")
    else:
        builder.text(_text(shape))


def _rows(table: Any) -> Iterator[list[Cell]]:  # noqa: ANN401
    for row in table.iterchildren("{*}tr"):
        yield [
            Cell(_text(cell), number(cell.get("rowSpan"), 1), number(cell.get("gridSpan"), 1))
            for cell in row.iterchildren("{*}tc")
            if cell.get("hMerge") not in _ON and cell.get("vMerge") not in _ON
        ]


def _text(node: Any) -> str:  # noqa: ANN401
    """Return the paragraphs of a shape or a cell; those of lower levels are indented."""
    lines = []
    for paragraph in node.iter("{*}p"):
        line = joined(_runs(paragraph)).strip()
        if line:
            properties = paragraph.find("{*}pPr")
            level = 0 if properties is None else min(number(properties.get("lvl"), 0), _MOST_LEVELS)
            lines.append(f"{_INDENT * level}{line}")
    return "\n".join(lines)


def _runs(paragraph: Any) -> Iterator[tuple[str, Mark]]:  # noqa: ANN401
    for it in paragraph.iter("{*}t", "{*}br", "{*}tab"):
        if it.tag.endswith("}t"):
            properties = it.getparent().find("{*}rPr")
            raised = 0 if properties is None else number(properties.get("baseline"), 0)
            yield it.text or "", "sup" if raised > 0 else "sub" if raised < 0 else ""
        else:
            yield "\n" if it.tag.endswith("}br") else "\t", ""
