"""The columns of a table: the strips between them, and the edges at which their cells are aligned."""

import numpy as np

from memorag_graph.documents.pdf.gutters import FINEST, Gutter, neighbours, separates
from memorag_graph.documents.pdf.occupancy import Occupancy
from memorag_graph.documents.pdf.words import Indices, Words

Strip = tuple[float, float]

_CROSSED = 0.15
"""Share of the rows that may cross a strip: titles of groups of rows, and cells that span columns."""

_MOST_STRIPS = 60


def column_edges(words: Words, members: Indices) -> list[Strip]:
    """Return the left and right edge of each column."""
    occupancy = Occupancy(words, members, FINEST)
    found: list[Strip] = []
    if not occupancy.is_too_large:
        found = _strips(occupancy, 0.0)
        crossed = _strips(occupancy, _CROSSED)
        found += [it for it in crossed if not any(it[0] < strip[1] and strip[0] < it[1] for strip in found)]
        found.sort()
    boxes = words.boxes[members]
    edges = [float(boxes[:, 0].min()), *(edge for strip in found for edge in strip), float(boxes[:, 2].max())]
    return list(zip(edges[::2], edges[1::2], strict=True))


def _strips(occupancy: Occupancy, most_covered: float) -> list[Strip]:
    """Return the strips between columns that no row crosses, but for a share of the rows.

    Those that separate nothing go one by one: what is beside a strip is known when the others are gone.
    """
    left = _free_strips(occupancy, most_covered)
    rows = len(occupancy.row_numbers)
    while left:
        limits = [occupancy.left - 1, *(edge for strip in left for edge in strip), float("inf")]
        beside = zip(limits[::2], limits[3::2], strict=False)  # the columns on either side, up to the next strips
        names: list[Strip] = []
        wrong: list[Strip] = []
        for strip, near in zip(left, beside, strict=True):
            gutter = Gutter(*strip, 0, rows)
            if _is_beside_name(occupancy, gutter, near):
                names.append(strip)
            elif not separates(occupancy, gutter, near):
                wrong.append(strip)
        if not wrong and not names:
            break
        left.remove(min(wrong, key=lambda strip: strip[1] - strip[0]) if wrong else names[0])
    return left


def _free_strips(occupancy: Occupancy, most_covered: float) -> list[Strip]:
    """Return the widest strips between words, from the left."""
    free = np.concatenate([[False], occupancy.covered.mean(axis=0) <= most_covered, [False]])
    changes = np.flatnonzero(np.diff(free.astype(np.int8)))
    inner = [
        it
        for it in zip(changes[::2].tolist(), changes[1::2].tolist(), strict=True)
        if 0 < it[0] < it[1] < len(free) - 2
    ]
    widest = sorted(inner, key=lambda it: it[0] - it[1])[:_MOST_STRIPS]
    return [occupancy.strip(*it) for it in sorted(widest)]


def _is_beside_name(occupancy: Occupancy, gutter: Gutter, near: Strip) -> bool:
    """Return whether all words on one side stand above those on the other: the name of a column beside its cells."""
    lefts, rights = neighbours(occupancy, gutter, near)
    return bool(lefts and rights) and (max(lefts) < min(rights) or max(rights) < min(lefts))
