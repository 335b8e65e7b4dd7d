"""Find where a table without upright rules begins and ends, between lines of text."""

import itertools

import numpy as np

from memorag_graph.documents.pdf.aligned_tables import is_table
from memorag_graph.documents.pdf.columns import column_edges
from memorag_graph.documents.pdf.gutters import LIST_MARK
from memorag_graph.documents.pdf.occupancy import row_edges
from memorag_graph.documents.pdf.page import Page
from memorag_graph.documents.pdf.words import Indices, Words

_NEAR = 0.8
"""Rows of a table without wide gaps are not farther from the others than so many font sizes."""


def wide_gaps(words: Words, members: Indices) -> dict[int, int]:
    """Return the number of gaps in each row that part cells; the only one, after a mark of a list, is none."""
    order = np.lexsort((words.boxes[members, 0], words.rows[members]))
    rows = words.rows[members[order]]
    wide = words.cell_gaps(members[order], float(np.median(words.heights()[members])))
    numbers, counts = np.unique(rows[1:][wide], return_counts=True)
    found = dict(zip(numbers.tolist(), counts.tolist(), strict=True))
    starts = np.concatenate([[True], rows[1:] != rows[:-1]])
    for at in np.flatnonzero(starts[:-1] & wide).tolist():
        if found[int(rows[at])] == 1 and LIST_MARK.fullmatch(words.word(int(members[order[at]]))):
            del found[int(rows[at])]
    return found


def table_part(page: Page, members: Indices) -> tuple[Indices, Indices, Indices] | None:
    """Return the words above a table, in it and below it; None if the words are no table."""
    words = page.words
    wide = sorted(wide_gaps(words, members))
    if len(wide) < 2:
        return None
    rows = words.rows[members]
    core = members[(rows >= wide[0]) & (rows <= wide[-1])]
    if not is_table(page, core):
        return None
    columns = sorted(column_edges(page.words, core))
    numbers, row_of = np.unique(rows, return_inverse=True)
    tops, bottoms = row_edges(words, members, row_of)
    first, last = (int(np.searchsorted(numbers, row)) for row in (wide[0], wide[-1]))
    gap = _NEAR * float(np.median(words.heights()[members]))
    gaps = tops[1:] - bottoms[:-1]
    while first and gaps[first - 1] < gap and _is_in_cells(words, members[row_of == first - 1], columns):
        first -= 1
    while last < len(gaps) and gaps[last] < gap and _is_in_cells(words, members[row_of == last + 1], columns):
        last += 1
    return members[row_of < first], members[(row_of >= first) & (row_of <= last)], members[row_of > last]


def _is_in_cells(words: Words, row: Indices, columns: list[tuple[float, float]]) -> bool:
    """Return whether a row has text in columns other than the first, and none in the gutters."""
    boxes = words.boxes[row]
    left, right = float(boxes[:, 0].min()), float(boxes[:, 2].max())
    crosses = any(left < after[0] and right > before[1] for before, after in itertools.pairwise(columns))
    starts_right = right > columns[-1][0] if words.right_to_left else left < columns[0][1]
    return not crosses and not starts_right
