"""Which places of the rows of a page are covered by words."""

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.words import Indices, Words

_MOST_PLACES = 4_000_000
_FAR = 4.0
"""Rows that are farther apart than so many font sizes, and usual gaps, share no gutter."""


class Occupancy:
    """Which places of each row are covered by words.

    Args:
        words: The words of the page.
        members: Numbers of the words that count.
        finest: Width of a place in points, at least.
    """

    def __init__(self, words: Words, members: Indices, finest: float = 1.0) -> None:
        self.words, self.members = words, members
        boxes = words.boxes[members]
        self.row_numbers, self.row_of = np.unique(words.rows[members], return_inverse=True)
        self.left = float(boxes[:, 0].min())
        width = max(1.0, float(boxes[:, 2].max()) - self.left)
        self.bin = max(finest, finest * width / 800)
        self.bins = int(np.ceil(width / self.bin)) + 1
        self.is_too_large = len(self.row_numbers) * self.bins > _MOST_PLACES
        changes = np.zeros((0 if self.is_too_large else len(self.row_numbers), self.bins + 1), np.int32)
        if not self.is_too_large:
            starts = np.floor((boxes[:, 0] - self.left) / self.bin + 0.2).astype(int)
            ends = np.maximum(starts + 1, np.ceil((boxes[:, 2] - self.left) / self.bin - 0.2).astype(int))
            np.add.at(changes, (self.row_of, starts), 1)
            np.add.at(changes, (self.row_of, np.minimum(ends, self.bins)), -1)
        self.covered: NDArray[np.bool_] = changes.cumsum(axis=1)[:, :-1] > 0
        self.size = float(np.median(boxes[:, 3] - boxes[:, 1]))
        tops, bottoms = row_edges(words, members, self.row_of)
        gaps = np.concatenate([[0.0], tops[1:] - bottoms[:-1]])
        far = max(_FAR * self.size, _FAR * float(np.median(gaps)))
        self.starts_anew: NDArray[np.bool_] = gaps > far

    def strip(self, first: int, end: int) -> tuple[float, float]:
        """Return the left and right edge of a range of bins, in points."""
        return self.left + first * self.bin, self.left + end * self.bin


def row_edges(words: Words, members: Indices, row_of: Indices) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the top and the bottom of each row."""
    count = int(row_of.max()) + 1
    tops, bottoms = np.full(count, np.inf, np.float32), np.full(count, -np.inf, np.float32)
    np.minimum.at(tops, row_of, words.boxes[members, 1])
    np.maximum.at(bottoms, row_of, words.boxes[members, 3])
    return tops, bottoms
