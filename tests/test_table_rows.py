"""Rows of tables: each names its columns."""

from collections.abc import Sequence

import pytest

from memorag_graph.documents.page_map import PageMap
from memorag_graph.documents.table_rows import has_header, rows_as_records


@pytest.mark.parametrize(
    ("rows", "header_rows", "lines"),
    [
        (
            [["Depot", "Stock"], ["Leeds", "44"], ["York", "7"]],
            None,
            ["Depot: Leeds | Stock: 44", "Depot: York | Stock: 7"],
        ),
        ([["", "2019", "2020"], ["Revenue", "12", "14"]], None, ["Revenue | 2019: 12 | 2020: 14"]),
        ([["Leeds", "44"], ["York", "7"]], None, ["Leeds | 44", "York | 7"]),
        ([["Leeds", "44"], ["York", "7"]], 1, ["Leeds: York | 44: 7"]),
        ([["Depot", "Stock"], ["Leeds", "44"]], 0, ["Depot | Stock", "Leeds | 44"]),
        (
            [["Depot", "Stock", "Stock"], ["Depot", "May", "June"], ["Leeds", "44", "41"]],
            2,
            ["Depot: Leeds | Stock May: 44 | Stock June: 41"],
        ),
        ([["Depot", "Stock"]], None, ["Depot | Stock"]),
        ([["Depot", "Stock"], ["", " "], ["Leeds\nNorth", ""]], None, ["Depot: Leeds North"]),
        ([["Depot", "Stock"], ["Leeds", "44", "more"]], None, ["Depot: Leeds | Stock: 44 | more"]),
        ([], None, []),
    ],
)
def test_rows_name_their_columns(rows: Sequence[Sequence[str]], header_rows: int | None, lines: list[str]) -> None:
    assert rows_as_records(rows, header_rows) == lines


def test_a_row_of_names_like_those_below_it_is_no_header() -> None:
    people = [["Ane Holt", "pilot"], ["Beo Krag", "cook"], ["Cia Lund Berg", "mate"]]
    assert rows_as_records(people) == ["Ane Holt | pilot", "Beo Krag | cook", "Cia Lund Berg | mate"]
    assert rows_as_records([["Name", "Job"], *people])[0] == "Name: Ane Holt | Job: pilot"


@pytest.mark.parametrize("row", [["Stock", "Stock"], ["", "", "Stock"], ["Leeds", "44"], ["a" * 81, "Stock"]])
def test_a_row_that_cannot_name_columns_is_no_header(row: list[str]) -> None:
    assert not has_header([row, ["1", "2", "3"]])


def test_the_header_of_a_table_is_known_in_its_rows_only() -> None:
    places = PageMap(labels=((0, "iv"), (50, "")), tables=((10, 20, "Depot | Stock"), (30, 40, "Name")))
    assert [places.header(at) for at in (0, 10, 19, 20, 30, 40)] == [
        None, "Depot | Stock", "Depot | Stock", None, "Name", None,
    ]  # fmt: skip
    assert [places.label(at) for at in (0, 49, 50)] == ["iv", "iv", None]
    assert PageMap.of(places.to_dict()) == places
