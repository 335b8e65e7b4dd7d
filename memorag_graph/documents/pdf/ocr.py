"""Read pages that are pictures with an OCR program."""

import math
import re
import shutil
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from PIL.Image import Image

Ocr = Callable[["Image"], str]
"""A function that reads the text of a page image."""

_PIXELS_PER_POINT = 300 / 72
_MOST_PIXELS = 30_000_000
_SECONDS = 120
"""Maximum time for a page."""

_COLUMN = 0.8
"""Quantile of a page's line lengths that counts as the column width."""

_FULL_LINE = 0.85
ITEM = re.compile(r"[-–•▪*‣◦]|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s")
"""The start of a list item."""


def installed_ocr() -> Ocr | None:
    """Return a function that reads page images with tesseract; None if the extra ``ocr`` or the program is missing."""
    try:
        import pytesseract
    except ImportError:
        return None
    if shutil.which(pytesseract.pytesseract.tesseract_cmd) is None:
        return None

    @cache
    def languages() -> str | None:  # starts the program, so only where there is a page to read
        try:
            found = set(pytesseract.get_languages())
        except OSError:  # the program cannot list them
            return None
        return "+".join(sorted(found - {"osd"})) or None

    def read(image: "Image") -> str:
        try:
            return str(pytesseract.image_to_string(image, lang=languages(), timeout=_SECONDS))
        except (RuntimeError, pytesseract.TesseractError, pytesseract.TesseractNotFoundError):
            return ""  # the page takes too long or cannot be read, or the program does not start

    return read


def page_image(page: Any) -> "Image":  # noqa: ANN401 - the library is untyped
    """Return the image of a page, 300 pixels per inch unless the page is huge."""
    width, height = page.get_size()
    most = math.sqrt(_MOST_PIXELS / max(1.0, width * height))
    image: Image = page.render(scale=min(_PIXELS_PER_POINT, most)).to_pil()
    return image


def unwrapped(text: str) -> str:
    """Join the lines of paragraphs: a full line continues in the next one, unless that starts a list item."""
    lines = [line.strip() for line in text.replace("\f", "\n").split("\n")]
    widths = sorted(map(len, filter(None, lines)))
    full = _FULL_LINE * widths[int(_COLUMN * len(widths))] if widths else 0
    pieces: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        continues = len(line) > full and following and not ITEM.match(following)
        pieces += [line, " " if continues else "\n"]
    return "".join(pieces)
