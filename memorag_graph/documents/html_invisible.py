"""Clear the texts of a page that nobody can see: tiny ones, and those in the colour of their background."""

import re
from dataclasses import dataclass, replace
from typing import Any

from memorag_graph.documents.css_values import Colour, are_alike, colour, is_transparent, pixels
from memorag_graph.documents.html_styles import UNKNOWN, Styles

_TINY = 2.0
"""Pixels below which a text cannot be read."""

_USUAL_SIZE = 16.0
_WHITE: Colour = (255, 255, 255)
_BLACK: Colour = (0, 0, 0)
_OWN_BACKGROUND = ("button", "input", "mark", "option", "select", "textarea")
"""Elements that programs give a background."""

_APART = ("absolute", "fixed", "sticky")
"""Positions at which an element may lie over another, as a caption over a picture."""

_SIZE_IN_FONT = re.compile(r"(?:^|\s)([\d.]+(?:px|pt|r?em|%))(?=[\s/])")


@dataclass(frozen=True, slots=True)
class _Look:
    """How a text looks.

    Attributes:
        text: Its colour; None if it is not known.
        ground: The colour behind it; None if it is not known.
        size: Size of its letters in pixels.
        is_clear: Whether its colour is transparent.
    """

    text: Colour | None = _BLACK
    ground: Colour | None = _WHITE
    size: float = _USUAL_SIZE
    is_clear: bool = False

    @property
    def is_invisible(self) -> bool:
        """Whether nobody can see it."""
        same = self.text is not None and self.ground is not None and are_alike(self.text, self.ground)
        return same or self.is_clear or self.size < _TINY


def clear_invisible(tree: Any, styles: Styles) -> bool:  # noqa: ANN401 - the library's elements are untyped
    """Clear texts that cannot be seen; return whether there were any.

    A text whose background is not known for sure is kept: over pictures, gradients and other elements, or where a style
    sheet is missing.
    """
    root = _root_size(tree, styles)
    found = False
    waiting = [(tree, _Look(ground=_WHITE if styles.is_white else None, size=root))]
    while waiting:
        element, around = waiting.pop()
        look = _look(element, styles, around, root)
        if look.is_invisible:
            found = found or _has_own_text(element)
            element.text = None
            for child in element:
                child.tail = None
        waiting.extend((child, look) for child in element if isinstance(child.tag, str))
    return found


def _has_own_text(element: Any) -> bool:  # noqa: ANN401
    if element.tag in ("script", "style", "template", "title"):
        return False
    return any(text and text.strip() for text in (element.text, *(child.tail for child in element)))


def _look(element: Any, styles: Styles, around: _Look, root: float) -> _Look:  # noqa: ANN401
    style = styles.of(element)
    look = around
    if size := style.get("font-size") or _size_of_font(style.get("font", "")):
        known = pixels(size, around.size, root)
        look = replace(look, size=max(around.size, _USUAL_SIZE) if known is None else known)
    ground = style.get("background-color") or style.get("background") or element.get("bgcolor", "").lower()
    if element.tag in _OWN_BACKGROUND or style.get("position") in _APART or element.get("background"):
        look = replace(look, ground=None)
    if style.get("background-image", "none") != "none":
        look = replace(look, ground=None)
    elif ground and ground not in ("none", "transparent", "inherit", "initial", "unset"):
        look = replace(look, ground=colour(ground))
    written = style.get("color") or (element.get("color") or element.get("text") or "").lower()
    if written and written not in ("inherit", "unset"):
        shown = "text" in (style.get("background-clip"), style.get("-webkit-background-clip"))
        shown = shown or style.get("text-shadow", "none") != "none" or written == UNKNOWN
        look = replace(look, text=None if shown else colour(written), is_clear=not shown and is_transparent(written))
    return look


def _size_of_font(font: str) -> str:
    """Return the size within the short form of a font: ``0`` of ``italic 0/1 serif``."""
    if font.startswith(("0/", "0 ")):
        return "0"
    found = _SIZE_IN_FONT.search(font)
    return found[1] if found else ""


def _root_size(tree: Any, styles: Styles) -> float:  # noqa: ANN401
    return pixels(styles.of(tree).get("font-size", ""), _USUAL_SIZE, _USUAL_SIZE) or _USUAL_SIZE
