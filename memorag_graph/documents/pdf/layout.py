"""Find the order of reading of a page: columns, paragraphs and tables."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from memorag_graph.documents.pdf.aligned_tables import aligned_table, is_table
from memorag_graph.documents.pdf.blocks import Block, Line, Paragraph, Table
from memorag_graph.documents.pdf.grids import Grid, find_grids, grid_table
from memorag_graph.documents.pdf.gutters import Gutter, tallest_gutter
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.paragraphs import flows_on, join_lines, merge
from memorag_graph.documents.pdf.words import Indices, line_text

_DEEPEST = 12


def read_blocks(page: Page, members: Indices) -> list[Block]:
    """Return the paragraphs and tables of a page in the order of reading.

    Args:
        page: The page.
        members: Numbers of the words that count.
    """
    grids = find_grids(page, members)
    inside = np.zeros(len(page.words), bool)
    for grid in grids:
        inside[grid.members] = True
    return _merged(_Layout(page, grids).blocks(members[~inside[members]], grids, 0))


@dataclass(frozen=True, slots=True)
class _Layout:
    page: Page
    grids: Sequence[Grid]

    def blocks(self, members: Indices, grids: Sequence[Grid], depth: int) -> list[Block]:
        """Return the blocks of a part of the page."""
        if grids:
            return self._around_grid(members, grids, depth)
        if not len(members):
            return []
        gutter = tallest_gutter(self.page.words, members) if depth < _DEEPEST else None
        if gutter is None:
            return [*join_lines(self._lines(members))]
        above, band, below = self._cut(members, gutter)
        return [
            *self.blocks(above, (), depth + 1),
            *self._band(band, gutter, depth + 1),
            *self.blocks(below, (), depth + 1),
        ]

    def _around_grid(self, members: Indices, grids: Sequence[Grid], depth: int) -> list[Block]:
        """Return the blocks above a ruled table, the table, and those below it; columns that it stands in stay whole."""
        boxes = self.page.words.boxes
        grid = min(grids, key=lambda it: it.top)
        middles = (boxes[members, 1] + boxes[members, 3]) / 2
        beside = members[(middles > grid.top) & (middles < grid.bottom)]
        if len(beside) and depth < _DEEPEST:
            centre = (grid.left + grid.right) / 2
            for edge in (grid.right, grid.left):
                crossing = (boxes[members, 0] < edge) & (boxes[members, 2] > edge)
                level = members[crossing]
                sides = [
                    members[~crossing & ((boxes[members, 0] + boxes[members, 2] < 2 * edge) == first)]
                    for first in (True, False)
                ]
                if len(level) == 0 and all(len(side) for side in sides):
                    parts = [
                        self.blocks(side, [it for it in grids if ((it.left + it.right) / 2 < edge) == first], depth + 1)
                        for side, first in zip(sides, (True, False), strict=True)
                    ]
                    ordered = reversed(parts) if self.page.words.right_to_left else parts
                    return [block for part in ordered for block in part]
            del centre
        above, below = members[middles <= grid.top], members[middles >= grid.bottom]
        rest = [it for it in grids if it is not grid]
        return [
            *self.blocks(above, (), depth + 1),
            *grid_table(self.page, grid),
            *self.blocks(np.concatenate([beside, below]), rest, depth + 1),
        ]

    def _cut(self, members: Indices, gutter: Gutter) -> tuple[Indices, Indices, Indices]:
        """Return the words above a gutter's rows, in them, and below."""
        numbers = np.unique(self.page.words.rows[members])
        first, last = numbers[gutter.first_row], numbers[gutter.end_row - 1]
        rows = self.page.words.rows[members]
        return members[rows < first], members[(rows >= first) & (rows <= last)], members[rows > last]

    def _band(self, members: Indices, gutter: Gutter, depth: int) -> list[Block]:
        """Return the blocks of rows with a gutter: a table, or columns one after another."""
        if is_table(self.page, members):
            return aligned_table(self.page, members)
        boxes = self.page.words.boxes
        on_left = boxes[members, 0] + boxes[members, 2] < gutter.left + gutter.right
        parts = [self.blocks(members[on_left], (), depth), self.blocks(members[~on_left], (), depth)]
        ordered = reversed(parts) if self.page.words.right_to_left else parts
        return [block for part in ordered for block in part]

    def _lines(self, members: Indices) -> list[Line]:
        return lines_of(self.page, members)


def lines_of(page: Page, members: Indices) -> list[Line]:
    """Return the lines of words, from the top."""
    words = page.words
    by_row: dict[int, list[int]] = {}
    for at, row in zip(members.tolist(), words.rows[members].tolist(), strict=True):
        by_row.setdefault(row, []).append(at)
    lines = []
    for row in sorted(by_row):
        row_members = by_row[row]
        boxes = words.boxes[row_members]
        left, right = float(boxes[:, 0].min()), float(boxes[:, 2].max())
        first = int(boxes[:, 2].argmax() if words.right_to_left else boxes[:, 0].argmin())
        first_width = float(boxes[first, 2] - boxes[first, 0])
        if words.right_to_left:
            left, right = -right, -left
        tallest = int((boxes[:, 3] - boxes[:, 1]).argmax())
        lines.append(
            Line(
                line_text(words, row_members),
                left,
                right,
                float(boxes[tallest, 1]),
                float(boxes[tallest, 3]),
                first_width,
            )
        )
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


__all__ = ["Table", "lines_of", "read_blocks"]
