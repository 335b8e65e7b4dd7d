"""The graph on a real LangGraph server (``langgraph dev``), as Studio and its SDK use it."""

import importlib.util
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, byte_tokenizer, tiny_model
from tests.servers import langgraph_dev

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("langgraph_api") is None, reason="needs pip install 'memorag-graph[studio]'"
)

QUESTION = "Who was proud of the harbour at Thorle?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Any]]]:
    """The address of a server in a new directory, and options that name a tiny model on disk."""
    directory = tmp_path_factory.mktemp("server")
    model = directory / "model"
    tiny_model("llama").model.save_pretrained(model)
    byte_tokenizer().save_pretrained(model)
    options = {
        "model": str(model),
        "embedding_model": "embedded",
        "generator": "local",
        "gist_chunk_size": 512,
        "gist_tokens": 64,
        "retrieval_chunk_size": 128,
        "max_new_tokens": 16,
    }
    with langgraph_dev(directory, {"MEMORAG_GRAPH_HOME": str(directory / "home")}) as url:
        yield url, options


@pytest.fixture(scope="module")
def client(server: tuple[str, dict[str, Any]]) -> SyncLangGraphClient:
    return get_sync_client(url=server[0], timeout=120)


@pytest.fixture(scope="module")
def memory_id(client: SyncLangGraphClient, server: tuple[str, dict[str, Any]]) -> str:
    result = client.runs.wait(None, "memorag", input={"context": TEXT, "query": QUESTION}, context=server[1])
    memory_id: str = result["memory_id"]  # type: ignore[call-overload]
    return memory_id


def test_the_form_shows_every_option_with_its_bounds(client: SyncLangGraphClient) -> None:
    (assistant,) = client.assistants.search(graph_id="memorag")
    schemas: Any = client.assistants.get_schemas(assistant["assistant_id"])
    shown = schemas["context_schema"]["properties"]
    expected = RunOptions.model_json_schema()["properties"]
    assert set(shown) == set(expected)
    for name, field in shown.items():
        for key in ("description", "minimum", "maximum", "exclusiveMinimum", "enum", "default"):
            assert field.get(key) == expected[name].get(key), (name, key)
    assert {"messages", "context", "query", "task_type", "memory_id"} <= set(schemas["input_schema"]["properties"])
    assert {"messages", "answer", "citations", "evidence"} <= set(schemas["output_schema"]["properties"])
    nodes = {node["id"] for node in client.assistants.get_graph(assistant["assistant_id"])["nodes"]}
    assert {"memorize", "recall", "rewrite", "draft_answer", "outline", "retrieve", "generate"} <= nodes


def test_a_run_answers_with_citations(
    client: SyncLangGraphClient, server: tuple[str, dict[str, Any]], memory_id: str
) -> None:
    inputs = {"memory_id": memory_id, "query": QUESTION}
    result: Any = client.runs.wait(None, "memorag", input=inputs, context={**server[1], "generator": "extractive"})
    assert result["citations"]
    assert all(TEXT[cited["start"] : cited["end"]] == cited["quote"] for cited in result["citations"])


def test_a_chat_streams_tokens_and_no_drafts(
    client: SyncLangGraphClient, server: tuple[str, dict[str, Any]], memory_id: str
) -> None:
    thread = client.threads.create()["thread_id"]
    context = {**server[1], "memory_id": memory_id, "use_memory_answer": True}
    chat = {"messages": [{"role": "user", "content": QUESTION}]}
    nodes, pieces = set(), []
    for event in client.runs.stream(thread, "memorag", input=chat, context=context, stream_mode=["messages-tuple"]):
        if event.event == "messages":
            message, metadata = event.data  # type: ignore[misc]
            nodes.add(metadata["langgraph_node"])  # type: ignore[index]
            pieces.append(message["content"])  # type: ignore[index]
    assert nodes == {"generate"}
    assert len(pieces) > 1
    messages = client.threads.get_state(thread)["values"]["messages"]  # type: ignore[call-overload]
    assert [message["type"] for message in messages] == ["human", "ai"]
    assert messages[-1]["content"] == "".join(pieces).strip()
    assert messages[-1]["response_metadata"]["citations"] is not None
    follow_up: Any = client.runs.wait(thread, "memorag", input={"messages": [("user", "And Inshay?")]}, context=context)
    assert follow_up["question"] == "And Inshay?"
    assert len(follow_up["messages"]) == 4


def test_memorizing_reports_progress(client: SyncLangGraphClient, server: tuple[str, dict[str, Any]]) -> None:
    inputs = {"context": TEXT.replace("ferry", "railway"), "query": QUESTION, "task_type": "qa"}
    stages = {
        event.data["progress"]["stage"]
        for event in client.runs.stream(None, "memorag", input=inputs, context=server[1], stream_mode=["custom"])
        if event.event == "custom"
    }
    assert stages == {"sections", "gists", "memory", "chunks", "index"}


def test_a_person_edits_the_evidence_before_the_answer(
    client: SyncLangGraphClient, server: tuple[str, dict[str, Any]], memory_id: str
) -> None:
    thread = client.threads.create()["thread_id"]
    context = {**server[1], "generator": "extractive"}
    inputs = {"memory_id": memory_id, "query": QUESTION}
    client.runs.wait(thread, "memorag", input=inputs, context=context, interrupt_before=["generate"])
    state: Any = client.threads.get_state(thread)
    assert state["next"] == ["generate"]
    kept = state["values"]["evidence"][:1]
    client.threads.update_state(thread, {"evidence": kept})
    result: Any = client.runs.wait(thread, "memorag", input=None, context=context)
    assert result["citations"]
    first = kept[0].get("kwargs", kept[0])
    place = first["metadata"]
    assert all(place["start"] <= cited["start"] < cited["end"] <= place["end"] for cited in result["citations"])


def test_an_error_names_the_field(client: SyncLangGraphClient, server: tuple[str, dict[str, Any]]) -> None:
    failed: Any = client.runs.wait(None, "memorag", input={"memory_id": "0" * 32, "query": "?"}, raise_error=False)
    assert "does not exist" in failed["__error__"]["message"]
    failed = client.runs.wait(
        None, "memorag", input={"query": "?", "context": TEXT}, context={"hits": 0}, raise_error=False
    )
    assert "hits" in failed["__error__"]["message"]


def test_a_remote_graph_is_a_graph(server: tuple[str, dict[str, Any]], memory_id: str) -> None:
    remote = RemoteGraph("memorag", url=server[0])
    context = {**server[1], "generator": "extractive"}
    result = remote.invoke({"memory_id": memory_id, "query": QUESTION}, context=context)
    assert result["citations"]
    nodes = {
        name
        for update in remote.stream({"memory_id": memory_id, "query": QUESTION}, context=context, stream_mode="updates")
        for name in update
    }
    assert nodes == {"memorize", "recall", "rewrite", "retrieve", "generate"}


def test_the_service_is_served_beside_the_graph(server: tuple[str, dict[str, Any]], memory_id: str) -> None:
    listed = httpx.get(f"{server[0]}/memories").json()
    assert memory_id in [memory["memory_id"] for memory in listed]
    inputs = {"input": {"memory_id": memory_id, "query": QUESTION}}
    answer = httpx.post(f"{server[0]}/memorag/invoke", json=inputs, timeout=60).json()
    assert answer["output"]["memory_id"] == memory_id
    paths = httpx.get(f"{server[0]}/openapi.json").json()["paths"]
    assert {"/threads", "/memorag/invoke", "/memories", "/health"} <= set(paths)
