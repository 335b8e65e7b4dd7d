"""Threads of version 0.1.0, as SQLite kept them, continue with the current schema."""

import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.sqlite import SqliteSaver

from memorag_graph.errors import MemoryFileError
from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY

FROZEN = Path(__file__).parent / "frozen" / "threads_0.1.0.db"
"""A finished turn, and a turn that was interrupted before ``generate``, over the first 1,200 characters of ``TEXT``."""

FIRST = "Who was proud of the harbour at Thorle?"


def thread(name: str) -> Any:
    return {"configurable": {"thread_id": name}}


@pytest.fixture
def checkpointer(tmp_path: Path) -> Iterator[SqliteSaver]:
    shutil.copy(FROZEN, tmp_path / "threads.db")
    with sqlite3.connect(tmp_path / "threads.db", check_same_thread=False) as connection:
        yield SqliteSaver(connection)


def test_a_finished_conversation_continues(checkpointer: SqliteSaver, registry: Registry) -> None:
    graph = build_graph(registry, checkpointer=checkpointer)
    before = graph.get_state(thread("finished")).values
    assert before["question"] == FIRST
    assert before["citations"]
    given: Any = {"context": TEXT[:1200], "query": "Who was proud of the harbour at Inshay?"}
    result = graph.invoke(given, thread("finished"), context=TINY)
    assert [message.text for message in result["messages"][:2]] == [message.text for message in before["messages"]]
    assert len(result["messages"]) == 4
    for cited in result["citations"]:
        assert TEXT[cited["start"] : cited["end"]] == cited["quote"]


def test_an_interrupted_turn_says_that_its_memory_has_to_be_made_again(
    checkpointer: SqliteSaver, registry: Registry
) -> None:
    graph = build_graph(registry, checkpointer=checkpointer)
    state = graph.get_state(thread("interrupted"))
    assert state.next == ("generate",)
    with pytest.raises(MemoryFileError, match="does not exist"):
        graph.invoke(None, thread("interrupted"), context=TINY)


def test_an_interrupted_turn_ends_once_its_memory_is_named_again(checkpointer: SqliteSaver, registry: Registry) -> None:
    from memorag_graph.documents import from_text

    graph = build_graph(registry, checkpointer=checkpointer)
    evidence = graph.get_state(thread("interrupted")).values["evidence"]
    opened = registry.memorize([from_text(TEXT[:1200])], TINY)
    graph.update_state(thread("interrupted"), {"thread_memory_id": opened.memory.id}, as_node="retrieve")
    result = graph.invoke(None, thread("interrupted"), context=TINY)
    assert result["answer"]
    places = [(it.metadata["start"], it.metadata["end"]) for it in evidence]
    assert all(any(start <= cited["start"] < end for start, end in places) for cited in result["citations"])
