"""Find the order of reading of a page: columns, paragraphs and tables."""

from collections.abc import Sequence
from dataclasses import dataclass
from operator import itemgetter

import numpy as np

from memorag_graph.documents.pdf.aligned_tables import aligned_table
from memorag_graph.documents.pdf.blocks import Block, Line, Paragraph
from memorag_graph.documents.pdf.carried_tables import first_rows_of_table
from memorag_graph.documents.pdf.grids import Grid, find_grids, grid_table
from memorag_graph.documents.pdf.gutters import Gutter, tallest_gutter
from memorag_graph.documents.pdf.line_text import line_text
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.paragraphs import flows_on, join_lines, merge
from memorag_graph.documents.pdf.stacked_tables import stacked_parts
from memorag_graph.documents.pdf.table_bounds import table_part
from memorag_graph.documents.pdf.tagged_tables import TaggedTable, tagged_table
from memorag_graph.documents.pdf.words import Indices

_DEEPEST = 12
_SLACK = 3.0
"""Points by which text may reach over the edge of a table that it stands beside: its rule lies outside its text."""


def read_blocks(page: Page, members: Indices, tagged: Sequence[TaggedTable] = ()) -> list[Block]:
    """Return the paragraphs and tables of a page in the order of reading.

    Args:
        page: The page.
        members: Numbers of the words that count.
        tagged: The tables that its tags describe.
    """
    inside = np.zeros(len(page.words), bool)
    for table in tagged:
        inside[table.members] = True
    grids: list[Grid | TaggedTable] = [*tagged, *find_grids(page, members[~inside[members]])]
    for grid in grids:
        inside[grid.members] = True
    first_rows, others = first_rows_of_table(page, members[~inside[members]])
    blocks = _merged(_Layout(page, grids).blocks(others, grids, 0))
    return blocks if first_rows is None else [*blocks, first_rows]


@dataclass(frozen=True, slots=True)
class _Layout:
    page: Page
    grids: Sequence[Grid | TaggedTable]

    def blocks(self, members: Indices, grids: Sequence[Grid | TaggedTable], depth: int) -> list[Block]:
        """Return the blocks of a part of the page."""
        if grids:
            return self._around_grid(members, grids, depth)
        if not len(members):
            return []
        gutter = tallest_gutter(self.page.words, members) if depth < _DEEPEST else None
        if gutter is None:
            return [*join_lines(lines_of(self.page, members))]
        above, band, below = self._cut(members, gutter)
        if len(parts := stacked_parts(self.page, band)) > 1 and any(table_part(self.page, part) for part in parts):
            parts = [np.concatenate([above, parts[0]]), *parts[1:-1], np.concatenate([parts[-1], below])]
            return [block for part in parts for block in self.blocks(part, (), depth + 1)]
        if (found := table_part(self.page, band)) is not None:
            above, table, below = np.concatenate([above, found[0]]), found[1], np.concatenate([found[2], below])
            return [
                *self.blocks(above, (), depth + 1),
                *aligned_table(self.page, table),
                *self.blocks(below, (), depth + 1),
            ]
        return [
            *self.blocks(above, (), depth + 1),
            *self._columns(band, (), (gutter.left + gutter.right) / 2, depth + 1),
            *self.blocks(below, (), depth + 1),
        ]

    def _around_grid(self, members: Indices, grids: Sequence[Grid | TaggedTable], depth: int) -> list[Block]:
        """Return the blocks above a ruled table, the table, and those below; or columns, if text stands beside it."""
        boxes = self.page.words.boxes
        grid = min(grids, key=lambda it: it.top)
        middles = (boxes[members, 1] + boxes[members, 3]) / 2
        beside = members[(middles > grid.top) & (middles < grid.bottom)]
        if len(beside) and depth < _DEEPEST:
            for edge in (grid.right, grid.left):
                if not ((boxes[members, 0] < edge - _SLACK) & (boxes[members, 2] > edge + _SLACK)).any():
                    return self._columns(members, grids, edge, depth + 1)
        rest = [it for it in grids if it is not grid]
        return [
            *self.blocks(members[middles <= grid.top], (), depth + 1),
            *(grid_table(self.page, grid) if isinstance(grid, Grid) else tagged_table(self.page, grid)),
            *self.blocks(members[middles > grid.top], rest, depth + 1),
        ]

    def _columns(self, members: Indices, grids: Sequence[Grid | TaggedTable], edge: float, depth: int) -> list[Block]:
        """Return the blocks on one side of an edge, then those on the other."""
        on_left = self.page.words.boxes[members, 0] + self.page.words.boxes[members, 2] < 2 * edge
        grids_on_left = [it for it in grids if it.left + it.right < 2 * edge]
        others = [it for it in grids if it.left + it.right >= 2 * edge]
        parts = [self.blocks(members[on_left], grids_on_left, depth), self.blocks(members[~on_left], others, depth)]
        ordered = reversed(parts) if self.page.words.right_to_left else parts
        return [block for part in ordered for block in part]

    def _cut(self, members: Indices, gutter: Gutter) -> tuple[Indices, Indices, Indices]:
        """Return the words above a gutter's rows, in them, and below."""
        numbers = np.unique(self.page.words.rows[members])
        first, last = numbers[gutter.first_row], numbers[gutter.end_row - 1]
        rows = self.page.words.rows[members]
        return members[rows < first], members[(rows >= first) & (rows <= last)], members[rows > last]


def lines_of(page: Page, members: Indices) -> list[Line]:
    """Return the lines of words, from the top."""
    if not len(members):
        return []
    words = page.words
    members = members[np.argsort(words.rows[members], kind="stable")]
    boxes = words.boxes[members]
    starts = np.concatenate([[0], np.flatnonzero(np.diff(words.rows[members])) + 1])
    ends = np.concatenate([starts[1:], [len(members)]])
    lefts, rights = np.minimum.reduceat(boxes[:, 0], starts), np.maximum.reduceat(boxes[:, 2], starts)
    numbers, places = members.tolist(), boxes.tolist()
    lines = []
    for start, end, left, right in zip(starts.tolist(), ends.tolist(), lefts.tolist(), rights.tolist(), strict=True):
        row = places[start:end]
        if words.right_to_left:
            first = max(row, key=itemgetter(2))
            left, right = -right, -left
        else:
            first = min(row)
        _, top, _, bottom = max(row, key=lambda box: box[3] - box[1])
        lines.append(Line(line_text(words, numbers[start:end]), left, right, top, bottom, first[2] - first[0]))
    return lines


def _merged(blocks: Sequence[Block]) -> list[Block]:
    """Join paragraphs that go on in the next column."""
    found: list[Block] = []
    for block in blocks:
        before = found[-1] if found else None
        if (
            isinstance(before, Paragraph)
            and isinstance(block, Paragraph)
            and block.stands_apart
            and flows_on(before, block)
        ):
            found[-1] = merge(before, block)
        else:
            found.append(block)
    return found
