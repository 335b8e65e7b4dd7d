"""Tables of rows: LanceDB and Qdrant find what a search row by row finds, and nothing of what is removed."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from memorag_graph.library.exact_table import ExactTable
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.qdrant_table import QdrantTable
from memorag_graph.library.row_table import EVERYWHERE, Among, Found, Row, RowTable

SIZE = 8
AVERAGE_TERMS = 5.0
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


def qdrant(directory: Path) -> RowTable:
    client = pytest.importorskip("qdrant_client", reason="needs pip install 'memorag-graph[qdrant]'").QdrantClient
    return QdrantTable(client(path=str(directory)), "rows", SIZE, AVERAGE_TERMS)


def lance(directory: Path) -> RowTable:
    return LanceTable(directory, "rows", SIZE)


def partitioned(directory: Path) -> RowTable:
    return LanceTable(directory, "rows", SIZE, scanned_up_to=4)


OPEN: dict[str, tuple[Callable[[Path], RowTable], float | None]] = {
    "LanceDB": (lance, None),
    "LanceDB, partitioned": (partitioned, None),
    "Qdrant": (qdrant, AVERAGE_TERMS),
}


@pytest.fixture(scope="module", params=OPEN)
def tables(
    request: pytest.FixtureRequest, rows: list[Row], tmp_path_factory: pytest.TempPathFactory
) -> tuple[ExactTable, RowTable]:
    """The reference and a table with the same rows."""
    open_table, average_terms = OPEN[request.param]
    made = ExactTable(average_terms), open_table(tmp_path_factory.mktemp("index"))
    for table in made:
        table.add(rows[:20])
        table.settle()
        table.add(rows[20:30])  # not indexed yet
        table.add(rows[30:])
        table.settle()
    return made


def places(found: list[Found]) -> list[tuple[int, int]]:
    return [(it.document, it.number) for it in found]


@pytest.mark.parametrize("among", WHERE)
def test_the_nearest_rows_are_those_of_an_exact_search(
    tables: tuple[ExactTable, RowTable], rows: list[Row], among: Among
) -> None:
    exact, table = tables
    for row in rows[::7]:
        wanted, found = (it.nearest(row.vector, 10, among) for it in (exact, table))
        assert places(found) == places(wanted)
        assert [it.score for it in found] == pytest.approx([it.score for it in wanted], abs=1e-5)


@pytest.mark.parametrize("among", WHERE)
def test_rows_that_hold_the_words_are_ranked_as_bm25_ranks_them(
    tables: tuple[ExactTable, RowTable], among: Among
) -> None:
    exact, table = tables
    for words in (["w1"], ["w2", "w3"], ["w4", "absent", "w4"], ["absent"], []):
        wanted, found = (it.matching(words, 50, among) for it in (exact, table))
        assert places(found) == places(wanted)
        assert [it.score for it in found] == pytest.approx([it.score for it in wanted], rel=1e-5)


def test_rows_are_returned_as_they_were_added(tables: tuple[ExactTable, RowTable], rows: list[Row]) -> None:
    for table in tables:
        found = table.rows_of([19, 2])
        wanted = [row for row in rows if row.document in (2, 19)]
        assert [(it.document, it.number, it.start, it.end, it.terms) for it in found] == [
            (it.document, it.number, it.start, it.end, it.terms) for it in wanted
        ]
        assert all((one.vector == other.vector).all() for one, other in zip(found, wanted, strict=True))
        assert table.documents() == set(range(1, 20))
        assert table.rows_of([]) == []


@pytest.mark.parametrize("name", OPEN)
def test_removed_rows_are_not_found(name: str, tmp_path: Path, rows: list[Row]) -> None:
    table = OPEN[name][0](tmp_path)
    table.add(rows)
    table.remove([3, 4])
    table.remove([])
    assert table.documents() == set(range(1, 20)) - {3, 4}
    assert table.rows_of([3]) == []
    assert not {3, 4} & {it.document for it in [*table.nearest(rows[9].vector, 100), *table.matching(["w1"], 100)]}


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


def clustered(count: int, size: int = 16) -> np.ndarray:
    random = np.random.default_rng(1)
    centres = random.normal(size=(40, size))
    found = centres[random.integers(40, size=count)] + 0.3 * random.normal(size=(count, size))
    return (found / np.linalg.norm(found, axis=1, keepdims=True)).astype(np.float32)


def test_among_very_many_rows_nearly_all_of_the_nearest_are_found(tmp_path: Path) -> None:
    vectors = clustered(40_000)
    rows = [Row(1 + at, 0, 0, 1, (), vector) for at, vector in enumerate(vectors)]
    table = LanceTable(tmp_path, "rows", 16, scanned_up_to=500, exact_up_to=5000)
    for start, end, partitioned_for in ((0, 2000, 2000), (2000, 30_000, 30_000), (30_000, 40_000, 30_000)):
        table.add(rows[start:end])
        table.settle()
        names = [it.name for it in table._table.list_indices()]
        assert [name for name in names if name.startswith("vector")] == [f"vector_of_{partitioned_for}"]
    found = 0
    for vector in clustered(40):
        wanted = 1 + np.argsort(-(vectors @ vector))[:20]
        found += len(set(wanted.tolist()) & {it.document for it in table.nearest(vector, 20)})
    assert found / (40 * 20) > 0.97
