"""The state's trace holds the decisions of this turn and no others."""

from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver

from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY

LOOKED_UP = {"memorize", "look_up", "generate"}


@pytest.mark.parametrize(
    ("query", "task", "nodes"),
    [
        ("When did Captain Quill retire?", "lookup", LOOKED_UP),
        ("Summarize the document.", "summarize", {"memorize", "outline", "retrieve", "generate"}),
        ("Why was the harbour closed?", "lookup", LOOKED_UP),
    ],
)
def test_auto_chooses_the_task_by_the_question(registry: Registry, query: str, task: str, nodes: set[str]) -> None:
    result: dict[str, Any] = build_graph(registry).invoke(
        {"context": TEXT, "query": query, "task_type": "auto"}, context=TINY
    )
    asks_memory = any(entry["node"] == "look_up" for entry in result["trace"])
    assert result["task"] == ("memorag" if asks_memory else task)
    assert set(result["timings"]) == nodes | ({"recall", "rewrite", "retrieve"} if asks_memory else set())
    assert result["trace"][0]["what"] == "route"
    assert result["trace"][0]["text"] == task
    assert all(entry["reason"] for entry in result["trace"])


def test_a_lookup_finds_the_evidence_of_the_pipeline_without_clues(registry: Registry) -> None:
    graph, given = build_graph(registry), {"context": TEXT, "query": "When did Captain Quill retire?"}
    alone = graph.invoke({**given, "task_type": "lookup"}, context=TINY)
    silent = TINY.model_copy(update={"question_share": 1.0})
    whole = graph.invoke({**given, "task_type": "memorag"}, context=silent)
    assert [it.page_content for it in alone["evidence"]] == [it.page_content for it in whole["evidence"]]


def test_a_turn_drops_the_trace_of_the_previous_turn(registry: Registry) -> None:
    graph = build_graph(registry, checkpointer=InMemorySaver())
    thread: Any = {"configurable": {"thread_id": "1"}}
    first = graph.invoke({"context": TEXT, "query": "Why?", "task_type": "memorag"}, thread, context=TINY)
    second = graph.invoke(
        {"query": "Who?", "task_type": "lookup", "memory_id": first["memory_id"]}, thread, context=TINY
    )
    assert [entry["text"] for entry in second["trace"] if entry["what"] == "route"] == ["lookup"]
    assert all(entry["node"] in ("memorize", "contextualize", "retrieve") for entry in second["trace"])
