"""Text, pages and sections of files that other tools wrote; files that are refused."""

import codecs
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A5
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.pdfgen.canvas import Canvas

from memorag_graph.documents import MOST_BYTES, Document, read_document, with_distinct_names
from memorag_graph.errors import InputError, MissingExtraError

PANDOC, OFFICE = shutil.which("pandoc"), shutil.which("soffice")
needs_pandoc = pytest.mark.skipif(PANDOC is None, reason="needs pandoc: apt-get install pandoc")
needs_office = pytest.mark.skipif(OFFICE is None, reason="needs LibreOffice: apt-get install libreoffice-writer")

HARBOUR = (
    "The harbour froze in January, and no ship left it for six weeks.",
    "In March the ice broke; the first ferry carried forty-one lorries.",
    "By summer the company had paid its debts and ordered a second ship.",
)
MARKDOWN = """# The ferry company

Founded by two brothers, the company owned one ship for eleven years.

## 1.1 Ships

- Tarvay Star, built 1931
- Skerrow Maid, built 1947
    - refitted twice

## 1.2 Fares

| passage | winter | summer |
|---------|--------|--------|
| person  | 4      | 6      |
| lorry   | 31     | 38     |

Fares rose in 1952.[^1] The council objected to the rise — in vain.

[^1]: Minutes of the council, page 88.

# The pandemic

Lorries filled the decks; people stayed at home.
"""


def words(text: str) -> list[str]:
    return re.findall(r"\w+", text)


def page_of(document: Document, quote: str) -> int | None:
    return document.page_map.page(document.text.index(quote))


def section_of(document: Document, quote: str) -> str | None:
    return document.page_map.section(document.text.index(quote))


def pdf(path: Path, pages: int = 3, **options: object) -> Path:
    """Write a PDF with an outline: a sentence of its own in the middle of each page."""
    canvas = Canvas(str(path), pagesize=A5, **options)  # type: ignore[arg-type]
    for number in range(1, pages + 1):
        canvas.bookmarkPage(f"p{number}")
        canvas.addOutlineEntry(f"Chapter {number}", f"p{number}")
        canvas.drawString(40, 500, f"Chapter {number}")
        canvas.drawString(40, 300, f"Entry {number}: " + HARBOUR[(number - 1) % len(HARBOUR)])
        canvas.showPage()
    canvas.save()
    return path


def pandoc(path: Path, markdown: str = MARKDOWN) -> Path:
    subprocess.run([str(PANDOC), "-f", "markdown", "-o", str(path), "--metadata", "title=Letters"], input=markdown,
                   text=True, check=True)  # fmt: skip
    return path


def office(source: Path, suffix: str) -> Path:
    """Convert a file with LibreOffice."""
    profile = f"-env:UserInstallation=file://{source.parent}/profile"
    command = [str(OFFICE), profile, "--headless", "--convert-to", suffix, "--outdir", str(source.parent / "out")]
    subprocess.run([*command, str(source)], check=True, capture_output=True, timeout=180)
    converted = source.parent / "out" / f"{source.stem}.{suffix}"
    if not converted.exists():
        pytest.skip(f"this LibreOffice has no module that reads {source.suffix} and writes .{suffix}")
    return converted


def test_a_pdf_keeps_its_pages_and_outline(tmp_path: Path) -> None:
    document = read_document(pdf(tmp_path / "letters.pdf", pages=30))
    for number in range(1, 31):
        quote = f"Entry {number}: {HARBOUR[(number - 1) % 3]}"
        assert page_of(document, quote) == number
        assert section_of(document, quote) == f"Chapter {number}"
    expected = [f"Chapter {number} Entry {number}: {HARBOUR[(number - 1) % 3]}" for number in range(1, 31)]
    assert words(document.text) == words(" ".join(expected))


@needs_office
def test_a_pdf_of_an_office_program_keeps_its_pages(tmp_path: Path) -> None:
    paragraphs = [
        f'<h2 style="page-break-before: always">Part {number}</h2>' + f"<p>Entry {number} of the log.</p>" * 5
        for number in range(2, 7)
    ]
    source = tmp_path / "log.html"
    source.write_text(f"<html><body><h2>Part 1</h2><p>Entry 1 of the log.</p>{''.join(paragraphs)}</body></html>")
    document = read_document(office(source, "pdf"))
    assert [page_of(document, f"Entry {number} of the log.") for number in range(1, 7)] == [1, 2, 3, 4, 5, 6]


@needs_pandoc
@pytest.mark.parametrize("suffix", ["docx", "epub", "html"])
def test_a_document_keeps_its_words_and_sections(tmp_path: Path, suffix: str) -> None:
    document = read_document(pandoc(tmp_path / f"letters.{suffix}"))
    body = words(document.text)
    for sentence in (
        "Founded by two brothers, the company owned one ship for eleven years.",
        "The council objected to the rise — in vain.",
        "Minutes of the council, page 88.",
        "Lorries filled the decks; people stayed at home.",
    ):
        assert sentence in " ".join(document.text.split())
    assert [body.count(word) for word in ("Tarvay", "Skerrow", "refitted", "lorry", "pandemic")] == [1] * 5
    assert section_of(document, "Founded by") == "The ferry company"
    assert section_of(document, "Tarvay Star") == "1.1 Ships"
    assert section_of(document, "lorry") == "1.2 Fares"
    assert section_of(document, "Lorries filled") == "The pandemic"
    if suffix == "docx":  # where it stands in the text
        assert section_of(document, "Minutes of the council") == "1.2 Fares"


@needs_pandoc
@needs_office
def test_an_office_program_s_docx_reads_as_the_one_that_it_was_made_from(tmp_path: Path) -> None:
    source = pandoc(tmp_path / "letters.odt")
    converted, direct = read_document(office(source, "docx")), read_document(pandoc(tmp_path / "letters.docx"))
    assert words(converted.text) == words(direct.text)
    assert [title for _, title in converted.page_map.sections] == [title for _, title in direct.page_map.sections]


@needs_pandoc
@pytest.mark.parametrize("suffix", ["docx", "html"])
def test_tables_and_lists_stay_readable(tmp_path: Path, suffix: str) -> None:
    lines = [line.strip() for line in read_document(pandoc(tmp_path / f"letters.{suffix}")).text.splitlines()]
    assert any(re.fullmatch(r"(\w+: )?lorry\W+([^|]*: )?31\W+([^|]*: )?38", line) for line in lines)
    assert any(re.fullmatch(r"[-*•] Tarvay Star, built 1931", line) for line in lines)


def test_markdown_is_kept_and_knows_its_sections(tmp_path: Path) -> None:
    text = "Title\n=====\n\nBefore.\n\n```\n# no heading\n```\n\n## Costs ##\n\nIt cost 7.\n\nA line\nand more\n---\n"
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    document = read_document(tmp_path / "a.md")
    assert document.text == text
    assert document.page_map.sections == ((0, "Title"), (text.index("## Costs"), "Costs"))
    assert section_of(document, "It cost") == "Costs"


def test_a_fence_ends_and_code_within_a_line_is_none(tmp_path: Path) -> None:
    text = "```sh```\n# One\n\n~~~\n# no heading\n~~~\t\n# Two\n"
    (tmp_path / "a.md").write_text(text, encoding="utf-8")
    sections = read_document(tmp_path / "a.md").page_map.sections
    assert [title for _, title in sections] == ["One", "Two"]


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-16-be", "utf-32", "utf-32-be"])
def test_a_byte_order_mark_hides_no_heading(tmp_path: Path, encoding: str) -> None:
    mark = "\ufeff" if encoding.endswith("be") else ""
    (tmp_path / "a.md").write_bytes(f"{mark}# Opening hours\n\nAt seven, même à Noël.".encode(encoding))
    document = read_document(tmp_path / "a.md")
    assert document.text == "# Opening hours\n\nAt seven, même à Noël."
    assert document.page_map.sections == ((0, "Opening hours"),)


def test_byte_order_marks_of_pages_paragraphs_and_guessed_encodings_are_removed(tmp_path: Path) -> None:
    import docx

    page = "<html><head><meta charset=iso-8859-5></head><body><h1>É</h1>Seen.</body></html>"
    (tmp_path / "a.html").write_bytes(page.encode("utf-8-sig"))
    assert read_document(tmp_path / "a.html").text == "É\n\nSeen."
    written = docx.Document()
    written.add_heading("\ufeff \ufeffHours")
    written.add_heading("Fares")
    written.save(str(tmp_path / "a.docx"))
    document = read_document(tmp_path / "a.docx")
    assert (document.text, document.page_map.sections) == ("Hours\n\nFares", ((0, "Hours"), (7, "Fares")))
    french = "Le café est préparé à la française. Être ou ne pas être, voilà la question élevée. " * 5
    (tmp_path / "a.txt").write_bytes(codecs.BOM_UTF8 + french.encode("cp1252"))
    assert read_document(tmp_path / "a.txt").text == french


@pytest.mark.parametrize(("head", "encoding"), [('<meta charset="iso-8859-5">', "iso-8859-5"), ("", "utf-8")])
def test_a_page_is_read_in_the_encoding_that_it_declares(tmp_path: Path, head: str, encoding: str) -> None:
    text = "Паром перевёз сорок грузовиков через залив"
    (tmp_path / "a.html").write_bytes(f"<html><head>{head}</head><body><p>{text}</p></body></html>".encode(encoding))
    assert read_document(tmp_path / "a.html").text == text


def test_scripts_and_styles_of_a_page_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "a.html").write_text("<html><style>p {}</style><script>let x = 1;</script><p>Seen.</p></html>")
    assert read_document(tmp_path / "a.html").text == "Seen."


def scanned(path: Path, pages: int = 3) -> Path:
    from PIL import Image

    canvas = Canvas(str(path), pagesize=A5)
    Image.new("L", (300, 400), 200).save(path.with_suffix(".png"))
    for _ in range(pages):
        canvas.drawImage(str(path.with_suffix(".png")), 20, 20)
        canvas.showPage()
    canvas.save()
    return path


def test_a_scanned_pdf_needs_ocr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memorag_graph.documents.pdf.pdf_reader.installed_ocr", lambda: None)
    path = scanned(tmp_path / "scan.pdf")
    with pytest.raises(InputError, match="run it through OCR first"):
        read_document(path)
    seen = iter(HARBOUR)
    document = read_document(path, ocr=lambda image: f"{next(seen)} ({image.width > 500})")
    assert [page_of(document, f"{sentence} (True)") for sentence in HARBOUR] == [1, 2, 3]


def encrypted_pdf(path: Path) -> Path:
    return pdf(path, encrypt=StandardEncryption("secret", canPrint=0))


def cut(make: Callable[[Path], Path]) -> Callable[[Path], Path]:
    def cut_off(path: Path) -> Path:
        data = make(path).read_bytes()
        path.write_bytes(data[: len(data) // 3])
        return path

    return cut_off


def archive(parts: dict[str, bytes]) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as opened:
            for name, data in parts.items():
                opened.writestr(name, data)
        return path

    return write


def content(data: bytes) -> Callable[[Path], Path]:
    def write(path: Path) -> Path:
        path.write_bytes(data)
        return path

    return write


def million_pages(path: Path) -> Path:
    """Write a PDF of a million pages, all of them the same empty one."""
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R >>",
        b"<< /Type /Pages /Count 1000000 /Kids [" + b"3 0 R " * 1_000_000 + b"] >>",
        b"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 9 9] >>",
    ]
    data, places = b"%PDF-1.4\n", []
    for number, described in enumerate(objects, start=1):
        places.append(len(data))
        data += b"%d 0 obj\n%s\nendobj\n" % (number, described)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"xref\n0 4\n0000000000 65535 f \n" + table
    path.write_bytes(data + b"trailer << /Size 4 /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF" % data.index(b"xref\n0 4"))
    return path


def over_the_limit(path: Path) -> Path:
    with path.open("wb") as stream:
        stream.truncate(MOST_BYTES + 1)
    return path


def locked(path: Path) -> Path:
    """Write an archive whose parts are marked as encrypted."""
    data = bytearray(archive({"word/document.xml": b"<w/>"})(path).read_bytes())
    data[data.index(b"PK\x03\x04") + 6] |= 1
    data[data.index(b"PK\x01\x02") + 8] |= 1
    path.write_bytes(data)
    return path


BOMB = archive({"word/document.xml": b"<a>" + b" " * (300 << 20)})
REFUSED: dict[str, tuple[str, Callable[[Path], Path], str]] = {
    "too large": ("a.txt", over_the_limit, r"has 200,000,001 bytes.* split it"),
    "encrypted PDF": ("a.pdf", encrypted_pdf, "is password-protected"),
    "cut PDF": ("a.pdf", cut(pdf), "damaged|no text|hardly any text"),
    "a million pages": ("a.pdf", million_pages, "1,000,000 pages; the limit is 20,000; split it"),
    "text named PDF": ("a.pdf", content(b"Dear reader"), "is not a PDF file"),
    "text named DOCX": ("a.docx", content(b"Dear reader"), "is not a DOCX file"),
    "old Word": (
        "a.doc",
        content(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(600)),
        "damaged file of an Office",
    ),
    "DOCX bomb": ("a.docx", BOMB, "more than 67,108,864 bytes"),
    "EPUB bomb": ("a.epub", archive({"META-INF/container.xml": b" " * (100 << 20)}), "more than 67,108,864 bytes"),
    "cut DOCX": ("a.docx", cut(archive({"word/document.xml": bytes(range(256)) * 99})), "damaged or was cut off"),
    "encrypted DOCX": ("a.docx", locked, "is password-protected"),
    "broken XML": ("a.docx", archive({"word/document.xml": b"<w:doc"}), "damaged"),
    "other archive": (
        "a.zip",
        archive({"a.txt": b"Dear reader"}),
        "ZIP archives without a document",
    ),
    "program": ("a.bin", content(bytes(range(256)) * 9), "not a text file"),
    "empty": ("a.txt", content(b" \n"), "contains no text"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_unreadable_files_are_refused(tmp_path: Path, what: str) -> None:
    name, make, message = REFUSED[what]
    with pytest.raises(InputError, match=message) as refusal:
        read_document(make(tmp_path / name))
    assert name in str(refusal.value)


@needs_pandoc
def test_the_content_decides_the_format(tmp_path: Path) -> None:
    pdf(tmp_path / "a.pdf").rename(tmp_path / "a.txt")
    assert page_of(read_document(tmp_path / "a.txt"), HARBOUR[2]) == 3
    pandoc(tmp_path / "b.docx").rename(tmp_path / "b.pdf")
    assert section_of(read_document(tmp_path / "b.pdf"), "Tarvay") == "1.1 Ships"


@pytest.mark.parametrize("text", ["PKI is the topic.", "A file with the bytes %PDF-1.4 at its start is a PDF."])
def test_a_text_that_mentions_a_format_is_read_as_text(tmp_path: Path, text: str) -> None:
    assert read_document(content(text.encode())(tmp_path / "a.txt")).text == text


def test_a_pdf_with_bytes_before_its_header_is_read(tmp_path: Path) -> None:
    written = pdf(tmp_path / "a.pdf")
    written.write_bytes(b"Content-Type: application/pdf\n\n" + written.read_bytes())
    assert page_of(read_document(written), HARBOUR[2]) == 3


@pytest.mark.parametrize(("module", "make", "name"), [
    ("pypdfium2", pdf, "a.pdf"),
    ("lxml", archive({"word/document.xml": b"<w/>"}), "a.docx"),
    ("inscriptis", content(b"<html><p>Seen.</p></html>"), "a.html"),
])  # fmt: skip
def test_a_missing_library_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: str, make: Callable[[Path], Path], name: str
) -> None:
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(MissingExtraError, match=re.escape("pip install 'memorag-graph[documents]'")):
        read_document(make(tmp_path / name))


_READ = """
import resource, sys
from memorag_graph.documents import read_document
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
document = read_document(sys.argv[1])
document.sha256
print(len(document.text), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
"""


LARGE = MOST_BYTES // 10
"""Bytes of a text whose memory is measured; the libraries that reading loads take few beside it."""


@pytest.mark.parametrize("line", [b"The ferry carried forty-one lorries.\n", "Паром\r\n".encode("cp1251")])
def test_a_large_text_takes_five_times_its_size_at_most(tmp_path: Path, line: bytes) -> None:
    path = tmp_path / "large.txt"
    path.write_bytes(line * (LARGE // len(line)))
    finished = subprocess.run([sys.executable, "-c", _READ, str(path)], capture_output=True, text=True, check=True)
    characters, kilobytes = map(int, finished.stdout.split())
    assert characters >= LARGE * 0.8
    assert kilobytes * 1024 < 5 * LARGE


def test_lines_of_a_paragraph_are_joined_and_items_are_not(tmp_path: Path) -> None:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import Paragraph, SimpleDocTemplate

    style = getSampleStyleSheet()["BodyText"]
    paragraphs = [" ".join(HARBOUR * 3), " ".join(reversed(HARBOUR * 2))]
    items = [f"• {sentence}" for sentence in HARBOUR]
    SimpleDocTemplate(str(tmp_path / "a.pdf"), pagesize=A5).build([Paragraph(it, style) for it in paragraphs + items])
    text = read_document(tmp_path / "a.pdf").text
    assert all(paragraph in text for paragraph in paragraphs)
    assert [line for line in text.splitlines() if line.startswith("•")] == items


def test_pdfs_are_read_by_several_threads(tmp_path: Path) -> None:
    path = pdf(tmp_path / "a.pdf", pages=40)
    expected = read_document(path).text
    with ThreadPoolExecutor(8) as threads:
        assert {document.text for document in threads.map(read_document, [path] * 24)} == {expected}


def test_a_span_without_end_and_an_empty_chapter_are_read(tmp_path: Path) -> None:
    import docx
    from docx.oxml.ns import qn

    written = docx.Document()
    table = written.add_table(1, 2)
    table.cell(0, 0).text, table.cell(0, 1).text = "lorry", "31"
    table.cell(0, 0)._tc.get_or_add_tcPr().get_or_add_gridSpan().set(qn("w:val"), "2000000000")
    written.save(str(tmp_path / "a.docx"))
    assert read_document(tmp_path / "a.docx").text == "lorry | 31"
    container = b'<c><rootfile full-path="p.opf"/></c>'
    package = b"".join(
        b'<item id="%d" href="%d.html" media-type="text/html"/><itemref idref="%d"/>' % (it, it, it) for it in (1, 2)
    )
    parts = {
        "META-INF/container.xml": container,
        "p.opf": b"<p>" + package + b"</p>",
        "1.html": b"",
        "2.html": b"<p>Seen.</p>",
    }
    assert read_document(archive(parts)(tmp_path / "a.epub")).text == "Seen."


@pytest.mark.parametrize("name", ["undefined", "utf-16"])
def test_an_encoding_that_cannot_be_right_is_ignored(tmp_path: Path, name: str) -> None:
    for end in ("", " "):
        (tmp_path / "a.html").write_text(f'<html><meta charset="{name}"><p>Seen.</p></html>{end}')
        assert read_document(tmp_path / "a.html").text == "Seen."


@pytest.mark.parametrize("encoding", ["utf-16", "iso-8859-5", "utf-8-sig"])
def test_chapters_are_read_in_their_encoding(tmp_path: Path, encoding: str) -> None:
    page = f'<?xml version="1.0" encoding="{encoding}"?><html><body><p>Паром отчалил</p></body></html>'
    parts = {
        "META-INF/container.xml": b'<c><rootfile full-path="p.opf"/></c>',
        "p.opf": b'<p><item id="a" href="a.html" media-type="text/html"/><itemref idref="a"/></p>',
        "a.html": page.encode(encoding),
    }
    assert read_document(archive(parts)(tmp_path / "a.epub")).text == "Паром отчалил"


def test_documents_get_distinct_names() -> None:
    names = ["a.txt", "a.txt", "b.txt", "a.txt (2)", "a.txt"]
    named = with_distinct_names([Document(name, f"text {at}") for at, name in enumerate(names)])
    assert [it.source for it in named] == ["a.txt", "a.txt (3)", "b.txt", "a.txt (2)", "a.txt (4)"]
    assert [it.text for it in named] == [f"text {at}" for at in range(5)]
