"""Tables of PDF files: each row is one line that names its columns, over page breaks, too."""

import json
from pathlib import Path

import pytest
from reportlab.lib import colors
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import Paragraph, SimpleDocTemplate, Table

from memorag_graph.documents import read_document
from tests.pdf_files import CHROMIUM, LINE, OFFICE, STORIES, draw_rows, figures, office_pdf, printed, record, written

FIELD = Path(__file__).parent / "field"
NAMES = ("Depot", "Revenue", "Costs", "Staff")
STYLE = getSampleStyleSheet()["BodyText"]
GRID = ("GRID", (0, 0), (-1, -1), 0.5, colors.black)


def lines_of(path: Path) -> list[str]:
    return read_document(path).text.splitlines()


def table_lines(path: Path) -> list[str]:
    return [line for line in lines_of(path) if " | " in line]


def test_rows_of_a_table_over_pages_keep_their_names() -> None:
    names = ("Depot", "Revenue", "Costs", "Staff", "Lorries")
    truth = json.loads((FIELD / "table_truth.json").read_text())
    lines = lines_of(FIELD / "table_over_pages.pdf")
    assert lines[0] == "Annual report of the depots. All money in thousand crowns."
    assert [line for line in lines[1:] if line] == [record(names, row) for row in truth.values()]


@pytest.mark.parametrize("style", [[GRID], [("LINEBELOW", (0, 0), (-1, 0), 1, colors.black)], []])
@pytest.mark.parametrize("repeated", [0, 1])
def test_a_table_over_three_pages_is_one(tmp_path: Path, style: list[tuple[object, ...]], repeated: int) -> None:
    rows = figures(100)
    table = Table(
        [NAMES, *rows],
        repeatRows=repeated,
        colWidths=[150, 80, 80, 80],
        style=[*style, ("ALIGN", (1, 0), (-1, -1), "RIGHT")],
    )

    def margins(canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.drawString(70, 810, "Yearbook of the depots")
        canvas.drawRightString(500, 30, f"Page {document.page} of 3")

    story = [Paragraph(STORIES[0], STYLE), table, Paragraph(STORIES[1], STYLE)]
    SimpleDocTemplate(str(tmp_path / "a.pdf"), pagesize=A4).build(story, onFirstPage=margins, onLaterPages=margins)
    lines = [line for line in lines_of(tmp_path / "a.pdf") if line]
    assert lines == [STORIES[0], *(record(NAMES, row) for row in rows), STORIES[1]]


@pytest.mark.parametrize("rest", [1, 2, 5])
def test_a_rest_of_few_rows_on_the_next_page_belongs_to_the_table(tmp_path: Path, rest: int) -> None:
    rows, places = figures(40 + rest), (60, 200, 300, 400)
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    draw_rows(canvas, [NAMES, *rows[:40]], places)
    canvas.showPage()
    below = draw_rows(canvas, rows[40:], places)
    canvas.drawString(60, below - LINE, "The depots were closed in the winter of that year because of the ice.")
    canvas.save()
    assert table_lines(tmp_path / "a.pdf") == [record(NAMES, row) for row in rows]
    assert lines_of(tmp_path / "a.pdf")[-1] == "The depots were closed in the winter of that year because of the ice."


@pytest.mark.parametrize("style", [[GRID], []])
def test_cells_of_several_lines_stay_in_their_row(tmp_path: Path, style: list[tuple[object, ...]]) -> None:
    names = ("Part", "Supplier", "Remark")
    rows = [
        (
            f"Part {at}",
            "Leeds Works",
            f"The part number {at} was ordered in the spring and came {at + 3} weeks late because of ice.",
        )
        for at in range(30)
    ]
    data = [names, *([Paragraph(cell, STYLE) for cell in row] for row in rows)]
    table = Table(data, colWidths=[60, 100, 150], style=[*style, ("VALIGN", (0, 0), (-1, -1), "TOP")])
    SimpleDocTemplate(str(tmp_path / "a.pdf"), pagesize=A4).build([table])
    assert table_lines(tmp_path / "a.pdf") == [record(names, row) for row in rows]


def test_two_rows_of_names_are_joined(tmp_path: Path) -> None:
    rows = figures(12, 5)
    spans = [("SPAN", (1, 0), (2, 0)), ("SPAN", (3, 0), (4, 0)), ("SPAN", (0, 0), (0, 1))]
    data = [["Depot", "2023", "", "2024", ""], ["", "Revenue", "Costs", "Revenue", "Costs"], *rows]
    SimpleDocTemplate(str(tmp_path / "a.pdf"), pagesize=A4).build([Table(data, style=[GRID, *spans])])
    names = ("Depot", "2023 Revenue", "2023 Costs", "2024 Revenue", "2024 Costs")
    assert table_lines(tmp_path / "a.pdf") == [record(names, row) for row in rows]


def test_a_cell_that_spans_rows_is_carried_to_each(tmp_path: Path) -> None:
    data = [["Region", "Depot", "Staff"], ["North", "Leeds", "44"], ["", "York", "41"], ["South", "Hull", "39"]]
    table = Table(data, style=[GRID, ("SPAN", (0, 1), (0, 2))])
    SimpleDocTemplate(str(tmp_path / "a.pdf"), pagesize=A4).build([table])
    assert table_lines(tmp_path / "a.pdf") == [
        "Region: North | Depot: Leeds | Staff: 44",
        "Region: North | Depot: York | Staff: 41",
        "Region: South | Depot: Hull | Staff: 39",
    ]


def test_tables_between_paragraphs_are_not_part_of_them(tmp_path: Path) -> None:
    rows = figures(6)
    table = Table([NAMES, *rows], colWidths=[120, 70, 70, 60], hAlign="LEFT")
    story = [part for _ in range(4) for part in (Paragraph(STORIES[0], STYLE), table, Paragraph(STORIES[1], STYLE))]
    SimpleDocTemplate(str(tmp_path / "a.pdf"), pagesize=A4).build(story)
    lines = [line for line in lines_of(tmp_path / "a.pdf") if line]
    assert [line for line in lines if " | " in line] == [record(NAMES, row) for row in rows] * 4
    assert " ".join(line for line in lines if " | " not in line) == " ".join([STORIES[0], STORIES[1]] * 4)


def test_labels_and_values_of_a_form_share_a_line_and_name_no_columns(tmp_path: Path) -> None:
    form = {
        "Invoice number:": "4711",
        "Customer:": "Kestrel Ltd",
        "Date:": "30 June 2024",
        "Total amount:": "485,000 USD",
    }
    pairs = [(60.0, 770.0 - LINE * at, label) for at, label in enumerate(form)]
    values = [(200.0, 770.0 - LINE * at, value) for at, value in enumerate(form.values())]
    written(tmp_path / "a.pdf", [[(60, 800, "Invoice"), *pairs, *values]])
    assert [line for line in lines_of(tmp_path / "a.pdf") if line] == [
        "Invoice",
        *(" ".join(it) for it in form.items()),
    ]


HTML_ROWS = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in figures(50))
HTML_TABLE = f"<table><thead><tr>{''.join(f'<th>{name}</th>' for name in NAMES)}</tr></thead>{HTML_ROWS}</table>"
RULED = "<style>table {border-collapse: collapse} td, th {border: 1px solid; padding: 6px}</style>"
SPACED = "<style>td, th {padding: 6px 12px; text-align: right}</style>"


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium: apt-get install chromium")
@pytest.mark.parametrize("style", [RULED, SPACED])
def test_a_browser_s_tables_are_read(tmp_path: Path, style: str) -> None:
    path = printed(
        tmp_path / "a.pdf", f"<html><head><meta charset='utf-8'>{style}</head><body>{HTML_TABLE}</body></html>"
    )
    assert table_lines(path) == [record(NAMES, row) for row in figures(50)]


@pytest.mark.skipif(OFFICE is None, reason="needs LibreOffice: apt-get install libreoffice-writer")
def test_an_office_program_s_table_is_read(tmp_path: Path) -> None:
    page = HTML_TABLE.replace("<table>", "<table border=1 cellpadding=6>")
    path = office_pdf(tmp_path / "a.pdf", f"<html><body>{page}</body></html>")
    assert table_lines(path) == [record(NAMES, row) for row in figures(50)]
