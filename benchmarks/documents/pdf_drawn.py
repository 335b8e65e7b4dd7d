"""Sample PDF files that are drawn line by line: columns row by row, hidden text, pages that are pictures."""

import textwrap
from itertools import zip_longest
from pathlib import Path

from pdf_contents import Table, figures, paragraphs, sentences
from pdf_sample import Sample, split
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

_LEFT, _TOP, _PITCH = 60, 780, 14


def drawn() -> dict[str, Sample]:
    """Return the samples by name."""
    left, right = paragraphs(3, 7), paragraphs(3, 8)
    visible, secret = sentences(4, 9), sentences(3, 10)
    table = figures(50, 11)
    return {
        "columns_row_by_row": Sample("reportlab", lambda path: _row_by_row(path, left, right), split(left + right)),
        "hidden": Sample("reportlab", lambda path: _hidden(path, visible, secret), visible, (), secret),
        "aligned_fpdf2": Sample("fpdf2", lambda path: _aligned(path, table), (), [table]),
        "figure_matplotlib": Sample("matplotlib", _figure, ["The catch of the year 1931"]),
    }


def _row_by_row(path: Path, left: list[str], right: list[str]) -> None:
    canvas = Canvas(str(path), pagesize=A4)
    columns = [[line for text in texts for line in textwrap.wrap(text, 42)] for texts in (left, right)]
    for number, lines in enumerate(zip_longest(*columns, fillvalue="")):
        if number and number % 50 == 0:
            canvas.showPage()
        canvas.setFont("Helvetica", 10)
        for x, line in zip((_LEFT, 310), lines, strict=True):
            canvas.drawString(x, _TOP - _PITCH * (number % 50), line)
    canvas.save()


def _hidden(path: Path, visible: list[str], secret: list[str]) -> None:
    canvas = Canvas(str(path), pagesize=A4)
    for number, sentence in enumerate(visible):
        canvas.drawString(_LEFT, _TOP - _PITCH * number, sentence)
    canvas.setFillColorRGB(1, 1, 1)
    canvas.drawString(_LEFT, 500, secret[0])
    canvas.setFillColorRGB(0, 0, 0)
    canvas.drawString(_LEFT, -400, secret[1])
    canvas.setFont("Helvetica", 0.4)
    canvas.drawString(_LEFT, 400, secret[2])
    canvas.save()


def _aligned(path: Path, table: Table) -> None:
    from fpdf import FPDF

    pdf = FPDF()
    pdf.add_page()
    pdf.set_font("Times", size=11)
    for row in (table.names, *table.rows):
        for cell in row:
            pdf.cell(40, 8, cell)
        pdf.ln()
    pdf.output(str(path))


def _figure(path: Path) -> None:
    import matplotlib

    matplotlib.use("pdf")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots()
    axes.plot([1, 4, 2, 8])
    axes.set_title("The catch of the year 1931")
    axes.set_xlabel("month")
    figure.savefig(path)
