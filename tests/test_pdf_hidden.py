"""Text of PDF files that no reader of the page sees, and pages that are pictures."""

import json
import shutil
import textwrap
from collections.abc import Callable
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image, ImageDraw, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from memorag_graph.documents import PageMap, read_document
from memorag_graph.documents.pdf.ocr import installed_ocr
from memorag_graph.errors import InputError
from tests.pdf_files import STORIES

FIELD = Path(__file__).parent / "field"
SECRET = "The secret amount is 9 crowns."
SHOWN = "The amount that everybody sees is 485 crowns."
Draw = Callable[[Canvas], None]
WHITE, BLACK = (1, 1, 1), (0, 0, 0)


def white(canvas: Canvas) -> None:
    canvas.setFillColorRGB(*WHITE)
    canvas.drawString(60, 600, SECRET)


def nearly_white(canvas: Canvas) -> None:
    canvas.setFillColorRGB(0.97, 0.97, 0.97)
    canvas.drawString(60, 600, SECRET)


def of_the_colour_of_its_background(canvas: Canvas) -> None:
    canvas.setFillColorRGB(0.2, 0.2, 0.6)
    canvas.rect(50, 590, 400, 30, fill=1, stroke=0)
    canvas.drawString(60, 600, SECRET)


def covered(canvas: Canvas) -> None:
    canvas.drawString(60, 600, SECRET)
    canvas.rect(50, 590, 400, 30, fill=1)


def clipped(canvas: Canvas) -> None:
    frame = canvas.beginPath()
    frame.rect(50, 650, 20, 5)
    canvas.clipPath(frame, stroke=0)
    canvas.drawString(60, 600, SECRET)


def transparent(canvas: Canvas) -> None:
    canvas.setFillAlpha(0.01)
    canvas.drawString(60, 600, SECRET)


def invisible(canvas: Canvas) -> None:
    text = canvas.beginText(60, 600)
    text.setTextRenderMode(3)
    text.textLine(SECRET)
    canvas.drawText(text)


def tiny(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 0.9)
    canvas.drawString(60, 600, SECRET)


def below_the_page(canvas: Canvas) -> None:
    canvas.drawString(60, -200, SECRET)


def beside_the_page(canvas: Canvas) -> None:
    canvas.drawString(900, 600, SECRET)


HIDDEN = [white, nearly_white, of_the_colour_of_its_background, covered, clipped, transparent, invisible, tiny]
HIDDEN += [below_the_page, beside_the_page]


def white_on_black(canvas: Canvas) -> None:
    canvas.rect(50, 590, 400, 30, fill=1)
    canvas.setFillColorRGB(*WHITE)
    canvas.drawString(60, 600, SHOWN)


def highlighted(canvas: Canvas) -> None:
    canvas.setFillColorRGB(1, 1, 0.6)
    canvas.rect(50, 590, 400, 30, fill=1, stroke=0)
    canvas.setFillColorRGB(*BLACK)
    canvas.drawString(60, 600, SHOWN)


def small_print(canvas: Canvas) -> None:
    canvas.setFont("Helvetica", 4)
    canvas.drawString(60, 600, SHOWN)


def grey(canvas: Canvas) -> None:
    canvas.setFillColorRGB(0.7, 0.7, 0.7)
    canvas.drawString(60, 600, SHOWN)


def page(path: Path, draw: Draw) -> Path:
    """Write a page with a sentence in black, and something else; and another page."""
    canvas = Canvas(str(path), pagesize=A4)
    canvas.drawString(60, 700, "The harbour froze in January, and no ship left it.")
    canvas.saveState()
    draw(canvas)
    canvas.restoreState()
    canvas.showPage()
    canvas.drawString(60, 700, "In March the ice broke, and the ferries left.")
    canvas.save()
    return path


def test_hidden_text_is_left_out() -> None:
    document = read_document(FIELD / "hidden_text.pdf")
    assert document.text == (
        "The total award amount for the Kestrel project is 485,000 USD. "
        "It is paid in four parts over two years, the last on 30 June."
    )
    (notice,) = document.notices
    assert notice.startswith("Page 1 contains text that cannot be seen")


@pytest.mark.parametrize("draw", HIDDEN, ids=lambda draw: draw.__name__)
def test_what_no_reader_sees_is_left_out_and_said(tmp_path: Path, draw: Draw) -> None:
    document = read_document(page(tmp_path / "a.pdf", draw))
    assert document.text == (
        "The harbour froze in January, and no ship left it.\n\nIn March the ice broke, and the ferries left."
    )
    assert [notice.startswith("Page 1 contains text that cannot be seen") for notice in document.notices] == [True]


@pytest.mark.parametrize("draw", [white_on_black, highlighted, small_print, grey], ids=lambda draw: draw.__name__)
def test_what_readers_see_is_kept(tmp_path: Path, draw: Draw) -> None:
    document = read_document(page(tmp_path / "a.pdf", draw))
    assert SHOWN in document.text
    assert document.notices == ()


def test_the_invisible_text_over_a_scan_is_its_text(tmp_path: Path) -> None:
    Image.new("L", (600, 800), 230).save(tmp_path / "scan.png")
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    canvas.drawImage(str(tmp_path / "scan.png"), 0, 0, *A4)
    text = canvas.beginText(60, 780)
    text.setTextRenderMode(3)
    for line in textwrap.wrap(STORIES[0], 60):
        text.textLine(line)
    canvas.drawText(text)
    canvas.save()
    document = read_document(tmp_path / "a.pdf", ocr=lambda image: "something else")
    assert (document.text, document.notices) == (STORIES[0], ())


@pytest.fixture
def no_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memorag_graph.documents.pdf.pdf_reader.installed_ocr", lambda: None)


@pytest.mark.usefixtures("no_ocr")
def test_pages_that_are_pictures_are_named() -> None:
    (notice,) = read_document(FIELD / "mixed_scanned.pdf").notices
    assert notice.startswith("Pages 3 to 5 are pictures and were not read; to read such pages, install the extra ocr")


@pytest.mark.usefixtures("no_ocr")
def test_a_scan_is_refused_with_what_to_install(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"page 1 is a picture.*pip install 'memorag-graph\[ocr\]'"):
        read_document(scan(tmp_path / "a.pdf", STORIES[0]))


def test_pages_that_a_function_reads_are_named() -> None:
    document = read_document(
        FIELD / "mixed_scanned.pdf", ocr=lambda image: f"The deposit of page {image.width} is known."
    )
    assert document.notices == ("Pages 3 to 5 are pictures; their text was read by OCR and may contain errors.",)
    assert document.page_map.page(document.text.index("The deposit of page")) == 3
    pages = document.page_map
    assert [number for start, number in pages.pages if pages.place(start)["ocr"]] == [3, 4, 5] == list(pages.scanned)
    assert len(pages.pages) > 5
    assert PageMap.of(json.loads(json.dumps(pages.to_dict()))) == pages


READER = "memorag_graph.documents.pdf.pdf_reader"
READ = "Page 3 is a picture; its text was read by OCR and may contain errors."


def given_pages(texts: list[str]) -> tuple[list[str], tuple[str, ...]]:
    """Read a file whose pages 3 to 5 are pictures; return the texts that OCR was not asked for, and the notices."""
    texts = list(texts)
    document = read_document(FIELD / "mixed_scanned.pdf", ocr=lambda image: texts.pop(0))
    return texts, document.notices


def test_ocr_is_given_a_limited_number_of_pages_whether_it_reads_them_or_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(f"{READER}._MOST_SCANNED", 1)
    beyond = "Pages 4 and 5 are pictures and were not read: more than 1 pages of the file are pictures; split the file."
    text = "The deposit of the flat is known."
    assert given_pages([text, "4", "5"]) == (["4", "5"], (beyond, READ))
    nothing = "Page 3 is a picture and was not read; OCR found no text."
    assert given_pages(["", "4", "5"]) == (["4", "5"], (nothing, beyond))


def test_ocr_is_given_no_page_after_a_limited_time(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = count(0, 1800)
    monkeypatch.setattr(f"{READER}.time", SimpleNamespace(monotonic=lambda: next(clock)))
    beyond = (
        "Pages 4 and 5 are pictures and were not read: OCR had taken 30 minutes for the pages before; split the file."
    )
    assert given_pages(["The deposit of the flat is known.", "4", "5"]) == (["4", "5"], (beyond, READ))


def test_a_tesseract_that_does_not_start_reads_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pytesseract = pytest.importorskip("pytesseract", reason="needs the extra ocr")

    def fails(*_: object, **__: object) -> None:
        raise pytesseract.TesseractNotFoundError

    monkeypatch.setattr("shutil.which", lambda _: "tesseract")
    monkeypatch.setattr(pytesseract, "get_languages", fails)
    monkeypatch.setattr(pytesseract, "image_to_string", lambda image, lang, timeout: f"read with {lang}")
    read = installed_ocr()
    assert read is not None
    assert read(Image.new("L", (9, 9))) == "read with None"
    monkeypatch.setattr(pytesseract, "image_to_string", fails)
    assert read(Image.new("L", (9, 9))) == ""


def scan(path: Path, text: str) -> Path:
    """Write a page that is a picture of a text."""
    image = Image.new("L", (1240, 1754), 255)
    drawing = ImageDraw.Draw(image)
    for at, line in enumerate(textwrap.wrap(text, 60)):
        drawing.text((120, 160 + 50 * at), line, fill=0, font=ImageFont.load_default(34))
    image.save(path.with_suffix(".png"))
    canvas = Canvas(str(path), pagesize=A4)
    canvas.drawImage(str(path.with_suffix(".png")), 0, 0, *A4)
    canvas.save()
    return path


@pytest.mark.skipif(shutil.which("tesseract") is None, reason="needs tesseract: apt-get install tesseract-ocr")
def test_a_scan_is_read_where_tesseract_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("pytesseract", reason="needs the extra ocr")
    document = read_document(scan(tmp_path / "a.pdf", STORIES[0]))
    assert "nine thousand objects and lost only two of them in the flood" in " ".join(document.text.split())
    assert document.notices == ("Page 1 is a picture; its text was read by OCR and may contain errors.",)
