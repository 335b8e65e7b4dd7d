"""Join the lines of a column to paragraphs."""

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass

from memorag_graph.documents.pdf.blocks import Line, Paragraph
from memorag_graph.documents.pdf.hyphens import keeps_hyphen
from memorag_graph.documents.pdf.ocr import ITEM

_COLUMN = 0.8
"""Quantile of the lines' ends that counts as the right edge of the column."""

_SPACE_WIDTH = 0.2
_INDENT = 0.8
_SAME_SIZE = 0.15
_LOOSE = 0.45
"""A gap that is wider than the usual one by this share of the font size begins a paragraph."""

_DOUBLE = 1.0
"""Gap between lines that are set far apart, in font sizes."""

_FULL_LINE = 0.8
_LOWER_SHARE = 0.25
_LONG_LINE, _MEDIUM_LINE, _WIDE_LINE = 45, 25, 15
"""Usual length of the lines of prose: in characters, also if some end sentences, and for scripts without small letters
in font sizes."""

_NEARLY_FULL = 0.75
"""A last line that takes this share of the column may be cut by its end, where the next word did not fit."""

_LONG_START = 30
"""Characters of a line that may begin a short paragraph, if the next line ends a sentence."""

_SENTENCES = 0.2

_JUSTIFIED, _FEWEST_JUSTIFIED = (0.3, 0.95), 6
"""Share of the lines of a justified column that are full, and how many lines show it."""

_EXACT, _MOST_INDENT = 0.1, 2.5
_LABEL = re.compile(r"[^\W\d_][^.:!?]{0,40}:\s")
_SHORT = 0.6
_PROSE = 60
"""Characters of a paragraph of prose, which goes on though what follows begins with no small letter."""

_HYPHENS = "-\u2010\u00ad\ufffe"
_SOFT_HYPHEN = "\u00ad"
_BROKEN_WORD = re.compile(rf"[^\W_][{_HYPHENS}]$")
_ENDED = re.compile(r"""[.!?:;。！？：；…؟۔।]["'”’»)\]]*$""")
_STRAY_HYPHEN = re.compile("[\u00ad\ufffe]")


def join_lines(lines: Sequence[Line]) -> list[Paragraph]:
    """Return the paragraphs of a column's lines, from the top."""
    if not lines:
        return []
    ends = sorted(line.right for line in lines)
    edge = ends[min(len(ends) - 1, int(_COLUMN * len(ends)))]
    left = min(line.left for line in lines)
    usual, prose = _usual_gap(lines), are_prose(lines)
    paragraphs: list[Paragraph] = []
    text, apart = lines[0].text, True
    for line, following in itertools.pairwise(lines):
        if _continues(line, following, _Column(edge, left, usual, prose)):
            text = joined(text, following.text)
            continue
        paragraphs.append(Paragraph(_without_stray_hyphens(text), False, apart))
        text, apart = following.text, _stands_apart(line, following, usual, edge - left)
    goes_on = lines[-1].right - left >= _NEARLY_FULL * (edge - left) and len(lines) > 1
    paragraphs.append(Paragraph(text, goes_on, apart))
    return paragraphs


def joined(text: str, following: str) -> str:
    """Join two lines of a paragraph; a word that is broken at the line's end becomes one."""
    if not text:
        return following
    if text[-1:] in _HYPHENS and _BROKEN_WORD.search(text) and following[:1].isalnum():
        before = text[:-1]
        if keeps_hyphen(before, following):
            return f"{before}{'' if text[-1] == _SOFT_HYPHEN else '-'}{following}"
        return before + following
    return f"{text} {following}"


def flows_on(before: Paragraph, after: Paragraph) -> bool:
    """Return whether a paragraph goes on in the first one of the next column or page."""
    if ITEM.match(after.text) or not after.text:
        return False
    if _BROKEN_WORD.search(before.text) and after.text[0].islower():
        return True
    if _ENDED.search(before.text):
        return False
    is_cut = before.goes_on and len(before.text) > _PROSE
    return after.text[0].islower() or (is_cut and after.text[0].isalnum())


def merge(before: Paragraph, after: Paragraph) -> Paragraph:
    """Return a paragraph of two parts."""
    return Paragraph(joined(before.text, after.text), after.goes_on, before.stands_apart)


def _without_stray_hyphens(text: str) -> str:
    return _STRAY_HYPHEN.sub(lambda match: "-" if match.end() == len(text) else "", text)


def _usual_gap(lines: Sequence[Line]) -> float:
    gaps = sorted(following.top - line.bottom for line, following in itertools.pairwise(lines))
    if len(gaps) == 1:
        return min(gaps[0], _DOUBLE * min(line.height for line in lines))  # nothing says that it is the usual one
    return gaps[len(gaps) // 3] if gaps else 0.0


@dataclass(frozen=True, slots=True)
class _Column:
    """Right and left edge of a column, the usual gap between its lines, and whether they are those of prose."""

    edge: float
    left: float
    gap: float
    is_prose: bool


def are_prose(lines: Sequence[Line]) -> bool:
    """Return whether lines are those of paragraphs, not of a list or a form."""
    starts = [line.text[0] for line in lines]
    if sum(map(str.islower, starts)) >= _LOWER_SHARE * len(lines):
        return True
    lengths = sorted(len(line.text) for line in lines)
    if lengths[len(lines) // 2] >= _LONG_LINE or _are_justified(lines):
        return True
    ended = sum(1 for line in lines if line.text[-1] in ".!?")
    if lengths[len(lines) // 2] >= _MEDIUM_LINE and _SENTENCES * len(lines) <= ended <= (1 - _SENTENCES) * len(lines):
        return True
    widths = sorted((line.right - line.left) / max(1.0, line.height) for line in lines)
    without_case = sum(1 for start in starts if start.isalpha() and start.lower() == start.upper())
    return 2 * without_case >= len(lines) and widths[len(lines) // 2] >= _WIDE_LINE


def _are_justified(lines: Sequence[Line]) -> bool:
    """Return whether many lines of several words, but not all, reach from the left edge to one right edge exactly.

    Those that end with figures may be entries of a table of contents.
    """
    left, right = min(line.left for line in lines), max(line.right for line in lines)
    full = sum(
        1
        for line in lines
        if line.right > right - _EXACT * line.height
        and line.left < left + _MOST_INDENT * line.height
        and " " in line.text
        and not line.text[-1].isdigit()
    )
    return len(lines) >= _FEWEST_JUSTIFIED and _JUSTIFIED[0] * len(lines) <= full <= _JUSTIFIED[1] * len(lines)


def _continues(line: Line, following: Line, column: _Column) -> bool:
    """Return whether a line's paragraph goes on in the next line."""
    size = max(line.height, following.height)
    if abs(line.height - following.height) > _SAME_SIZE * size or ITEM.match(following.text):
        return False
    gap = following.top - line.bottom
    if gap > column.gap + _LOOSE * size or gap < -size:
        return False
    is_indented = following.left - line.left > _INDENT * size and line.left - column.left < _INDENT * size
    if is_indented and not ITEM.match(line.text):
        return False  # the first line of a paragraph
    ended = bool(_ENDED.search(line.text))
    if following.text[0].islower() and not ended:
        return True
    is_prose = column.is_prose or (len(line.text) >= _LONG_START and not ended and _ENDED.search(following.text))
    if not is_prose or (_LABEL.match(line.text) and _LABEL.match(following.text)):
        return False
    if line.right + _SPACE_WIDTH * size + following.first_word > column.edge:
        return True  # its first word did not fit
    return not ended and line.right - column.left >= _FULL_LINE * (column.edge - column.left)


def _stands_apart(line: Line, following: Line, usual: float, width: float) -> bool:
    """Return whether a blank line has to keep two paragraphs apart."""
    size = max(line.height, following.height)
    if following.top - line.bottom > usual + _LOOSE * size or abs(line.height - following.height) > _SAME_SIZE * size:
        return True
    if _ENDED.search(line.text) or ITEM.match(following.text):
        return False
    return line.right - line.left > _SHORT * width
