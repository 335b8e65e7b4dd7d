"""The graph on a real LangGraph server (``langgraph dev``), as Studio and its SDK use it."""

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, byte_tokenizer, tiny_model

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("langgraph_api") is None, reason="needs pip install 'memorag-graph[studio]'"
)

ROOT = Path(__file__).parent.parent
QUESTION = "Who was proud of the harbour at Thorle?"
_START_SECONDS = 90


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, Any]]]:
    """A server in a directory of its own, and options that name a tiny model on disk."""
    directory = tmp_path_factory.mktemp("server")
    model = directory / "model"
    tiny_model("llama").model.save_pretrained(model)
    byte_tokenizer().save_pretrained(model)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        "langgraph",
        "dev",
        "--no-browser",
        "--no-reload",
        "--port",
        str(port),
        "--config",
        str(ROOT / "langgraph.json"),
    ]
    environment = {
        **os.environ,
        "LANGGRAPH_CLI_NO_ANALYTICS": "1",
        "MEMORAG_GRAPH_HOME": str(directory / "home"),
        "HF_HUB_OFFLINE": "1",
        "PYTHONPATH": str(ROOT),
    }
    log = (directory / "log").open("w")
    process = subprocess.Popen(
        [str(Path(sys.executable).parent / command[0]), *command[1:]],
        cwd=directory,
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
        start_new_session=True,
    )
    url = f"http://127.0.0.1:{port}"
    try:
        _wait_for(url, process, directory / "log")
        options = {
            "model": str(model),
            "embedding_model": "embedded",
            "generator": "local",
            "gist_chunk_size": 512,
            "gist_tokens": 64,
            "retrieval_chunk_size": 128,
            "max_new_tokens": 16,
        }
        yield url, options
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(15)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        log.close()


def _wait_for(url: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        if process.poll() is not None:
            break
        try:
            if httpx.get(f"{url}/ok").is_success:
                return
        except httpx.TransportError:
            time.sleep(0.3)
    pytest.fail(f"the server did not start:\n{log.read_text()[-3000:]}")


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
    given = {"memory_id": memory_id, "query": QUESTION}
    result: Any = client.runs.wait(None, "memorag", input=given, context={**server[1], "generator": "extractive"})
    assert result["citations"]
    assert all(TEXT[it["start"] : it["end"]] == it["quote"] for it in result["citations"])


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
    given = {"context": TEXT.replace("ferry", "railway"), "query": QUESTION, "task_type": "qa"}
    stages = {
        event.data["progress"]["stage"]
        for event in client.runs.stream(None, "memorag", input=given, context=server[1], stream_mode=["custom"])
        if event.event == "custom"
    }
    assert stages == {"gists", "memory", "index"}


def test_a_person_edits_the_evidence_before_the_answer(
    client: SyncLangGraphClient, server: tuple[str, dict[str, Any]], memory_id: str
) -> None:
    thread = client.threads.create()["thread_id"]
    context = {**server[1], "generator": "extractive"}
    given = {"memory_id": memory_id, "query": QUESTION}
    client.runs.wait(thread, "memorag", input=given, context=context, interrupt_before=["generate"])
    state: Any = client.threads.get_state(thread)
    assert state["next"] == ["generate"]
    kept = state["values"]["evidence"][:1]
    client.threads.update_state(thread, {"evidence": kept})
    result: Any = client.runs.wait(thread, "memorag", input=None, context=context)
    assert result["citations"]
    first = kept[0].get("kwargs", kept[0])
    place = first["metadata"]
    assert all(place["start"] <= it["start"] < it["end"] <= place["end"] for it in result["citations"])


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
