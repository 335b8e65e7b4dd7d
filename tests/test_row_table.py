"""Tables of rows: LanceDB finds what a search row by row finds, and keeps nothing of what is removed."""

from pathlib import Path

import numpy as np
import pytest

from memorag_graph.library.exact_table import ExactTable
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.row_table import EVERYWHERE, Among, Found, Row

SIZE = 8
WHERE = [EVERYWHERE, Among(frozenset({1, 2, 3, 17})), Among(without=frozenset({4, 5})), Among(frozenset())]


def some_rows() -> list[Row]:
    random = np.random.default_rng(0)

    def vector() -> np.ndarray:
        found = random.normal(size=SIZE).astype(np.float32)
        return found / np.linalg.norm(found)

    def terms() -> tuple[str, ...]:
        return tuple(f"w{random.integers(30)}" for _ in range(random.integers(1, 12)))

    return [
        Row(document, number, number * 10, number * 10 + 10, terms(), vector())
        for document in range(1, 20)
        for number in range(random.integers(1, 6))
    ]


@pytest.fixture(scope="module")
def rows() -> list[Row]:
    return some_rows()


@pytest.fixture(scope="module")
def tables(rows: list[Row], tmp_path_factory: pytest.TempPathFactory) -> tuple[ExactTable, LanceTable]:
    exact, lance = ExactTable(), LanceTable(tmp_path_factory.mktemp("index"), "rows", SIZE)
    for table in (exact, lance):
        table.add(rows[:20])
        table.settle()
        table.add(rows[20:30])  # not indexed yet
        table.add(rows[30:])
        table.settle()
    return exact, lance


def places(found: list[Found]) -> list[tuple[int, int]]:
    return [(it.document, it.number) for it in found]


@pytest.mark.parametrize("among", WHERE)
def test_the_nearest_rows_are_those_of_an_exact_search(
    tables: tuple[ExactTable, LanceTable], rows: list[Row], among: Among
) -> None:
    exact, lance = tables
    for row in rows[::7]:
        wanted, found = (table.nearest(row.vector, 10, among) for table in (exact, lance))
        assert places(found) == places(wanted)
        assert [it.score for it in found] == pytest.approx([it.score for it in wanted], abs=1e-5)


@pytest.mark.parametrize("among", WHERE)
def test_rows_that_hold_the_words_are_ranked_as_bm25_ranks_them(
    tables: tuple[ExactTable, LanceTable], among: Among
) -> None:
    exact, lance = tables
    for words in (["w1"], ["w2", "w3"], ["w4", "absent", "w4"], ["absent"], []):
        wanted, found = (table.matching(words, 50, among) for table in (exact, lance))
        assert places(found) == places(wanted)
        assert [it.score for it in found] == pytest.approx([it.score for it in wanted], rel=1e-5)


def test_rows_are_returned_as_they_were_added(tables: tuple[ExactTable, LanceTable], rows: list[Row]) -> None:
    for table in tables:
        found = table.rows_of([19, 2])
        wanted = [row for row in rows if row.document in (2, 19)]
        assert [(it.document, it.number, it.start, it.end, it.terms) for it in found] == [
            (it.document, it.number, it.start, it.end, it.terms) for it in wanted
        ]
        assert all((one.vector == other.vector).all() for one, other in zip(found, wanted, strict=True))
        assert table.documents() == set(range(1, 20))
        assert table.rows_of([]) == []


def test_no_byte_of_removed_rows_is_left(tmp_path: Path, rows: list[Row]) -> None:
    secret = Row(99, 0, 0, 5, ("zyxwvut",), rows[0].vector[::-1].copy())
    table = LanceTable(tmp_path, "rows", SIZE)
    table.add([*rows[:20], secret, *rows[20:]])
    table.settle()

    def holding() -> list[Path]:
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        return [it for it in files if secret.vector.tobytes() in it.read_bytes() or b"zyxwvut" in it.read_bytes()]

    assert holding()
    table.remove([99])
    assert not holding()
    assert table.documents() == set(range(1, 20))
    assert places(table.matching(["w1"], 50)) == places(LanceTable(tmp_path, "rows", SIZE).matching(["w1"], 50)) != []


def test_a_reader_goes_on_while_the_table_is_written_anew(tmp_path: Path, rows: list[Row]) -> None:
    writer = LanceTable(tmp_path, "rows", SIZE)
    writer.add(rows)
    writer.settle()
    reader = LanceTable(tmp_path, "rows", SIZE)
    assert 1 in {it.document for it in reader.nearest(rows[0].vector, 100)}
    writer.remove([1])
    assert 1 not in {it.document for it in reader.nearest(rows[0].vector, 100)}
    assert places(reader.matching(["w2"], 50)) == places(writer.matching(["w2"], 50))
