"""The text of the words that stand in a row."""

import re
import unicodedata
from collections.abc import Sequence

from memorag_graph.documents.marks import BEFORE, superscript
from memorag_graph.documents.pdf.bidi import RIGHT_TO_LEFT, logical_order
from memorag_graph.documents.pdf.words import BACKWARD, NEW_WORD, SMALL, TOUCHING, Words

_JOINED = 0.12
"""A gap of less than this share of the font size is no space."""

_RAISED = 0.15
_RAISED_TEXT = re.compile(r"[-+−–]?\d{1,3}")
_SAME_PLACE = 0.01
_LAM, _ALEFS = "\u0644", "\u0622\u0623\u0625\u0627"


def line_text(words: Words, members: Sequence[int]) -> str:
    """Return the text of words that stand in a row, in the order of reading.

    Args:
        words: The words of the page.
        members: Numbers of the words.
    """
    first, last = members[0], members[-1]
    if not words.has_right_to_left and last - first + 1 == len(members) and words.follows[first + 1 : last + 1].all():
        return " ".join(words.characters.text[words.starts[first] : words.ends[last]].split())
    boxes = words.boxes
    ordered = sorted(members, key=lambda at: (boxes[at, 0] + boxes[at, 2]).item())
    texts = [words.word(at) for at in ordered]
    if any(map(RIGHT_TO_LEFT.search, texts)):
        return logical_order(_visual(words, ordered), words.right_to_left)
    pieces = texts[:1]
    for before, at, text in zip(ordered, ordered[1:], texts[1:], strict=False):
        if _is_spaced(words, before, at):
            pieces.append(f" {text}")
        elif _RAISED_TEXT.fullmatch(text) and _is_raised(words, before, at):
            pieces.append(superscript(text, "".join(pieces[-2:])[-BEFORE:]))
        else:
            pieces.append(text)
    return "".join(pieces)


def _is_spaced(words: Words, before: int, at: int) -> bool:
    """Return whether a space stands between two neighbours."""
    left, right = words.boxes[before].tolist(), words.boxes[at].tolist()
    height = max(left[3] - left[1], right[3] - right[1])
    between = words.characters.text[words.ends[before] : words.starts[at]]
    gap = right[0] - left[2]
    is_space = between.isspace() and gap > -BACKWARD * height and abs(gap) > TOUCHING * height
    return bool(is_space) or gap > _JOINED * height


def _is_raised(words: Words, before: int, at: int) -> bool:
    """Return whether a word is small, and stands above the line of the one before."""
    left, right = words.boxes[before].tolist(), words.boxes[at].tolist()
    height = max(left[3] - left[1], right[3] - right[1])
    return bool(right[3] - right[1] < SMALL * (left[3] - left[1]) and left[3] - right[3] > _RAISED * height)


def _are_apart(words: Words, left: int, right: int) -> bool:
    """Return whether a space stands between two neighbours; either may be drawn first."""
    first, second = sorted((left, right), key=lambda at: int(words.starts[at]))
    if words.starts[second] == words.ends[first]:
        return bool(
            words.boxes[right, 0] - words.boxes[left, 2] > NEW_WORD * (words.boxes[left, 3] - words.boxes[left, 1])
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
