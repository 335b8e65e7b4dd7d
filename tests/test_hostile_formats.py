"""Small files of tables, slides and data that would expand to huge ones: bounded in time and size, or refused."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from memorag_graph.documents import read_document
from memorag_graph.documents.table_grid import Cell, table_lines
from memorag_graph.documents.table_rows import record_lines, rows_as_records
from memorag_graph.errors import InputError
from tests.test_documents import archive

pytest.importorskip("lxml", reason="needs pip install 'memorag-graph[documents]'")

SHEET = '<worksheet xmlns="x"><sheetData>{rows}</sheetData>{more}</worksheet>'
R = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
BOOK = f'<workbook xmlns:r="{R}"><sheets><sheet name="S" r:id="a"/></sheets></workbook>'
RELATIONS = '<Relationships><Relationship Id="a" Type="x/worksheet" Target="worksheets/s.xml"/></Relationships>'
ATTRIBUTES = " ".join(f'a{it}="1"' for it in range(5_000))
BOMB = b"<a>" + b" " * (100 << 20)


def xlsx(path: Path, rows: str, more: str = "") -> Path:
    return archive({
        "xl/workbook.xml": BOOK.encode(), "xl/_rels/workbook.xml.rels": RELATIONS.encode(),
        "xl/worksheets/s.xml": SHEET.format(rows=rows, more=more).encode(),
    })(path)  # fmt: skip


def ods(path: Path, rows: str) -> Path:
    kinds = {"o": "office", "x": "text", "t": "table"}
    spaces = " ".join(f'xmlns:{it}="urn:oasis:names:tc:opendocument:xmlns:{kind}:1.0"' for it, kind in kinds.items())
    body = f"<o:body><o:spreadsheet><t:table t:name='S'>{rows}</t:table></o:spreadsheet></o:body>"
    content = f"<o:c {spaces}>{body}</o:c>"
    return archive({"mimetype": b"application/vnd.oasis.opendocument.spreadsheet", "content.xml": content.encode()})(
        path
    )


@pytest.mark.parametrize(("name", "parts"), [
    ("a.xlsx", {"xl/workbook.xml": BOMB}), ("a.pptx", {"ppt/presentation.xml": BOMB}),
    ("a.odt", {"mimetype": b"application/vnd.oasis.opendocument.text", "content.xml": BOMB}),
])  # fmt: skip
def test_parts_that_unpack_to_too_much_are_refused(tmp_path: Path, name: str, parts: dict[str, bytes]) -> None:
    with pytest.raises(InputError, match="more than 67,108,864 bytes"):
        read_document(archive(parts)(tmp_path / name))


@pytest.mark.parametrize("columns", [2_000_000_000, 1_000_000])
def test_spans_without_end_are_bounded(columns: int) -> None:
    wide = [[Cell("a", columns, columns), Cell("b")], *[[Cell("c")]] * 500]
    lines = table_lines(wide)
    assert 490 < len(lines) <= 501
    assert sum(map(len, lines)) < 20_000


def test_a_cell_far_right_that_goes_on_below_does_not_fill_the_rows(tmp_path: Path) -> None:
    first = [*(Cell(str(it)) for it in range(9_000)), Cell("last", rows=100_000)]
    lines = table_lines([first, *[[Cell("x")]] * 50_000], 0)
    assert len(lines) == 50_001
    assert sum(map(len, lines)) < 2_000_000


def test_html_tables_with_huge_spans_are_read(tmp_path: Path) -> None:
    rows = "".join(f"<tr><td rowspan=65534 colspan=1000>{it}</td><td>x</td></tr>" for it in range(2_000))
    (tmp_path / "a.html").write_text(f"<html><table>{rows}</table></html>")
    assert len(read_document(tmp_path / "a.html").text) < 10_000_000


def test_sheets_with_cells_far_apart_are_read(tmp_path: Path) -> None:
    def column(number: int) -> str:
        letters = ""
        while number:
            number, rest = divmod(number - 1, 26)
            letters = chr(65 + rest) + letters
        return letters

    rows = "".join(f'<row r="{it}"><c r="{column(it)}{it}"><v>{it}</v></c></row>' for it in range(1, 9_001))
    text = read_document(xlsx(tmp_path / "a.xlsx", rows)).text
    assert len(text) < 200_000
    assert "9000" in text


def test_huge_merged_cells_and_hidden_columns_are_bounded(tmp_path: Path) -> None:
    rows = "".join(
        f'<row r="{it}"><c r="A{it}" t="inlineStr"><is><t>a</t></is></c><c r="B{it}"><v>1</v></c></row>'
        for it in range(1, 2_000)
    )
    merges = "<mergeCells>" + '<mergeCell ref="A1:XFD1048576"/>' * 6_000 + "</mergeCells>"
    columns = '<cols><col min="3" max="16384" hidden="1"/></cols>' * 3_000
    assert len(read_document(xlsx(tmp_path / "a.xlsx", rows, merges + columns)).text) < 100_000


def test_repeated_rows_and_cells_are_bounded(tmp_path: Path) -> None:
    cell = '<t:table-cell t:number-columns-repeated="1048576"><x:p>word</x:p></t:table-cell>'
    row = f'<t:table-row t:number-rows-repeated="1048576">{cell * 3}</t:table-row>'
    assert len(read_document(ods(tmp_path / "a.ods", row * 20)).text) < 40_000_000


def test_repeated_cells_of_long_texts_are_bounded(tmp_path: Path) -> None:
    cell = f'<t:table-cell t:number-columns-repeated="1000"><x:p>{"word" * 20_000}</x:p></t:table-cell>'
    text = read_document(ods(tmp_path / "a.ods", f"<t:table-row>{cell * 3}</t:table-row>" * 10)).text
    assert text.count("word" * 20_000) >= 30
    assert len(text) < 30_000_000


def test_spans_of_long_texts_and_long_headers_are_bounded() -> None:
    long = "long " * 20_000
    assert sum(map(len, table_lines([[Cell(long, 900, 900), Cell("b")], *[[Cell("c")]] * 900], 0))) < 30_000_000
    assert sum(map(len, table_lines([[Cell(long), Cell("b")], *[[Cell("c"), Cell("d")]] * 1_000], 1))) < 500_000
    assert sum(map(len, rows_as_records([[long, "b"], *[["c", "d"]] * 1_000], 1))) < 500_000
    assert sum(map(len, record_lines([("", long), *[("", "x" * 1_400)] * 1_000]))) < 2_000_000


@pytest.mark.parametrize(("name", "text"), [
    ("a.json", json.dumps({"k" * 50_000: {str(it): {"a": 1, "b": 2} for it in range(5_000)}})),
    ("a.json", json.dumps([{"k" * 50_000: {str(it): "1" for it in range(5_000)}}])),
    ("a.xml", f"<?xml version='1.0'?><r><a>x</a><{'k' * 40_000} {ATTRIBUTES}/></r>"),
], ids=["objects", "record", "attributes"])  # fmt: skip
def test_long_names_do_not_stand_before_each_value_within(tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text)
    document = read_document(tmp_path / name)
    assert document.text.count("kkk: 1") <= 1
    assert len(document.text) < 3_000_000


def test_json_of_a_long_key_that_expands_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memorag_graph.documents.document_builder.MOST_CHARACTERS", 1_000_000)
    (tmp_path / "a.json").write_text(json.dumps([{"k" * 200: dict.fromkeys(map(str, range(6_000)), "1")}]))
    with pytest.raises(InputError, match="more than 1,000,000 characters of text"):
        read_document(tmp_path / "a.json")


def test_a_line_of_json_is_as_limited_as_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memorag_graph.documents.json_records.MOST_BYTES", 10_000)
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n' * 5_000)
    assert read_document(tmp_path / "a.jsonl").text.startswith("a: 1")
    (tmp_path / "a.jsonl").write_text('{"a": 1}\n[' + "1," * 9_000 + "1]\n")
    with pytest.raises(InputError, match="a line of more than 10,000 characters"):
        read_document(tmp_path / "a.jsonl")


def test_a_table_with_a_cell_of_a_whole_book_is_read_as_text(tmp_path: Path) -> None:
    text = "a,b\n1,2\n3," + "x" * 200_000 + "\n"
    (tmp_path / "a.csv").write_text(text)
    document = read_document(tmp_path / "a.csv")
    assert document.text == text
    assert "read as plain text" in document.notices[0]


def test_a_formula_of_an_empty_text_has_a_value(tmp_path: Path) -> None:
    rows = '<row r="1"><c r="A1"><v>1</v></c><c r="B1" t="str"><f>IF(A1,"","x")</f><v></v></c></row>'
    assert read_document(xlsx(tmp_path / "a.xlsx", rows)).notices == ()


@pytest.mark.parametrize(("name", "text"), [
    ("a.csv", '"' + "a,b\n" * 200_000), ("a.csv", "," * 3_000_000), ("a.csv", '"a""' * 300_000),
    ("a.vtt", "WEBVTT\n\n" + "<" * 500_000), ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\n" + "<v " * 200_000),
    ("a.srt", ("1\n00:00:01,000 --> 00:00:02,000\n" + "a: " * 20 + "\n\n") * 5_000),
    ("a.srt", "1\n00:00:01,000 --> 00:00:02,000\nx\n\n" + " " * 200_000 + "x"),
    ("a.srt", ("1\n00:00:01,000 --> 00:00:02,000\n" + "x\n" * 10_000 + "y\n\n") * 5),
    ("a.md", "# a" + " " * 200_000 + "b"), ("a.md", "# a" + " #" * 100_000 + "b"),
    ("a.md", "---\na" + " " * 99_000 + "b\n---\nx"), ("a.md", "`" * 100_000 + " `" + "a" * 100_000),
    ("a.md", "|" * 200_000 + "\n" + "|-" * 100_000),
    ("a.md", "---\n" * 100_000), ("a.md", "---\n" + "a: b\n" * 100_000), ("a.md", ("a | b\n--|--\n") * 50_000),
    ("a.rtf", "{\\rtf1\\ansicpg932 " + "\\'83e" * 40_000 + "}"),
    ("a.rtf", "{\\rtf1 " + "{\\b x}" * 40_000 + "}"), ("a.rtf", "{\\rtf1 " + "\\u321?" * 40_000 + "}"),
    ("a.rtf", "{\\rtf1 " + "{\\super 1}" * 20_000 + "}"), ("a.rtf", "{\\rtf1 " + "\\trowd\\cell\\row x" * 20_000 + "}"),
    ("a.json", json.dumps([{"a": {"b": list(range(20))}}] * 5_000)), ("a.jsonl", '{"a": 1}\n' * 20_000),
    ("a.html", "<html><p>" + "x<sup>2</sup>" * 20_000), ("a.html", "<html>" + "<div>" * 20_000 + "x<sup>2</sup>"),
    ("a.html", "<html><style>" + ".a .b .c > * + * {display:none} " * 2_000 + "</style>" + "<p class=a>x</p>" * 5_000),
    ("a.html", "<html><style>" + "/*" * 200_000 + "{" * 200_000 + "</style><p>x</p>"),
    ("a.html", "<html><style>p~p~p{display:none} p p p>p{display:none}</style>" + "<p>x</p>" * 5_000),
    ("a.html", "<html><style>div div>div * {display:none}</style>" + "<div>" * 200 + "<p>x</p>" * 5_000),
    ("a.html", "<html><style>" + "p{display:none}" * 10_000 + "</style>" + "<p>x</p>" * 5_000),
    ("a.html", "<html><style>" + "a,p," * 100_000 + "p{" + "top:-9999px;" * 200 + "}</style><p>x</p>"),
    ("a.html", "<html><style>{" + "x" * 200_000 + "</style><p>x</p>"),
    ("a.html", "<html><style>" + "@media print{" * 20_000 + "a{b:c}" * 20_000 + "</style><p>x</p>"),
    ("a.html", "<html>" + f"<p style='opacity:{'0' * 1_900}x'>x</p>" * 100),
    ("a.html", "<html><p style='" + "display:" * 200_000 + "'>x</p>"),
    ("a.html", "<html>" + "<table><tr><td>" * 2_000 + "x"),
    ("a.xml", "<?xml version='1.0'?><a>" + "<b>x</b>" * 40_000 + "</a>"),
    ("a.xml", "<?xml version='1.0'?><a>" + "x<sup>2</sup>" * 20_000 + "</a>"),
    ("a.xml", "<?xml version='1.0'?>" + "<a>" * 200 + "x" + "</a>" * 200),
], ids=lambda it: it[:30] if isinstance(it, str) else it)  # fmt: skip
def test_long_files_are_read_in_linear_time(tmp_path: Path, name: str, text: str) -> None:
    """In a process with a limit of CPU seconds, far above what a linear reader takes."""
    (tmp_path / name).write_text(text)
    finished = subprocess.run(
        [sys.executable, "-c", _READ, str(tmp_path / name)], capture_output=True, text=True, check=False
    )
    assert finished.stdout.strip() == "read", finished.stderr[-500:]


_READ = """
import resource, sys
resource.setrlimit(resource.RLIMIT_CPU, (20, 20))
from memorag_graph.documents import read_document
from memorag_graph.errors import InputError
try:
    read_document(sys.argv[1])
except InputError:
    pass
print("read")
"""
