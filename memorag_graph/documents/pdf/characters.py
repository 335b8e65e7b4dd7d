"""The characters of a PDF page with the boxes that they take on it, as it is displayed."""

import ctypes
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from memorag_graph.documents.pdf.fast_calls import address_of, fast_call

Boxes = NDArray[np.float32]
"""Left, top, right and bottom of each box in points; the top of the page is 0."""

_SPACE = re.compile(r"\s")
_HYPHEN = "\ufffe"
"""PDFium's sign for a hyphen at the end of a line, within a word."""

_SIGNS = {0x02: _HYPHEN, 0x1B: "\ufb00", 0x1C: "\ufb01", 0x1D: "\ufb02", 0x1E: "\ufb03", 0x1F: "\ufb04"}
"""What stands for control characters: PDFium's hyphen, and the ligatures of TeX's T1 fonts, which name no letters."""

_BYTES_OF_BOX = 16
_UPRIGHT = 1e-3
_MOST_HEIGHTS, _EVEN_SHARE = 12, 0.8
_ASCENT, _DESCENT = 0.9, 0.21
_LARGEST = 1000.0
_SAMPLE = 100


@dataclass(frozen=True, slots=True)
class Characters:
    """Characters of a page in the order in which the file draws them.

    Attributes:
        text: The characters; each has one code point.
        boxes: Their boxes.
        spaces: Whether each is white space.
        width: Width of the page in points.
        height: Height of the page in points.
    """

    text: str
    boxes: Boxes
    spaces: NDArray[np.bool_]
    width: float
    height: float


@dataclass(frozen=True, slots=True)
class Display:
    """How a page is shown: the visible box of its coordinates, and the quarter turns that it is turned clockwise."""

    left: float
    bottom: float
    right: float
    top: float
    quarters: int

    @property
    def size(self) -> tuple[float, float]:
        """Width and height of the displayed page in points."""
        width, height = self.right - self.left, self.top - self.bottom
        return (height, width) if self.quarters % 2 else (width, height)

    def shown(self, boxes: NDArray[np.float32]) -> Boxes:
        """Return boxes (left, top, right, bottom; upwards) as they are displayed (downwards)."""
        left, top = boxes[:, 0] - self.left, self.top - boxes[:, 1]
        right, bottom = boxes[:, 2] - self.left, self.top - boxes[:, 3]
        width, height = self.right - self.left, self.top - self.bottom
        turned = (
            (left, top, right, bottom),
            (height - bottom, left, height - top, right),
            (width - right, height - bottom, width - left, height - top),
            (top, width - right, bottom, width - left),
        )
        return np.stack(turned[self.quarters % 4], axis=1)


def display_of(page: Any) -> Display:  # noqa: ANN401 - the library is untyped
    """Return how a page is shown."""
    from pypdfium2 import raw

    box = raw.FS_RECTF()
    if not raw.FPDF_GetPageBoundingBox(page, box):
        width, height = page.get_size()
        return Display(0, 0, width, height, 0)
    return Display(box.left, box.bottom, box.right, box.top, page.get_rotation() // 90)


def upright_quarters(text_page: Any, places: NDArray[np.intp]) -> int | None:  # noqa: ANN401
    """Return the quarter turns after which most of the characters are upright; None if no angle is that of most."""
    from pypdfium2 import raw

    sample = places[:: max(1, len(places) // _SAMPLE)].tolist()
    angles = [round(raw.FPDFText_GetCharAngle(text_page, at) / (np.pi / 2)) % 4 for at in sample]
    most = max(range(4), key=angles.count)
    return -most % 4 if 2 * angles.count(most) > len(angles) else None


def read_characters(text_page: Any, display: Display) -> Characters:  # noqa: ANN401
    """Read the characters of a page."""
    from pypdfium2 import raw

    count = max(0, raw.FPDFText_CountChars(text_page))
    text = _text(text_page, count)
    boxes = _loose_boxes(text_page, count)
    spaces = np.zeros(count, bool)
    spaces[[match.start() for match in _SPACE.finditer(text)]] = True
    flat = ~spaces & (np.abs(boxes[:, 1] - boxes[:, 3]) < _UPRIGHT)
    for at in np.flatnonzero(flat).tolist():  # rotated letters have no loose boxes
        boxes[at] = _tight_box(text_page, at)
    if _are_uneven(boxes):
        _level(text_page, text, boxes)
    width, height = display.size
    return Characters(text, display.shown(np.nan_to_num(boxes)), spaces, width, height)


def _text(text_page: Any, count: int) -> str:  # noqa: ANN401
    from pypdfium2 import raw

    buffer = (ctypes.c_ushort * (count + 1))()
    written = raw.FPDFText_GetText(text_page, 0, count, buffer) if count else 0
    text = bytes(buffer)[: 2 * max(0, written - 1)].decode("utf-16-le", "surrogatepass")
    if len(text) != count:  # characters beyond the basic plane, or without a Unicode value
        codes = (raw.FPDFText_GetUnicode(text_page, at) for at in range(count))
        text = "".join(chr(code) if 0 < code <= 0x10FFFF else "\N{REPLACEMENT CHARACTER}" for code in codes)
    return text.translate(_SIGNS)


def _loose_boxes(text_page: Any, count: int) -> NDArray[np.float32]:  # noqa: ANN401
    """Return boxes that are as high as the font and as wide as the pen moves."""
    boxes = np.zeros((count, 4), np.float32)
    read, handle = fast_call("FPDFText_GetLooseCharBox"), address_of(text_page)
    start = boxes.ctypes.data
    for at in range(count):
        read(handle, at, start + _BYTES_OF_BOX * at)
    return boxes


def _are_uneven(boxes: NDArray[np.float32]) -> bool:
    """Return whether the boxes are as high as each letter, not as its font: those of fonts that draw their letters."""
    heights = np.round(boxes[:, 1] - boxes[:, 3], 1)
    counts = np.sort(np.unique(heights[heights > 0], return_counts=True)[1])[::-1]
    return len(counts) > _MOST_HEIGHTS and bool(counts[:4].sum() < _EVEN_SHARE * counts.sum())


def _level(text_page: Any, text: str, boxes: NDArray[np.float32]) -> None:  # noqa: ANN401
    """Make boxes as high as the font, above the base line."""
    from pypdfium2 import raw

    x, y, matrix = ctypes.c_double(), ctypes.c_double(), raw.FS_MATRIX()
    for at, letter in enumerate(text):
        if letter.isspace() or not raw.FPDFText_GetMatrix(text_page, at, matrix):
            continue
        size = raw.FPDFText_GetFontSize(text_page, at) * abs(matrix.d)
        if abs(matrix.b) > abs(matrix.d) or not 0 < size < _LARGEST or boxes[at, 1] - boxes[at, 3] > 2 * size:
            continue
        raw.FPDFText_GetCharOrigin(text_page, at, x, y)
        boxes[at, 1], boxes[at, 3] = y.value + _ASCENT * size, y.value - _DESCENT * size


def _tight_box(text_page: Any, at: int) -> tuple[float, float, float, float]:  # noqa: ANN401
    left, bottom, right, top = text_page.get_charbox(at)
    return left, top, right, bottom
