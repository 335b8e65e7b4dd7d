"""Read PDF as text with pages, and with sections if the file has an outline."""

import re
import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorag_graph.documents.document_builder import Builder
from memorag_graph.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from PIL.Image import Image

Ocr = Callable[["Image"], str]
"""A function that reads the text of a page image."""

_MOST_TITLES = 100
"""Maximum outline titles located on one page."""

MOST_PAGES = 20_000
_one_at_a_time = threading.Lock()
"""PDFium is not thread-safe, not even across documents."""

_FEWEST_CHARACTERS = 20
"""A page with fewer characters counts as having no text."""

_PIXELS_PER_POINT = 300 / 72
_COLUMN = 0.8
"""Quantile of a page's line lengths that counts as the column width."""

_FULL_LINE = 0.85
_ITEM = re.compile(r"[-–•▪*‣◦]|\(?(?:\d{1,3}|[a-zA-Z])[.)]\s")
_HYPHEN = re.compile(r"(?<=\w)[\u00ad\ufffe]\n?")
"""PDFium represents the hyphen of a hyphenated word at a line end as U+FFFE."""


def read_pdf(path: Path, name: str, ocr: Ocr | None = None) -> Builder:
    """Read a PDF page by page.

    Args:
        path: The file.
        name: Name of the document.
        ocr: Reads pages without text.

    Raises:
        InputError: If it is encrypted, damaged, has too many pages, or contains no text and there is no ``ocr``.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    try:
        import pypdfium2
    except ImportError:
        raise MissingExtraError(f"reading the PDF {name}", "documents") from None
    with _one_at_a_time:
        try:
            pdf = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            raise _refusal(name, error) from None
        with pdf:
            pages = len(pdf)
            if pages > MOST_PAGES:
                raise InputError("file", f"{name} has {pages:,} pages; the limit is {MOST_PAGES:,}; split it")
            return _read_pages(pdf, name, ocr)


def _refusal(name: str, error: Exception) -> InputError:
    if "password" in str(error).lower():
        return InputError("file", f"{name} is password-protected; save it without a password")
    return InputError("file", f"{name} is damaged or was cut off ({error}); save or download it again")


def _read_pages(pdf: Any, name: str, ocr: Ocr | None) -> Builder:  # noqa: ANN401 - the library is untyped
    from pypdfium2 import PdfiumError

    builder, characters, outline = Builder(name), 0, _outline(pdf)
    for index in range(len(pdf)):
        builder.page(index + 1)
        try:
            text = _page_text(pdf, index, ocr)
        except PdfiumError:
            raise InputError("file", f"page {index + 1} of {name} is damaged; save or download it again") from None
        characters += len(text.strip())
        builder.text(text, _headings(text, outline.get(index, ())))
    if characters < _FEWEST_CHARACTERS * max(1, min(len(pdf), 10)):
        raise InputError(
            "file",
            f"{name} contains hardly any text ({characters:,} characters on {len(pdf):,} pages); if it is scanned, "
            "run it through OCR first, for example ocrmypdf",
        )
    return builder


def _page_text(pdf: Any, index: int, ocr: Ocr | None) -> str:  # noqa: ANN401
    page = pdf[index]
    try:
        text_page = page.get_textpage()
        text: str = text_page.get_text_range()
        text_page.close()
        text = _unwrapped(_HYPHEN.sub("", text.replace("\r\n", "\n").replace("\r", "\n")))
        if ocr is not None and len(text.strip()) < _FEWEST_CHARACTERS:
            text = ocr(page.render(scale=_PIXELS_PER_POINT).to_pil())
        return text
    finally:
        page.close()


def _unwrapped(text: str) -> str:
    """Join the lines of paragraphs: a full line continues in the next one, unless that starts a list item."""
    lines = [line.strip() for line in text.split("\n")]
    widths = sorted(map(len, filter(None, lines)))
    full = _FULL_LINE * widths[int(_COLUMN * len(widths))] if widths else 0
    pieces: list[str] = []
    for line, following in zip(lines, [*lines[1:], ""], strict=True):
        continues = len(line) > full and following and not _ITEM.match(following)
        pieces += [line, " " if continues else "\n"]
    return "".join(pieces)


def _outline(pdf: Any) -> Mapping[int, list[str]]:  # noqa: ANN401
    """Return the titles of the outline by page index."""
    titles: dict[int, list[str]] = defaultdict(list)
    for item in pdf.get_toc():
        destination = item.get_dest()
        index = destination.get_index() if destination else None
        if index is not None and len(titles[index]) < _MOST_TITLES:
            titles[index].append(item.get_title())
    return titles


def _headings(text: str, titles: list[str] | tuple[str, ...]) -> list[tuple[int, str]]:
    """Locate titles in a page's text; one that is not found counts from the last one, or from the page's start."""
    found, place = [], 0
    for title in titles:
        words = r"\s+".join(map(re.escape, title.split()))
        match = re.compile(words, re.IGNORECASE).search(text, place) if words else None
        place = match.start() if match else place
        found.append((place, title))
    return found
