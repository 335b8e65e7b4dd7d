"""PDF files that the tests write: texts at places, tables, pages of a browser or an office program."""

import shutil
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

CHROMIUM, OFFICE = shutil.which("chromium"), shutil.which("soffice")
LINE = 14
STORIES = (
    "The museum opened its doors in the spring of 1926 after a long quarrel about money. Its first keeper was Ada "
    "Lindqvist, who stayed for thirty years. She counted nine thousand objects and lost only two of them in the flood.",
    "The harbour was dredged every second winter by a boat named Molly. The work cost the town eleven thousand crowns "
    "and was paid for by a tax on salt. In 1931 the boat was sold to a brewer who used it as a floating dance hall.",
    "A school for pilots stood behind the church until the storm of 1911. Its teacher was a retired captain who had "
    "lost an eye at Skerrow. He taught forty boys and one girl, and all of them found work on the ferries.",
)


def sentences_of(text: str) -> list[str]:
    return [f"{sentence.rstrip('.')}." for sentence in text.split(". ")]


def figures(count: int, columns: int = 4) -> list[list[str]]:
    """Rows of a place's name and figures, all different."""
    places = [
        f"{town} {side}" for side in ("North", "South", "East", "West") for town in ("Leeds", "York", "Hull", "Otley")
    ]
    return [
        [f"{places[row % 16]} {row}", *(str(1000 * column + 7 * row) for column in range(1, columns))]
        for row in range(count)
    ]


def draw_rows(canvas: Canvas, rows: Iterable[Sequence[str]], places: Sequence[float], top: float = 800) -> float:
    """Draw rows of cells; return the height of the next row."""
    for row in rows:
        for place, cell in zip(places, row, strict=False):
            canvas.drawString(place, top, cell)
        top -= LINE
    return top


def written(path: Path, pages: Iterable[Iterable[tuple[float, float, str]]]) -> Path:
    """Write pages of texts at places."""
    canvas = Canvas(str(path), pagesize=A4)
    for page in pages:
        for x, y, text in page:
            canvas.drawString(x, y, text)
        canvas.showPage()
    canvas.save()
    return path


def record(names: Sequence[str], row: Sequence[str]) -> str:
    """The line that a row of a table becomes."""
    return " | ".join(f"{name}: {cell}" for name, cell in zip(names, row, strict=True))


def printed(path: Path, page: str) -> Path:
    """Print a page of HTML with a browser."""
    source = path.with_suffix(".html")
    source.write_text(page, encoding="utf-8")
    command = [str(CHROMIUM), "--headless", "--no-sandbox", "--disable-gpu", "--no-pdf-header-footer"]
    profile = f"--user-data-dir={path.parent}/profile"
    subprocess.run([*command, profile, f"--print-to-pdf={path}", source.as_uri()], check=True, capture_output=True)
    return path


def office_pdf(path: Path, page: str) -> Path:
    """Convert a page of HTML with LibreOffice Writer."""
    source = path.with_suffix(".html")
    source.write_text(page, encoding="utf-8")
    profile = f"-env:UserInstallation=file://{path.parent}/office"
    command = [str(OFFICE), profile, "--headless", "--infilter=HTML (StarWriter)", "--convert-to", "pdf"]
    subprocess.run([*command, "--outdir", str(path.parent), str(source)], check=True, capture_output=True, timeout=180)
    return path
