"""What WordprocessingML says of a paragraph: its text, and what its style makes of it (ECMA-376, part 1)."""

import re
from collections.abc import Iterator
from typing import Any

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_TEXT = {f"{WORD}t", f"{_MATH}t"}
_MARKS = {f"{WORD}tab": "\t", f"{WORD}br": "\n", f"{WORD}cr": "\n", f"{WORD}noBreakHyphen": "-"}
_NOT_TEXT = {f"{WORD}{name}" for name in ("pPr", "rPr", "del", "moveFrom", "txbxContent", "rt")}
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_AROUND = {f"{WORD}{name}" for name in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag")}
"""Elements that stand around others without being a block: content controls, tracked changes, tags."""

_HEADING = re.compile(r"(?:heading \d|title)$", re.IGNORECASE)
_BODY_LEVEL = 9


def children(node: Any, *names: str) -> Iterator[Any]:  # noqa: ANN401 - the library's elements are untyped
    """Yield the children of some names, also those within content controls and tracked changes."""
    tags = {f"{WORD}{name}" for name in names}
    for child in node:
        if child.tag in tags:
            yield child
        elif child.tag in _AROUND:
            yield from children(child, *names)


def inner_text(node: Any) -> str:  # noqa: ANN401
    """Return the text of a paragraph as it reads once all changes are accepted."""
    return "".join(_pieces(node))


def value(node: Any, path: str) -> str | None:  # noqa: ANN401
    """Return the value that an element below a node has, if both are there; the path leaves out the namespace."""
    found = None if node is None else node.find("/".join(f"{WORD}{name}" for name in path.split("/")))
    return None if found is None else found.get(f"{WORD}val")


def _pieces(node: Any) -> Iterator[str]:  # noqa: ANN401
    for child in node:
        if child.tag in _TEXT:
            yield child.text or ""
        elif child.tag in _MARKS:
            yield _MARKS[child.tag]
        elif child.tag not in _NOT_TEXT and child.tag != _FALLBACK:
            yield from _pieces(child)


class Styles:
    """The styles of a document.

    Args:
        element: The root of its styles, ``w:styles``.
    """

    def __init__(self, element: Any) -> None:  # noqa: ANN401
        self._styles = {str(style.get(f"{WORD}styleId")): style for style in element.iter(f"{WORD}style")}
        described = [(it.get(f"{WORD}type"), it.get(f"{WORD}default"), key) for key, it in self._styles.items()]
        self._default = next((key for kind, default, key in described if (kind, default) == ("paragraph", "1")), "")

    def of(self, paragraph: Any) -> str:  # noqa: ANN401
        """Return the id of a paragraph's style."""
        return value(paragraph, "pPr/pStyle") or self._default

    def chain(self, style: str) -> Iterator[Any]:
        """Yield a style and those that it is based on, nearest first."""
        seen = set()
        while style in self._styles and style not in seen:
            seen.add(style)
            yield self._styles[style]
            style = value(self._styles[style], "basedOn") or ""

    def find(self, paragraph: Any, path: str) -> str | None:  # noqa: ANN401
        """Return what a paragraph, or else the nearest of its styles, says of a property."""
        for node in (paragraph, *self.chain(self.of(paragraph))):
            if (found := value(node, f"pPr/{path}")) is not None:
                return found
        return None

    def is_heading(self, paragraph: Any) -> bool:  # noqa: ANN401
        """Tell whether a paragraph is a heading or the title, by its style or its level in the outline."""
        level = self.find(paragraph, "outlineLvl")
        if level is not None and level.isdecimal() and int(level) < _BODY_LEVEL:
            return True
        return any(_HEADING.match(value(style, "name") or "") for style in self.chain(self.of(paragraph)))
