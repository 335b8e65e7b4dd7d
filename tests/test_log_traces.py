"""A trace belongs to the record of the log that it follows."""

import pytest

from memorag_graph.generation.asked_terms import asked_paths
from memorag_graph.text.sentences import split_sentences

FIRST = "2031-02-03 09:00:01 ERROR sync failed"
LAST = "2031-02-03 09:00:09 INFO sync started again"


@pytest.mark.parametrize(
    "trace",
    [
        'Traceback (most recent call last):\n  File "sync.py", line 7, in run\nKeyError: depot-4',
        "java.io.IOException: no room\n\tat org.depot.Sync.run(Sync.java:7)\nCaused by: java.lang.Error\n\t... 3 more",
        "    volume=/data\n    free=0",
    ],
)
def test_the_lines_of_a_trace_are_one_record_with_what_happened(trace: str) -> None:
    found = split_sentences(f"{FIRST}\n{trace}\n{LAST}", "en")
    assert [(it.text, it.is_record) for it in found] == [(f"{FIRST}\n{trace}", True), (LAST, True)]


def test_a_trace_too_long_for_one_record_is_not_joined_whole() -> None:
    frames = "\n".join(f"  at step {number}" for number in range(2000))
    found = split_sentences(f"{FIRST}\n{frames}\n{LAST}", "en")
    assert found[0].text.startswith(FIRST)
    assert max(len(it.text) for it in found) < 40_000
    assert found[-1].text == LAST


def test_prose_after_a_record_stays_apart() -> None:
    found = split_sentences(f"{FIRST}\nThe operator was asleep at that time.\n{LAST}", "en")
    assert [it.text for it in found] == [FIRST, "The operator was asleep at that time.", LAST]


@pytest.mark.parametrize(
    ("text", "paths"),
    [("Who asked for /login?", ["/login"]), ("GET /v1/orders, then", ["/v1/orders"]), ("and/or 3/4 https://a.b/c", [])],
)
def test_paths(text: str, paths: list[str]) -> None:
    assert asked_paths(text) == paths
