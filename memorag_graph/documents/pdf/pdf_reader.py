"""Read a PDF file page by page."""

import threading
import time
from collections import defaultdict, deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.pdf.blocks import Paragraph, Table
from memorag_graph.documents.pdf.ocr import Ocr, installed_ocr, unwrapped
from memorag_graph.documents.pdf.page_reader import (
    FEWEST_CHARACTERS,
    MOST_CHARACTERS,
    CrowdedPageError,
    PageContent,
    lay_out,
    read_page,
)
from memorag_graph.documents.pdf.pages_joined import PageJoiner
from memorag_graph.documents.pdf.running_heads import NEIGHBOURS, has_facts, is_page_number, is_running, uncounted
from memorag_graph.errors import InputError, MissingExtraError

_MOST_TITLES = 100
"""Maximum outline titles located on one page."""

MOST_PAGES = 20_000
_MOST_SCANNED = 2_000
"""Maximum pages of a file that an OCR program is given."""

_MOST_MINUTES = 30
"""Time after which an OCR program is given no further page of a file."""

_OCR_NEEDS = "the extra ocr (pip install 'memorag-graph[ocr]') and the program tesseract"
one_at_a_time = threading.Lock()
"""PDFium is not thread-safe, not even across documents."""


def read_pdf(path: Path, name: str, ocr: Ocr | None = None) -> Builder:
    """Read a PDF page by page.

    Args:
        path: The file.
        name: Name of the document.
        ocr: Reads pages that are pictures; by default tesseract, if it is installed.

    Raises:
        InputError: If it is encrypted, damaged, has too many pages, or contains no text and there is no ``ocr``.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    try:
        import pypdfium2
    except ImportError:
        raise MissingExtraError(f"reading the PDF {name}", "documents") from None
    with one_at_a_time:
        try:
            pdf = pypdfium2.PdfDocument(path)
        except pypdfium2.PdfiumError as error:
            raise refusal(name, error) from None
    try:
        with one_at_a_time:
            pages = len(pdf)
        if pages > MOST_PAGES:
            raise InputError("file", f"{name} has {pages:,} pages; the limit is {MOST_PAGES:,}; split it")
        return _Reader(pdf, name, ocr or installed_ocr()).read()
    finally:
        with one_at_a_time:
            pdf.close()


def refusal(name: str, error: Exception) -> InputError:
    """Return the error of a file that PDFium does not open."""
    if "password" in str(error).lower():
        return InputError("file", f"{name} is password-protected; save it without a password")
    return InputError("file", f"{name} is damaged or was cut off ({error}); save or download it again")


class _Reader:
    """Reads the pages of an open file into a builder."""

    def __init__(self, pdf: Any, name: str, ocr: Ocr | None) -> None:  # noqa: ANN401 - the library is untyped
        self._pdf, self._name, self._ocr = pdf, name, ocr
        self._builder = Builder(name)
        self._joiner = PageJoiner(self._builder)
        self._form: Any = None
        self._has_labels = False
        self._characters = 0
        self._facts: set[str] = set()
        self._table: Table | None = None
        self._hidden: list[int] = []
        self._unread: list[int] = []
        self._scanned: list[int] = []
        self._beyond: list[int] = []
        self._given = 0
        self._seconds = 0.0

    def read(self) -> Builder:
        """Read all pages.

        Raises:
            InputError: If a page is damaged, or there is hardly any text.
        """
        with one_at_a_time:
            self._form = form_of(self._pdf)
            count, outline = len(self._pdf), _outline(self._pdf)
        window: deque[tuple[int, PageContent]] = deque()
        for index in range(count):
            window.append((index, self._page(index)))
            if index >= NEIGHBOURS:
                self._add(window, index - NEIGHBOURS, outline)
            if len(window) > 2 * NEIGHBOURS:
                window.popleft()
        for index in range(max(0, count - NEIGHBOURS), count):
            self._add(window, index, outline)
        self._joiner.close()
        self._check(count)
        self._say()
        return self._builder

    def _page(self, index: int) -> PageContent:
        """Read a page, with OCR if it is a picture."""
        from pypdfium2 import PdfiumError

        wanted = self._ocr is not None and self._given < _MOST_SCANNED and self._seconds < 60 * _MOST_MINUTES
        with one_at_a_time:
            try:
                page = self._pdf[index]
                content = read_page(page, page.get_textpage(), wanted, self._form)
            except PdfiumError:
                message = f"page {index + 1} of {self._name} is damaged; save or download it again"
                raise InputError("file", message) from None
            except CrowdedPageError:
                message = f"page {index + 1} of {self._name} has more than {MOST_CHARACTERS:,} characters; split it"
                raise InputError("file", message) from None
        if content.has_hidden:
            self._hidden.append(index + 1)
        if content.is_picture:
            self._read_picture(index, content)
        self._characters += content.characters
        return content

    def _read_picture(self, index: int, content: PageContent) -> None:
        text = ""
        if content.picture is not None and self._ocr is not None:
            self._given += 1
            began = time.monotonic()
            text = unwrapped(self._ocr(content.picture)).strip()
            self._seconds += time.monotonic() - began
            content.picture = None
        elif self._ocr is not None:
            self._beyond.append(index + 1)
            return
        if sum(map(str.isalnum, text)) <= content.characters:
            self._unread.append(index + 1)
            return
        content.blocks = [Paragraph(part) for part in text.split("\n\n")]
        content.margins, content.sheet = [], None
        content.characters = len(text)
        self._scanned.append(index + 1)

    def _add(self, window: Sequence[tuple[int, PageContent]], index: int, outline: Mapping[int, Sequence[str]]) -> None:
        """Add a page to the text, now that the pages around it are known."""
        content = next(page for at, page in window if at == index)
        others = [(at, page.margins) for at, page in window if 0 < abs(at - index) <= NEIGHBOURS]
        titles = outline.get(index, ())
        with one_at_a_time:
            label = self._pdf.get_page_label(index)
            running = [
                margin
                for margin in content.margins
                if is_running(margin, index, others, titles) or is_page_number(margin, str(index + 1), label)
            ]
            left_out = lay_out(content, running, self._table)
        self._table = content.last_table
        facts = []
        for text in (margin.text for margin in left_out if has_facts(margin)):
            forms = {text, uncounted(text, index + 1)}
            if not forms & self._facts:
                facts.append(Paragraph(text))
            self._facts |= forms
        self._joiner.add(index + 1, self._label(index, label), [*facts, *content.blocks], titles)

    def _label(self, index: int, label: str) -> str | None:
        """Return a page's label if it is not the page's number; an empty one after a page that has one."""
        if label and label != str(index + 1):
            self._has_labels = True
            return label
        return "" if self._has_labels else None

    def _check(self, count: int) -> None:
        if self._characters >= FEWEST_CHARACTERS * max(1, min(count, 10)):
            return
        message = f"{self._name} contains hardly any text ({self._characters:,} characters on {count:,} pages)"
        if self._unread and self._ocr is None:
            are = _are(self._unread, "is a picture", "are pictures")
            message += (
                f"; {_pages(self._unread).lower()} {are}: run it through OCR first, for example ocrmypdf, or install "
                f"{_OCR_NEEDS}"
            )
        elif self._unread:
            message += f"; OCR found none on {_pages(self._unread).lower()}; scan it again, with a higher resolution"
        elif self._beyond:
            message += f"; {_pages(self._beyond).lower()} {_are(self._beyond, 'was', 'were')} not read: {self._limit()}"
        else:
            message += "; give a document that contains text"
        raise InputError("file", message)

    def _limit(self) -> str:
        if self._given >= _MOST_SCANNED:
            return f"more than {_MOST_SCANNED:,} pages of the file are pictures"
        return f"OCR had taken {_MOST_MINUTES:,} minutes for the pages before"

    def _say(self) -> None:
        """Say what was left out, and what was read from pictures."""
        if self._hidden:
            contain = _are(self._hidden, "contains", "contain")
            self._builder.notice(
                f"{_pages(self._hidden)} {contain} text that cannot be seen (invisible, covered, tiny, off the page or "
                "in the colour of the background); it was left out."
            )
        if self._unread:
            hint = "OCR found no text" if self._ocr is not None else f"to read such pages, install {_OCR_NEEDS}"
            are = _are(self._unread, "is a picture and was", "are pictures and were")
            self._builder.notice(f"{_pages(self._unread)} {are} not read; {hint}.")
        if self._beyond:
            are = _are(self._beyond, "is a picture and was", "are pictures and were")
            self._builder.notice(f"{_pages(self._beyond)} {are} not read: {self._limit()}; split the file.")
        if self._scanned:
            self._builder.scanned(self._scanned)
            are = _are(self._scanned, "is a picture; its text was", "are pictures; their text was")
            self._builder.notice(f"{_pages(self._scanned)} {are} read by OCR and may contain errors.")


def form_of(pdf: Any) -> Any:  # noqa: ANN401
    """Return PDFium's handle of a file's form, which has to be asked for before any page; None if it has none."""
    from pypdfium2 import raw

    if pdf.get_formtype() != raw.FORMTYPE_ACRO_FORM:
        return None
    pdf.init_forms()
    return pdf.formenv.raw


def _outline(pdf: Any) -> Mapping[int, Sequence[str]]:  # noqa: ANN401
    """Return the titles of the outline by page index."""
    titles: dict[int, list[str]] = defaultdict(list)
    for item in pdf.get_toc():
        destination = item.get_dest()
        index = destination.get_index() if destination else None
        if index is not None and len(titles[index]) < _MOST_TITLES:
            titles[index].append(item.get_title())
    return titles


def _pages(numbers: Sequence[int]) -> str:
    """Return page numbers in words: ``Pages 3, 5 to 7 and 9``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][-1] + 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    parts = [part for run in runs for part in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else map(str, run))]
    listed = " and ".join(filter(None, [", ".join(parts[:-1]), parts[-1]]))
    return f"{'Page' if len(numbers) == 1 else 'Pages'} {listed}"


def _are(numbers: Sequence[int], one: str, several: str) -> str:
    return one if len(numbers) == 1 else several
