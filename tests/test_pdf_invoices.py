"""Invoices, sheets, forms and lists of PDF files: what stands close together, and does not belong together."""

import textwrap
from collections.abc import Sequence
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfgen.canvas import Canvas

from memorag_graph.documents import read_document
from memorag_graph.documents.pdf.headers import header_rows
from memorag_graph.documents.pdf.spanned_cells import filled_down, names_over_columns, rows_between
from tests.pdf_files import LINE, STORIES, draw_rows, record

ITEMS = ("Code", "Article", "Pieces", "Each", "Sum")
PLACES = (55, 95, 290, 360, 450)
ROWS = [
    ("A87", "Tin bucket", "16", "77.01", "1,232.16"),
    ("A14", "Copper nails 3 kg", "226", "33.00", "7,458.00"),
    ("A40", "Hemp net", "5", "6.40", "32.00"),
]


def lines_of(path: Path) -> list[str]:
    return read_document(path).text.splitlines()


def right_aligned(canvas: Canvas, row: Sequence[str], places: Sequence[float], y: float, left: int) -> None:
    """Draw a row: so many cells at the left edge of their columns, the others at the right one."""
    for at, (place, cell) in enumerate(zip(places, row, strict=True)):
        (canvas.drawString if at < left else canvas.drawRightString)(place, y, cell)


@pytest.mark.parametrize("gap", [0, 8, 20])
@pytest.mark.parametrize("labels", [2, 4])
def test_an_invoice_s_labels_items_and_sums_are_three_tables(tmp_path: Path, gap: int, labels: int) -> None:
    head = [("Order no.", "KX-93"), ("Ordered on", "8 March 2025"), ("Buyer", "Hallam & Reeve"), ("To", "Quay 9")]
    sums = [("Subtotal", "8,722.16"), ("Tax 19 %", "1,657.21"), ("To pay", "10,379.37")]
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    y = draw_rows(canvas, head[:labels], (55, 170)) - gap
    for row in (ITEMS, *ROWS):
        right_aligned(canvas, row, PLACES, y, 2)
        y -= LINE
    for row in sums:
        right_aligned(canvas, row, (300, 450), y - gap, 1)
        y -= LINE
    canvas.save()
    lines = [line.replace(" | ", " ", 1) for line in lines_of(tmp_path / "a.pdf") if line.count(" | ") < 2]
    assert [line for line in lines if line] == [f"{name} {value}" for name, value in (*head[:labels], *sums)]
    assert [it for it in lines_of(tmp_path / "a.pdf") if it.count(" | ") > 1] == [record(ITEMS, row) for row in ROWS]


def test_cells_of_a_sheet_touch_and_are_apart(tmp_path: Path) -> None:
    """Texts begin where the numbers before them end, and names over numbers begin at the left of their columns."""
    names = ("Member", "Team", "Fee", "Visits", "City")
    rows = [("Ove Lund", "Chess", "33", "41", "Bremen"), ("Lucie Blanck", "Rowing", "963", "8", "Delft"),
            ("Ines Prado", "Sails", "351", "58", "Aarhus"), ("Jan Ver", "Chess", "603", "39", "Lyon")]  # fmt: skip
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    canvas.setFont("Helvetica", 10)
    for at, (place, name) in enumerate(zip((55, 115, 174, 234, 294), names, strict=True)):
        canvas.drawString(place, 780, name)
        for number, row in enumerate(rows):
            draw, edge = (canvas.drawRightString, place + 58) if at in (2, 3) else (canvas.drawString, place)
            draw(edge, 765 - 15 * number, row[at])
    canvas.save()
    assert lines_of(tmp_path / "a.pdf") == [record(names, row) for row in rows]


@pytest.mark.parametrize("indent", [14, 36])
@pytest.mark.parametrize("gap", [2, 8])
def test_a_wrapped_item_above_a_table_stays_whole(tmp_path: Path, indent: int, gap: int) -> None:
    item = ("Warm clothes and boots, since the nights on deck are cold even in July, and a lamp", "with batteries.")
    names, rows = ("Island", "Ferry", "Bus"), [("Anholt", "120", "14"), ("Samso", "95", "12"), ("Laeso", "140", "20")]
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    canvas.drawString(60, 780, "What to bring on the trip to the islands and what it costs there:")
    canvas.drawString(60, 758, "•")
    for at, line in enumerate(item):
        canvas.drawString(60 + indent, 758 - LINE * at, line)
    draw_rows(canvas, (names, *rows), (60, 200, 300), 758 - 2 * LINE - gap)
    canvas.save()
    lines = [line for line in lines_of(tmp_path / "a.pdf") if line]
    assert lines[1:] == [f"• {' '.join(item)}", *(record(names, row) for row in rows)]


def test_cells_in_the_middle_of_rows_are_those_of_each(tmp_path: Path) -> None:
    names = ("Zone", "Stop", "Weekday Adult", "Weekday Child", "Sunday Adult", "Sunday Child")
    rows = [("North", "Kiruna", "44", "22", "51", "25"), ("North", "Boden", "38", "19", "46", "23"),
            ("North", "Piteå", "36", "18", "42", "21"), ("South", "Lund", "31", "15", "35", "17"),
            ("South", "Ystad", "29", "14", "33", "16")]  # fmt: skip
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    canvas.drawString(60, 810, "Fares of the line in crowns.")
    canvas.setFont("Helvetica-Bold", 12)
    canvas.drawCentredString(260, 780, "Weekday")
    canvas.drawCentredString(400, 780, "Sunday")
    draw_rows(canvas, [("Zone", "Stop")], (60, 120), 772)
    draw_rows(canvas, [("Adult", "Child", "Adult", "Child")], (220, 268, 360, 408), 764)
    canvas.setFont("Helvetica", 12)
    draw_rows(canvas, (row[1:] for row in rows), (120, 220, 268, 360, 408), 747)
    canvas.drawString(60, 747 - LINE, "North")
    canvas.drawString(60, 747 - 3.5 * LINE, "South")
    canvas.save()
    assert lines_of(tmp_path / "a.pdf")[2:] == [record(names, row) for row in rows]


def test_cells_that_are_not_in_the_middle_span_nothing() -> None:
    rows = [["Hull", "a"], ["", "b"], ["York", "c"], ["", "d"], ["", "e"]]
    tops = [0.0, 10.0, 20.0, 30.0, 40.0]
    assert rows_between(tops, [top + 9 for top in tops]) == []
    assert filled_down(rows, tops, [top + 9 for top in tops], []) == rows
    columns = [(0.0, 10.0), (20.0, 30.0), (40.0, 50.0)]
    assert names_over_columns([(0, 9, "Name"), (20, 28, "Fee")], columns, ["A", "B", "C"]) is None
    assert names_over_columns([(30, 40, "Fees")], columns, ["A", "B", "C"]) == ["", "Fees", "Fees"]


@pytest.mark.parametrize(
    ("rows", "count"),
    [
        ([["Term", "Meaning"], ["Bight", "loop of a rope"], ["Lee", "side of a ship"]], 1),
        ([["Invoice", "Lund & Sons"], ["Harbour", "Kappeln"], ["Colour", "dark green"]], 0),
        ([["Paris", "wine", "rail"], ["Turin", "silk", "mule"], ["Basel", "dye", "river"]], 0),
        ([["Willow Farm", "dairy", "leased"], ["Brook Farm", "barley", "owned"], ["Far Farm", "oats", "owned"]], 0),
        ([["Farm", "Produce", "Tenure"], ["Brook Farm", "barley", "owned"], ["Far Farm", "oats", "leased"]], 1),
        ([["Ship", "Hold m3", "Crew"], ["Tern", "410", "7"], ["Gull", "1200", "11"]], 1),
    ],
)
def test_a_row_names_columns_if_it_differs_in_kind_from_those_below(rows: list[list[str]], count: int) -> None:
    assert header_rows(rows, []) == count


def test_the_values_of_a_form_stand_behind_their_labels(tmp_path: Path) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    for at, (label, value) in enumerate((("Name of the vessel", "Merle II"), ("Registered at:", "Kappeln"))):
        canvas.drawString(60, 700 - 40 * at, label)
        canvas.acroForm.textfield(name=label, value=value, x=220, y=690 - 40 * at, width=150, height=20)
    canvas.drawString(60, 620, "Insured")
    canvas.acroForm.checkbox(name="insured", checked=True, x=220, y=615)
    canvas.save()
    lines = [line.replace(" | ", " ") for line in lines_of(tmp_path / "a.pdf") if line]
    assert lines == ["Name of the vessel: Merle II", "Registered at: Kappeln", "Insured: [x]"]


@pytest.mark.parametrize(("size", "shift"), [(7, 5), (10, 5)])
def test_raised_numbers_are_powers_and_marks_of_notes(tmp_path: Path, size: int, shift: int) -> None:
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    x = 60.0
    for text, is_raised in (("The lake holds 10", False), ("4", True), (" litres on 12 m", False), ("2", True)):
        canvas.setFont("Helvetica", size if is_raised else 12)
        canvas.drawString(x, 700 + shift * is_raised, text)
        x += canvas.stringWidth(text, "Helvetica", size if is_raised else 12) + 0.2
    canvas.save()
    assert lines_of(tmp_path / "a.pdf") == ["The lake holds 10^4 litres on 12 m^2"]


def test_a_column_reaches_a_little_over_the_edge_of_the_ruled_table_beside_it(tmp_path: Path) -> None:
    """The rule of a table stands outside its text, and the column beside it begins before the rule."""
    canvas = Canvas(str(tmp_path / "a.pdf"), pagesize=A4)
    names, rows = ("Depot", "Staff"), [("Leeds", "44"), ("York", "41"), ("Hull", "39")]
    draw_rows(canvas, (names, *rows), (65, 190), 700)
    canvas.grid([60, 180, 300], [712 - LINE * at for at in range(5)])
    for x, top, text in ((65, 636, STORIES[2]), (298, 740, " ".join(STORIES[:2]))):
        for at, line in enumerate(textwrap.wrap(text, 38)):
            canvas.drawString(x, top - LINE * at, line)
    canvas.save()
    lines = [line for line in lines_of(tmp_path / "a.pdf") if line]
    assert [line for line in lines if "Depot" in line] == [record(names, row) for row in rows]
    assert " ".join(line for line in lines if "Depot" not in line) == " ".join((STORIES[2], *STORIES[:2]))
