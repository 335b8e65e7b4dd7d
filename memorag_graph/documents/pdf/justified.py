"""Tell the spaces of justified lines, which may be wide and below each other, from the gaps between columns."""

import numpy as np

from memorag_graph.documents.pdf.occupancy import Occupancy
from memorag_graph.documents.pdf.words import SAME_SPACE

_ALIKE = 0.7
"""Share of rows with the same gap behind a word at the same place: those of a table with cells of one width."""

_SHARE, _FEWEST = 0.6, 2


def is_between_words(occupancy: Occupancy, lefts: dict[int, int], rights: dict[int, int]) -> bool:
    """Return whether a strip without text lies at spaces of justified lines: each is as wide as the one beside it.

    Args:
        occupancy: Where words are.
        lefts: The last word on the left of the strip in each row.
        rights: The first word on its right.
    """
    words, members, row_of = occupancy.words, occupancy.members, occupancy.row_of
    most = SAME_SPACE * occupancy.size
    found: list[tuple[float, float]] = []
    same = 0
    for row in set(lefts) & set(rights):
        if words.word(lefts[row])[-1].isdigit() and words.word(rights[row])[0].isdigit():
            continue
        ordered = members[row_of == row]
        ordered = ordered[np.argsort(words.boxes[ordered, 0])]
        gaps = words.boxes[ordered[1:], 0] - words.boxes[ordered[:-1], 2]
        at = int(np.flatnonzero(ordered == lefts[row])[0])
        beside = np.concatenate([gaps[max(0, at - 1) : at], gaps[at + 1 : at + 2]])
        if len(beside):
            found.append((float(gaps[at]), float(words.boxes[lefts[row], 0])))
            same += bool((np.abs(beside - gaps[at]) <= most).any())
    if len(found) < _FEWEST or same < _SHARE * len(found):
        return False
    off = np.abs(np.array(found) - np.median(found, axis=0)).max(axis=1)
    return float((off <= most).mean()) < _ALIKE
