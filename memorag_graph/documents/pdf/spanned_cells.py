"""Cells of tables without lines that span rows or columns: their texts stand in the middle of what they span."""

import itertools
from collections.abc import Sequence

from memorag_graph.documents.pdf.blocks import Row

_MIDDLE = 0.3
"""A text is in the middle of rows if it is not farther off than this share of the font size."""

_BETWEEN = 0.15
_MOST_ROWS = 400
"""Rows of a table that are looked at; each cell may span all that follow."""


def rows_between(tops: Sequence[float], bottoms: Sequence[float]) -> list[int]:
    """Return the rows that overlap the rows above and below: cells in the middle of two rows, or of four."""
    found: list[int] = []
    for at in range(1, len(tops) - 1):
        least = _BETWEEN * (bottoms[at] - tops[at])
        if at - 1 not in found and bottoms[at - 1] - tops[at] > least and bottoms[at] - tops[at + 1] > least:
            found.append(at)
    return found


def filled_down(
    rows: Sequence[Row], tops: Sequence[float], bottoms: Sequence[float], between: Sequence[int]
) -> list[Row] | None:
    """Return the rows without those between others, whose cells are repeated in each row that they span.

    Args:
        rows: The cells of each visual row.
        tops: The upper edge of each.
        bottoms: The lower edge of each.
        between: Numbers of the rows between others.

    Returns:
        The other rows; None if the cells do not stand in the middle of rows.
    """
    kept = [at for at in range(len(rows)) if at not in between]
    if len(kept) > _MOST_ROWS:
        return None
    found = [list(rows[at]) for at in kept]
    for column in range(len(rows[0])):
        is_full = all(rows[at][column] for at in kept)
        if is_full and not any(rows[at][column] for at in between):
            continue
        texts = _tiled([row[column] for row in rows], tops, bottoms, kept)
        if texts is not None:
            for row, text in zip(found, texts, strict=True):
                row[column] = text
        elif any(rows[at][column] for at in between):
            return None
    return found


def _tiled(
    cells: Sequence[str], tops: Sequence[float], bottoms: Sequence[float], kept: Sequence[int]
) -> list[str] | None:
    """Return the text of each kept row if the cells tile them, each in the middle of its rows; None if they do not."""
    texts: list[str] = []
    for at, text in enumerate(cells):
        if not text:
            continue
        first = len(texts)
        middle, size = (tops[at] + bottoms[at]) / 2, bottoms[at] - tops[at]
        ends = (
            last
            for last in range(first, len(kept))
            if abs((tops[kept[first]] + bottoms[kept[last]]) / 2 - middle) <= _MIDDLE * size
        )
        last = next(ends, None)
        if last is None or not kept[first] <= at <= kept[last]:
            return None
        texts += [text] * (last + 1 - first)
    return texts if len(texts) == len(kept) else None


def names_over_columns(
    names: Sequence[tuple[float, float, str]], columns: Sequence[tuple[float, float]], below: Row
) -> Row | None:
    """Return the name over each column from those of an upper row, which stand over the middle of several columns.

    Args:
        names: Left and right edge, and text, of each name.
        columns: Left and right edge of each column.
        below: The names in the row below; where they are repeated, a name reaches up to the next one.

    Returns:
        The names; None if they span no columns.
    """
    found = [""] * len(columns)
    for (left, right, text), following in itertools.zip_longest(names, names[1:]):
        first, last = _columns_of(left, right, columns)
        middle, near = (left + right) / 2, _MIDDLE * 10
        runs = [
            (start, end)
            for start in range(first + 1)
            for end in range(last, len(columns))
            if abs((columns[start][0] + columns[end][1]) / 2 - middle) <= near and not any(found[start : end + 1])
        ]
        if runs:
            first, last = min(runs, key=lambda run: run[1] - run[0])
        elif len(set(filter(None, below))) < len(list(filter(None, below))):
            last = (_columns_of(following[0], following[1], columns)[0] if following else len(columns)) - 1
        for column in range(first, max(first, last) + 1):
            found[column] = text
    is_whole = {text for _, _, text in names} <= set(found)
    return found if is_whole and len(set(filter(None, found))) < len(list(filter(None, found))) else None


def _columns_of(left: float, right: float, columns: Sequence[tuple[float, float]]) -> tuple[int, int]:
    """Return the first and last column that a text stands over; the nearest one if it is over none."""
    over = [at for at, (start, end) in enumerate(columns) if min(right, end) > max(left, start)]
    if over:
        return over[0], over[-1]
    nearest = min(range(len(columns)), key=lambda at: abs(sum(columns[at]) - left - right))
    return nearest, nearest
