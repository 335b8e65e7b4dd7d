"""Tell which texts of an OpenDocument file nobody can see: tiny ones, and those in the colour of their background."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from memorag_graph.documents.css_values import Colour, are_alike, colour, pixels

_SPACE = "urn:oasis:names:tc:opendocument:xmlns:"
_STYLE, _TEXT, _TABLE = f"{{{_SPACE}style:1.0}}", f"{{{_SPACE}text:1.0}}", f"{{{_SPACE}table:1.0}}"
_OFFICE, _DRAW = f"{{{_SPACE}office:1.0}}", f"{{{_SPACE}drawing:1.0}}"
_FO = f"{{{_SPACE}xsl-fo-compatible:1.0}}"
_WHITE: Colour = (255, 255, 255)
_TINY = 2 * 4 / 3
"""Pixels (2 points) below which a text cannot be read."""

_ABSOLUTE = re.compile(r"[\d.]+(?:pt|cm|mm|in|px)")
_DEEPEST = 50


@dataclass(frozen=True, slots=True)
class Look:
    """How a text looks, as far as styles say.

    Attributes:
        text: Its colour as it is written; empty if nothing says so.
        ground: That of its background.
        size: Size of its letters in pixels; None if nothing says so.
    """

    text: str = ""
    ground: str = ""
    size: float | None = None


class Visibility:
    """Knows what can be seen of a document.

    Colours count in texts only, outside of frames: on slides and shapes, the background is not known for sure.
    """

    def __init__(self, roots: Sequence[Any]) -> None:
        self._looks: dict[str, Look] = {}
        bases: dict[str, str] = {}
        for root in roots:
            for style in root.iter(f"{_STYLE}style"):
                name = str(style.get(f"{_STYLE}name") or "")
                bases[name] = str(style.get(f"{_STYLE}parent-style-name") or "")
                self._looks[name] = _look_of(style)
        for name in bases:
            base = name
            for _ in range(_DEEPEST):
                base = bases.get(base, "")
                self._looks[name] = _over(self._looks.get(base, Look()), self._looks[name])
        body = next((it for root in roots for it in root.iter(f"{_OFFICE}text")), None)
        pages = [it for root in roots for it in root.iter(f"{_STYLE}page-layout-properties")]
        plain = all(it.get(f"{_FO}background-color", "transparent") in ("transparent", "#ffffff") for it in pages)
        self._ground = _WHITE if body is not None and plain else None

    def look(self, element: Any, around: Look) -> Look:  # noqa: ANN401 - the library's elements are untyped
        """Return how the text of a paragraph or span looks, within what is around it."""
        own = self._looks.get(element.get(f"{_TEXT}style-name") or "")
        return around if own is None else _over(around, own)

    def is_invisible(self, look: Look, paragraph: Any) -> bool:  # noqa: ANN401
        """Return whether a text of a paragraph cannot be seen."""
        if look.size is not None and look.size < _TINY:
            return True
        text = colour(look.text)
        if text is None or text == (0, 0, 0):
            return False
        ground = self._behind(look, paragraph)
        return ground is not None and are_alike(text, ground)

    def _behind(self, look: Look, paragraph: Any) -> Colour | None:  # noqa: ANN401
        if look.ground:
            return colour(look.ground)
        for outer in paragraph.iterancestors():
            if outer.tag.startswith(_DRAW):
                return None
            style = outer.get(f"{_TABLE}style-name") or outer.get(f"{_TEXT}style-name")
            if style and (ground := self._looks.get(style, Look()).ground):
                return colour(ground)
        return self._ground


def _look_of(style: Any) -> Look:  # noqa: ANN401
    look = Look()
    for properties in style:
        ground = properties.get(f"{_FO}background-color", "")
        if any(child.tag == f"{_STYLE}background-image" and len(child.attrib) > 0 for child in properties):
            ground = "?"
        if ground and ground != "transparent":
            look = replace(look, ground=ground.lower())
        if properties.tag == f"{_STYLE}text-properties":
            size = properties.get(f"{_FO}font-size", "")
            automatic = properties.get(f"{_STYLE}use-window-font-color") == "true"
            look = replace(
                look,
                text="?" if automatic else properties.get(f"{_FO}color", "").lower(),
                size=pixels(size, 0, 0) if _ABSOLUTE.fullmatch(size) else None,
            )
    return look


def _over(base: Look, own: Look) -> Look:
    return Look(own.text or base.text, own.ground or base.ground, base.size if own.size is None else own.size)
