"""Read style properties of WordprocessingML paragraphs and runs (ECMA-376, part 1)."""

import re
from collections.abc import Iterator
from typing import Any

WORD = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"

_WRAPPERS = {f"{WORD}{name}" for name in ("sdt", "sdtContent", "customXml", "ins", "moveTo", "smartTag")}
"""Wrapper elements that are not blocks: content controls, tracked changes, tags."""

_HEADING = re.compile(r"(?:heading \d|title)$", re.IGNORECASE)
_BODY_LEVEL = 9
_DEEPEST = 50
"""Maximum length of a chain of base styles."""

_NUMBER = re.compile(r"-?\d{1,9}")


def children(node: Any, *names: str) -> Iterator[Any]:  # noqa: ANN401 - the library's elements are untyped
    """Yield the children with some names, including those within content controls and tracked changes."""
    tags = {f"{WORD}{name}" for name in names}
    for child in node:
        if child.tag in tags:
            yield child
        elif child.tag in _WRAPPERS:
            yield from children(child, *names)


def value(node: Any, path: str) -> str | None:  # noqa: ANN401
    """Return the attribute ``w:val`` of a descendant, or None; the path omits the namespace."""
    found = None if node is None else node.find("/".join(f"{WORD}{name}" for name in path.split("/")))
    return None if found is None else found.get(f"{WORD}val")


def is_on(properties: Any, name: str) -> bool | None:  # noqa: ANN401
    """Return whether a property without further values is set, None if it is not mentioned (17.17.4)."""
    found = None if properties is None else properties.find(f"{WORD}{name}")
    return None if found is None else found.get(f"{WORD}val", "true") not in ("0", "false", "off")


def number(text: str | None, otherwise: int) -> int:
    """Parse a number; return ``otherwise`` if the text is not one."""
    return int(text) if text is not None and _NUMBER.fullmatch(text) else otherwise


class Styles:
    """The styles of a document.

    Args:
        root: The element ``w:styles`` of the document; None if there is none.
    """

    def __init__(self, root: Any) -> None:  # noqa: ANN401
        styles = () if root is None else root.iter(f"{WORD}style")
        self._styles = {str(style.get(f"{WORD}styleId")): style for style in styles}
        described = [(it.get(f"{WORD}type"), it.get(f"{WORD}default"), key) for key, it in self._styles.items()]
        self._default = next((key for kind, default, key in described if (kind, default) == ("paragraph", "1")), "")
        self._values: dict[tuple[str, str], str | None] = {}
        self._headings: dict[str, bool] = {}
        self._hides: dict[str, bool | None] = {}

    def of(self, paragraph: Any) -> str:  # noqa: ANN401
        """Return the id of a paragraph's style."""
        return value(paragraph, "pPr/pStyle") or self._default

    def chain(self, style: str) -> list[str]:
        """Return the ids of a style and its base styles, nearest first."""
        found: list[str] = []
        while style in self._styles and style not in found and len(found) < _DEEPEST:
            found.append(style)
            style = value(self._styles[style], "basedOn") or ""
        return found

    def value_of(self, style: str, path: str) -> str | None:
        """Return a property of a style, inherited from its base styles; None if unset."""
        if (style, path) not in self._values:
            values = (value(self._styles[it], path) for it in self.chain(style))
            self._values[style, path] = next((it for it in values if it is not None), None)
        return self._values[style, path]

    def find(self, paragraph: Any, path: str) -> str | None:  # noqa: ANN401
        """Return a property of a paragraph, inherited from its style; None if unset."""
        own = value(paragraph, f"pPr/{path}")
        return self.value_of(self.of(paragraph), f"pPr/{path}") if own is None else own

    def is_hidden(self, properties: Any, paragraph_style: str) -> bool:  # noqa: ANN401
        """Return whether the properties of a run (``w:rPr``, or None), its style or the paragraph's style hide it."""
        own = is_on(properties, "vanish")
        if own is None and (style := value(properties, "rStyle")):
            own = self._vanishes(style)
        return self._vanishes(paragraph_style) is True if own is None else own

    def _vanishes(self, style: str) -> bool | None:
        if style not in self._hides:
            found = (is_on(self._styles[it].find(f"{WORD}rPr"), "vanish") for it in self.chain(style))
            self._hides[style] = next((it for it in found if it is not None), None)
        return self._hides[style]

    def properties(self, style: str, kind: str) -> Iterator[Any]:
        """Yield the properties of a kind (``pPr``, ``rPr``) of a style and its base styles, nearest first."""
        found = (self._styles[it].find(f"{WORD}{kind}") for it in self.chain(style))
        yield from (it for it in found if it is not None)

    def is_shaded(self, style: str) -> bool:
        """Return whether a table's style colours the background of any cell."""
        return any(next(self._styles[it].iter(f"{WORD}shd"), None) is not None for it in self.chain(style))

    def name(self, style: str) -> str:
        """Return the name of a style."""
        return value(self._styles.get(style), "name") or ""

    def is_heading(self, paragraph: Any) -> bool:  # noqa: ANN401
        """Return whether a paragraph is a heading or the title, by its style or its outline level."""
        if number(self.find(paragraph, "outlineLvl"), _BODY_LEVEL) != _BODY_LEVEL:
            return True
        style = self.of(paragraph)
        if style not in self._headings:
            self._headings[style] = any(_HEADING.match(self.name(it)) for it in self.chain(style))
        return self._headings[style]
