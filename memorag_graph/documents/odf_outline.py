"""Compute the numbers of OpenDocument headings, of which a file only says how to count (OpenDocument 1.3, part 3)."""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from memorag_graph.documents.docx_numbering import FORMATS

TEXT = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
STYLE = "urn:oasis:names:tc:opendocument:xmlns:style:1.0"
FORMS: Mapping[str, str] = {
    "1": "", "a": "lowerLetter", "A": "upperLetter", "i": "lowerRoman", "I": "upperRoman",
}  # fmt: skip
"""Number formats by the names that DOCX gives them."""

_LEVELS = 10
_LONGEST = 10
"""Characters before and behind a number."""

_OUTLINE = ""


@dataclass(frozen=True, slots=True)
class _Level:
    """How a level of headings is numbered.

    Attributes:
        form: Number format; empty for none.
        before: What stands before the number.
        after: What stands behind it.
        shown: How many levels the number has, as 2 for "3.1".
        start: The first number.
    """

    form: str
    before: str
    after: str
    shown: int
    start: int


class HeadingNumbers:
    """Counts the headings of a document, which are passed in order.

    Args:
        roots: The elements in which styles are defined.
    """

    def __init__(self, roots: Sequence[Any]) -> None:
        self._levels: dict[str, dict[int, _Level]] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        for root in roots:
            for outline in root.iter(f"{{{TEXT}}}outline-style"):
                self._levels[_OUTLINE] = dict(_levels(outline, "outline-level-style"))
            for listed in root.iter(f"{{{TEXT}}}list-style"):
                name = str(listed.get(f"{{{STYLE}}}name") or "")
                self._levels[name or _OUTLINE] = dict(_levels(listed, "list-level-style-number"))

    def numbered(self, heading: Any, text: str, style: str = _OUTLINE, level: int = 0) -> str:  # noqa: ANN401
        """Return the text of a heading with its number before it, if it has one.

        Args:
            heading: The heading.
            text: Its text.
            style: Name of the style of the list that it is an item of; that of the outline by default.
            level: Its level in that list, from 1; its own by default.
        """
        own = _number(heading, TEXT, "outline-level", 1)
        number = self._next(style, level or own, heading) if text.strip() else ""
        return f"{number} {text}" if number and not text.startswith(number) else text

    def _next(self, style: str, level: int, heading: Any) -> str:  # noqa: ANN401
        levels, counts = self._levels.get(style, {}), self._counts[style]
        if level not in levels or heading.get(f"{{{TEXT}}}is-list-header") == "true":
            return ""
        start = _number(heading, TEXT, "start-value", levels[level].start)
        restarts = heading.get(f"{{{TEXT}}}restart-numbering") == "true"
        counts[level] = start if restarts or level not in counts else counts[level] + 1
        for deeper in [it for it in counts if it > level]:
            del counts[deeper]
        here = levels[level]
        if here.form not in FORMS:
            return ""
        above = range(max(1, level - here.shown + 1), level)
        shown = [it for it in above if it in levels and levels[it].form in FORMS]
        parts = [_written(levels[it], counts.setdefault(it, levels[it].start)) for it in shown]
        return f"{here.before}{'.'.join([*parts, _written(here, counts[level])])}{here.after}".strip()


def _written(level: _Level, count: int) -> str:
    return FORMATS.get(FORMS[level.form], str)(count)


def _levels(style: Any, kind: str) -> Iterator[tuple[int, _Level]]:  # noqa: ANN401
    for level in style.iterchildren(f"{{{TEXT}}}{kind}"):
        form, before, after = (
            str(level.get(f"{{{STYLE}}}num-{it}") or "")[:_LONGEST] for it in ("format", "prefix", "suffix")
        )
        shown = min(_number(level, TEXT, "display-levels", 1), _LEVELS)
        yield (
            _number(level, TEXT, "level", 1),
            _Level(form, before, after, shown, _number(level, TEXT, "start-value", 1)),
        )


def _number(element: Any, space: str, name: str, otherwise: int) -> int:  # noqa: ANN401
    written = str(element.get(f"{{{space}}}{name}") or "")
    return int(written) if written.isdecimal() and len(written) < 8 else otherwise
