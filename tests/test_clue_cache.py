"""The graph with a cache and a store: clues are asked for once, and again only if what decides them differs."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage
from langgraph.cache.base import BaseCache
from langgraph.cache.memory import InMemoryCache
from langgraph.cache.sqlite import SqliteCache
from langgraph.config import get_store
from langgraph.graph import StateGraph
from langgraph.store.memory import InMemoryStore

from memorag_graph.clues.recall import MemoryRecall
from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from memorag_graph.state import GraphState
from tests.conftest import TEXT, TINY

QUESTION = "Who was proud of the harbour at Thorle?"
OPTIONS = TINY.model_copy(update={"gist_writer": "extractive"})
ANSWERED = ("answer", "citations", "spans", "surrogates", "evidence", "trace", "tokens", "memory_id")


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The clues that memories are asked for, as they are asked."""
    asked: list[str] = []

    def noting(clue: str, ask: Callable[..., Any]) -> Callable[..., Any]:
        def noted(*arguments: Any) -> Any:
            asked.append(clue)
            return ask(*arguments)

        return noted

    for clue in ("recall", "rewrite"):
        monkeypatch.setattr(MemoryRecall, clue, noting(clue, getattr(MemoryRecall, clue)))
    return asked


def ask(graph: Any, options: Any = OPTIONS, **given: Any) -> dict[str, Any]:
    result: dict[str, Any] = graph.invoke({"context": TEXT, "query": QUESTION, **given}, context=options)
    return result


def kept(result: dict[str, Any]) -> dict[str, Any]:
    return {key: result[key] for key in ANSWERED}


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_the_same_question_asks_the_memory_once(
    registry: Registry, asked: list[str], kind: str, tmp_path: Path
) -> None:
    cache: BaseCache[Any] = InMemoryCache() if kind == "memory" else SqliteCache(path=str(tmp_path / "clues"))
    plain = ask(build_graph(registry))
    asked.clear()
    graph = build_graph(registry, cache=cache)
    first, second = ask(graph), ask(graph)
    assert sorted(asked) == ["recall", "rewrite"]
    assert kept(first) == kept(second) == kept(plain)
    graph.clear_cache(["recall", "rewrite"])
    assert kept(ask(graph)) == kept(plain)
    assert len(asked) == 4


@pytest.mark.parametrize(
    "changes",
    [
        {"query": "Who was proud of the harbour at Inshay?"},
        {"context": TEXT[:2000]},
        {"options": {"prompts": {"span": "Name passages about: {question}"}}},
        {"options": {"temperature": 0.7}},
        {"options": {"max_new_tokens": 12}},
    ],
    ids=lambda it: str(*it),
)
def test_what_decides_clues_is_in_the_key(registry: Registry, asked: list[str], changes: dict[str, Any]) -> None:
    graph = build_graph(registry, cache=InMemoryCache())
    ask(graph)
    asked.clear()
    options = OPTIONS.model_copy(update=changes.pop("options", {}))
    for _ in range(2):
        ask(graph, options, **changes)
    is_sampled = options.temperature > 0
    assert sorted(asked) == sorted(["recall", "rewrite"] * (2 if is_sampled else 1))


def test_without_a_cache_each_question_asks_the_memory(registry: Registry, asked: list[str]) -> None:
    graph = build_graph(registry)
    assert kept(ask(graph)) == kept(ask(graph))
    assert len(asked) == 4


def test_a_cache_and_a_store_serve_alone_and_inside_a_parent_graph(registry: Registry, asked: list[str]) -> None:
    writer = LooksUp(messages=iter(lambda: AIMessage("Struan [1]."), None), seen=[])
    registry.add_chat_model("writer", writer)
    writing, store = OPTIONS.model_copy(update={"generator": "writer"}), InMemoryStore()
    store.put(("notes",), "tone", {"value": "brief"})

    parent = StateGraph(GraphState, context_schema=dict)
    parent.add_node("ask", build_graph(registry, cache=InMemoryCache()))
    parent.set_entry_point("ask")
    inside = parent.compile(store=store)
    for graph, context in [
        (build_graph(registry, store=store, cache=InMemoryCache()), writing),
        (inside, {"memorag": writing}),
    ]:
        asked.clear()
        writer.seen.clear()
        assert [ask(graph, context)["answer"] for _ in range(2)] == ["Struan [1]."] * 2
        assert sorted(asked) == ["recall", "rewrite"]
        assert writer.seen == ["brief", "brief"]


class LooksUp(GenericFakeChatModel):
    """Looks into the store of the graph that it writes in."""

    seen: list[Any]

    def _generate(self, *arguments: Any, **named: Any) -> Any:
        item = get_store().get(("notes",), "tone")
        self.seen.append(item and item.value["value"])
        return super()._generate(*arguments, **named)
