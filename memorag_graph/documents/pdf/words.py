"""Words of a page and the rows that they stand in."""

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.bidi import RIGHT_TO_LEFT
from memorag_graph.documents.pdf.characters import Boxes, Characters

Indices = NDArray[np.intp]

NEW_WORD = 0.35
"""A gap of more than this share of the font size separates words, though the file has no space there."""

CELL_GAP = 0.12
"""A gap of more than this share of the font size may separate cells if it is no space."""

SAME_SPACE = 0.06
"""The spaces of a justified line differ by this share of the font size, at most."""

TOUCHING = 0.02
"""Letters that are closer than this share of the font size touch; PDFium may put a line break between them."""

BACKWARD = 0.5
_SAME_ROW = 0.25
"""Words whose base lines differ by less than this share of the font size stand in the same row."""

_DESCENT = 0.21
SMALL = 0.9
_WIDE_GAP, _BEYOND_SPACES = 0.6, 1.6
_STEP, _FEWEST_STEPS = 0.25, 2
_CLIMB = 0.6
"""Two steps of slanted letters move so many font sizes up or down; those of raised and lowered ones move less."""

_SAME_LINE = 0.05
_CUT = 0.3
"""Share of the font size that parts a word from the one before that it was cut from."""

_DRAWN_SHARE, _FEWEST_DRAWN = 0.1, 1


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a page.

    Attributes:
        characters: The page's characters.
        starts: Index of the first character of each word.
        ends: Index behind the last character of each word.
        boxes: Box of each word.
        rows: Number of the row of each word, from the top of the page.
        follows: Whether each word follows the one before it in its row, after nothing but spaces.
        right_to_left: Whether most letters of the page are written from right to left.
        has_right_to_left: Whether some are.
        wide_gap: Gaps of so many font sizes are wider than spaces.
        after_space: Whether a space that the file draws ends where each word begins.
        draws_spaces: Whether the file draws spaces between words, so that a gap without one parts cells.
    """

    characters: Characters
    starts: Indices
    ends: Indices
    boxes: Boxes
    rows: Indices
    follows: NDArray[np.bool_]
    right_to_left: bool
    has_right_to_left: bool
    wide_gap: float
    after_space: NDArray[np.bool_]
    draws_spaces: bool

    def __len__(self) -> int:
        return len(self.starts)

    def heights(self) -> NDArray[np.float32]:
        """Font size of each word in points."""
        return self.boxes[:, 3] - self.boxes[:, 1]

    def word(self, at: int) -> str:
        """Text of a word as it is drawn."""
        return self.characters.text[self.starts[at] : self.ends[at]]

    def cell_gaps(self, ordered: Indices, size: float) -> NDArray[np.bool_]:
        """Return whether a gap follows each but the last of the words, ordered by row and place, that parts cells.

        It is wide, or has no space where the file draws spaces between words.
        """
        boxes, rows = self.boxes[ordered], self.rows[ordered]
        gaps = boxes[1:, 0] - boxes[:-1, 2]
        wide = gaps >= self.wide_gap * size
        if self.draws_spaces:
            wide |= (gaps > CELL_GAP * size) & ~self.is_spaced(ordered[:-1], ordered[1:])
        parted: NDArray[np.bool_] = (rows[1:] == rows[:-1]) & wide
        return parted

    def is_spaced(self, before: Indices, after: Indices) -> NDArray[np.bool_]:
        """Return whether words follow others in the file, after spaces that it draws."""
        spaced: NDArray[np.bool_] = (after == before + 1) & self.after_space[after]
        return spaced


def slanted_characters(characters: Characters, visible: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], float]:
    """Return which characters stand in lines that are not level, and how far the lines descend; below 0, they rise."""
    places = np.flatnonzero(visible & ~characters.spaces)
    slanted = np.zeros(len(visible), bool)
    if len(places) < _FEWEST_STEPS + 1:
        return slanted, 0.0
    boxes = characters.boxes[places]
    middles, sizes = (boxes[:, 1] + boxes[:, 3]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    size = np.maximum(sizes[:-1], sizes[1:])
    across = np.abs((boxes[1:, 0] + boxes[1:, 2] - boxes[:-1, 0] - boxes[:-1, 2]) / 2)
    moved = middles[1:] - middles[:-1]
    steps = (np.diff(places) == 1) & (np.abs(moved) > _STEP * size) & (np.maximum(np.abs(moved), across) < 2 * size)
    runs = steps[:-1] & steps[1:] & (np.abs(moved[:-1] + moved[1:]) > _CLIMB * np.maximum(size[:-1], size[1:]))
    steps[:] = False
    steps[:-1] |= runs
    steps[1:] |= runs
    slanted[places[:-1][steps]] = True
    slanted[places[1:][steps]] = True
    return slanted, float(np.median(moved[steps])) if steps.any() else 0.0


def find_words(characters: Characters, visible: NDArray[np.bool_], cuts: Indices | None = None) -> Words:
    """Find the words of a page, and the rows that they stand in.

    Args:
        characters: The characters of the page.
        visible: Which of them count.
        cuts: Characters that begin words though nothing separates them from those before.
    """
    text = characters.text
    spaces = characters.spaces
    places = np.flatnonzero(visible & ~spaces)
    letters = RIGHT_TO_LEFT.findall(text)
    right_to_left = 2 * len(letters) > sum(map(str.isalpha, text)) if letters else False
    if not len(places):
        none = np.zeros(0, np.intp)
        no = none.astype(bool)
        return Words(characters, none, none, np.zeros((0, 4), np.float32), none, no, False, False, _WIDE_GAP, no, False)
    breaks = _breaks(characters, places, bool(letters))
    if cuts is not None:
        breaks |= np.isin(places[1:], cuts)
    first = np.concatenate([[0], np.flatnonzero(breaks) + 1])
    last = np.concatenate([first[1:], [len(places)]]) - 1
    boxes = characters.boxes[places]
    merged = np.stack(
        [
            np.minimum.reduceat(boxes[:, 0], first),
            np.minimum.reduceat(boxes[:, 1], first),
            np.maximum.reduceat(boxes[:, 2], first),
            np.maximum.reduceat(boxes[:, 3], first),
        ],
        axis=1,
    )
    starts, ends, rows = places[first], places[last] + 1, _rows(merged)
    if cuts is not None:
        begun = np.flatnonzero(np.isin(starts[1:], cuts))
        cut = merged[begun + 1, 0] - _CUT * (merged[begun, 3] - merged[begun, 1])
        merged[begun, 2] = np.maximum(merged[begun, 0], np.minimum(merged[begun, 2], cut))
    letters_before = np.concatenate([[0], np.cumsum(~spaces)])
    only_spaces = (starts[1:] > ends[:-1]) & (letters_before[starts[1:]] == letters_before[ends[:-1]])
    between, heights = merged[1:, 0] - merged[:-1, 2], merged[1:, 3] - merged[1:, 1]
    to_the_right = (between > -BACKWARD * heights) & (np.abs(between) > TOUCHING * heights)
    follows = np.concatenate([[False], only_spaces & to_the_right & (rows[1:] == rows[:-1])])
    wide_gap = _wide_gap(characters)
    after_space, draws_spaces = _drawn_spaces(characters, starts, merged, follows, wide_gap)
    return Words(
        characters, starts, ends, merged, rows, follows, right_to_left, bool(letters), wide_gap, after_space,
        draws_spaces and not letters,
    )  # fmt: skip


def _drawn_spaces(
    characters: Characters, starts: Indices, boxes: Boxes, follows: NDArray[np.bool_], wide_gap: float
) -> tuple[NDArray[np.bool_], bool]:
    """Return whether a drawn space ends where each word begins, and whether the file draws its spaces."""
    heights = boxes[:, 3] - boxes[:, 1]
    before = characters.boxes[np.maximum(starts - 1, 0)]
    after_space = (starts > 0) & characters.spaces[np.maximum(starts - 1, 0)] & (before[:, 2] > before[:, 0])
    drawn: NDArray[np.bool_] = after_space & (np.abs(before[:, 2] - boxes[:, 0]) < CELL_GAP * heights)
    gaps = np.concatenate([[np.inf], boxes[1:, 0] - boxes[:-1, 2]])
    narrow = follows & (gaps < wide_gap * heights)
    spaces = int((drawn & narrow).sum())
    return drawn | _stretched(
        after_space & follows, gaps, heights
    ), spaces >= _FEWEST_DRAWN and spaces >= _DRAWN_SHARE * int(narrow.sum())


def _stretched(
    after_space: NDArray[np.bool_], gaps: NDArray[np.float32], heights: NDArray[np.float32]
) -> NDArray[np.bool_]:
    """Return which words follow a space of a justified line: it is as wide as the one beside it."""
    same = after_space[1:] & after_space[:-1] & (np.abs(gaps[1:] - gaps[:-1]) <= SAME_SPACE * heights[1:])
    stretched = np.zeros_like(after_space)
    stretched[1:] |= same
    stretched[:-1] |= same
    return stretched


def _wide_gap(characters: Characters) -> float:
    """Return the gap that is wider than the spaces of a page: in fonts like a typewriter's they are wide."""
    boxes = characters.boxes[characters.spaces]
    boxes = boxes[(boxes[:, 2] > boxes[:, 0]) & (boxes[:, 3] > boxes[:, 1])]
    if not len(boxes):
        return _WIDE_GAP
    usual = float(np.median((boxes[:, 2] - boxes[:, 0]) / (boxes[:, 3] - boxes[:, 1])))
    return min(1.0, max(_WIDE_GAP, _BEYOND_SPACES * usual))


def _breaks(characters: Characters, places: Indices, both_directions: bool) -> NDArray[np.bool_]:
    """Return whether a word ends after each but the last of the places."""
    boxes = characters.boxes[places]
    before, after = boxes[:-1], boxes[1:]
    heights = np.maximum(boxes[:, 3] - boxes[:, 1], 0.1)
    size = np.maximum(heights[:-1], heights[1:])
    apart = after[:, 0] - before[:, 2]
    backward = before[:, 0] - after[:, 0] > BACKWARD * size
    if both_directions:
        apart = np.maximum(apart, before[:, 0] - after[:, 2])
        backward = np.zeros_like(backward)
    overlap = np.minimum(before[:, 3], after[:, 3]) - np.maximum(before[:, 1], after[:, 1])
    other_row = overlap < 0.5 * np.minimum(heights[:-1], heights[1:])
    script = np.abs(heights[:-1] - heights[1:]) > (1 - SMALL) * size
    broken: NDArray[np.bool_] = (
        (places[1:] > places[:-1] + 1) | (apart > NEW_WORD * size) | backward | other_row | script
    )
    return broken


def _rows(boxes: Boxes) -> Indices:
    """Number the rows of words: those on the same base line, and small raised or lowered ones beside them."""
    heights = boxes[:, 3] - boxes[:, 1]
    lines = boxes[:, 3] - _DESCENT * heights
    small = _SAME_LINE * heights[1:]
    changes = (np.abs(np.diff(lines)) > small) | (np.abs(np.diff(heights)) > small)
    starts = np.concatenate([[0], np.flatnonzero(changes) + 1])
    row_lines: list[float] = []
    numbers: dict[float, int] = {}
    rows: list[int] = []
    plain = boxes.tolist()
    for at, line, size in zip(starts.tolist(), lines[starts].tolist(), heights[starts].tolist(), strict=True):
        if at and _beside(plain[at - 1], plain[at]):
            rows.append(rows[-1])
            continue
        place = bisect_left(row_lines, line)
        near = [it for it in row_lines[max(0, place - 1) : place + 1] if abs(it - line) <= _SAME_ROW * size]
        if near:
            rows.append(numbers[near[-1] if abs(near[-1] - line) < abs(near[0] - line) else near[0]])
        else:
            insort(row_lines, line)
            numbers[line] = len(numbers)
            rows.append(numbers[line])
    rank = {numbers[line]: order for order, line in enumerate(row_lines)}
    lengths = np.diff(np.concatenate([starts, [len(boxes)]]))
    return np.repeat(np.array([rank[row] for row in rows], np.intp), lengths)


def _beside(before: Sequence[float], after: Sequence[float]) -> bool:
    """Return whether a word is a script of the word before it, or continues it after one."""
    height, other = after[3] - after[1], before[3] - before[1]
    smaller, larger = min(height, other), max(height, other)
    if not 0.4 * larger < smaller < SMALL * larger:
        return False
    overlap = min(after[3], before[3]) - max(after[1], before[1])
    return overlap > 0.4 * smaller and -0.3 * larger < after[0] - before[2] < NEW_WORD * larger
