"""The numbers and bullets that Word puts before paragraphs; a file says only how to count (ECMA-376, part 1, 17.9)."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from memorag_graph.documents.docx_styles import WORD, Styles, value

_LEVELS = 9
_PLACE = re.compile(r"%([1-9])")
_BULLET = "-"
_ROMAN = ((1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
          (9, "ix"), (5, "v"), (4, "iv"), (1, "i"))  # fmt: skip
_MOST_ROMAN = 4000


def _roman(number: int) -> str:
    if not 0 < number < _MOST_ROMAN:
        return str(number)
    written = ""
    for size, letters in _ROMAN:
        times, number = divmod(number, size)
        written += letters * times
    return written


def _letter(number: int) -> str:
    """Write a number as Word does: a to z, aa, bb and so on."""
    return chr(ord("a") + (number - 1) % 26) * min(1 + (number - 1) // 26, 10) if number > 0 else str(number)


_FORMATS: Mapping[str, Callable[[int], str]] = {
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
    "lowerLetter": _letter,
    "upperLetter": lambda number: _letter(number).upper(),
    "decimalZero": lambda number: f"{number:02}",
    "none": lambda _: "",
}
"""Of all others, digits are written."""


class Numbering:
    """Counts a document's numbered paragraphs, which are given in order.

    Args:
        roots: The roots of what the document says of numbering, ``w:numbering``.
        styles: The document's styles.
    """

    def __init__(self, roots: Sequence[Any], styles: Styles) -> None:
        self._styles = styles
        self._counts: dict[str, list[int | None]] = {}
        self._begun: set[tuple[str, int]] = set()
        self._known_levels: dict[str, Mapping[int, Any]] = {}
        self._lists = {str(it.get(f"{WORD}numId")): it for root in roots for it in root.iter(f"{WORD}num")}
        self._kinds = {
            str(it.get(f"{WORD}abstractNumId")): it for root in roots for it in root.iter(f"{WORD}abstractNum")
        }

    def label(self, paragraph: Any) -> tuple[str, int]:  # noqa: ANN401 - the library's elements are untyped
        """Return what stands before a paragraph, and its level from 0; nothing before one that is not numbered."""
        list_id = self._styles.find(paragraph, "numPr/numId")
        if list_id is None:
            named = value(next(self._styles.chain(self._styles.of(paragraph)), None), "name") or ""
            return (_BULLET if named.startswith("List ") else ""), 0
        levels = self._levels(list_id)
        level = self._level(paragraph, levels)
        if level not in levels:
            return "", 0
        self._count(list_id, levels, level)
        return self._written(list_id, levels, level), level

    def _kind(self, list_id: str) -> str:
        """Return the definition that a list follows, through a style where it links to one."""
        kind = value(self._lists.get(list_id), "abstractNumId") or ""
        link = value(self._kinds.get(kind), "numStyleLink")
        linked = [value(style, "pPr/numPr/numId") for style in self._styles.chain(link or "")]
        kinds = [value(self._lists.get(it or ""), "abstractNumId") for it in linked]
        return next((it for it in kinds if it in self._kinds), kind)

    def _levels(self, list_id: str) -> Mapping[int, Any]:
        """Return the levels of a list: its kind's, or its own instead."""
        if (known := self._known_levels.get(list_id)) is not None:
            return known
        levels = {}
        for node in (self._kinds.get(self._kind(list_id)), self._lists.get(list_id)):
            for level in () if node is None else node.iter(f"{WORD}lvl"):
                levels[int(level.get(f"{WORD}ilvl"))] = level
        kept = {number: level for number, level in levels.items() if 0 <= number < _LEVELS}
        return self._known_levels.setdefault(list_id, kept)

    def _level(self, paragraph: Any, levels: Mapping[int, Any]) -> int:  # noqa: ANN401
        said = self._styles.find(paragraph, "numPr/ilvl")
        if said is not None:
            return int(said)
        linked = {value(level, "pStyle"): number for number, level in levels.items()}
        styles = (style.get(f"{WORD}styleId") for style in self._styles.chain(self._styles.of(paragraph)))
        return next((linked[style] for style in styles if style in linked), 0)

    def _count(self, list_id: str, levels: Mapping[int, Any], level: int) -> None:
        counts = self._counts.setdefault(self._kind(list_id), [None] * _LEVELS)
        own = self._own_start(list_id, level)
        before = counts[level]
        if own is not None and (list_id, level) not in self._begun:
            before = None
        self._begun.add((list_id, level))
        for skipped in range(level):  # a level that was skipped counts as begun
            counts[skipped] = self._start(list_id, levels, skipped) if counts[skipped] is None else counts[skipped]
        counts[level] = self._start(list_id, levels, level) if before is None else before + 1
        counts[level + 1 :] = [None] * (_LEVELS - level - 1)

    def _own_start(self, list_id: str, level: int) -> int | None:
        """Return where a list begins to count, if it says so itself."""
        for override in self._lists[list_id].iter(f"{WORD}lvlOverride"):
            if override.get(f"{WORD}ilvl") == str(level) and (start := value(override, "startOverride")) is not None:
                return int(start)
        return None

    def _start(self, list_id: str, levels: Mapping[int, Any], level: int) -> int:
        own = self._own_start(list_id, level)
        return int(value(levels.get(level), "start") or 0) if own is None else own

    def _written(self, list_id: str, levels: Mapping[int, Any], level: int) -> str:
        """Return a number as its level wants it written, with those of the levels above that it names."""
        if value(levels[level], "numFmt") == "bullet":
            return _BULLET
        counts = self._counts[self._kind(list_id)]
        plain = levels[level].find(f"{WORD}isLgl") is not None

        def number(place: re.Match[str]) -> str:
            named = int(place[1]) - 1
            form = "decimal" if plain else value(levels.get(named), "numFmt")
            return _FORMATS.get(form or "", str)(counts[named] or 0)

        return _PLACE.sub(number, value(levels[level], "lvlText") or "").strip()
