"""Tell which runs of a DOCX file nobody can see: tiny ones, and those in the colour of their background."""

from typing import Any

from memorag_graph.documents.css_values import Colour, are_alike, colour
from memorag_graph.documents.docx_styles import WORD, Styles, number, value

_TINY = 4
"""Half points below which a text cannot be read."""

_USUAL = 22
_WHITE: Colour = (255, 255, 255)
_BOX = f"{WORD}txbxContent"
_FRAMES = {f"{WORD}tc": "tcPr", f"{WORD}tbl": "tblPr"}


class Visibility:
    """Knows what can be seen of a document.

    Where the background is not known for sure, as in text boxes and over pictures, texts of any colour are seen.

    Args:
        styles: Styles of the document.
    """

    def __init__(self, styles: Styles) -> None:
        self._styles = styles
        self._page: dict[Any, Colour | None] = {}
        self._shades: dict[str, str | None] = {}
        self._shaded: dict[str, bool] = {}

    def is_invisible(self, properties: Any, paragraph: Any) -> bool:  # noqa: ANN401 - the library's elements are untyped
        """Return whether a run with some properties (``w:rPr``, or None) cannot be seen."""
        if number(self._find(properties, paragraph, "sz"), _USUAL) < _TINY:
            return True
        written = self._find(properties, paragraph, "color")
        text = colour(f"#{written.lower()}") if written else None
        if text is None or (text == (0, 0, 0)):
            return False
        ground = self._ground(properties, paragraph)
        return ground is not None and are_alike(text, ground)

    def _find(self, properties: Any, paragraph: Any, name: str) -> str | None:  # noqa: ANN401
        own = value(properties, name)
        if own is None and (style := value(properties, "rStyle")):
            own = self._styles.value_of(style, f"rPr/{name}")
        return self._styles.value_of(self._styles.of(paragraph), f"rPr/{name}") if own is None else own

    def _ground(self, properties: Any, paragraph: Any) -> Colour | None:  # noqa: ANN401
        """Return the colour behind a run; None if it is not known."""
        if properties is not None and properties.find(f"{WORD}highlight") is not None:
            return None
        style = self._styles.of(paragraph)
        shades = [_shade(properties), _shade(paragraph.find(f"{WORD}pPr"))]
        shades.append(self._shade_of(style))
        for outer in paragraph.iterancestors():
            if outer.tag == _BOX:
                return None
            if kind := _FRAMES.get(outer.tag):
                described = outer.find(f"{WORD}{kind}")
                shades.append(_shade(described))
                named = value(described, "tblStyle")
                if named and self._is_shaded(named):
                    return None
        shade = next((it for it in shades if it is not None), None)
        return self._of_page(paragraph) if shade is None else colour(f"#{shade}")

    def _shade_of(self, style: str) -> str | None:
        if style not in self._shades:
            found = map(_shade, self._styles.properties(style, "pPr"))
            self._shades[style] = next((it for it in found if it is not None), None)
        return self._shades[style]

    def _is_shaded(self, style: str) -> bool:
        if style not in self._shaded:
            self._shaded[style] = self._styles.is_shaded(style)
        return self._shaded[style]

    def _of_page(self, paragraph: Any) -> Colour | None:  # noqa: ANN401
        root = paragraph.getroottree().getroot()
        if root not in self._page:
            behind = any(it.get("behindDoc") == "1" for it in root.iter("{*}anchor"))
            coloured = root.find(f"{WORD}background") is not None
            self._page[root] = None if behind or coloured else _WHITE
        return self._page[root]


def _shade(properties: Any) -> str | None:  # noqa: ANN401
    """Return the fill of a shading in lower case, "?" if it is a pattern; None if there is none."""
    shading = None if properties is None else properties.find(f"{WORD}shd")
    if shading is None:
        return None
    if shading.get(f"{WORD}val", "clear") not in ("clear", "nil"):
        return "?"
    fill = shading.get(f"{WORD}fill", "auto").lower()
    return None if fill == "auto" and shading.get(f"{WORD}themeFill") is None else fill
