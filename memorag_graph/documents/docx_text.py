"""Read the text of WordprocessingML paragraphs (ECMA-376, part 1)."""

from collections.abc import Iterator
from typing import Any

from memorag_graph.documents.docx_styles import WORD, Styles, value
from memorag_graph.documents.docx_visibility import Visibility
from memorag_graph.documents.marks import Mark, joined
from memorag_graph.documents.picture_text import in_line, without_brackets

_MATH = "{http://schemas.openxmlformats.org/officeDocument/2006/math}"
_TEXT = {f"{WORD}t", f"{_MATH}t"}
_MARKS = {f"{WORD}tab": "\t", f"{WORD}ptab": "\t", f"{WORD}br": "\n", f"{WORD}cr": "\n", f"{WORD}noBreakHyphen": "-"}
_WINGDINGS = {"A8": "☐", "6F": "☐", "FE": "☑", "78": "☒", "FD": "☒", "FC": "✓", "FB": "✗"}
"""Check boxes and ticks by the last two hexadecimal digits of their code in the font."""
_NOT_TEXT = {f"{WORD}{name}" for name in ("pPr", "rPr", "del", "moveFrom", "txbxContent", "rt")}
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_PROPERTIES = "{http://schemas.openxmlformats.org/drawingml/2006/wordprocessingDrawing}docPr"
"""Name and description of a picture."""

_RUN = f"{WORD}r"
_STANDS: dict[str | None, Mark] = {"superscript": "sup", "subscript": "sub"}


class TextReader:
    """Reads paragraphs with all tracked changes accepted, without what is hidden.

    Args:
        styles: Styles of the document.

    Attributes:
        found_hidden: Whether hidden text was met.
    """

    def __init__(self, styles: Styles) -> None:
        self.found_hidden = False
        self._styles = styles
        self._visibility = Visibility(styles)

    def text(self, paragraph: Any) -> str:  # noqa: ANN401 - the library's elements are untyped
        """Return the text of a paragraph, with the descriptions of its pictures."""
        return without_brackets(joined(self._runs(paragraph, self._styles.of(paragraph), paragraph)))

    def _runs(self, node: Any, style: str, paragraph: Any) -> Iterator[tuple[str, Mark]]:  # noqa: ANN401
        for child in node:
            if child.tag == _RUN:
                properties = child.find(f"{WORD}rPr")
                text = "".join(_pieces(child))
                is_hidden = bool(text.strip()) and (
                    self._styles.is_hidden(properties, style) or self._visibility.is_invisible(properties, paragraph)
                )
                if is_hidden:
                    self.found_hidden = True
                else:
                    yield text, _STANDS.get(value(properties, "vertAlign"), "")
            elif child.tag in _TEXT or child.tag in _MARKS:
                yield "".join(_pieces((child,))), ""
            elif child.tag not in _NOT_TEXT and child.tag != _FALLBACK:
                yield from self._runs(child, style, paragraph)


def _pieces(node: Any) -> Iterator[str]:  # noqa: ANN401
    for child in node:
        if child.tag in _TEXT:
            yield child.text or ""
        elif child.tag in _MARKS:
            yield _MARKS[child.tag]
        elif child.tag == f"{WORD}sym":
            yield _WINGDINGS.get(child.get(f"{WORD}char", "")[-2:].upper(), "\N{REPLACEMENT CHARACTER}")
        elif child.tag == _PROPERTIES:
            yield in_line(child.get("descr", "") if child.get("hidden") not in ("1", "true") else "")
        elif child.tag not in _NOT_TEXT and child.tag != _FALLBACK:
            yield from _pieces(child)
