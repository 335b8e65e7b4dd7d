"""Read one page of a PDF: its blocks, the lines in its margins, and what was left out."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from memorag_graph.documents.pdf.bidi import expand_ligatures
from memorag_graph.documents.pdf.blocks import Block, Paragraph, Table
from memorag_graph.documents.pdf.carried_tables import is_table_row, rest_of_table
from memorag_graph.documents.pdf.characters import Characters, Display, display_of, read_characters, upright_quarters
from memorag_graph.documents.pdf.form_fields import with_fields
from memorag_graph.documents.pdf.glued_cells import glued_cells
from memorag_graph.documents.pdf.hidden import Mask, picture_share, visible_characters
from memorag_graph.documents.pdf.layout import read_blocks
from memorag_graph.documents.pdf.ocr import page_image
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.page_objects import PageObjects, as_boxes, read_objects
from memorag_graph.documents.pdf.running_heads import Margin, find_margins, set_apart, without_table_rows
from memorag_graph.documents.pdf.tagged_tables import (
    CellTags,
    TaggedTable,
    cell_starts,
    find_tagged_tables,
    read_cell_tags,
)
from memorag_graph.documents.pdf.words import Words, find_words, slanted_characters

if TYPE_CHECKING:
    from PIL.Image import Image

FEWEST_CHARACTERS = 20
"""A page with fewer characters counts as having no text."""

_LITTLE_TEXT = 100
"""A page that is one picture counts as a picture if it has fewer characters than this beside it, such as a stamp."""

_WHOLE_PAGE = 0.7
_DRAWN_LETTERS = 40
"""A page without text but with so many paths may have letters that are drawn."""

MOST_CHARACTERS = 2_000_000
"""Maximum characters of a page."""


class CrowdedPageError(Exception):
    """A page has more than :data:`MOST_CHARACTERS` characters."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """The words of an open page, before their order is known.

    Attributes:
        page: The page.
        tagged: The tables that its tags describe.
        slanted: Its lines that are not level.
    """

    page: Page
    tagged: Sequence[TaggedTable]
    slanted: Sequence[Paragraph]


@dataclass(slots=True)
class PageContent:
    """What a page says.

    Attributes:
        sheet: Its words, until they are laid out.
        blocks: Its paragraphs and tables, once it is laid out.
        margins: Lines at its top and bottom that may be running heads.
        characters: Number of its characters that can be seen, without spaces.
        has_hidden: Whether text that cannot be seen was left out.
        picture: Its image, if it is a picture and was asked for.
        is_picture: Whether it is a picture.
    """

    sheet: Sheet | None = None
    blocks: list[Block] = field(default_factory=list)
    margins: list[Margin] = field(default_factory=list)
    characters: int = 0
    has_hidden: bool = False
    picture: "Image | None" = None
    is_picture: bool = False

    @property
    def last_table(self) -> Table | None:
        """The table at its end; None if it ends with something else."""
        last = self.blocks[-1] if self.blocks else None
        return last if isinstance(last, Table) else None


def read_page(page: Any, text_page: Any, with_picture: bool, form: Any = None) -> PageContent:  # noqa: ANN401
    """Read an open page; see :func:`lay_out` for its blocks.

    Args:
        page: PDFium's page.
        text_page: PDFium's text page.
        with_picture: Whether the image of a page that is a picture is wanted.
        form: PDFium's handle of the form that the file has; None if it has none.

    Raises:
        CrowdedPageError: If it has more than :data:`MOST_CHARACTERS` characters.
    """
    if text_page.count_chars() > MOST_CHARACTERS:
        raise CrowdedPageError
    display = display_of(page)
    characters, objects = read_characters(text_page, display), read_objects(page)
    visible = visible_characters(page, text_page, characters, objects, display)
    found = PageContent()
    solid = ~characters.spaces
    found.characters = int((visible & solid).sum())
    found.has_hidden = _is_worth_saying(characters, ~visible & solid)
    found.is_picture = _is_picture(found.characters, objects, display)
    if found.is_picture and with_picture:
        found.picture = page_image(page)
    slanted, _ = slanted_characters(characters, visible)
    if (quarters := upright_quarters(text_page, np.flatnonzero(visible & solid))) not in (None, display.quarters):
        display = replace(display, quarters=quarters)
        characters = read_characters(text_page, display)
        slanted, _ = slanted_characters(characters, visible)
    if form is not None:
        filled = with_fields(page, form, characters, display)
        added = len(filled.text) - len(characters.text)
        visible, slanted = np.pad(visible, (0, added), constant_values=True), np.pad(slanted, (0, added))
        characters = filled
        found.characters = int((visible & ~characters.spaces).sum())
    tags = read_cell_tags(page, text_page, objects, len(visible))
    rules = display.shown(as_boxes(objects.lines))
    words = _words(characters, visible & ~slanted, text_page, tags)
    tagged = find_tagged_tables(words, tags) if tags is not None else []
    found.sheet = Sheet(Page(words, rules, text_page), tagged, _slanted_lines(characters, visible & slanted))
    found.margins = find_margins(found.sheet.page, np.arange(len(words)))
    return found


def _words(characters: Characters, visible: Mask, text_page: Any, tags: CellTags | None) -> Words:  # noqa: ANN401
    """Return the words of a page; cells that are glued together are cut."""
    words = find_words(characters, visible)
    cuts = glued_cells(words, text_page)
    if tags is not None:
        cuts = np.union1d(cuts[tags.of_character[cuts] < 0], cell_starts(tags, characters.spaces))
    return find_words(characters, visible, cuts) if len(cuts) else words


def lay_out(content: PageContent, running: Sequence[Margin], before: Table | None) -> Sequence[Margin]:
    """Find the blocks of a page that is still open; return the running heads that were left out.

    Args:
        content: What was read of the page.
        running: Its running heads; those that turn out to belong to a table are none.
        before: The table at the end of the page before.
    """
    if content.sheet is None:
        return ()
    page, tagged = content.sheet.page, content.sheet.tagged
    words = page.words
    inside = np.zeros(len(words), bool)
    for table in tagged:
        inside[table.members] = True
    members = np.arange(len(words))
    heads = without_table_rows(
        page,
        members,
        content.margins,
        lambda row: bool(inside[row].any()) or (before is not None and is_table_row(page, row, before)),
    )
    left_out = [head for head in heads if head in running]
    top, bottom = (set_apart(page, members, heads, running, at_top) for at_top in (True, False))
    members = members[~np.isin(words.rows, [margin.row for margin in (*left_out, *top, *bottom)])]
    blocks: list[Block] = [Paragraph(margin.text) for margin in top]
    first_row = members[words.rows[members] == words.rows[members].min(initial=0)]
    if before is not None and not inside[first_row].any():
        rest, members = rest_of_table(page, members, before)
        if rest is not None:
            blocks.append(rest)
    blocks += [*read_blocks(page, members, tagged), *content.sheet.slanted, *(Paragraph(it.text) for it in bottom)]
    content.blocks, content.sheet = [_expanded(block) for block in blocks], None
    return left_out


def _slanted_lines(characters: Characters, slanted: Mask) -> Sequence[Paragraph]:
    """Return the lines of letters that are not level, in the order in which they are drawn."""
    places = np.flatnonzero(slanted)
    if not len(places):
        return []
    parts = np.split(places, np.flatnonzero(np.diff(places) > 1) + 1)
    text = ""
    for part, after in zip(parts, [*parts[1:], None], strict=True):
        between = "" if after is None else characters.text[part[-1] + 1 : after[0]]
        text += characters.text[part[0] : part[-1] + 1] + ("\n" if "\n" in between or not between.isspace() else " ")
    return [Paragraph(line) for line in map(str.strip, text.split("\n")) if line]


def _is_worth_saying(characters: Characters, hidden: Mask) -> bool:
    return sum(characters.text[at].isalnum() for at in np.flatnonzero(hidden).tolist()) > 1


def _is_picture(characters: int, objects: PageObjects, display: Display) -> bool:
    share = picture_share(objects, display)
    if characters < FEWEST_CHARACTERS:
        return share > 0.02 or objects.paths >= _DRAWN_LETTERS
    return share >= _WHOLE_PAGE and characters < _LITTLE_TEXT


def _expanded(block: Block) -> Block:
    if isinstance(block, Paragraph):
        return Paragraph(expand_ligatures(block.text), block.goes_on, block.stands_apart)
    rows, header = ([[expand_ligatures(cell) for cell in row] for row in part] for part in (block.rows, block.header))
    return Table(rows, header, block.columns, block.opening)
