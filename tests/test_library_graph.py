"""The graph asks a library: which documents and why, their memories at the same time, and on after a kill."""

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.sqlite import SqliteSaver

from memorag_graph.errors import InputError, LibraryError, ModelError
from memorag_graph.graph import MemoragGraph, build_graph
from memorag_graph.langchain.asked_place import asked_place
from memorag_graph.langchain.retriever import MemoRAGRetriever
from memorag_graph.langchain.tool import memorag_tool
from memorag_graph.library.library import Library
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TINY
from tests.test_library_clues import QUESTION, made, recalling, registry, whole

__all__ = ["recalling", "registry", "whole"]  # fixtures

THREAD: Any = {"configurable": {"thread_id": "1"}}


@pytest.fixture
def ask(registry: Registry, whole: Library) -> Callable[..., dict[str, Any]]:
    def asked(options: RunOptions = TINY, **given: Any) -> dict[str, Any]:
        inputs: Any = {"query": QUESTION, "library": str(whole.directory), **given}
        return build_graph(registry).invoke(inputs, context=options)

    return asked


def invoke(graph: MemoragGraph, given: Any) -> dict[str, Any]:
    return graph.invoke(given, THREAD, context=TINY)


def test_the_memories_of_the_best_documents_are_asked_at_the_same_time(
    ask: Callable[..., dict[str, Any]], recalling: Callable[..., None], whole: Library
) -> None:
    recalling(Quill="Captain Quill knows the number 4711", Thorle="The keeper is Captain Kemp")
    result = ask()
    assert set(result["timings"]) == {"memorize", "route", "ask_memory", "retrieve", "generate"}
    assert {it["document"]: it["spans"] for it in result["document_clues"]} == {
        "vault.txt": ["Captain Quill knows the number 4711"],
        "harbour.txt": ["The keeper is Captain Kemp"],
        "ferry.txt": [],
    }
    assert result["tokens"]["ask_memory"] == 21
    assert result["memory_share"] == 1.0
    assert "Captain Quill" in result["answer"]
    first = result["citations"][0]
    assert (first["source"], first["version"]) == ("vault.txt", 1)
    assert result["evidence"][0].metadata["version"] == 1
    text = whole.stores.document(next(it for it in whole.list() if it.name == "vault.txt")).text
    assert text[first["start"] : first["end"]] == first["quote"]
    assert (result["memory_id"], result["messages"][-1].text) == (None, result["answer"])


def test_the_trace_tells_which_documents_were_considered_and_why(ask: Callable[..., dict[str, Any]]) -> None:
    one = TINY.model_copy(update={"memories": 1})
    told = [it for it in ask(one)["trace"] if it["what"] == "considered"]
    assert {it["node"] for it in told} == {"route"}
    assert told[0]["text"] == "vault.txt, version 1"
    assert told[0]["reason"].startswith("memory asked; place by chunks by words 1, sections by words 1")
    assert all(it["reason"].startswith("searched; ") for it in told[1:])
    first, *others = ask(one)["considered"]
    assert (first["name"], first["searched"], first["asked"], first["cited"]) == ("vault.txt", True, True, True)
    assert not any(it["asked"] for it in others)


def test_the_graph_answers_as_the_library_does(ask: Callable[..., dict[str, Any]], whole: Library) -> None:
    for task in ("lookup", "memorag", "qa"):
        result = ask(task_type=task)
        other = whole.ask(QUESTION, options=TINY, task=task).to_dict()  # type: ignore[arg-type]
        for key in ("answer", "basis", "confidence", "memory_share", "notices", "considered", "task"):
            assert result[key] == other[key], (task, key)
        assert [it["quote"] for it in result["citations"]] == [it["quote"] for it in other["citations"]]


def test_documents_are_chosen_by_filter_and_time(ask: Callable[..., dict[str, Any]]) -> None:
    found = ask(where={"name": {"not": "vault.txt"}}, task_type="lookup")
    assert "vault.txt" not in {it["name"] for it in found["considered"]}
    early = ask(as_of="2020-01-01", task_type="lookup")
    assert early["considered"] == []
    assert any("the time of the question" in it for it in early["notices"])
    assert not any("the time of the question" in it for it in found["notices"])
    with pytest.raises(InputError, match="no document has this field"):
        ask(where=["year=2021"])


def test_before_its_memories_are_made_the_answer_says_so(registry: Registry, tmp_path: Path) -> None:
    library = made(tmp_path, registry)
    library.remember("vault.txt")
    given: Any = {"query": QUESTION, "library": str(library.directory)}
    result = build_graph(registry).invoke(given, context=TINY)
    assert 0 < result["memory_share"] < 1
    assert any("2 of the 3 documents most likely to answer" in notice for notice in result["notices"])
    (told,) = (it for it in result["trace"] if it["text"] == "ferry.txt, version 1")
    assert told["reason"].startswith("searched; ")


@pytest.mark.parametrize(
    ("given", "fault"),
    [
        ({"context": "A text."}, "library: is asked alone"),
        ({"library": None, "where": {"year": 1}, "memory_id": "0" * 32}, "choose documents of a library"),
        ({"task_type": "summarize"}, "'summarize' is not done over a library"),
        ({"as_of": "yesterday"}, "'yesterday' is no time"),
    ],
)
def test_mistakes_are_told(ask: Callable[..., dict[str, Any]], given: dict[str, Any], fault: str) -> None:
    with pytest.raises(InputError, match=fault):
        ask(**given)


def test_a_generator_that_cannot_be_loaded_is_told_before_memories_are_asked(
    ask: Callable[..., dict[str, Any]], recalling: Callable[..., None], tmp_path: Path
) -> None:
    recalling()
    options = TINY.model_copy(update={"generator": str(tmp_path / "nowhere")})
    with pytest.raises(ModelError, match="nowhere"):
        ask(options)


def test_a_library_that_does_not_exist_is_told(ask: Callable[..., dict[str, Any]], tmp_path: Path) -> None:
    with pytest.raises(LibraryError, match="there is no library in"):
        ask(library=str(tmp_path / "nowhere"))


def test_a_thread_goes_on_with_its_library_until_it_asks_a_memory(registry: Registry, whole: Library) -> None:
    graph = build_graph(registry, checkpointer=InMemorySaver())
    where = {"name": {"not": "ferry.txt"}}
    given = {"query": QUESTION, "library": str(whole.directory), "where": where, "task_type": "lookup"}
    first = invoke(graph, given)
    again = invoke(graph, {"query": "Who is the keeper of the harbour of Thorle?", "task_type": "lookup"})
    assert "Captain Kemp" in again["answer"]
    assert "ferry.txt" not in {it["name"] for it in [*first["considered"], *again["considered"]]}
    follow_up = invoke(graph, {"query": "And why is it closed in winter?", "task_type": "lookup"})
    assert "harbour" in follow_up["question"]
    assert "the wind is strong" in follow_up["answer"]
    other = invoke(graph, {"query": QUESTION, "context": "The vault of Averil is green.", "task_type": "lookup"})
    assert (other["considered"], other["memory_share"]) == ([], 1.0)
    assert "green" in invoke(graph, {"query": "Which colour has the vault?", "task_type": "lookup"})["answer"]


@pytest.mark.parametrize("method", ["ask_memory", "retrieve", "generate"])
def test_a_killed_run_goes_on_where_it_was(
    registry: Registry, whole: Library, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, method: str
) -> None:
    from memorag_graph.library import ask, memory_clues, write_answer

    module, name = {
        "ask_memory": (memory_clues, "ask_for_clues"),
        "retrieve": (ask, "search_with_clues"),
        "generate": (write_answer, "generation_given"),
    }[method]
    database = tmp_path / "threads.sqlite"
    given = {"query": QUESTION, "library": str(whole.directory), "where": {"version": 1}}

    def killed(*given: Any, **named: Any) -> None:
        raise RuntimeError("killed")

    with monkeypatch.context() as patch, sqlite3.connect(database, check_same_thread=False) as connection:
        patch.setattr(module, name, killed)
        graph = build_graph(registry, checkpointer=SqliteSaver(connection))
        with pytest.raises(RuntimeError, match="killed"):
            invoke(graph, given)
    with sqlite3.connect(database, check_same_thread=False) as connection:
        graph = build_graph(registry, checkpointer=SqliteSaver(connection))
        events = graph.stream(None, THREAD, context=TINY, stream_mode="updates")
        routed = [node for event in events for node in event]
        result = graph.get_state(THREAD).values
    assert "route" not in routed
    assert ("ask_memory" in routed) == (method == "ask_memory")
    assert ("retrieve" in routed) == (method != "generate")
    straight = build_graph(registry).invoke(given, context=TINY)  # type: ignore[call-overload]
    for key in ("answer", "citations", "considered", "document_clues", "memory_share"):
        assert result[key] == straight[key]


def test_evidence_may_be_edited_but_not_rewritten_and_that_of_a_removed_document_is_not_used(
    registry: Registry, tmp_path: Path
) -> None:
    library = made(tmp_path, registry)
    graph = build_graph(registry, checkpointer=InMemorySaver(), interrupt_before=["generate"])
    invoke(graph, {"query": QUESTION, "library": str(library.directory), "task_type": "lookup"})
    evidence = graph.get_state(THREAD).values["evidence"]
    assert {it.metadata["source"] for it in evidence} >= {"vault.txt"}
    rewritten = [it.model_copy(update={"page_content": "The number is known to all."}) for it in evidence]
    graph.update_state(THREAD, {"evidence": rewritten})
    with pytest.raises(InputError, match="may be removed, not rewritten"):
        invoke(graph, None)
    graph.update_state(THREAD, {"evidence": evidence})
    library.remove("vault.txt")
    result = invoke(graph, None)
    assert "Quill" not in result["answer"]
    assert "vault.txt" not in {it["source"] for it in result["citations"]}


def test_a_retriever_and_a_tool_ask_a_library(registry: Registry, whole: Library) -> None:
    graph, place = build_graph(registry), str(whole.directory)
    retriever = MemoRAGRetriever(library=place, task_type="lookup", options=TINY, graph=graph)
    found = retriever.invoke(QUESTION)
    text = {it.name: whole.stores.document(it).text for it in whole.list()}
    for passage in found:
        where = passage.metadata
        assert text[where["source"]][where["start"] : where["end"]] == passage.page_content
        assert passage.id == f"memorag://library/{where['source']}%401#char={where['start']},{where['end']}"
    chosen = {"name": "ferry.txt"}
    only = MemoRAGRetriever(library=place, where=chosen, task_type="lookup", options=TINY, graph=graph)
    assert {it.metadata["source"] for it in only.invoke(QUESTION)} == {"ferry.txt"}
    tool = memorag_tool(library=place, where=chosen, graph=graph, options=TINY)
    call: Any = {
        "name": tool.name,
        "args": {"question": QUESTION, "task_type": "lookup"},
        "id": "1",
        "type": "tool_call",
    }
    assert {it["source"] for it in tool.invoke(call).artifact["citations"]} == {"ferry.txt"}


@pytest.mark.parametrize("place", [{}, {"memory_id": "a", "library": "b"}, {"memory_id": "a", "where": {"year": 1}}])
def test_a_retriever_and_a_tool_ask_either_a_memory_or_a_library(place: Any) -> None:
    for make in (MemoRAGRetriever, memorag_tool):
        with pytest.raises(ValueError, match="library"):
            make(**place)


def test_a_library_on_an_object_store_is_named_by_its_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert asked_place("", "s3://archive/reports", None, None) == {"library": "s3://archive/reports"}
    assert MemoRAGRetriever(library="s3://archive/reports").library == "s3://archive/reports"
    assert asked_place("", "reports", None, None) == {"library": str(tmp_path / "reports")}
    assert MemoRAGRetriever(library="reports").library == str(tmp_path / "reports")
