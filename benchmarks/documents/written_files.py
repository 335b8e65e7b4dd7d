"""Write samples as files with the programs that people use, and files that cannot be read."""

import csv
import json
import shutil
import subprocess
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from email.message import EmailMessage
from pathlib import Path

from samples import Sample, as_html, as_markdown, sample

CHROMIUM = ("chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer")


@dataclass(frozen=True)
class Written:
    """A file and what reading it should give.

    Attributes:
        path: The file.
        program: What wrote it.
        sample: What it says.
        parts: What can be checked: "text" (the sentences), "table", "pages" (each section begins a page).
        refused: Whether it cannot be read.
    """

    path: Path
    program: str
    sample: Sample
    parts: frozenset[str] = field(default=frozenset({"text", "table"}))
    refused: bool = False


def all_files(directory: Path) -> Iterator[Written]:
    """Write all files whose programs are installed."""
    for write in (by_pandoc, by_office, by_chromium, by_latex, by_libraries, by_hand, unreadable):
        yield from write(directory)


def _run(command: Sequence[str | Path]) -> None:
    subprocess.run(list(map(str, command)), check=True, capture_output=True, timeout=600)


def _has(program: str) -> bool:
    return shutil.which(program) is not None


def by_pandoc(directory: Path) -> Iterator[Written]:
    """Seven formats that pandoc writes from Markdown."""
    if not _has("pandoc"):
        return
    for seed, language in enumerate(("en", "en", "de", "ru", "ar"), start=100):
        given = sample(seed, language)
        for suffix in ("docx", "odt", "epub", "html", "rtf", "pptx", "ipynb"):
            path = directory / f"pandoc-{seed}.{suffix}"
            source = path.with_suffix(".source.md")
            source.write_text(as_markdown(given), encoding="utf-8")
            _run(["pandoc", "--standalone", "--metadata", f"lang={language}", source, "--output", path])
            source.unlink()
            yield Written(path, "pandoc", given)


def by_office(directory: Path) -> Iterator[Written]:
    """Texts, sheets and slides that LibreOffice converts."""
    if not _has("soffice") or not _has("pandoc"):
        return
    texts, sheets = directory / "texts", directory / "sheets"
    of_seed = {}
    for seed, language in enumerate(("en", "de", "ru", "ar", "en"), start=200):
        given = of_seed[seed] = sample(seed, language)
        texts.mkdir(exist_ok=True)
        source = texts / f"office-{seed}.html"
        source.write_text(as_html(given, new_pages=True, hides=False), encoding="utf-8")
        write_sheet(given, sheets / f"office-{seed}.xlsx")
    for kind in ("odt:writer8", "docx:MS Word 2007 XML", "rtf:Rich Text Format", "pdf:writer_web_pdf_Export"):
        yield from _converted(texts, directory, kind, of_seed, "text table")
    for kind in (
        "ods",
        "xlsx:Calc MS Excel 2007 XML",
        "csv:Text - txt - csv (StarCalc):44,34,76",
        "pdf:calc_pdf_Export",
        "html",
    ):
        yield from _converted(sheets, directory / "calc", kind, of_seed, "table")
    slides = directory / "slides"
    slides.mkdir()
    of_seed = {seed: sample(seed, given.language, sentences=3) for seed, given in of_seed.items()}
    for seed, given in of_seed.items():
        _write_pptx(given, slides / f"office-{seed}.pptx")
    for kind in ("odp", "pptx", "pdf:impress_pdf_Export"):
        yield from _converted(slides, directory / "impress", kind, of_seed, "text table pages")
    shutil.rmtree(slides)
    shutil.rmtree(texts)
    shutil.rmtree(sheets)


def _converted(
    sources: Path, directory: Path, kind: str, of_seed: dict[int, Sample], parts: str, *, refused: bool = False
) -> Iterator[Written]:
    directory.mkdir(exist_ok=True)
    files = sorted(sources.iterdir())
    _run(["soffice", "--headless", "--convert-to", kind, "--outdir", directory, *files])
    for file in files:
        path = directory / f"{file.stem}.{kind.partition(':')[0]}"
        if path.exists():
            given = of_seed[int(file.stem.rpartition("-")[2])]
            yield Written(path, "LibreOffice", given, frozenset(parts.split()), refused)


def write_sheet(given: Sample, path: Path) -> None:
    """Write the table with openpyxl."""
    from openpyxl import Workbook

    path.parent.mkdir(exist_ok=True)
    book = Workbook()
    sheet = book.worksheets[0]
    sheet.title = "Depots"
    sheet.append(given.columns)
    for name, *numbers in given.rows:
        sheet.append([name, *map(int, numbers)])
    book.save(path)


def by_chromium(directory: Path) -> Iterator[Written]:
    """PDFs that a browser prints: one column, two columns, a long table, right to left."""
    if not _has("chromium"):
        return
    layouts = {"one": "", "two": "main { column-count: 2 }", "small": "body { font-size: 7pt }"}
    for seed, (language, layout) in enumerate(
        [(it, "one") for it in ("en", "de", "ru", "ar")] + [("en", "two"), ("de", "two"), ("en", "small")], start=300
    ):
        given = sample(seed, language, rows=60 if layout == "small" else 8)
        page = directory / f"chromium-{seed}.html"
        paged = layout == "one"
        page.write_text(as_html(given, layouts[layout], new_pages=paged), encoding="utf-8")
        path = page.with_suffix(".pdf")
        _run([*CHROMIUM, f"--print-to-pdf={path}", page.as_uri()])
        yield Written(page, "by hand", given)
        yield Written(path, "Chromium", given, frozenset({"text", "table", *(["pages"] if paged else [])}))


def by_latex(directory: Path) -> Iterator[Written]:
    """PDFs of LaTeX, in one and two columns."""
    if not _has("pdflatex") or not _has("pandoc"):
        return
    for seed in range(400, 406):
        given = sample(seed, "en" if seed % 2 else "de")
        path = directory / f"latex-{seed}.pdf"
        source = path.with_suffix(".source.md")
        source.write_text(as_markdown(given), encoding="utf-8")
        columns = ["--variable", "classoption=twocolumn"] if seed > 402 else []
        if columns:  # pandoc's tables need longtable, which two columns exclude
            source.write_text(as_markdown(given).partition("\n\n|")[0] + "\n", encoding="utf-8")
        _run(["pandoc", source, "--output", path, "--pdf-engine=pdflatex", *columns])
        source.unlink()
        yield Written(path, "LaTeX", given, frozenset({"text"} if columns else {"text", "table"}))


def by_libraries(directory: Path) -> Iterator[Written]:
    """Files of Python's libraries."""
    for seed, language in enumerate(("en", "de", "ru", "en"), start=500):
        given = sample(seed, language)
        for suffix, write in LIBRARIES.items():
            path = directory / f"library-{seed}.{suffix}"
            given = sample(seed, language, sentences=3 if suffix == "pptx" else 9)  # slides hold few
            write(given, path)
            parts = {"xlsx": "table", "pptx": "text table pages", "pdf": "text table pages"}.get(suffix, "text table")
            name = {"xlsx": "openpyxl", "pptx": "python-pptx", "docx": "python-docx", "pdf": "reportlab"}[suffix]
            if suffix != "pdf" or language != "ru":  # reportlab's built-in fonts have no Cyrillic letters
                yield Written(path, name, given, frozenset(parts.split()))


def _write_pdf(given: Sample, path: Path) -> None:
    from reportlab.lib.styles import getSampleStyleSheet
    from reportlab.platypus import PageBreak, Paragraph, SimpleDocTemplate, Table

    styles = getSampleStyleSheet()
    flow = [Paragraph(given.title, styles["Title"])]
    for number, section in enumerate(given.sections):
        flow += [PageBreak()] if number else []
        flow += [Paragraph(section.heading, styles["Heading2"])]
        flow += [Paragraph(text, styles["BodyText"]) for text in section.paragraphs]
    SimpleDocTemplate(str(path)).build([*flow, Table([given.columns, *given.rows])])


def _write_docx(given: Sample, path: Path) -> None:
    from docx import Document

    document = Document()
    document.add_heading(given.title, 0)
    for section in given.sections:
        document.add_heading(section.heading, 1)
        for text in section.paragraphs:
            document.add_paragraph(text)
    hidden = document.add_paragraph().add_run(given.hidden)
    hidden.font.hidden = True
    table = document.add_table(0, len(given.columns))
    for row in (given.columns, *given.rows):
        for cell, text in zip(table.add_row().cells, row, strict=True):
            cell.text = text
    document.save(str(path))


def _write_pptx(given: Sample, path: Path) -> None:
    from pptx import Presentation
    from pptx.util import Inches

    deck = Presentation()
    for section in given.sections:
        slide = deck.slides.add_slide(deck.slide_layouts[1])
        slide.shapes.title.text = section.heading
        slide.placeholders[1].text = "\n".join(section.paragraphs)
    slide = deck.slides.add_slide(deck.slide_layouts[5])
    slide.shapes.title.text = given.title
    size = Inches(8)
    table = slide.shapes.add_table(len(given.rows) + 1, len(given.columns), 0, 0, size, size).table
    for row, cells in enumerate((given.columns, *given.rows)):
        for column, text in enumerate(cells):
            table.cell(row, column).text = text
    deck.save(str(path))


LIBRARIES: dict[str, Callable[[Sample, Path], None]] = {
    "pdf": _write_pdf, "docx": _write_docx, "pptx": _write_pptx, "xlsx": write_sheet,
}  # fmt: skip


def by_hand(directory: Path) -> Iterator[Written]:
    """Formats that are plain text."""
    for seed, language in enumerate(("en", "de", "ru", "ar", "en", "de"), start=600):
        given = sample(seed, language)
        for suffix, (write, parts) in TEXTS.items():
            path = directory / f"text-{seed}.{suffix}"
            path.write_bytes(write(given))
            yield Written(path, "by hand", given, frozenset(parts.split()))


def _separated(given: Sample, separator: str) -> bytes:
    import io

    lines = io.StringIO()
    csv.writer(lines, delimiter=separator).writerows((given.columns, *given.rows))
    return lines.getvalue().encode()


def _records(given: Sample) -> list[dict[str, str]]:
    return [dict(zip(given.columns, row, strict=True)) for row in given.rows]


def _subtitles(given: Sample, mark: str) -> bytes:
    cues = [
        f"{number}\n00:{number:02}:01{mark}000 --> 00:{number:02}:05{mark}000\n{sentence}\n"
        for number, sentence in enumerate(given.sentences, start=1)
    ]
    return ("\n".join((["WEBVTT\n"] if mark == "." else []) + cues)).encode()


def _email(given: Sample) -> bytes:
    message = EmailMessage()
    message["Subject"], message["From"], message["To"] = given.title, "a@example.org", "b@example.org"
    message.set_content("See the other form of this message.")
    message.set_content("\n\n".join(text for section in given.sections for text in section.paragraphs))
    message.add_alternative(as_html(given), subtype="html")
    message.add_attachment(b"\x89PNG", maintype="image", subtype="png", filename="map.png")
    return message.as_bytes()


def _notebook(given: Sample) -> bytes:
    cells: list[dict[str, object]] = [
        {"cell_type": "markdown", "metadata": {}, "source": block}
        for block in as_markdown(given).split("\n\n")
        if block.strip()
    ]
    cells.append({"cell_type": "code", "metadata": {}, "source": "1 + 1", "outputs": [], "execution_count": 1})
    return json.dumps({"cells": cells, "metadata": {}, "nbformat": 4, "nbformat_minor": 5}).encode()


TEXTS: dict[str, tuple[Callable[[Sample], bytes], str]] = {
    "md": (lambda it: b"\xef\xbb\xbf---\ntitle: x\n---\n" + as_markdown(it).encode(), "text table"),
    "html": (lambda it: as_html(it).encode(), "text table"),
    "csv": (lambda it: _separated(it, ","), "table"),
    "tsv": (lambda it: _separated(it, "\t"), "table"),
    "json": (lambda it: json.dumps({"depots": _records(it)}, ensure_ascii=False).encode(), "table"),
    "jsonl": (lambda it: "\n".join(json.dumps(row) for row in _records(it)).encode(), "table"),
    "srt": (lambda it: _subtitles(it, ","), "text"),
    "vtt": (lambda it: _subtitles(it, "."), "text"),
    "eml": (_email, "text"),
    "ipynb": (_notebook, "text table"),
}


def unreadable(directory: Path) -> Iterator[Written]:
    """Files that have to be refused: old formats, pictures, archives, encrypted and scanned ones."""
    given = sample(700)
    if _has("soffice"):
        (sources := directory / "old").mkdir()
        (sources / "old-700.html").write_text(as_html(given), encoding="utf-8")
        yield from _converted(sources, directory, "doc:MS Word 97", {700: given}, "", refused=True)
        (sources / "old-700.html").unlink()
        write_sheet(given, sources / "old-700.xlsx")
        yield from _converted(sources, directory, "xls", {700: given}, "", refused=True)
        shutil.rmtree(sources)
    (directory / "picture.png").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(200))
    (directory / "picture.jpg").write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF" + bytes(200))
    (directory / "sound.mp3").write_bytes(b"ID3\x04" + bytes(200))
    (directory / "base.sqlite").write_bytes(b"SQLite format 3\x00" + bytes(200))
    (directory / "empty.txt").write_bytes(b" \n")
    with zipfile.ZipFile(directory / "files.zip", "w") as archive:
        archive.writestr("a.txt", "A text.")
    (directory / "cut.pdf").write_bytes(b"%PDF-1.7\n1 0 obj\n<<")
    (directory / "not.docx").write_bytes(b"PK\x03\x04" + bytes(50))
    for name in (
        "picture.png",
        "picture.jpg",
        "sound.mp3",
        "base.sqlite",
        "empty.txt",
        "files.zip",
        "cut.pdf",
        "not.docx",
    ):
        yield Written(directory / name, "by hand", given, frozenset(), refused=True)
    yield from _encrypted(directory, given)


def _encrypted(directory: Path, given: Sample) -> Iterator[Written]:
    from reportlab.lib.pdfencrypt import StandardEncryption
    from reportlab.pdfgen.canvas import Canvas

    path = directory / "locked.pdf"
    canvas = Canvas(str(path), encrypt=StandardEncryption("secret"))
    canvas.drawString(72, 720, given.sentences[0])
    canvas.save()
    yield Written(path, "reportlab", given, frozenset(), refused=True)
