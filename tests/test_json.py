"""JSON, JSON lines and notebooks: objects are records that name their keys."""

import json
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import Document, read_document
from memorag_graph.errors import InputError


def read(directory: Path, value: Any, suffix: str = "json") -> Document:
    path = directory / f"a.{suffix}"
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return read_document(path)


@pytest.mark.parametrize(("value", "expected"), [
    ([{"name": "Ann", "city": "York"}, {"name": "Bo", "city": None}], ["name: Ann | city: York", "name: Bo"]),
    ([{"name": "Ann", "address": {"city": "York", "zip": "Y1"}}], ["name: Ann | address.city: York | address.zip: Y1"]),
    ({"shop": "Quay", "open": True, "tags": ["a", "b"], "at": {"lat": 1.50, "lon": -2}},
     ["shop: Quay | open: true | tags: a, b", "at.lat: 1.5 | at.lon: -2"]),
    ({"customers": [{"id": 1, "n": "A"}, {"id": 2, "n": "B"}]}, ["customers", "id: 1 | n: A", "id: 2 | n: B"]),
    ({"users": {"u1": {"name": "Ann"}, "u2": {"name": "Bo"}}}, ["users.u1.name: Ann", "users.u2.name: Bo"]),
    ([{"id": 7, "lines": [{"sku": "x", "n": 2}, {"sku": "y", "n": 3}]}],
     ["id: 7 | lines.1.sku: x | lines.1.n: 2 | lines.2.sku: y | lines.2.n: 3"]),
    (["a", "b"], ["a, b"]), ("one", ["one"]), ([[1, 2], [3, 4]], ["1, 2", "3, 4"]),
    ('{"price": 1.50, "big": 123456789012345678901234567890}', ["price: 1.50 | big: 123456789012345678901234567890"]),
    ('{"a": "x\\ud800y"}', ["a: x\ufffdy"]),
])  # fmt: skip
def test_objects_are_records_with_their_keys(tmp_path: Path, value: Any, expected: list[str]) -> None:
    text = value if isinstance(value, str) and value.startswith("{") else json.dumps(value)
    assert [line for line in read(tmp_path, text).text.splitlines() if line] == expected


def test_one_line_of_json_and_a_file_of_lines_are_the_same(tmp_path: Path) -> None:
    rows = [{"level": "error", "code": number, "at": {"host": f"h{number}"}} for number in range(50)]
    expected = [f"level: error | code: {number} | at.host: h{number}" for number in range(50)]
    whole = read(tmp_path, rows).text
    by_line = read(tmp_path, "\n".join(map(json.dumps, rows)) + "\n", "jsonl").text
    named_json = read(tmp_path, "\n".join(map(json.dumps, rows)), "json").text
    assert [it for it in whole.splitlines() if it] == expected
    assert whole == by_line == named_json


def test_long_texts_are_paragraphs_in_a_section_of_their_own(tmp_path: Path) -> None:
    story = "The ferry sailed at dawn. " * 40
    document = read(tmp_path, [{"title": "Dawn", "text": story}, {"title": "Dusk", "text": "Short."}])
    assert document.text == f"title: Dawn\n\ntext:\n{story.strip()}\n\ntitle: Dusk | text: Short."
    assert document.page_map.section(document.text.index("sailed")) == "Dawn"


def test_a_long_record_goes_on_in_lines_that_repeat_its_first_field(tmp_path: Path) -> None:
    lines = read(tmp_path, [{f"key{number}": f"value {number}" for number in range(500)}]).text.splitlines()
    assert len(lines) > 1
    assert all(line.startswith("key0: value 0 | ") and len(line) < 1600 for line in lines)
    fields = [field for number, line in enumerate(lines) for field in line.split(" | ")[min(number, 1) :]]
    assert fields == [f"key{number}: value {number}" for number in range(500)]


def test_what_is_no_json_is_read_as_text_with_a_notice(tmp_path: Path) -> None:
    document = read(tmp_path, "{broken: true}")
    assert document.text == "{broken: true}"
    assert document.notices[0].startswith("It is no valid JSON (")


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 100_000 + "1" + "}" * 100_000])
def test_values_that_are_nested_too_deeply_are_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="too deep to read"):
        read(tmp_path, text)


def test_values_that_are_nested_deeply_are_read(tmp_path: Path) -> None:
    for text in ("[" * 700 + '"x"' + "]" * 700, '{"a":' * 300 + '"x"' + "}" * 300):
        assert read(tmp_path, text).text.endswith("x")


@pytest.mark.parametrize("text", ["", "null", "{}", "[]", '[{"a": ""}]'])
def test_json_without_text_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InputError, match="contains no text"):
        read(tmp_path, text)


def test_a_notebook_is_read_for_what_it_shows(tmp_path: Path) -> None:
    nbformat = pytest.importorskip("nbformat", reason="needs pip install nbformat")
    new = nbformat.v4
    table = "<table><thead><tr><th></th><th>fare</th></tr></thead><tr><th>Heron</th><td>14</td></tr></table>"
    outputs = [
        new.new_output("stream", text="\x1b[31mred\x1b[0m\n"),
        new.new_output("execute_result", data={"text/html": table, "text/plain": "Heron 14"}),
        new.new_output("display_data", data={"image/png": "iVBORw0KGgo", "text/plain": "<Figure>"}),
        new.new_output("error", ename="ValueError", evalue="no fare", traceback=["\x1b[0;31m---"]),
    ]
    source = "# Fares\n\nThe fare is 14.\n\n| Ship | Fare |\n|---|---|\n| Heron | 14 |"
    cells = [new.new_markdown_cell(source), new.new_code_cell("print(fare)", outputs=outputs), new.new_raw_cell("end")]
    nbformat.write(new.new_notebook(cells=cells), tmp_path / "a.ipynb")
    document = read_document(tmp_path / "a.ipynb")
    assert document.text == (
        f"{source}\n\nprint(fare)\n\nOutput: red\n\nHeron | fare: 14\n\n<Figure>\n\nValueError: no fare\n\nend"
    )
    assert document.page_map.section(document.text.index("print")) == "Fares"
    assert document.page_map.header(document.text.index("| Heron")) == "Ship | Fare"


def test_an_old_notebook_is_read(tmp_path: Path) -> None:
    cells = [
        {"cell_type": "heading", "level": 1, "source": ["Fares"]},
        {"cell_type": "code", "input": ["1 + 1"], "outputs": [{"output_type": "pyout", "text": ["2"]}]},
    ]
    document = read(tmp_path, {"nbformat": 3, "worksheets": [{"cells": cells}]}, "ipynb")
    assert document.text == "Fares\n\n1 + 1\n\nOutput: 2"
    assert document.page_map.sections == ((0, "Fares"),)
