"""Find which cells of an RTF table span rows and columns, from their right edges and the marks of merged cells."""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from memorag_graph.documents.table_grid import Cell

_SAME_EDGE = 30
"""Twips (twentieths of a point) between edges that are the same."""


class RtfCell(NamedTuple):
    """A cell as a row defines it.

    Attributes:
        text: Its text.
        merge: ``clmrg`` if it goes on from the cell before it, ``clvmrg`` from the one above.
        right: Its right edge in twips; 0 if it is not known.
    """

    text: str
    merge: str
    right: int


def spanned(rows: Sequence[Sequence[RtfCell]]) -> list[list[Cell]]:
    """Return the cells of a table with the rows and columns that they span."""
    edges = _edges(cell.right for row in rows for cell in row)
    found: list[list[Cell]] = []
    begun: dict[int, tuple[int, int]] = {}  # column -> row and place of the cell that goes on below
    for at, row in enumerate(rows):
        cells: list[Cell] = []
        found.append(cells)
        column = 0
        for cell in row:
            wide = max(1, bisect_left(edges, cell.right - _SAME_EDGE) + 1 - column) if cell.right > 0 else 1
            if cell.merge == "clmrg" and cells:
                cells[-1] = cells[-1]._replace(columns=cells[-1].columns + wide)
            elif cell.merge == "clvmrg" and not cell.text and column in begun:
                begin, place = begun[column]
                found[begin][place] = found[begin][place]._replace(rows=at - begin + 1)
            else:
                begun[column] = (at, len(cells))
                cells.append(Cell(cell.text, columns=wide))
            column += wide
    return found


def _edges(rights: Iterable[int]) -> list[int]:
    """Return the distinct edges, in order."""
    edges: list[int] = []
    for right in sorted(set(rights)):
        if right > 0 and (not edges or right - edges[-1] > _SAME_EDGE):
            edges.append(right)
    return edges
