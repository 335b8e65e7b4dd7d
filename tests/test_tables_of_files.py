"""CSV, XLSX and ODS: each row is a record that names its columns, with values as they are shown."""

from collections.abc import Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import Document, read_document
from memorag_graph.documents.number_format import NumberFormats
from tests.test_documents import needs_office, office

openpyxl = pytest.importorskip("openpyxl", reason="needs pip install openpyxl")


def csv(directory: Path, text: str, suffix: str = "csv") -> list[str]:
    (directory / f"a.{suffix}").write_bytes(text.encode())
    return [line for line in read_document(directory / f"a.{suffix}").text.splitlines() if line]


@pytest.mark.parametrize(("text", "expected"), [
    ("Depot,Stock\nLeeds,44\nYork,7\n", ["Depot: Leeds | Stock: 44", "Depot: York | Stock: 7"]),
    ("\ufeffDepot;Stock\r\n\"Leeds; north\";1,5\r\nYork;\r\n", ["Depot: Leeds; north | Stock: 1,5", "Depot: York"]),
    ('Depot,Note\nLeeds,"two\nlines, ""quoted"""\n', ['Depot: Leeds | Note: two lines, "quoted"']),
    ("Depot|Stock\nLeeds|44\n", ["Depot: Leeds | Stock: 44"]),
    ("sep=;\nDepot;Stock\nLeeds;44\n", ["Depot: Leeds | Stock: 44"]),
    ("Report of 2024\n\nDepot,Stock,Since\nLeeds,44,2019\nYork,7,2020\n",
     ["Report of 2024", "Depot: Leeds | Stock: 44 | Since: 2019", "Depot: York | Stock: 7 | Since: 2020"]),
    ("1,Leeds,44\n2,York,7\n", ["1 | Leeds | 44", "2 | York | 7"]),
    ("Depot,Stock\nLeeds,44,more\n", ["Depot: Leeds | Stock: 44 | more"]),
    ('Depot,Height\nLeeds,5" pipe\nYork,"open\nHull,3\n', ['Depot: Leeds | Height: 5" pipe',
    'Depot: York | Height: "open',
                                                         "Depot: Hull | Height: 3"]),
    ("Only one column\nof plain text.\n", ["Only one column", "of plain text."]),
    ("City 1,Address 2\nLeeds,York\n", ["City 1: Leeds | Address 2: York"]),
])  # fmt: skip
def test_csv_rows_are_records(tmp_path: Path, text: str, expected: list[str]) -> None:
    assert csv(tmp_path, text) == expected


def test_tabs_separate_the_cells_of_tsv(tmp_path: Path) -> None:
    rows = "Depot\tStock, all\nLeeds, north\t44, 45\nYork, south\t7, 8\n"
    assert csv(tmp_path, rows, "tsv")[0] == "Depot: Leeds, north | Stock, all: 44, 45"


def test_a_row_is_never_cut_into_another(tmp_path: Path) -> None:
    rows = [f"Depot {number},{number * 7}" for number in range(5000)]
    assert csv(tmp_path, "Depot,Stock\n" + "\n".join(rows)) == [
        f"Depot: Depot {number} | Stock: {number * 7}" for number in range(5000)
    ]


def workbook(path: Path) -> Path:
    """Write sheets with a title, formats, merged headers, hidden rows, columns and sheets."""
    book = openpyxl.Workbook()
    stock = book.active
    stock.title = "Stock"
    for row in (
        ["Stock report"], [], ["Depot", "Stock", "Share", "Since", "Price", "Secret"],
        ["Leeds", 44, 0.125, date(2021, 3, 4), 1234.5, "x"], ["York", 7, 0.5, datetime(2022, 1, 2, 14, 30), 2, "y"],
        ["Hull", 9, 0.25, date(2020, 5, 6), 3, "z"], [], ["Ship", "Berths"], ["Heron", 41], ["Gull", 0.1 + 0.2],
    ):  # fmt: skip
        stock.append(row)
    for row in (4, 5, 6):
        stock.cell(row, 3).number_format = "0.0%"
        stock.cell(row, 5).number_format = '"£"#,##0.00'
    stock.row_dimensions[6].hidden = True
    stock.column_dimensions["F"].hidden = True
    fares = book.create_sheet("Fares")
    for row in (
        ["Ship", "2020", None, "Berths"],
        [None, "Spring", "Autumn", None],
        ["Heron", 4, 6, 1],
        [None, 5, 8, True],
    ):
        fares.append(row)
    for area in ("B1:C1", "A1:A2", "D1:D2", "A3:A4"):
        fares.merge_cells(area)
    book.create_sheet("Hidden").sheet_state = "hidden"
    book["Hidden"].append(["Never shown"])
    book.save(path)
    return path


LINES = [
    "Stock", "Stock report", "Depot: Leeds | Stock: 44 | Share: 12.5% | Since: 2021-03-04 | Price: £1,234.50",
    "Depot: York | Stock: 7 | Share: 50.0% | Since: 2022-01-02 14:30:00 | Price: £2.00", "Ship: Heron | Berths: 41",
    "Ship: Gull | Berths: 0.3", "Fares", "Ship: Heron | 2020 Spring: 4 | 2020 Autumn: 6 | Berths: 1",
    "Ship: Heron | 2020 Spring: 5 | 2020 Autumn: 8 | Berths: TRUE",
]  # fmt: skip
NOTICES = {"Hidden rows or columns of the sheet 'Stock' were left out.", "The hidden sheet 'Hidden' was left out."}


def check_workbook(document: Document) -> None:
    assert [line for line in document.text.splitlines() if line] == LINES
    assert [title for _, title in document.page_map.sections] == ["Stock", "Fares"]
    assert set(document.notices) == NOTICES


def test_a_workbook_shows_what_its_program_shows(tmp_path: Path) -> None:
    check_workbook(read_document(workbook(tmp_path / "a.xlsx")))


@needs_office
@pytest.mark.parametrize("suffix", ["ods", "fods"])
def test_an_office_program_s_spreadsheet_reads_as_the_one_that_it_was_made_from(tmp_path: Path, suffix: str) -> None:
    check_workbook(read_document(office(workbook(tmp_path / "a.xlsx"), suffix)))


def test_a_formula_without_a_value_is_said(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    book.active.append(["Depot", "Stock"])
    book.active.append(["Leeds", "=40+4"])
    book.save(tmp_path / "a.xlsx")
    document = read_document(tmp_path / "a.xlsx")
    assert document.text.splitlines()[1:] == ["Depot: Leeds"]
    assert "Formulas whose value the file does not keep" in document.notices[0]


@needs_office
def test_numbers_and_dates_are_written_about_as_an_office_program_shows_them(tmp_path: Path) -> None:
    cases: Sequence[tuple[Any, str]] = [
        (0.5, "0%"), (-1234.567, "#,##0.00"), (7, "0.00"), (1234567, "#,##0"), (0.1 + 0.2, "General"), (3.0, "0.##"),
        (-5, '0;"minus "0'), (12, '0" km"'), (44260, "yyyy-mm-dd"), (1.5, "[h]:mm:ss"), (0.75, "hh:mm"), (1e9, "0"),
        (1500, '0.0,"k"'), (2.25, "General"), (-0.125, "0.00%"),
    ]  # fmt: skip
    book = openpyxl.Workbook()
    for row, (value, form) in enumerate(cases, start=1):
        book.active.cell(row, 1, value).number_format = form
    book.save(tmp_path / "a.xlsx")
    shown = read_document(office(tmp_path / "a.xlsx", "fods")).text.splitlines()[1:]
    formats = NumberFormats({}, from_1904=False)
    formats._codes.update({200 + row: form for row, (_, form) in enumerate(cases)})
    written = [formats.written(repr(value), 200 + row) for row, (value, _) in enumerate(cases)]
    assert written == shown


@pytest.mark.parametrize(
    ("number", "form"), [("1e400", 14), ("-5", 14), ("1e14", 22), ("nan", 2), ("x", 9), ("1e-300", 11)]
)
def test_numbers_that_a_format_cannot_show_are_written_as_they_are(number: str, form: int) -> None:
    assert NumberFormats({}, from_1904=True).written(number, form) == number


@pytest.mark.parametrize("code", ["0.000000000000000", "#,##0.0" + "0" * 200, "0.000000000000000%", "0.0" + "," * 200])
@pytest.mark.parametrize("number", ["987654321098765", "-123456789012345.6", "-1e-300", "5e-324"])
def test_numbers_of_many_digits_are_written(code: str, number: str) -> None:
    written = NumberFormats({200: code}, from_1904=False).written(number, 200)
    assert abs(float(written.rstrip("%").replace(",", ""))) <= 100 * abs(float(number))
