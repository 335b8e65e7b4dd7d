"""Order of reading, running heads, labels and scripts of PDF files."""

import textwrap
from itertools import zip_longest
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from memorag_graph.documents import Document, read_document
from tests.pdf_files import (
    CHROMIUM,
    LINE,
    OFFICE,
    STORIES,
    draw_rows,
    office_pdf,
    printed,
    record,
    sentences_of,
    written,
)

FIELD = Path(__file__).parent / "field"
LEFT, RIGHT = STORIES[0], STORIES[1]
ARABIC = (
    "السلام عليكم ورحمة الله.",
    "لا يجوز للموظف أن ينقل 25 يوما من الإجازة إلى السنة التالية.",
    "الأسئلة ترسل إلى المكتب قبل 30 يونيو 2024.",
)
HEBREW = (
    "הנמל נסגר בחודש ינואר בגלל הקרח.",
    "בשנת 1931 נמכרה הסירה תמורת 480 כתרים.",
    "השומר (אדם זקן) גר במגדלור 12 שנים.",
)


def paragraphs(path: Path) -> list[str]:
    return [line for line in read_document(path).text.splitlines() if line]


def columns(
    canvas: Canvas, texts: list[str], width: int, places: list[float], top: float = 740, shift: float = 0
) -> None:
    """Draw texts beside each other, row by row; each column lower than the one before by the shift."""
    wrapped = [textwrap.wrap(text, width) for text in texts]
    for number, row in enumerate(zip_longest(*wrapped, fillvalue="")):
        for at, (place, line) in enumerate(zip(places, row, strict=True)):
            canvas.drawString(place, top - LINE * number - shift * at, line)


def test_columns_drawn_row_by_row_are_read_one_after_another() -> None:
    museum, harbour = paragraphs(FIELD / "two_columns_rowwise.pdf")
    assert museum.startswith("The museum opened its doors in the spring of 1926 after a long quarrel about money. Its")
    assert harbour.startswith("The harbour was dredged every second winter by a boat named Molly. The work cost")
    assert "Ada Lindqvist, who stayed for thirty years and wrote the catalogue alone." in museum


@pytest.mark.parametrize("shift", [0, 3, 7])
@pytest.mark.parametrize(("count", "width", "gap"), [(2, 42, 250), (3, 26, 170)])
def test_columns_below_a_heading_keep_their_sentences(
    tmp_path: Path, count: int, width: int, gap: int, shift: float
) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    canvas.drawString(60, 790, "Stories of the town in this and other years, told by those who were there")
    columns(canvas, list(STORIES[:count]), width, [50.0 + gap * at for at in range(count)], shift=shift)
    canvas.save()
    text = " ".join(paragraphs(tmp_path / "a.pdf")[1:])
    assert text == " ".join(STORIES[:count])


def test_a_sentence_goes_on_in_the_next_column_and_on_the_next_page(tmp_path: Path) -> None:
    lines = textwrap.wrap(" ".join(STORIES * 2), 42)
    page = [
        (place, 780.0 - LINE * row, lines[10 * at + row]) for at, place in ((0, 60.0), (1, 310.0)) for row in range(10)
    ]
    rest = [(60.0, 780.0 - LINE * row, line) for row, line in enumerate(lines[20:])]
    document = read_document(written(tmp_path / "a.pdf", [page, rest]))
    assert all(sentence in document.text for sentence in sentences_of(" ".join(STORIES)))
    assert document.page_map.page(document.text.rindex("A school for pilots")) == 2


def test_numbers_of_a_list_are_no_column(tmp_path: Path) -> None:
    items = sentences_of(" ".join(STORIES))
    texts = [
        (x, 700.0 - LINE * at, part) for at, item in enumerate(items) for x, part in ((60, f"{at + 1}."), (90, item))
    ]
    assert paragraphs(written(tmp_path / "a.pdf", [texts])) == [f"{at + 1}. {item}" for at, item in enumerate(items)]


@pytest.mark.parametrize("pages", [2, 5])
def test_running_heads_and_page_numbers_are_left_out(tmp_path: Path, pages: int) -> None:
    lines = textwrap.wrap(" ".join(STORIES * 3), 80)
    each = len(lines) // pages + 1
    written_pages = [
        [
            (60.0, 815.0, "Yearbook of the depots"),
            *((60.0, 760.0 - LINE * at, line) for at, line in enumerate(lines[each * page : each * (page + 1)])),
            (290.0, 30.0, f"– {page + 1} –"),
        ]
        for page in range(pages)
    ]
    text = read_document(written(tmp_path / "a.pdf", written_pages)).text
    assert "Yearbook" not in text
    assert "–" not in text
    assert all(sentence in text for sentence in sentences_of(" ".join(STORIES)))


@pytest.mark.parametrize("size", [8, 12])
@pytest.mark.parametrize("foot", ["file:///notes.html {}/3", "https://notes.example/a {}/3", "www.a.example, 66/2"])
def test_small_heads_close_to_the_text_as_browsers_print_them_are_left_out(
    tmp_path: Path, foot: str, size: int
) -> None:
    words = [f"word{100 + at}{'.' if at % 30 == 29 else ''}" for at in range(240)]
    canvas = Canvas(str(tmp_path / "notes.pdf"), pagesize=A4)
    for page in range(3):
        canvas.setFont("Helvetica", 7.5)
        canvas.drawString(24, A4[1] - 22, "11/29/26, 1:06 AM")
        canvas.drawCentredString(A4[0] / 2, A4[1] - 22, "Village notes")
        canvas.drawString(24, 12, foot.format(page + 1))
        canvas.setFont("Times-Roman", size)
        for row in range(10):
            start = 80 * page + 8 * row
            canvas.drawString(30, A4[1] - 25 - 1.15 * size * (row + 1), " ".join(words[start : start + 8]))
        canvas.showPage()
    canvas.save()
    text = read_document(tmp_path / "notes.pdf").text
    kept = "" if foot.startswith("file") else f"{foot.format(1)} "
    assert " ".join(text.split()) == kept + " ".join(words)
    assert "word179 word180" in text  # the end of a page and the start of the next


def test_a_first_line_that_is_as_large_as_the_text_and_close_to_it_is_no_running_head(tmp_path: Path) -> None:
    lines = [f"On day {at} the ferry was late." for at in range(8)]
    pages = [[(40, 800 - 14 * at, line) for at, line in enumerate(["Log of the ferry:", *lines])] for _ in range(2)]
    assert read_document(written(tmp_path / "log.pdf", pages)).text.count("Log of the ferry:") == 2


def test_short_lines_below_a_title_stay_below_it(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "fares.pdf"), pagesize=A4)
    for size, y, line in ((20, 790, "Fares"), (12, 760, "For adults."), (12, 730, "In crowns."), (12, 400, "Hamar 41")):
        canvas.setFont("Helvetica", size)
        canvas.drawString(60, y, line)
    canvas.save()
    assert " ".join(read_document(tmp_path / "fares.pdf").text.split()) == "Fares For adults. In crowns. Hamar 41"


def test_first_lines_that_differ_are_no_running_heads() -> None:
    text = read_document(FIELD / "mixed_scanned.pdf", ocr=lambda image: "").text
    assert all(f"Clause {page}.1 of the lease says" in text for page in (1, 2, 6))


def test_an_address_in_every_footer_is_kept_once(tmp_path: Path) -> None:
    pages = [
        [(60.0, 700.0, sentence), (60.0, 40.0, "Kestrel Ltd, 12 Dock Street, Leeds, telephone +44 113 496 0000")]
        for sentence in sentences_of(STORIES[0])
    ]
    assert read_document(written(tmp_path / "a.pdf", pages)).text.count("+44 113 496 0000") == 1


def test_page_labels_are_known_where_they_are_not_the_number(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    labels = ["i", "ii", "3", "4", "A-1"]
    for number, label in enumerate(labels):
        canvas.drawString(60, 700, f"Sentence {number} of the book stands on a page of its own.")
        canvas.drawString(290, 30, label)
        canvas.showPage()
    canvas.addPageLabel(0, "ROMAN_LOWER", 1)
    canvas.addPageLabel(2, "ARABIC", 3)
    canvas.addPageLabel(4, "ARABIC", 1, "A-")
    canvas.save()
    document = read_document(tmp_path / "a.pdf")
    places = [document.text.index(f"Sentence {number}") for number in range(5)]
    assert [document.page_map.label(place) for place in places] == ["i", "ii", None, None, "A-1"]
    assert [document.page_map.page(place) for place in places] == [1, 2, 3, 4, 5]
    assert paragraphs(tmp_path / "a.pdf") == [
        f"Sentence {at} of the book stands on a page of its own." for at in range(5)
    ]


@pytest.mark.parametrize("turned", [False, True])
def test_text_that_is_turned_by_a_quarter_is_read(tmp_path: Path, turned: bool) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    if turned:
        canvas.setPageRotation(90)
    canvas.rotate(90)
    for at, line in enumerate(textwrap.wrap(" ".join(STORIES[:2]), 90)):
        canvas.drawString(60, -100 - LINE * at, line)
    canvas.save()
    assert " ".join(paragraphs(tmp_path / "a.pdf")) == " ".join(STORIES[:2])


@pytest.mark.parametrize("angle", [0, 90, 180, 270])
@pytest.mark.parametrize("rotation", [0, 90, 180, 270])
def test_columns_and_tables_are_read_upright_however_they_are_turned(tmp_path: Path, angle: int, rotation: int) -> None:
    canvas = Canvas(str(tmp_path / "turned.pdf"), pagesize=A4)
    canvas.setPageRotation(rotation)
    width, height = A4 if rotation % 180 == 0 else A4[::-1]  # reportlab turns the page's box
    canvas.translate(*{0: (0, 0), 90: (width, 0), 180: (width, height), 270: (0, height)}[angle])
    canvas.rotate(angle)
    top = (width if angle % 180 else height) - 60
    rows = [["Depot", "Staff", "Opened"], *([f"Yard {at}", str(10 + at), str(1900 + 7 * at)] for at in range(6))]
    top = draw_rows(canvas, rows, (60, 200, 280), top) - 40
    for x, story in zip((60, 320), STORIES, strict=False):
        for at, line in enumerate(textwrap.wrap(story, 40)):
            canvas.drawString(x, top - LINE * at, line)
    canvas.save()
    lines = read_document(tmp_path / "turned.pdf").text.split("\n")
    assert [line for line in lines if line] == [*(record(rows[0], row) for row in rows[1:]), *STORIES[:2]]


def test_a_slanted_stamp_stays_out_of_the_lines(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    for at, line in enumerate(textwrap.wrap(STORIES[0], 80)):
        canvas.drawString(60, 700 - LINE * at, line)
    canvas.translate(150, 640)
    canvas.rotate(45)
    canvas.setFont("Helvetica", 40)
    canvas.drawString(0, 0, "DRAFT")
    canvas.save()
    assert paragraphs(tmp_path / "a.pdf") == [STORIES[0], "DRAFT"]


def test_a_raised_number_is_no_digit_of_the_one_before(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    canvas.drawString(60, 700, "The lake holds 10")
    end = 60 + canvas.stringWidth("The lake holds 10")
    canvas.setFont("Helvetica", 7)
    canvas.drawString(end, 705, "9")
    canvas.setFont("Helvetica", 12)
    canvas.drawString(end + 4, 700, " litres of water in spring.")
    canvas.save()
    assert paragraphs(tmp_path / "a.pdf") == ["The lake holds 10^9 litres of water in spring."]


def page_of(sentences: tuple[str, ...]) -> str:
    body = "".join(f"<p>{sentence}</p>" for sentence in sentences)
    style = "<style>body {font: 14pt 'DejaVu Sans'}</style>"
    return f"<html dir='rtl'><head><meta charset='utf-8'>{style}</head><body>{body}</body></html>"


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize("sentences", [ARABIC, HEBREW])
def test_a_browser_s_text_from_right_to_left_is_in_the_order_of_reading(
    tmp_path: Path, sentences: tuple[str, ...]
) -> None:
    text = " ".join(paragraphs(printed(tmp_path / "a.pdf", page_of(sentences))))
    assert text == " ".join(sentences)


@pytest.mark.skipif(OFFICE is None, reason="needs LibreOffice: apt-get install libreoffice-writer")
@pytest.mark.parametrize("sentences", [ARABIC, HEBREW])
def test_an_office_program_s_text_from_right_to_left_is_in_the_order_of_reading(
    tmp_path: Path, sentences: tuple[str, ...]
) -> None:
    text = " ".join(paragraphs(office_pdf(tmp_path / "a.pdf", page_of(sentences))))
    assert text == " ".join(sentences)


def outlined(path: Path, pages: list[tuple[list[str], list[str]]]) -> Document:
    """Write and read a PDF file with the titles and paragraphs of each page."""
    canvas = Canvas(str(path), pagesize=A4)
    for number, (titles, texts) in enumerate(pages):
        for title in titles:
            canvas.bookmarkPage(f"{number} {title}")
            canvas.addOutlineEntry(title, f"{number} {title}")
        for at, text in enumerate(texts):
            canvas.drawString(60, 700 - 4 * LINE * at, text)
        canvas.showPage()
    canvas.save()
    return read_document(path)


@pytest.mark.parametrize(
    ("pages", "sections"),
    [
        ([(["Introduction"], ["A first."]), (["Second"], []), ([], ["B follows."])],
         {"A": "Introduction", "B": "Second"}),
        ([(["One", "Two"], ["A first.", "Two", "B follows."])], {"A": "One", "B": "Two"}),
        ([(["One", "Two"], ["One", "A first.", "B follows."])], {"A": "Two", "B": "Two"}),
        ([(["One"], ["A first."]), (["Two", "Three"], ["B follows.", "Three", "C ends."])],
         {"A": "One", "B": "Two", "C": "Three"}),
        ([(["One"], []), (["Two"], ["A first.", "Two", "B follows."])], {"A": "One", "B": "Two"}),
        ([([], ["A first."]), (["Last"], [])], {"A": None}),
    ],
)  # fmt: skip
def test_a_title_that_its_page_does_not_print_begins_a_section(
    tmp_path: Path, pages: list[tuple[list[str], list[str]]], sections: dict[str, str | None]
) -> None:
    def longer(text: str) -> str:
        return f"{text} {STORIES[0][:70]}" if text.endswith(".") else text

    document = outlined(tmp_path / "a.pdf", [(titles, [*map(longer, texts)]) for titles, texts in pages])
    words = {"A": "A first.", "B": "B follows.", "C": "C ends."}
    assert {name: document.page_map.section(document.text.index(words[name])) for name in sections} == sections


@pytest.mark.parametrize(
    "feet",
    [
        ["Page i of the report", "Page ii of the report", "Page 1 of the report", "Page 2 of the report"],
        ["Report, A-1", "Report, A-2", "Report, A-3", "Report, B-1"],
        ["iv Annual letter", "v Annual letter", "vi Annual letter", "1 Annual letter"],
    ],
)
def test_feet_that_count_in_several_ways_are_left_out(tmp_path: Path, feet: list[str]) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    for foot, text in zip(feet, STORIES, strict=False):
        for number, line in enumerate(textwrap.wrap(text, 70)):
            canvas.drawString(60, 760 - LINE * number, line)
        canvas.drawString(260, 40, foot)
        canvas.showPage()
    canvas.save()
    text = read_document(tmp_path / "a.pdf").text
    assert not [foot for foot in feet if foot in text]
    assert " ".join(text.split()) == " ".join(STORIES[: len(feet)])


def test_a_sentence_goes_on_with_a_name_in_the_next_column(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    cut = ["The white school in the south quarter was", "opened in 1909 by a teacher who was named"]
    left = [*textwrap.wrap(LEFT, 42)[:6], *cut]
    right = ["Dorph. It has five classrooms and a garden.", *textwrap.wrap(RIGHT, 42)[:7]]
    for place, lines in ((60, left), (320, right)):
        for number, line in enumerate(lines):
            canvas.drawString(place, 760 - LINE * number, line)
    canvas.save()
    assert "opened in 1909 by a teacher who was named Dorph. It has five" in read_document(tmp_path / "a.pdf").text


def test_a_short_paragraph_goes_on_with_a_name(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    canvas.drawString(60, 760, "The report was written by the master")
    canvas.drawString(60, 760 - LINE, "Edla Sund in the winter.")
    canvas.save()
    assert paragraphs(tmp_path / "a.pdf") == ["The report was written by the master Edla Sund in the winter."]


def test_ligatures_of_fonts_that_name_no_letters_are_read(tmp_path: Path) -> None:
    """The T1 fonts that TeX draws as pictures have ligatures at the codes 27 to 31, and no names for them."""
    codes = {"ff": "\x1b", "fi": "\x1c", "fl": "\x1d", "ffi": "\x1e", "ffl": "\x1f"}
    words = ["staff", "find", "floor", "office", "waffles"]
    drawn = " ".join(words)
    for letters in ("ffi", "ffl", "ff", "fi", "fl"):
        drawn = drawn.replace(letters, codes[letters])
    used = sorted(set(map(ord, drawn)))
    differences = " ".join(f"{code} /{'' if code > 31 else 'a'}{chr(code) if code > 32 else code}" for code in used)
    differences = differences.replace("32 /32", "32 /space")
    names = sorted({part[1:] for part in differences.split() if part.startswith("/")})
    glyph = "500 0 0 0 500 700 d1 0 0 400 600 re f"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 400 200] /Contents 5 0 R /Resources << /Font << /F 4 0 R >> >> >>",
        "<< /Type /Font /Subtype /Type3 /FontBBox [0 0 500 700] /FontMatrix [0.001 0 0 0.001 0 0] /FirstChar 0 "
        f"/LastChar 126 /Widths [{' '.join(['500'] * 127)}] "
        f"/Encoding << /Type /Encoding /Differences [{differences}] >> "
        f"/CharProcs << {' '.join(f'/{name} 6 0 R' for name in names)} >> /Resources << >> >>",
    ]
    hexed = drawn.encode("latin-1").hex()
    for stream in (f"BT /F 20 Tf 20 100 Td <{hexed}> Tj ET", glyph):
        objects.append(f"<< /Length {len(stream)} >>\nstream\n{stream}\nendstream")
    body = "".join(f"{number} 0 obj\n{text}\nendobj\n" for number, text in enumerate(objects, start=1))
    (tmp_path / "a.pdf").write_bytes(f"%PDF-1.4\n{body}trailer << /Root 1 0 R /Size 7 >>\n%%EOF".encode("latin-1"))
    assert paragraphs(tmp_path / "a.pdf") == [drawn.translate({ord(code): it for it, code in codes.items()})]
