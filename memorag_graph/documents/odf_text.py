"""Text of OpenDocument paragraphs, and what its styles hide (OASIS OpenDocument 1.3, part 3)."""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memorag_graph.documents.docx_numbering import FORMATS
from memorag_graph.documents.marks import Mark, joined
from memorag_graph.documents.odf_outline import FORMS, HeadingNumbers
from memorag_graph.documents.odf_visibility import Look, Visibility
from memorag_graph.documents.picture_text import in_line, without_brackets

_SPACE = "urn:oasis:names:tc:opendocument:xmlns:"
TEXT, TABLE, OFFICE, DRAW = f"{_SPACE}text:1.0", f"{_SPACE}table:1.0", f"{_SPACE}office:1.0", f"{_SPACE}drawing:1.0"
STYLE, PRESENTATION = f"{_SPACE}style:1.0", f"{_SPACE}presentation:1.0"
_SVG, _IMAGE = f"{_SPACE}svg-compatible:1.0", f"{{{DRAW}}}image"

_MARKS = {f"{{{TEXT}}}tab": "\t", f"{{{TEXT}}}line-break": "\n", f"{{{TEXT}}}soft-page-break": ""}
_APART = frozenset(
    f"{{{space}}}{name}"
    for space, name in (
        (TEXT, "note-body"),
        (TEXT, "note-citation"),
        (TEXT, "hidden-text"),
        (TEXT, "ruby-text"),
        (TEXT, "tracked-changes"),
        (DRAW, "text-box"),
        (DRAW, "object"),
        (OFFICE, "annotation"),
        (OFFICE, "event-listeners"),
        (_SVG, "title"),
        (_SVG, "desc"),
    )
)
"""Elements within a paragraph that are not part of its sentence."""

_WHITE = re.compile(r"[ \t\r\n]+")
_MOST_SPACES = 100
_DEEPEST = 50


def attribute(element: Any, space: str, name: str) -> str:  # noqa: ANN401 - the library's elements are untyped
    """Return an attribute, empty if it is missing."""
    return str(element.get(f"{{{space}}}{name}") or "")


class Styles:
    """What the styles of a document say of its texts.

    Attributes:
        found: Whether a hidden text was met.
        visibility: Which texts cannot be seen.
        numbers: Counts the headings.
    """

    def __init__(self, roots: Sequence[Any]) -> None:
        self.found = False
        self.visibility = Visibility(roots)
        self.numbers = HeadingNumbers(roots)
        self._text: set[str] = set()
        self._marks: dict[str, Mark] = {}
        self._titles: set[str] = {"Title"}
        self._numbers: dict[str, dict[int, tuple[str, str]]] = {}
        self._tables: set[str] = set()
        self._pages: set[str] = set()
        bases: dict[str, str] = {}
        for root in roots:
            for style in root.iter(f"{{{STYLE}}}style"):
                name = attribute(style, STYLE, "name")
                bases[name] = attribute(style, STYLE, "parent-style-name")
                for properties in style:
                    self._note(name, properties)
            for listed in root.iter(f"{{{TEXT}}}list-style"):
                self._numbers[attribute(listed, STYLE, "name")] = dict(_numbers(listed))
        for name in bases:
            self._inherit(name, bases)

    def _note(self, name: str, properties: Any) -> None:  # noqa: ANN401
        if attribute(properties, TEXT, "display") == "none":
            self._text.add(name)
        if attribute(properties, TABLE, "display") == "false":
            self._tables.add(name)
        if attribute(properties, PRESENTATION, "visibility") == "hidden":
            self._pages.add(name)
        position = attribute(properties, STYLE, "text-position")
        if position and not position.startswith("0"):
            self._marks[name] = "sub" if position.startswith(("-", "sub")) else "sup"

    def _inherit(self, name: str, bases: Mapping[str, str]) -> None:
        """Take over what the base styles of a style say."""
        base = name
        for _ in range(_DEEPEST):
            base = bases.get(base, "")
            if base in self._text:
                self._text.add(name)
            if base in self._titles:
                self._titles.add(name)

    def hides(self, element: Any) -> bool:  # noqa: ANN401
        """Return whether a paragraph, span or section is hidden, and note it."""
        is_hidden = (
            attribute(element, TEXT, "style-name") in self._text or attribute(element, TEXT, "display") == "none"
        )
        self.found = self.found or (is_hidden and bool("".join(element.itertext()).strip()))
        return is_hidden

    def is_title(self, paragraph: Any) -> bool:  # noqa: ANN401
        """Return whether a paragraph is the title of the document."""
        return attribute(paragraph, TEXT, "style-name") in self._titles

    def mark(self, span: Any) -> Mark:  # noqa: ANN401
        """Return whether a span is above or below the line."""
        return self._marks.get(attribute(span, TEXT, "style-name"), "")

    def label(self, style: str, level: int, count: int) -> str:
        """Return the number of a list's item, or a hyphen if it has none; levels count from 1."""
        form, suffix = self._numbers.get(style, {}).get(level, ("", ""))
        return f"{FORMATS.get(FORMS[form], str)(count)}{suffix}" if form in FORMS else "-"

    def hides_table(self, table: Any) -> bool:  # noqa: ANN401
        """Return whether a sheet is hidden."""
        return attribute(table, TABLE, "style-name") in self._tables

    def hides_page(self, page: Any) -> bool:  # noqa: ANN401
        """Return whether a slide is hidden."""
        return attribute(page, DRAW, "style-name") in self._pages


def _numbers(listed: Any) -> Iterator[tuple[int, tuple[str, str]]]:  # noqa: ANN401
    """Yield level, number format and suffix of each numbered level of a list style."""
    for level in listed.iterchildren(f"{{{TEXT}}}list-level-style-number"):
        at = attribute(level, TEXT, "level")
        if at.isdecimal() and len(at) < 3:
            yield int(at), (attribute(level, STYLE, "num-format"), attribute(level, STYLE, "num-suffix")[:10])


def paragraph_text(paragraph: Any, styles: Styles) -> str:  # noqa: ANN401
    """Return the text of a paragraph with what it says of pictures, without notes and boxes, which stand elsewhere."""
    return without_brackets(joined(_runs(paragraph, styles))).strip()


def _description(image: Any) -> str:  # noqa: ANN401
    """Return what the frame of a picture says of it: its description, or else its title."""
    frame = image.getparent()
    said = [frame.findtext(f"{{{_SVG}}}{it}") for it in ("desc", "title")] if frame is not None else []
    return next(filter(None, said), "")


def _runs(paragraph: Any, styles: Styles) -> Iterator[tuple[str, Mark]]:  # noqa: ANN401
    """Yield the texts of a paragraph, from a list of those to visit: spans may nest deeply."""
    visibility = styles.visibility
    waiting: list[tuple[Any, Mark, Look]] = [(paragraph, "", Look())]
    while waiting:
        node, mark, look = waiting.pop()
        if isinstance(node, str):
            if node.strip() and visibility.is_invisible(look, paragraph):
                styles.found = True
            else:
                yield _WHITE.sub(" ", node), mark
        elif node.tag == f"{{{TEXT}}}s":
            count = attribute(node, TEXT, "c")
            yield " " * min(int(count) if count.isdecimal() and len(count) < 8 else 1, _MOST_SPACES), mark
        elif node.tag in _MARKS:
            yield _MARKS[node.tag], mark
        elif node.tag == _IMAGE:
            yield in_line(_description(node)), mark
        elif node.tag not in _APART and (node is paragraph or not styles.hides(node)):
            within = mark if node is paragraph else styles.mark(node) or mark
            own = visibility.look(node, look)
            for child in reversed(node):
                waiting.append((child.tail or "", within, own))
                if isinstance(child.tag, str):
                    waiting.append((child, within, own))
            waiting.append((node.text or "", within, own))
