"""Text of OpenDocument paragraphs, and what its styles hide (OASIS OpenDocument 1.3, part 3)."""

import re
from collections.abc import Iterator, Sequence
from typing import Any

_SPACE = "urn:oasis:names:tc:opendocument:xmlns:"
TEXT, TABLE, OFFICE, DRAW = f"{_SPACE}text:1.0", f"{_SPACE}table:1.0", f"{_SPACE}office:1.0", f"{_SPACE}drawing:1.0"
STYLE, PRESENTATION = f"{_SPACE}style:1.0", f"{_SPACE}presentation:1.0"

_MARKS = {f"{{{TEXT}}}tab": "\t", f"{{{TEXT}}}line-break": "\n", f"{{{TEXT}}}soft-page-break": ""}
_APART = frozenset(
    f"{{{space}}}{name}"
    for space, name in (
        (TEXT, "note-body"),
        (TEXT, "hidden-text"),
        (TEXT, "ruby-text"),
        (TEXT, "tracked-changes"),
        (DRAW, "text-box"),
        (DRAW, "object"),
        (OFFICE, "annotation"),
        (OFFICE, "event-listeners"),
    )
)
"""Elements within a paragraph that are not part of its sentence."""

_WHITE = re.compile(r"[ \t\r\n]+")
_MOST_SPACES = 100
_DEEPEST = 50


def attribute(element: Any, space: str, name: str) -> str:  # noqa: ANN401 - the library's elements are untyped
    """Return an attribute, empty if it is missing."""
    return str(element.get(f"{{{space}}}{name}") or "")


class Hidden:
    """What the styles of a document hide.

    Attributes:
        found: Whether a hidden text was met.
    """

    def __init__(self, roots: Sequence[Any]) -> None:
        self.found = False
        self._text: set[str] = set()
        self._tables: set[str] = set()
        self._pages: set[str] = set()
        bases: dict[str, str] = {}
        for root in roots:
            for style in root.iter(f"{{{STYLE}}}style"):
                name = attribute(style, STYLE, "name")
                bases[name] = attribute(style, STYLE, "parent-style-name")
                for properties in style:
                    if attribute(properties, TEXT, "display") == "none":
                        self._text.add(name)
                    if attribute(properties, TABLE, "display") == "false":
                        self._tables.add(name)
                    if attribute(properties, PRESENTATION, "visibility") == "hidden":
                        self._pages.add(name)
        for name in bases:
            base, steps = name, 0
            while base and steps < _DEEPEST and base not in self._text:
                base, steps = bases.get(base, ""), steps + 1
            if base in self._text:
                self._text.add(name)

    def hides(self, element: Any) -> bool:  # noqa: ANN401
        """Return whether a paragraph, span or section is hidden, and note it."""
        is_hidden = (
            attribute(element, TEXT, "style-name") in self._text or attribute(element, TEXT, "display") == "none"
        )
        self.found = self.found or (is_hidden and bool("".join(element.itertext()).strip()))
        return is_hidden

    def hides_table(self, table: Any) -> bool:  # noqa: ANN401
        """Return whether a sheet is hidden."""
        return attribute(table, TABLE, "style-name") in self._tables

    def hides_page(self, page: Any) -> bool:  # noqa: ANN401
        """Return whether a slide is hidden."""
        return attribute(page, DRAW, "style-name") in self._pages


def paragraph_text(paragraph: Any, hidden: Hidden) -> str:  # noqa: ANN401
    """Return the text of a paragraph, without notes and text boxes, which stand elsewhere."""
    return "".join(_pieces(paragraph, hidden)).strip()


def _pieces(paragraph: Any, hidden: Hidden) -> Iterator[str]:  # noqa: ANN401
    """Yield the texts of a paragraph, from a list of those to visit: spans may nest deeply."""
    waiting: list[Any] = [paragraph]
    while waiting:
        node = waiting.pop()
        if isinstance(node, str):
            yield _WHITE.sub(" ", node)
        elif node.tag == f"{{{TEXT}}}s":
            count = attribute(node, TEXT, "c")
            yield " " * min(int(count) if count.isdecimal() and len(count) < 8 else 1, _MOST_SPACES)
        elif node.tag in _MARKS:
            yield _MARKS[node.tag]
        elif node.tag not in _APART and (node is paragraph or not hidden.hides(node)):
            for child in reversed(node):
                waiting.append(child.tail or "")
                if isinstance(child.tag, str):
                    waiting.append(child)
            waiting.append(node.text or "")
