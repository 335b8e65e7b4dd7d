"""Draw a page of a PDF as a picture, and find a quotation on it."""

import ctypes
import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorag_graph.documents.pdf.characters import Characters, display_of, read_characters
from memorag_graph.documents.pdf.form_fields import with_fields
from memorag_graph.documents.pdf.page_reader import MOST_CHARACTERS
from memorag_graph.documents.pdf.pdf_reader import form_of, one_at_a_time, refusal
from memorag_graph.documents.pdf.quotation_boxes import find_quotation
from memorag_graph.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

WIDTH = 1200
"""Pixels of a picture's width: sharp on a screen with two pixels a point."""

_MOST_PIXELS = 4_000_000
_MOST_SECONDS = 10.0
"""Time after which a page is not drawn any further."""

_LEAST_SHARE = 0.5
"""Share of a quotation that has to be found for marks to be shown."""

_LARGE = 1_000_000
"""Bytes from which a picture is kept as JPEG: the page has photographs."""

Mark = tuple[float, float, float, float]
"""Left, top, width and height of a mark as shares of the page's width and height."""


@dataclass(frozen=True, slots=True)
class Quotation:
    """What is marked on a page.

    Attributes:
        text: The quotation, or the part of it on this page.
        before: Some text before it, which tells equal sentences of the page apart.
        after: Some text after it.
    """

    text: str
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class PagePicture:
    """A page as a picture.

    Attributes:
        data: The bytes of the picture.
        media_type: ``"image/png"`` or ``"image/jpeg"``.
        width: Its width in pixels.
        height: Its height in pixels.
        marks: Where the quotation stands; none if less than half of it was found.
    """

    data: bytes
    media_type: str
    width: int
    height: int
    marks: tuple[Mark, ...]


def draw_page(path: Path, number: int, quotation: Quotation) -> PagePicture:
    """Draw a page of a PDF, and find a quotation on it.

    Args:
        path: The file.
        number: Number of the page, from 1.
        quotation: What to mark.

    Raises:
        InputError: If the file is missing, encrypted or damaged, has no such page, or the page cannot be drawn in
            bounded time.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    with one_at_a_time, _opened(path, number) as (page, form):
        width, height = page.get_size()
        if not (width > 0 and height > 0):
            raise InputError("page", f"page {number} has no size")
        image = _drawn(page, form, _scale(width, height), number)
        characters = _characters(page, form)
    data, media_type = _encoded(image)
    marks = _marks(characters, quotation) if characters is not None else ()
    return PagePicture(data, media_type, image.width, image.height, marks)


@contextmanager
def _opened(path: Path, number: int) -> Iterator[tuple[Any, Any]]:
    """Open a page, and the form of its file, if it has one."""
    try:
        import pypdfium2
    except ImportError:
        raise MissingExtraError("drawing pages of PDF files", "documents") from None
    try:
        pdf = pypdfium2.PdfDocument(path)
    except FileNotFoundError:
        raise InputError("file", "the file is not there any more") from None
    except pypdfium2.PdfiumError as error:
        raise refusal("the file", error) from None
    try:
        form = form_of(pdf)
        if not 1 <= number <= len(pdf):
            raise InputError("page", f"the file has {len(pdf):,} pages, and no page {number:,}")
        yield pdf[number - 1], form
    except pypdfium2.PdfiumError as error:
        raise InputError("page", f"page {number:,} is damaged ({error})") from None
    finally:
        pdf.close()


def _scale(width: float, height: float) -> float:
    """Return the pixels of a point: the usual width, unless that would be too many pixels."""
    return min(WIDTH / width, math.sqrt(_MOST_PIXELS / (width * height)))


def _drawn(page: Any, form: Any, scale: float, number: int) -> "Image":  # noqa: ANN401 - the library is untyped
    """Return the image of a page; it is drawn in steps, so that one that takes too long can be given up.

    Raises:
        InputError: If it takes too long.
    """
    import pypdfium2
    from pypdfium2 import raw

    width, height = (max(1, math.ceil(scale * side)) for side in page.get_size())
    bitmap = pypdfium2.PdfBitmap.new_native(width, height, raw.FPDFBitmap_BGRx)
    bitmap.fill_rect((255, 255, 255, 255), 0, 0, width, height)
    place = (bitmap, page, 0, 0, width, height, 0, raw.FPDF_ANNOT)
    ends = time.monotonic() + _MOST_SECONDS
    pause = raw.IFSDK_PAUSE(version=1)
    pause.NeedToPauseNow = type(pause.NeedToPauseNow)(lambda _: time.monotonic() > ends)
    status = raw.FPDF_RenderPageBitmap_Start(*place, ctypes.byref(pause))
    raw.FPDF_RenderPage_Close(page)
    if status == raw.FPDF_RENDER_TOBECONTINUED:
        raise InputError("page", f"page {number:,} takes more than {_MOST_SECONDS:.0f} seconds to draw")
    if status != raw.FPDF_RENDER_DONE:
        raise InputError("page", f"page {number:,} cannot be drawn")
    if form is not None:
        raw.FPDF_FFLDraw(form, *place)
    image: Image = bitmap.to_pil().convert("RGB")
    return image


def _characters(page: Any, form: Any) -> Characters | None:  # noqa: ANN401
    """Return the characters of a page; None if there are too many."""
    text_page, display = page.get_textpage(), display_of(page)
    if text_page.count_chars() > MOST_CHARACTERS:
        return None
    characters = read_characters(text_page, display)
    return with_fields(page, form, characters, display) if form is not None else characters


def _marks(characters: Characters, quotation: Quotation) -> tuple[Mark, ...]:
    found = find_quotation(characters, quotation.text, quotation.before, quotation.after)
    if found.share < _LEAST_SHARE or not (characters.width > 0 and characters.height > 0):
        return ()
    marks = []
    for box in found.boxes.tolist():
        left, right = (min(1.0, max(0.0, side / characters.width)) for side in (box[0], box[2]))
        top, bottom = (min(1.0, max(0.0, side / characters.height)) for side in (box[1], box[3]))
        if left < right and top < bottom:
            marks.append((left, top, right - left, bottom - top))
    return tuple(marks)


def _encoded(image: "Image") -> tuple[bytes, str]:
    stream = BytesIO()
    image.save(stream, "PNG")
    if stream.tell() <= _LARGE:
        return stream.getvalue(), "image/png"
    stream = BytesIO()
    image.save(stream, "JPEG", quality=85)
    return stream.getvalue(), "image/jpeg"
