"""Compute list numbers and bullets; a DOCX file only defines how to count them (ECMA-376, part 1, 17.9)."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from memorag_graph.documents.docx_styles import WORD, Styles, number, value

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_BULLET = "-"
_LONGEST = 255
"""Maximum characters of a level's text, as in Word."""

_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_MOST_ROMAN = 4000


def _roman(count: int) -> str:
    if not 0 < count < _MOST_ROMAN:
        return str(count)
    written = ""
    for size, letters in _ROMAN:
        times, count = divmod(count, size)
        written += letters * times
    return written


def _letter(count: int) -> str:
    """Write a number as Word does: a to z, aa, bb and so on."""
    return chr(ord("a") + (count - 1) % 26) * min(1 + (count - 1) // 26, 10) if count > 0 else str(count)


FORMATS: Mapping[str, Callable[[int], str]] = {
    "lowerRoman": _roman,
    "upperRoman": lambda count: _roman(count).upper(),
    "lowerLetter": _letter,
    "upperLetter": lambda count: _letter(count).upper(),
    "decimalZero": lambda count: f"{count:02}",
    "none": lambda _: "",
}
"""Number formats; all others are written in digits."""


class Numbering:
    """Counts the numbered paragraphs of a document, which are passed in order.

    Args:
        root: The element ``w:numbering`` of the document; None if there is none.
        styles: Styles of the document.
    """

    def __init__(self, root: Any, styles: Styles) -> None:  # noqa: ANN401 - the library is untyped
        self._styles = styles
        lists = () if root is None else root.iter(f"{WORD}num")
        self._lists = {str(it.get(f"{WORD}numId")): it for it in lists}
        kinds = () if root is None else root.iter(f"{WORD}abstractNum")
        self._kinds = {str(it.get(f"{WORD}abstractNumId")): it for it in kinds}
        self._known: dict[str, _List] = {}
        self._counts: dict[str, list[int | None]] = {}
        self._begun: set[tuple[str, int]] = set()

    def label(self, paragraph: Any) -> tuple[str, int]:  # noqa: ANN401
        """Return the label of a paragraph, empty if it has none, and its level from 0."""
        list_id = self._styles.find(paragraph, "numPr/numId")
        if list_id is None:
            named = self._styles.name(self._styles.of(paragraph))
            return (_BULLET if named.startswith("List Bullet") else ""), 0
        listed = self._known.get(list_id) or self._known.setdefault(list_id, self._list(list_id))
        level = self._level(paragraph, listed)
        if level not in listed.levels:
            return "", 0
        self._count(list_id, listed, level)
        return self._written(listed, level), level

    def _list(self, list_id: str) -> "_List":
        """Return a list with the levels of its definition, which a style may link to, and its own overrides."""
        own = self._lists.get(list_id)
        kind = value(own, "abstractNumId") or ""
        if link := value(self._kinds.get(kind), "numStyleLink"):
            kind = value(self._lists.get(self._styles.value_of(link, "pPr/numPr/numId") or ""), "abstractNumId") or kind
        levels, starts = {}, {}
        for node in (self._kinds.get(kind), own):
            for it in () if node is None else node.iter(f"{WORD}lvl"):
                levels[number(it.get(f"{WORD}ilvl"), -1)] = it
        for it in () if own is None else own.iter(f"{WORD}lvlOverride"):
            if (start := value(it, "startOverride")) is not None:
                starts[number(it.get(f"{WORD}ilvl"), -1)] = number(start, 0)
        return _List(kind, {level: levels[level] for level in range(_LEVELS) if level in levels}, starts)

    def _level(self, paragraph: Any, listed: "_List") -> int:  # noqa: ANN401
        level_number = self._styles.find(paragraph, "numPr/ilvl")
        if level_number is not None:
            return number(level_number, -1)
        linked = {value(it, "pStyle"): level for level, it in listed.levels.items()}
        styles = self._styles.chain(self._styles.of(paragraph))
        return next((linked[style] for style in styles if style in linked), 0)

    def _count(self, list_id: str, listed: "_List", level: int) -> None:
        counts = self._counts.setdefault(listed.kind, [None] * _LEVELS)
        before = counts[level]
        if level in listed.starts and (list_id, level) not in self._begun:
            before = None
        self._begun.add((list_id, level))
        for skipped in range(level):  # a skipped level counts as started
            counts[skipped] = listed.start(skipped) if counts[skipped] is None else counts[skipped]
        counts[level] = listed.start(level) if before is None else before + 1
        for deeper in range(level + 1, _LEVELS):
            if level < number(value(listed.levels.get(deeper), "lvlRestart"), _LEVELS):
                counts[deeper] = None

    def _written(self, listed: "_List", level: int) -> str:
        """Format a number as its level defines it, with the numbers of the levels above that it refers to."""
        described = listed.levels[level]
        if value(described, "numFmt") == "bullet":
            return _BULLET
        counts = self._counts[listed.kind]
        plain = described.find(f"{WORD}isLgl") is not None

        def written(place: re.Match[str]) -> str:
            named = int(place[1]) - 1
            form = "decimal" if plain else value(listed.levels.get(named), "numFmt")
            return FORMATS.get(form or "", str)(counts[named] or 0)

        return _PLACE.sub(written, (value(described, "lvlText") or "")[:_LONGEST]).strip()


@dataclass(frozen=True)
class _List:
    """A list of a document.

    Attributes:
        kind: Id of its definition; lists with the same definition continue each other's numbers.
        levels: Its elements ``w:lvl`` by level from 0.
        starts: First numbers of levels for which the list overrides them.
    """

    kind: str
    levels: Mapping[int, Any]
    starts: Mapping[int, int]

    def start(self, level: int) -> int:
        """Return the first number of a level."""
        return self.starts[level] if level in self.starts else number(value(self.levels.get(level), "start"), 0)
