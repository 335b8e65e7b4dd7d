"""Words of a page and the rows that they stand in."""

import re
import unicodedata
from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.bidi import RIGHT_TO_LEFT, logical_order
from memorag_graph.documents.pdf.characters import Boxes, Characters

Indices = NDArray[np.intp]

_SPACE = re.compile(r"\s")
_NEW_WORD = 0.35
"""A gap of more than this share of the font size separates words, though the file has no space there."""

_BACKWARD = 0.5
_SAME_ROW = 0.25
"""Words whose base lines differ by less than this share of the font size stand in the same row."""

_SAME_PLACE = 0.01
_LAM, _ALEFS = "\u0644", "\u0622\u0623\u0625\u0627"
_JOINED = 0.12
_DESCENT = 0.21
_SMALL = 0.8
_STEP, _FEWEST_STEPS = 0.25, 2
_RAISED = 0.15


@dataclass(frozen=True, slots=True)
class Words:
    """Words of a page.

    Attributes:
        characters: The page's characters.
        starts: Index of the first character of each word.
        ends: Index behind the last character of each word.
        boxes: Box of each word.
        rows: Number of the row of each word, from the top of the page.
        right_to_left: Whether most letters of the page are written from right to left.
    """

    characters: Characters
    starts: Indices
    ends: Indices
    boxes: Boxes
    rows: Indices
    right_to_left: bool

    def __len__(self) -> int:
        return len(self.starts)

    def heights(self) -> NDArray[np.float32]:
        """Font size of each word in points."""
        return self.boxes[:, 3] - self.boxes[:, 1]

    def word(self, at: int) -> str:
        """Text of a word as it is drawn."""
        return self.characters.text[self.starts[at] : self.ends[at]]


def slanted_characters(characters: Characters, visible: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], float]:
    """Return which characters stand in lines that are not level, and how far those lines descend: below 0, they rise."""
    places = _without_spaces(characters.text, visible)
    slanted = np.zeros(len(visible), bool)
    if len(places) < _FEWEST_STEPS + 1:
        return slanted, 0.0
    boxes = characters.boxes[places]
    middles, sizes = (boxes[:, 1] + boxes[:, 3]) / 2, (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
    size = np.maximum(sizes[:-1], sizes[1:])
    across = np.abs((boxes[1:, 0] + boxes[1:, 2] - boxes[:-1, 0] - boxes[:-1, 2]) / 2)
    moved = middles[1:] - middles[:-1]
    steps = (np.diff(places) == 1) & (np.abs(moved) > _STEP * size) & (np.maximum(np.abs(moved), across) < 2 * size)
    runs = steps[:-1] & steps[1:]
    steps[:] = False
    steps[:-1] |= runs
    steps[1:] |= runs
    slanted[places[:-1][steps]] = True
    slanted[places[1:][steps]] = True
    return slanted, float(np.median(moved[steps])) if steps.any() else 0.0


def _without_spaces(text: str, visible: NDArray[np.bool_]) -> Indices:
    shown = visible.copy()
    shown[[match.start() for match in _SPACE.finditer(text)]] = False
    return np.flatnonzero(shown)


def find_words(characters: Characters, visible: NDArray[np.bool_]) -> Words:
    """Find the words of a page, and the rows that they stand in."""
    text = characters.text
    places = _without_spaces(text, visible)
    letters = RIGHT_TO_LEFT.findall(text)
    right_to_left = 2 * len(letters) > sum(map(str.isalpha, text)) if letters else False
    if not len(places):
        none = np.zeros(0, np.intp)
        return Words(characters, none, none, np.zeros((0, 4), np.float32), none, False)
    first = np.concatenate([[0], np.flatnonzero(_breaks(characters, places, bool(letters))) + 1])
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
    return Words(characters, places[first], places[last] + 1, merged, _rows(merged), right_to_left)


def _breaks(characters: Characters, places: Indices, both_directions: bool) -> NDArray[np.bool_]:
    """Return whether a word ends after each but the last of the places."""
    boxes = characters.boxes[places]
    before, after = boxes[:-1], boxes[1:]
    heights = np.maximum(boxes[:, 3] - boxes[:, 1], 0.1)
    size = np.maximum(heights[:-1], heights[1:])
    apart = after[:, 0] - before[:, 2]
    backward = before[:, 0] - after[:, 0] > _BACKWARD * size
    if both_directions:
        apart = np.maximum(apart, before[:, 0] - after[:, 2])
        backward = np.zeros_like(backward)
    overlap = np.minimum(before[:, 3], after[:, 3]) - np.maximum(before[:, 1], after[:, 1])
    other_row = overlap < 0.5 * np.minimum(heights[:-1], heights[1:])
    script = np.abs(heights[:-1] - heights[1:]) > (1 - _SMALL) * size
    broken: NDArray[np.bool_] = (
        (places[1:] > places[:-1] + 1) | (apart > _NEW_WORD * size) | backward | other_row | script
    )
    return broken


def _rows(boxes: Boxes) -> Indices:
    """Number the rows of words: those on the same base line, and small raised or lowered ones beside them."""
    heights = boxes[:, 3] - boxes[:, 1]
    lines = (boxes[:, 3] - _DESCENT * heights).tolist()
    sizes = heights.tolist()
    row_lines: list[float] = []
    numbers: dict[float, int] = {}
    rows: list[int] = []
    tops, bottoms, lefts, rights = (boxes[:, at].tolist() for at in (1, 3, 0, 2))
    for at, (line, size) in enumerate(zip(lines, sizes, strict=True)):
        if at and _beside(at, tops, bottoms, lefts, rights):
            rows.append(rows[-1])
            continue
        place = bisect_left(row_lines, line)
        near = [it for it in row_lines[max(0, place - 1) : place + 1] if abs(it - line) <= _SAME_ROW * size]
        if near:
            rows.append(numbers[min(near, key=lambda it: abs(it - line))])
        else:
            insort(row_lines, line)
            numbers[line] = len(numbers)
            rows.append(numbers[line])
    rank = {numbers[line]: order for order, line in enumerate(row_lines)}
    return np.array([rank[row] for row in rows], np.intp)


def _beside(
    at: int, tops: Sequence[float], bottoms: Sequence[float], lefts: Sequence[float], rights: Sequence[float]
) -> bool:
    """Return whether a word is a script of the word before it, or continues it after one."""
    height, before = bottoms[at] - tops[at], bottoms[at - 1] - tops[at - 1]
    smaller, larger = min(height, before), max(height, before)
    if not 0.4 * larger < smaller < _SMALL * larger:
        return False
    overlap = min(bottoms[at], bottoms[at - 1]) - max(tops[at], tops[at - 1])
    return overlap > 0.4 * smaller and -0.3 * larger < lefts[at] - rights[at - 1] < 0.35 * larger


def line_text(words: Words, members: Sequence[int]) -> str:
    """Return the text of words that stand in a row, in the order of reading.

    Args:
        words: The words of the page.
        members: Numbers of the words.
    """
    boxes = words.boxes
    ordered = sorted(members, key=lambda at: (boxes[at, 0] + boxes[at, 2]).item())
    texts = [words.word(at) for at in ordered]
    if any(map(RIGHT_TO_LEFT.search, texts)):
        return logical_order(_visual(words, ordered), words.right_to_left)
    pieces = texts[:1]
    for before, at, text in zip(ordered, ordered[1:], texts[1:], strict=False):
        pieces.append(_between(words, before, at) + text)
    return "".join(pieces)


def _between(words: Words, before: int, at: int) -> str:
    """Return what stands between two neighbours: a space, nothing, or a sign that a number is raised."""
    left, right = words.boxes[before].tolist(), words.boxes[at].tolist()
    height = max(left[3] - left[1], right[3] - right[1])
    between = words.characters.text[words.ends[before] : words.starts[at]]
    gap = right[0] - left[2]
    if between and between.isspace() and gap > -_BACKWARD * height:
        return " "
    if gap > _JOINED * height:
        return " "
    small = right[3] - right[1] < _SMALL * (left[3] - left[1])
    raised = small and left[3] - right[3] > _RAISED * height
    is_power = raised and words.word(before)[-1].isdigit() and words.word(at).strip("+-−").isdigit()
    return "^" if is_power else ""


def _are_apart(words: Words, left: int, right: int) -> bool:
    """Return whether a space stands between two neighbours; either may be drawn first."""
    first, second = sorted((left, right), key=lambda at: int(words.starts[at]))
    if words.starts[second] == words.ends[first]:
        return bool(
            words.boxes[right, 0] - words.boxes[left, 2] > _NEW_WORD * (words.boxes[left, 3] - words.boxes[left, 1])
        )
    between = slice(int(words.ends[first]), int(words.starts[second]))
    gap = float(words.boxes[right, 0] - words.boxes[left, 2])
    return _has_space(words, between) or gap > _JOINED * float(words.boxes[left, 3] - words.boxes[left, 1])


def _has_space(words: Words, between: slice) -> bool:
    """Return whether a space stands between two words that the file draws, not one that PDFium supposes."""
    boxes = words.characters.boxes[between]
    return bool((boxes[:, 2] > boxes[:, 0]).any())


def _visual(words: Words, ordered: Sequence[int]) -> list[str]:
    """Return the letters of words from left to right, each with the marks on it; spaces between the words."""
    clusters: list[str] = []
    boxes, text = words.characters.boxes, words.characters.text
    for position, at in enumerate(ordered):
        found: list[tuple[float, str]] = []
        for place in range(int(words.starts[at]), int(words.ends[at])):
            letter = text[place]
            if found and _is_mark(letter):
                found[-1] = (found[-1][0], found[-1][1] + letter)
            else:
                found.append(((boxes[place, 0] + boxes[place, 2]).item(), letter))
        found.sort(key=lambda it: it[0])
        _order_ligatures(found)
        clusters += [" "] * (position > 0 and _are_apart(words, ordered[position - 1], at))
        clusters += [letters for _, letters in found]
    return clusters


def _order_ligatures(found: list[tuple[float, str]]) -> None:
    """Put the alef of a ligature before its lam, as they are seen; both have the box of the ligature."""
    for at in range(len(found) - 1):
        (place, first), (following, second) = found[at], found[at + 1]
        if abs(place - following) < _SAME_PLACE and first[0] == _LAM and second[0] in _ALEFS:
            found[at], found[at + 1] = found[at + 1], found[at]


def _is_mark(letter: str) -> bool:
    return unicodedata.category(letter) == "Mn"
