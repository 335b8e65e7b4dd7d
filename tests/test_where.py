"""Filters: what they choose, and what they say of what they do not understand."""

from datetime import UTC, date, datetime
from typing import Any

import pytest

from memorag_graph.errors import InputError
from memorag_graph.library.entry import Entry
from memorag_graph.library.snapshot import Snapshot, moment_of
from memorag_graph.library.where import condition_of

DOCUMENTS: list[dict[str, Any]] = [
    {"name": "a", "year": 2020, "type": "10-K", "tags": ["x", "y"], "final": True, "code": "7"},
    {"name": "b", "year": 2021, "type": "10-Q", "tags": ["y"], "final": False, "code": "10"},
    {"name": "c", "year": 2022.5, "type": "10-K", "code": "7"},
    {"name": "d", "type": "8-K", "on": "2024-05-01"},
]

CHOSEN = [
    (None, "abcd"),
    ({}, "abcd"),
    ({"year": 2021}, "b"),
    ({"year": {"eq": 2021}}, "b"),
    ({"year": {"gte": 2021}}, "bc"),
    ({"year": {"gt": 2020, "lt": 2022}}, "b"),
    ({"year": {"lte": 2021}}, "ab"),
    ({"year": {"not": 2021}}, "acd"),
    ({"year": {"not": [2020, 2021]}}, "cd"),
    ({"year": {"not": {"gte": 2021}}}, "ad"),
    ({"type": {"in": ["10-K", "8-K"]}, "year": {"lt": 2022}}, "a"),
    ({"tags": "y"}, "ab"),
    ({"tags": {"not": "x"}}, "bcd"),
    ({"final": True}, "a"),
    ({"or": [{"year": 2020}, {"type": "8-K"}]}, "ad"),
    ({"and": [{"type": "10-K"}, {"or": [{"year": 2020}, {"year": {"gt": 2022}}]}]}, "ac"),
    ({"not": {"type": "10-K"}}, "bd"),
    ({"on": {"gte": date(2024, 1, 1)}}, "d"),
    (["year=2021"], "b"),
    (["year>=2021", "type=10-K"], "c"),
    ("year>2022.1", "c"),
    (["type != 10-K"], "bd"),
    (["final=true"], "a"),
    (["code=7"], "ac"),
    (["on>=2024-01-01"], "d"),
    (["name='c'"], "c"),
]


@pytest.mark.parametrize(("where", "chosen"), CHOSEN)
def test_a_filter_chooses_documents(where: Any, chosen: str) -> None:
    holds = condition_of(where, DOCUMENTS)
    assert "".join(it["name"] for it in DOCUMENTS if holds(it)) == chosen


WRONG = [
    ({"yaer": 2021}, "where.yaer: no document has this field; the fields are code, final, name, on, tags, type, year"),
    ({"year": "2021"}, "where.year: is compared with a text, but its values are numbers"),
    ({"type": 10}, "where.type: is compared with a number, but its values are texts"),
    ({"year": True}, "where.year: is compared with a truth value, but its values are numbers"),
    ({"final": {"gt": False}}, "where.final.gt: true and false have no order; compare them with eq"),
    ({"year": {"ge": 1}}, "where.year.ge: is no comparison; use eq, not, in, gt, gte, lt, lte"),
    ({"year": {"in": 2021}}, "where.year.in: must be a list of values, not 2021"),
    ({"type": {"in": "10-K"}}, "where.type.in: must be a list of values, not '10-K'"),
    ({"year": {"gt": [1]}}, "where.year.gt: must be compared with a text, a number or true or false, not list"),
    ({"year": None}, "where.year: must be compared with a text, a number or true or false, not NoneType"),
    ({"or": {"year": 1}}, "where.or: must be a list of filters, not dict"),
    ({"or": []}, "where.or: must be a list of filters, not list"),
    ({"and": ["year=1"]}, "where.and[0]: must be a mapping of fields to what must hold of them, not 'year=1'"),
    ({"not": 3}, "where.not: must be a mapping of fields to what must hold of them, not 3"),
    (3, "where: must be a mapping of fields or a list like ['year=2021'], not 3"),
    (["year"], "where: 'year' is not of the form FIELD=VALUE, with =, !=, <, <=, > or >="),
    ([3], "where: 3 is not of the form FIELD=VALUE, with =, !=, <, <=, > or >="),
    (["year=MMXXI"], "where.year.eq: is compared with a text, but its values are numbers"),
]


@pytest.mark.parametrize(("where", "message"), WRONG)
def test_what_is_wrong_with_a_filter_is_told(where: Any, message: str) -> None:
    with pytest.raises(InputError) as told:
        condition_of(where, DOCUMENTS)
    assert str(told.value) == message


def test_filters_within_filters_have_a_limit() -> None:
    deep: dict[str, Any] = {"year": 1}
    for _ in range(5000):
        deep = {"not": deep}
    with pytest.raises(InputError, match="more than 20 filters within filters"):
        condition_of(deep, DOCUMENTS)
    deep = {"gt": 1}
    for _ in range(5000):
        deep = {"not": deep}
    with pytest.raises(InputError, match="more than 20 filters within filters"):
        condition_of({"year": deep}, DOCUMENTS)


def test_an_empty_library_has_no_fields() -> None:
    with pytest.raises(InputError, match="the fields are none, as the library is empty"):
        condition_of({"year": 1}, [])


def entry(number: int, name: str, added: str, replaced: str, **metadata: Any) -> Entry:
    return Entry(number, name, 1, "", "", "", added, replaced, "en", "", 10, 3, 1, 2, metadata)


TIMES = [f"2026-0{month}-01T00:00:00.000000+00:00" for month in range(1, 5)]
ENTRIES = [
    entry(1, "a.PDF", TIMES[0], TIMES[2], year=2020),
    entry(2, "b.txt", TIMES[1], "", year=2021),
    entry(3, "a.PDF", TIMES[2], "", year=2022),
]


@pytest.mark.parametrize(
    ("where", "as_of", "ids"),
    [
        (None, None, [2, 3]),
        ({"suffix": ".pdf"}, None, [3]),
        (["pages>=2", "year<2022"], None, [2]),
        (None, "2026-01-15", [1]),
        (None, "2026-03-01", [2, 3]),
        (None, "2026-02-28T23:59", [1, 2]),
        (None, datetime(2026, 2, 1, tzinfo=UTC), [1, 2]),
        (None, "2025-01-01", []),
    ],
)
def test_the_documents_of_a_time(where: Any, as_of: Any, ids: list[int]) -> None:
    found = Snapshot.of(ENTRIES, where, as_of)
    assert list(found.entries) == ids
    assert [it.id for it in ENTRIES if it.id in found.among] == ids


def test_a_time_that_is_none_is_told() -> None:
    assert moment_of("2026-01-31T10:00+02:00") == "2026-01-31T08:00:00.000000+00:00"
    for wrong in ("yesterday", "2026-13-01", 3):
        with pytest.raises(InputError, match="as_of"):
            moment_of(wrong)  # type: ignore[arg-type]
