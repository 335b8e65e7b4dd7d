"""Tables whose cells the tags of a page name."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.blocks import Block, Paragraph, Table
from memorag_graph.documents.pdf.fast_calls import address_of, fast_call, page_object
from memorag_graph.documents.pdf.grids import cell_text
from memorag_graph.documents.pdf.headers import header_rows
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.page_objects import PageObjects
from memorag_graph.documents.pdf.table_tags import EMPTY, TagCell, TagRows, read_table_tags
from memorag_graph.documents.pdf.words import Indices, Words

_MOST_PLACES = 200_000
_FEWEST = 2
"""Rows and columns, at least."""


@dataclass(frozen=True, slots=True)
class CellTags:
    """The cells that tags name.

    Attributes:
        cells: All cells; tables refer to them by their numbers.
        tables: The numbers of the cells of each row of each table.
        of_character: The number of the cell of each character of the page; -1 for those in none.
    """

    cells: Sequence[TagCell]
    tables: Sequence[Sequence[Sequence[int]]]
    of_character: Indices


@dataclass(frozen=True, slots=True)
class TaggedTable:
    """A table that stands on a page: its cells' numbers, their words, and its edges."""

    places: NDArray[np.intp]
    names: NDArray[np.bool_]
    words: dict[int, list[int]]
    members: Indices
    left: float
    top: float
    right: float
    bottom: float


def read_cell_tags(page: Any, text_page: Any, objects: PageObjects, count: int) -> CellTags | None:  # noqa: ANN401
    """Return the cells that the tags of an open page name; None if there are none.

    Args:
        page: PDFium's page.
        text_page: PDFium's text page.
        objects: What the page draws.
        count: Number of its characters.
    """
    from pypdfium2 import raw

    cells = [EMPTY]
    tables = [_numbered(rows, cells) for rows in read_table_tags(page) if _is_table(rows)]
    if not tables:
        return None
    cell_of = {content: number for number, cell in enumerate(cells) for content in cell.contents}
    of_object = {
        it.address: cell_of.get(raw.FPDFPageObj_GetMarkedContentID(page_object(it.address)), -1) for it in objects.texts
    }
    owner, handle = fast_call("FPDFText_GetTextObject"), address_of(text_page)
    found = np.fromiter((of_object.get(owner(handle, at), -1) for at in range(count)), np.intp, count)
    return CellTags(cells, tables, found)


def _is_table(rows: TagRows) -> bool:
    width = max((sum(cell.across for cell in row) for row in rows), default=0)
    return len(rows) >= _FEWEST and width >= _FEWEST and len(rows) * width <= _MOST_PLACES


def _numbered(rows: TagRows, cells: list[TagCell]) -> list[list[int]]:
    """Add the cells of a table to all; return their numbers."""
    numbers: list[list[int]] = []
    for row in rows:
        numbers.append(list(range(len(cells), len(cells) + len(row))))
        cells += row
    return [row for row in numbers if any(cells[number].contents for number in row)]


def cell_starts(tags: CellTags, spaces: NDArray[np.bool_]) -> Indices:
    """Return the characters that stand in another cell than the one before, but for white space."""
    solid = np.flatnonzero(~spaces)
    starts: Indices = solid[1:][np.diff(tags.of_character[solid]) != 0]
    return starts


def find_tagged_tables(words: Words, tags: CellTags) -> list[TaggedTable]:
    """Return the tables of a page that have text."""
    of_word = tags.of_character[words.starts] if len(words) else np.zeros(0, np.intp)
    names = np.array([cell.is_name for cell in tags.cells])
    found: list[TaggedTable] = []
    for rows in tags.tables:
        members = np.flatnonzero(np.isin(of_word, [number for row in rows for number in row]))
        by_cell: dict[int, list[int]] = defaultdict(list)
        for word in members.tolist():
            by_cell[int(of_word[word])].append(word)
        if len(by_cell) < _FEWEST:
            continue
        spans = {
            number: (float(words.boxes[of, 0].min()), float(words.boxes[of, 2].max())) for number, of in by_cell.items()
        }
        places = _placed(rows, tags.cells, spans)
        boxes = words.boxes[members]
        edges = (*boxes[:, :2].min(axis=0).tolist(), *boxes[:, 2:].max(axis=0).tolist())
        found.append(TaggedTable(places, names[places] | (places == 0), by_cell, members, *edges))
    return found


def _placed(
    rows: Sequence[Sequence[int]], cells: Sequence[TagCell], spans: dict[int, tuple[float, float]]
) -> NDArray[np.intp]:
    """Return the number of the cell at each place of a table; 0 for those without text.

    Empty cells may have no tags. The cells of a row with fewer than others stand in the nearest columns.
    """
    width = max(sum(cells[number].across for number in row) for row in rows)
    places = np.full((len(rows), width), -1, np.intp)
    edges: dict[int, tuple[float, float]] = {}
    for row in rows:  # the columns are those of full rows
        if len(row) == width:
            edges |= {column: spans[number] for column, number in enumerate(row) if number in spans}
    for at, row in enumerate(rows):
        free = np.flatnonzero(places[at] < 0).tolist()
        spare = len(free) - sum(cells[number].across for number in row)
        for number in row:
            cell = cells[number]
            if spare > 0 and number in spans and cell.across == 1:
                skipped = _nearest(spans[number], [edges.get(column) for column in free[: spare + 1]])
                free, spare = free[skipped:], spare - skipped
            taken, free = free[: cell.across], free[cell.across :]
            for column in taken:
                places[at : at + cell.down, column] = number if number in spans else 0
    return np.maximum(places, 0)


def _nearest(span: tuple[float, float], columns: Sequence[tuple[float, float] | None]) -> int:
    """Return the first of the columns that a cell is aligned with best."""
    places = np.array([span[0], span[1], sum(span) / 2])
    off = [np.inf if it is None else float(np.abs(places - [it[0], it[1], sum(it) / 2]).min()) for it in columns]
    return int(np.argmin(off))


def tagged_table(page: Page, tagged: TaggedTable) -> list[Block]:
    """Return the table that tags describe; a title that spans it comes first, as a paragraph."""
    texts = {number: cell_text(page, words) for number, words in tagged.words.items()}
    kept = [at for at, row in enumerate(tagged.places) if any(texts.get(int(it)) for it in row)]
    above: list[Block] = []
    while len(kept) > 1 and len(set(tagged.places[kept[0]].tolist())) == 1:
        above.append(Paragraph(texts[int(tagged.places[kept.pop(0)][0])]))
    places = tagged.places[kept]
    rows = [[texts.get(number, "") for number in row] for row in places.tolist()]
    rows = [
        [row[0]] + [""] * (len(row) - 1) if len(set(at)) == 1 else row for row, at in zip(rows, places, strict=True)
    ]
    named = [bool(it.all()) for it in tagged.names[kept]]
    count = named.index(False) if False in named else 0
    if not tagged.names.any(where=tagged.places > 0):
        spans = len(rows) > _FEWEST and len(set(places[0].tolist())) < len(places[0])
        count = header_rows(rows, _other_fonts(page, tagged, places), spans)
    return [*above, Table(rows[count:], rows[:count], _columns(page, tagged, places), None, count > 0)]


def _other_fonts(page: Page, tagged: TaggedTable, places: NDArray[np.intp]) -> list[bool]:
    """Return whether each of the first rows has another font than the last one."""
    firsts = [[tagged.words[it][0] for it in row if it in tagged.words] for row in places.tolist()]
    fonts = [page.font(words[0]) for words in (*firsts[:3], firsts[-1])]
    return [font != fonts[-1] for font in fonts[:-1]]


def _columns(page: Page, tagged: TaggedTable, places: NDArray[np.intp]) -> list[tuple[float, float]]:
    """Return the left and right edge of the text in each column; of an empty one, those of the gap that it is."""
    boxes = page.words.boxes
    found: list[tuple[float, float]] = []
    for column in places.T.tolist():
        alone = [number for number in set(column) if (tagged.places == number).any(axis=0).sum() == 1]
        members = [word for number in alone for word in tagged.words.get(number, ())]
        if members:
            found.append((float(boxes[members, 0].min()), float(boxes[members, 2].max())))
        else:
            left = found[-1][1] if found else tagged.left
            found.append((left, max(left, tagged.right)))
    return found
