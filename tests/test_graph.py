"""The graph: its shape, tasks, input checks and state, and that memories are never mixed up."""

import sqlite3
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from langchain_core.documents import Document
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, AIMessageChunk
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer
from langgraph.checkpoint.sqlite import SqliteSaver

from memorag_graph.errors import InputError, MemoragError, MemoryFileError, MemoryMismatchError
from memorag_graph.graph import MemoragGraph, build_graph, graph
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.state import GraphInput
from tests.conftest import TEXT as LONG_TEXT
from tests.conftest import TINY, tiny_model

QUESTION = "Who was proud of the harbour at Thorle?"
TEXT = LONG_TEXT[:1400]
OTHER_TEXT = TEXT.replace("ferry", "railway").replace("harbour", "station")

DRAWING = """\
graph TD;
	__start__ --> memorize;
	memorize -.-> contextualize & draft_answer & look_up & outline & recall & retrieve & rewrite & route;
	route -.-> ask_memory & draft_answer & retrieve;
	contextualize -.-> draft_answer & look_up & outline & recall & retrieve & rewrite & route;
	look_up -.-> draft_answer & generate & recall & rewrite;
	recall --> retrieve;
	rewrite --> retrieve;
	draft_answer -.-> __end__ & retrieve;
	outline --> retrieve;
	retrieve -.-> assess & generate;
	assess -.-> generate & retrieve_more;
	retrieve_more -.-> assess & generate;
	generate --> __end__;
	ask_memory --> retrieve;
"""


@pytest.fixture
def tiny(registry: Registry) -> MemoragGraph:
    return build_graph(registry)


def invoke(graph: MemoragGraph, options: RunOptions = TINY, **given: Any) -> dict[str, Any]:
    return graph.invoke({"context": TEXT, "query": QUESTION, **given}, context=options)  # type: ignore[call-overload]


def edges(mermaid: str) -> set[tuple[str, str, str]]:
    """The edges of a mermaid drawing; ``&`` joins those of one node."""
    drawn = (line.strip().rstrip(";").split(" ", 2) for line in mermaid.splitlines() if "->" in line)
    return {(source, arrow, target) for source, arrow, targets in drawn for target in targets.split(" & ")}


def test_the_drawing_is_the_reviewed_one_and_the_readme_shows_it() -> None:
    assert edges(graph.get_graph().draw_mermaid(with_styles=False)) == edges(DRAWING)
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert edges(readme.split("```mermaid")[1].split("```")[0]) == edges(DRAWING)


def test_no_task_is_the_default_task(tiny: MemoragGraph) -> None:
    assert invoke(tiny, task_type=None)["task"] == "memorag"


@pytest.mark.parametrize("task_type", ["qa", "memorag", "summarize"])
def test_each_task_returns_an_answer_whose_citations_are_in_the_text(tiny: MemoragGraph, task_type: str) -> None:
    result = invoke(tiny, task_type=task_type)
    assert result["basis"] == ("memory" if task_type == "qa" else "evidence")
    assert result["citations"]
    for citation in result["citations"]:
        assert TEXT[citation["start"] : citation["end"]] == citation["quote"]
    for document in result["evidence"]:
        assert TEXT[document.metadata["start"] : document.metadata["end"]] == document.page_content
    nodes = {
        "qa": {"memorize", "draft_answer"},
        "memorag": {"memorize", "recall", "rewrite", "retrieve", "generate"},
        "summarize": {"memorize", "outline", "retrieve", "generate"},
    }
    assert set(result["timings"]) == nodes[task_type]


def test_a_draft_is_generated_only_on_request(tiny: MemoragGraph) -> None:
    assert invoke(tiny)["draft"] == ""
    wanted = invoke(tiny, TINY.model_copy(update={"use_memory_answer": True}))
    assert wanted["draft"]
    kinds = {query["kind"] for document in wanted["evidence"] for query in document.metadata["queries"]}
    assert "question" in kinds
    assert "draft_answer" in wanted["timings"]


def test_any_chat_model_can_be_the_generator(registry: Registry) -> None:
    chat = GenericFakeChatModel(messages=iter([AIMessage("Captains were proud [1].")]))
    registry.add_chat_model("mine", chat)
    result = invoke(build_graph(registry), TINY.model_copy(update={"generator": "mine"}))
    assert result["answer"] == "Captains were proud [1]."
    assert [citation["number"] for citation in result["citations"]] == [1]


def test_an_answer_from_memory_is_marked(tiny: MemoragGraph) -> None:
    result = invoke(tiny, task_type="qa")
    assert result["answer"] == result["draft"]
    assert any("not verified" in notice for notice in result["notices"])


def test_a_summary_needs_no_question(tiny: MemoragGraph) -> None:
    result = tiny.invoke({"context": TEXT, "task_type": "summarize"}, context=TINY)  # type: ignore[call-overload]
    assert result["outline"]
    assert result["answer"]


def test_a_known_text_is_not_memorized_again_and_its_id_opens_it(
    registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = invoke(build_graph(registry))

    def forbidden(*args: object, **kwargs: object) -> None:
        raise AssertionError("memorized again")

    monkeypatch.setattr(LocalMemoryModel, "build", forbidden)
    fresh = Registry()
    fresh.add_memory_model("tiny-llama", registry.models.memory_model("tiny-llama", TINY))
    fresh.add_embeddings("hash", registry.models.embeddings("hash"))
    for again in (registry, fresh):
        assert invoke(build_graph(again))["answer"] == first["answer"]
        by_id = build_graph(again).invoke({"memory_id": first["memory_id"], "query": QUESTION}, context=TINY)
        assert by_id["answer"] == first["answer"]


def test_new_text_never_gets_answers_from_an_old_memory(registry: Registry) -> None:
    graph = build_graph(registry, checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    first = graph.invoke({"context": TEXT, "query": QUESTION}, thread, context=TINY)
    second = graph.invoke({"context": OTHER_TEXT, "query": QUESTION}, thread, context=TINY)
    third = graph.invoke({"query": "And who at Inshay?"}, thread, context=TINY)
    assert first["memory_id"] != second["memory_id"] == third["memory_id"]
    for result in (second, third):
        assert all(OTHER_TEXT[it["start"] : it["end"]] == it["quote"] for it in result["citations"])
    mixed = graph.invoke({"context": TEXT, "memory_id": second["memory_id"], "query": QUESTION}, context=TINY, config={
        "configurable": {"thread_id": "2"}})  # fmt: skip
    assert mixed["memory_id"] == first["memory_id"]


def test_a_turn_keeps_nothing_of_the_previous_turn(registry: Registry) -> None:
    graph = build_graph(registry, checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    graph.invoke({"context": TEXT, "task_type": "summarize"}, thread, context=TINY)
    result = graph.invoke({"query": QUESTION, "task_type": "qa"}, thread, context=TINY)
    assert result["outline"] == []
    assert result["evidence"] == []
    assert set(result["timings"]) == {"memorize", "contextualize", "draft_answer"}


def test_a_failed_turn_leaves_nothing_to_the_next(registry: Registry) -> None:
    graph = build_graph(registry, checkpointer=InMemorySaver())
    thread = {"configurable": {"thread_id": "1"}}
    first = graph.invoke({"context": TEXT, "query": QUESTION}, thread, context=TINY)
    for bad in (
        {"context": OTHER_TEXT, "query": " "},
        {"query": QUESTION, "task_type": "translate"},
        {"task_type": "qa"},
    ):
        with pytest.raises(InputError):
            graph.invoke(bad, thread, context=TINY)  # type: ignore[call-overload]
    after = graph.invoke({"memory_id": first["memory_id"], "query": QUESTION}, thread, context=TINY)
    assert after["answer"] == first["answer"]
    assert after["task"] == "memorag"
    summary = graph.invoke({"task_type": "summarize"}, thread, context=TINY)
    assert summary["question"] == "Summarize the document."
    assert graph.invoke({"query": QUESTION}, thread, context=TINY)["task"] == "memorag"


def test_an_id_never_opens_another_documents_memory(registry: Registry, tmp_path: Path) -> None:
    graph, save_dir = build_graph(registry), str(tmp_path / "memory")
    first = invoke(graph, save_dir=save_dir)
    fresh = Registry()
    fresh.add_memory_model("tiny-llama", registry.models.memory_model("tiny-llama", TINY))
    fresh.add_embeddings("hash", registry.models.embeddings("hash"))
    again = {"memory_id": first["memory_id"], "query": QUESTION}
    assert build_graph(fresh).invoke(again, context=TINY)["answer"] == first["answer"]
    second = invoke(graph, save_dir=save_dir, context=OTHER_TEXT)
    assert graph.invoke(again, context=TINY)["answer"] == first["answer"]
    fresh.forget(first["memory_id"])
    with pytest.raises(MemoryFileError, match="holds another memory"):
        build_graph(fresh).invoke(again, context=TINY)
    assert build_graph(fresh).invoke({**again, "memory_id": save_dir}, context=TINY)["memory_id"] == second["memory_id"]


def test_evidence_may_be_removed_by_a_person_but_not_rewritten(registry: Registry) -> None:
    graph = build_graph(registry, checkpointer=InMemorySaver(), interrupt_before=["generate"])
    thread = {"configurable": {"thread_id": "1"}}
    graph.invoke({"context": TEXT, "query": QUESTION}, thread, context=TINY)
    evidence = graph.get_state(thread).values["evidence"]
    kept = graph.update_state(thread, {"evidence": evidence[1:]})
    assert graph.invoke(None, kept, context=TINY)["citations"]
    forged = Document("The moon is a harbour.", metadata=evidence[0].metadata)
    changed = graph.update_state(thread, {"evidence": [forged]}, as_node="retrieve")
    with pytest.raises(InputError, match="not rewritten") as error:
        graph.invoke(None, changed, context=TINY)
    assert error.value.field == "evidence"


def test_an_unwritable_directory_is_reported_before_the_work(
    tiny: MemoragGraph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setattr(LocalMemoryModel, "build", None)
    with pytest.raises(MemoryFileError, match="--save-dir"):
        invoke(tiny, save_dir=str(tmp_path / "file" / "memory"))


def test_files_are_read_and_cited_by_name(tiny: MemoragGraph, tmp_path: Path) -> None:
    texts = {"one.txt": TEXT, "two.txt": OTHER_TEXT}
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    given = {"files": [str(tmp_path / name) for name in texts], "query": QUESTION, "save_dir": str(tmp_path / "memory")}
    result = tiny.invoke(given, context=TINY)  # type: ignore[call-overload]
    assert read_info(tmp_path / "memory")["memory_id"] == result["memory_id"]
    for citation in result["citations"]:
        assert texts[Path(citation["source"]).name][citation["start"] : citation["end"]] == citation["quote"]


def test_state_serialises_with_strict_msgpack(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LANGGRAPH_STRICT_MSGPACK", "true")
    strict = JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=None)
    saver = InMemorySaver(serde=strict)
    graph = build_graph(registry, checkpointer=saver)
    thread = {"configurable": {"thread_id": "1"}}
    options = TINY.model_copy(update={"use_memory_answer": True})
    for task_type in ("qa", "memorag", "summarize"):
        given = {"context": TEXT + " \ud800", "query": f"{QUESTION}\udfff", "task_type": task_type}
        graph.invoke(given, thread, context=options)  # type: ignore[call-overload]
        values = graph.get_state(thread).values
        assert strict.loads_typed(strict.dumps_typed(values)) == values
        assert not {"context", "query", "files"} & set(values)


def test_a_thread_is_resumed_from_sqlite_by_another_graph(registry: Registry, tmp_path: Path) -> None:
    thread = {"configurable": {"thread_id": "1"}}
    with sqlite3.connect(tmp_path / "threads.db", check_same_thread=False) as connection:
        stopped = build_graph(registry, checkpointer=SqliteSaver(connection), interrupt_before=["generate"])
        stopped.invoke({"context": TEXT, "query": QUESTION}, thread, context=TINY)
        assert stopped.get_state(thread).next == ("generate",)
        result = build_graph(registry, checkpointer=SqliteSaver(connection)).invoke(None, thread, context=TINY)
    assert result["answer"] == invoke(build_graph(registry))["answer"]


def test_tokens_of_an_answer_are_streamed_and_drafts_are_not(tiny: MemoragGraph) -> None:
    def streamed_from(**given: Any) -> set[str]:
        options = TINY.model_copy(update={"use_memory_answer": True})
        stream = tiny.stream({"context": TEXT, "query": QUESTION, **given}, context=options, stream_mode="messages")
        return {meta["langgraph_node"] for chunk, meta in stream if isinstance(chunk, AIMessageChunk)}

    assert streamed_from(task_type="qa") == {"draft_answer"}
    assert streamed_from(task_type="memorag") == set()


def test_memorizing_reports_progress(tiny: MemoragGraph) -> None:
    events = list(tiny.stream({"context": TEXT, "query": QUESTION}, context=TINY, stream_mode="custom"))
    assert {event["progress"]["stage"] for event in events} == {"sections", "gists", "memory", "chunks", "index"}


def test_concurrent_questions_get_the_answers_of_single_ones(tiny: MemoragGraph) -> None:
    questions = [f"How many lorries were there in {year}?" for year in range(1990, 2002)]
    alone = [invoke(tiny, query=question, task_type="qa")["answer"] for question in questions]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda question: invoke(tiny, query=question, task_type="qa")["answer"], questions))
    assert together == alone


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"context": " \n"}, "context"),
        ({"context": None}, "context"),
        ({"query": " "}, "query"),
        ({"query": " ", "task_type": "qa"}, "query"),
        ({"query": "why " * 3000, "task_type": "qa"}, "query"),
        ({"task_type": "translate"}, "task_type"),
        ({"context": None, "files": ["missing.txt"]}, "file"),
        ({"context": 7}, "context"),
    ],
)
def test_bad_input_is_refused_by_name(tiny: MemoragGraph, given: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError) as error:
        invoke(tiny, **given)
    assert error.value.field == field


@pytest.mark.parametrize(
    "option", [{"temperature": 2.1}, {"max_new_tokens": 9}, {"max_new_tokens": 1025}, {"hits": 0}, {"bogus": 1}]
)
def test_options_out_of_range_are_refused_by_name(tiny: MemoragGraph, option: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(option))):
        tiny.invoke({"context": TEXT, "query": QUESTION}, context=option)


def test_a_missing_memory_and_a_memory_of_another_model_are_refused(registry: Registry) -> None:
    graph = build_graph(registry)
    result = invoke(graph)
    with pytest.raises(MemoryFileError, match="does not exist"):
        graph.invoke({"memory_id": "unknown", "query": QUESTION}, context=TINY)
    registry.add_memory_model("other", LocalMemoryModel(tiny_model("llama", seed=1)))
    with pytest.raises(MemoryMismatchError, match="tiny-llama"):
        graph.invoke(
            {"memory_id": result["memory_id"], "query": QUESTION}, context=TINY.model_copy(update={"model": "other"})
        )


def test_a_prompt_that_is_part_of_the_memory_cannot_be_changed_when_asking(tiny: MemoragGraph) -> None:
    memory_id = invoke(tiny)["memory_id"]
    options = TINY.model_copy(update={"prompts": {"context": "New: {context}"}})
    with pytest.raises(InputError, match="memorize the document again"):
        tiny.invoke({"memory_id": memory_id, "query": QUESTION}, context=options)
    assert invoke(tiny, options)["memory_id"] != memory_id


def test_a_damaged_memory_is_rebuilt_from_the_text(registry: Registry, tmp_path: Path) -> None:
    given = {"save_dir": str(tmp_path / "memory")}
    first = invoke(build_graph(registry), **given)
    (tmp_path / "memory" / "memory.bin").write_bytes(b"damaged")
    fresh = Registry()
    fresh.add_memory_model("tiny-llama", registry.models.memory_model("tiny-llama", TINY))
    fresh.add_embeddings("hash", registry.models.embeddings("hash"))
    with pytest.raises(MemoragError, match=r"memory\.bin is damaged"):
        build_graph(fresh).invoke({"memory_id": given["save_dir"], "query": QUESTION}, context=TINY)
    assert invoke(build_graph(fresh), **given)["answer"] == first["answer"]


def test_every_field_that_a_server_shows_is_described() -> None:
    for model in (GraphInput, RunOptions):
        fields = model.model_json_schema()["properties"]
        assert all(field.get("description") for field in fields.values()), model
    options = RunOptions.model_json_schema()["properties"]
    assert (options["temperature"]["minimum"], options["temperature"]["maximum"]) == (0.0, 2.0)
    assert (options["max_new_tokens"]["minimum"], options["max_new_tokens"]["maximum"]) == (10, 1024)
