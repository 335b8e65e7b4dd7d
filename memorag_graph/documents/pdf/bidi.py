"""Turn text as it is seen, from left to right, into the order in which it is read."""

import re
import unicodedata
from collections.abc import Sequence

RIGHT_TO_LEFT = re.compile("[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc\U00010800-\U00010fff\U0001e800-\U0001efff]")
"""Letters and marks of scripts that are written from right to left."""

_PRESENTED = re.compile("[\ufb00-\ufb4f\ufb50-\ufdff\ufe70-\ufefc]")
_MIRRORED = str.maketrans("()[]{}<>«»‹›", ")(][}{><»«›‹")
_OPENING, _CLOSING = "([{«‹", ")]}»›"
_KINDS = {"R": "R", "AL": "R", "L": "L", "EN": "N", "AN": "N", "ET": "E", "ES": "E", "CS": "E"}
_UNIT = re.compile(r"[a-z]{1,3}(?: )(?=\d)")
"""A unit of measure before its number: in a line from right to left, the number is read first."""


def expand_ligatures(text: str) -> str:
    """Write ligatures, and letters in the shape that they take in a word, as plain letters."""
    return _PRESENTED.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)


def logical_order(clusters: Sequence[str], right_to_left: bool) -> str:
    """Return the text of a line in the order of reading.

    Args:
        clusters: Its letters from left to right, each with the marks on it.
        right_to_left: Whether the line's paragraph begins at the right.
    """
    kinds = [_KINDS.get(unicodedata.bidirectional(cluster[0]), "O") for cluster in clusters]
    if right_to_left:
        return _read_from_right(clusters, kinds)
    pieces: list[str] = []
    start = 0
    while start < len(clusters):
        end = _right_to_left_end(kinds, start)
        if end > start:
            pieces.append(_read_from_right(clusters[start:end], kinds[start:end]))
        else:
            pieces.append(clusters[start])
        start = max(end, start + 1)
    return "".join(pieces)


def _right_to_left_end(kinds: Sequence[str], start: int) -> int:
    """Return the end of the letters from right to left that begin at a place; the place itself if none do."""
    end = start
    for at in range(start, len(kinds)):
        if kinds[at] == "L" or (at == start and kinds[at] != "R"):
            break
        if kinds[at] == "R":
            end = at + 1
    return end


def _read_from_right(clusters: Sequence[str], kinds: Sequence[str]) -> str:
    """Reverse clusters, but not the numbers and the words from left to right among them."""
    units: list[tuple[str, bool]] = []
    start = 0
    while start < len(clusters):
        end = _left_to_right_end(kinds, start)
        unit = "".join(clusters[start:end])
        if match := _UNIT.match(unit):
            units += [(unit[: match.end()].strip(), False), (" ", True), (unit[match.end() :], False)]
        else:
            units.append((unit, end == start + 1 and kinds[start] == "O"))
        start = end
    units.reverse()
    drawn = "".join(unit for unit, _ in units)
    mirrored = "".join(unit.translate(_MIRRORED) if neutral else unit for unit, neutral in units)
    return mirrored if _unmatched(mirrored) < _unmatched(drawn) else drawn


def _left_to_right_end(kinds: Sequence[str], start: int) -> int:
    """Return the end of the unit that begins at a place: words or a number from left to right, or one cluster."""
    if kinds[start] not in "LN":
        return start + 1
    end, has_letters = start + 1, kinds[start] == "L"
    for at in range(start + 1, len(kinds)):
        if kinds[at] == "R":
            break
        if kinds[at] in "LN":
            between = kinds[end:at]
            if not has_letters and kinds[at] == "N" and len(between) > ("E" in between):
                break
            end, has_letters = at + 1, has_letters or kinds[at] == "L"
    return end


def _unmatched(text: str) -> int:
    """Return the number of brackets without a partner."""
    waiting: list[int] = []
    alone = 0
    for letter in text:
        if letter in _OPENING:
            waiting.append(_OPENING.index(letter))
        elif letter in _CLOSING:
            if waiting and waiting[-1] == _CLOSING.index(letter):
                waiting.pop()
            else:
                alone += 1
    return alone + len(waiting)
