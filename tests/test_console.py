"""Progress lines, for output that is not a terminal."""

import io
import itertools
from collections.abc import Sequence

import pytest
from rich.console import Console

from memorag_graph.console import STAGES, StageProgress


def lines_at(events: Sequence[tuple[float, str, int, int]]) -> list[tuple[float, str]]:
    """The lines written for events of (seconds, stage, done, total), each with its time."""
    file = io.StringIO()
    now = 0.0
    written: list[tuple[float, str]] = []
    with StageProgress(Console(file=file), clock=lambda: now) as bars:
        for now, stage, done, total in events:
            start = file.tell()
            bars.update({"stage": stage, "done": done, "total": total, "unit": "tokens"})
            written += [(now, line) for line in file.getvalue()[start:].splitlines()]
    return written


@pytest.mark.parametrize("step", [0.01, 0.7, 4.9, 5.0, 61.0])
@pytest.mark.parametrize("total", [1, 2, 500])
def test_a_stage_writes_its_first_and_last_event_and_a_line_each_few_seconds_between(step: float, total: int) -> None:
    events = [(100 + step * done, "gists", done, total) for done in range(total + 1)]
    written = lines_at(events)
    times = [time for time, _ in written]
    assert written[0] == (100, f"{STAGES['gists']}: 0 of {total} tokens")
    assert written[-1][0] == events[-1][0]
    assert written[-1][1].startswith(f"{STAGES['gists']}: {total} of {total} tokens")
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert all(gap > 4.99 for gap in gaps[:-1])  # the last line is not held back
    assert all(gap < 5.01 + step for gap in gaps)


def test_stages_are_timed_apart_and_end_once() -> None:
    events = [(0.0, "memory", 0, 2000), (3.0, "memory", 2000, 2000), (3.0, "memory", 2000, 2000)]
    events += [(3.5, "index", 0, 4), (3.6, "index", 4, 4), (9.0, "index", 4, 4)]
    assert [line for _, line in lines_at(events)] == [
        f"{STAGES['memory']}: 0 of 2,000 tokens",
        f"{STAGES['memory']}: 2,000 of 2,000 tokens in 3 s",
        f"{STAGES['index']}: 0 of 4 tokens",
        f"{STAGES['index']}: 4 of 4 tokens",
    ]


def test_a_stage_without_a_title_is_written_as_it_is_named() -> None:
    assert lines_at([(0.0, "a [bold] stage", 0, 1)]) == [(0.0, "a [bold] stage: 0 of 1 tokens")]
