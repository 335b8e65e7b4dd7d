"""The example document is memorized when the demo is first started: once, and only where nobody logs in."""

from pathlib import Path

import pytest

from memorag_graph.documents import from_text
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Everybody, OneKey
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import MemoryMode, RunOptions
from memorag_graph.ui import example, memory_list
from memorag_graph.ui.jobs import Job
from memorag_graph.ui.resources import Demo, Resources
from memorag_graph.ui.visitors import Visitors
from tests.conftest import TEXT, TINY
from tests.test_ui_parts import ended

LETTERS = from_text(TEXT[:700], "letters.txt")


@pytest.fixture(autouse=True)
def _short_example(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(example, "_document", lambda: LETTERS)


@pytest.fixture
def registry(registry: Registry, tmp_path: Path) -> Registry:
    """Has a store of its own: the user's would also get what threads of earlier tests still write."""
    return registry.with_store(MemoryStore(tmp_path / "memories"))


def started(registry: Registry, options: RunOptions = TINY) -> tuple[Resources, Job | None]:
    """Start the demo; return what its visitor may use, and the job that it has begun."""
    demo = Demo(options, Tenants(registry, options=options), Visitors(Everybody()))
    job = example.memorize_beforehand(demo)
    visitor = demo.visitors.find({}, {})
    assert visitor is not None
    return demo.resources(visitor), job


def memories(shared: Resources) -> list[str]:
    return [title.partition(" (")[0] for title in memory_list.titles(shared).values()]


def test_the_first_start_memorizes_it_and_the_first_click_joins_that(registry: Registry) -> None:
    shared, job = started(registry)
    assert job is not None
    assert not job.watchers  # a visitor who cancels it waits for it alone
    clicked = example._memorizing(shared, TINY, LETTERS)
    assert clicked.key == job.work.key
    assert ended(job) == "done"
    assert memories(shared) == ["letters.txt"]
    assert ended(shared.jobs.start(clicked, "visit")) == "done"
    assert memories(shared) == ["letters.txt"]


@pytest.mark.parametrize(
    ("wanted", "made"),
    [("now", "background"), ("background", "background"), ("when_asked", "when_asked"), ("never", "never")],
)
def test_its_memory_is_made_when_the_operator_wants_it_but_not_waited_for(
    registry: Registry, wanted: MemoryMode, made: MemoryMode
) -> None:
    shared, job = started(registry, TINY.model_copy(update={"memory": wanted}))
    assert job is not None
    assert job.work.scope.options.memory == made
    assert ended(job) == "done"
    if made in ("when_asked", "never"):
        assert registry.is_begun(next(iter(memory_list.titles(shared))))


def test_who_deleted_it_does_not_get_it_again(registry: Registry) -> None:
    shared, job = started(registry)
    assert job is not None
    assert ended(job) == "done"
    registry.delete(next(iter(memory_list.titles(shared))))
    again, job = started(registry)
    assert job is None
    assert memories(again) == []


def test_where_visitors_log_in_nothing_is_made_for_them(registry: Registry) -> None:
    demo = Demo(TINY, Tenants(registry, options=TINY), Visitors(OneKey("a key")))
    assert example.memorize_beforehand(demo) is None
    assert not registry.store.root.exists()
