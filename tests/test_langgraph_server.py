"""The graph on a real LangGraph server (``langgraph dev``), as Studio and its SDK use it."""

import importlib.util
import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from langgraph.pregel.remote import RemoteGraph
from langgraph_sdk import get_sync_client
from langgraph_sdk.client import SyncLangGraphClient

from memorag_graph.memory.storage.journal import JOURNAL
from memorag_graph.serving.client_options import MEMORY_OPTIONS, QUESTION_OPTIONS
from memorag_graph.serving.credentials import KeyFile
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, byte_tokenizer, tiny_model
from tests.mcp_session import be_refused, called, connected, text_of, use_everything
from tests.oidc_issuer import AUDIENCE, Issuer
from tests.servers import langgraph_dev

pytestmark = pytest.mark.skipif(
    importlib.util.find_spec("langgraph_api") is None, reason="needs pip install 'memorag-graph[studio]'"
)

QUESTION = "Who was proud of the harbour at Thorle?"


CONTEXT = {"max_new_tokens": 16}
NOBODY = "0" * 32


def environment(directory: Path, generator: str) -> dict[str, str]:
    """Return the options of an operator who serves a tiny model on disk."""
    model = directory / "model"
    tiny_model("llama").model.save_pretrained(model)
    byte_tokenizer().save_pretrained(model)
    options = {
        "HOME": directory / "home",
        "MODEL": model,
        "EMBEDDING_MODEL": "embedded",
        "GENERATOR": generator,
        "GIST_CHUNK_SIZE": 512,
        "GIST_TOKENS": 64,
        "RETRIEVAL_CHUNK_SIZE": 128,
    }
    return {f"MEMORAG_GRAPH_{name}": str(value) for name, value in options.items()}


@pytest.fixture(scope="module")
def directory(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The server's directory."""
    return tmp_path_factory.mktemp("server")


@pytest.fixture(scope="module")
def server(directory: Path) -> Iterator[str]:
    """The address of a server in a new directory."""
    with langgraph_dev(directory, environment(directory, "extractive")) as url:
        yield url


@pytest.fixture(scope="module")
def client(server: str) -> SyncLangGraphClient:
    return get_sync_client(url=server, timeout=120)


@pytest.fixture(scope="module")
def memory_id(client: SyncLangGraphClient) -> str:
    result = client.runs.wait(None, "memorag", input={"context": TEXT, "query": QUESTION}, context=CONTEXT)
    memory_id: str = result["memory_id"]  # type: ignore[call-overload]
    return memory_id


@pytest.fixture(scope="module")
def closed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a server with keys and an issuer, a key of each of two tenants, and a token of a third.

    Each tenant may keep one document.
    """
    directory = tmp_path_factory.mktemp("closed")
    keys, issuer = KeyFile(directory / "home" / "keys.json"), Issuer()
    secrets = {name: keys.add(name, name, "writer") for name in ("acme", "globex")}
    options = {"OIDC_ISSUER": issuer.url, "OIDC_AUDIENCE": AUDIENCE, "TENANT_DOCUMENTS": "1"}
    variables = {f"MEMORAG_GRAPH_{name}": value for name, value in options.items()}
    with langgraph_dev(directory, environment(directory, "local") | variables) as url:
        yield url, {**secrets, "initech": issuer.token(sub="peter", tenant="initech", role="writer")}
    issuer.stop()


def test_the_form_shows_every_option_with_its_bounds(client: SyncLangGraphClient) -> None:
    (assistant,) = client.assistants.search(graph_id="memorag")
    schemas: Any = client.assistants.get_schemas(assistant["assistant_id"])
    shown = schemas["context_schema"]["properties"]
    expected = RunOptions.model_json_schema()["properties"]
    assert set(shown) == QUESTION_OPTIONS | MEMORY_OPTIONS | {"memory_id"}
    for name, field in shown.items():
        for key in ("description", "minimum", "maximum", "exclusiveMinimum", "enum"):
            assert field.get(key) == expected[name].get(key), (name, key)
    assert [shown[name]["default"] for name in ("gist_tokens", "hits")] == [64, 100], (
        "the operator's, else the package's"
    )
    inputs = {"messages", "context", "documents", "query", "task_type", "memory_id", "library", "where", "as_of"}
    assert set(schemas["input_schema"]["properties"]) == inputs
    assert {"messages", "answer", "citations", "evidence"} <= set(schemas["output_schema"]["properties"])
    nodes = {node["id"] for node in client.assistants.get_graph(assistant["assistant_id"])["nodes"]}
    assert {"memorize", "recall", "rewrite", "draft_answer", "outline", "retrieve", "generate"} <= nodes


def test_a_run_answers_with_citations(client: SyncLangGraphClient, memory_id: str) -> None:
    inputs = {"memory_id": memory_id, "query": QUESTION}
    result: Any = client.runs.wait(None, "memorag", input=inputs, context=CONTEXT)
    assert result["citations"]
    assert all(TEXT[cited["start"] : cited["end"]] == cited["quote"] for cited in result["citations"])


def test_a_chat_streams_tokens_and_no_drafts(closed: tuple[str, dict[str, str]]) -> None:
    client = get_sync_client(url=closed[0], headers={"X-API-Key": closed[1]["acme"]}, timeout=120)
    made: Any = client.runs.wait(None, "memorag", input={"context": TEXT, "query": QUESTION}, context=CONTEXT)
    thread = client.threads.create()["thread_id"]
    context = {**CONTEXT, "memory_id": made["memory_id"], "use_memory_answer": True}
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
    assert follow_up["asked"] == "And Inshay?"
    assert follow_up["question"].endswith(" Inshay?")  # the model of random weights writes no question
    assert len(follow_up["messages"]) == 4


def test_memorizing_reports_progress(client: SyncLangGraphClient) -> None:
    inputs = {"context": TEXT.replace("ferry", "railway"), "query": QUESTION, "task_type": "qa"}
    stages = {
        event.data["progress"]["stage"]
        for event in client.runs.stream(None, "memorag", input=inputs, context=CONTEXT, stream_mode=["custom"])
        if event.event == "custom"
    }
    assert stages == {"sections", "gists", "memory", "chunks", "index"}


def test_a_person_edits_the_evidence_before_the_answer(client: SyncLangGraphClient, memory_id: str) -> None:
    thread = client.threads.create()["thread_id"]
    context = CONTEXT
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


def test_an_error_names_the_field(client: SyncLangGraphClient) -> None:
    failed: Any = client.runs.wait(None, "memorag", input={"memory_id": NOBODY, "query": "?"}, raise_error=False)
    assert "does not exist" in failed["__error__"]["message"]
    failed = client.runs.wait(
        None, "memorag", input={"query": "?", "context": TEXT}, context={"hits": 0}, raise_error=False
    )
    assert failed["__error__"]["message"] == "hits: input should be greater than or equal to 1, not 0"


def test_a_remote_graph_is_a_graph(server: str, memory_id: str) -> None:
    remote = RemoteGraph("memorag", url=server)
    context = CONTEXT
    result = remote.invoke({"memory_id": memory_id, "query": QUESTION}, context=context)
    assert result["citations"]
    nodes = {
        name
        for update in remote.stream({"memory_id": memory_id, "query": QUESTION}, context=context, stream_mode="updates")
        for name in update
    }
    assert nodes == {"memorize", "recall", "rewrite", "retrieve", "generate"}


def test_the_service_is_served_beside_the_graph(server: str, memory_id: str) -> None:
    listed = httpx.get(f"{server}/memories").json()
    assert memory_id in [memory["memory_id"] for memory in listed]
    inputs = {"input": {"memory_id": memory_id, "query": QUESTION}}
    answer = httpx.post(f"{server}/memorag/invoke", json=inputs, timeout=60).json()
    assert answer["output"]["memory_id"] == memory_id
    paths = httpx.get(f"{server}/openapi.json").json()["paths"]
    assert {"/threads", "/memorag/invoke", "/memories", "/health"} <= set(paths)


@pytest.fixture(scope="module")
def secret_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("host") / "secret.txt"
    path.write_text("The launch code of the host is 7391. " * 20)
    return path


CLOSED = ["files", "save_dir"]


@pytest.mark.parametrize("field", CLOSED)
def test_no_input_names_a_file_of_the_host(client: SyncLangGraphClient, secret_file: Path, field: str) -> None:
    value = [str(secret_file)] if field == "files" else str(secret_file.parent / "made")
    given = {"query": "What is the launch code?", "task_type": "lookup", field: value}
    if field == "save_dir":
        given["context"] = TEXT
    result: Any = client.runs.wait(None, "memorag", input=given, context=CONTEXT, raise_error=False)
    assert "7391" not in str(result)
    assert not (secret_file.parent / "made").exists()


@pytest.mark.parametrize(
    "update",
    [
        {"files": ["SECRET"]},
        {"thread_memory_id": "FOLDER"},
        {"memory_id": "FOLDER"},
        {"context": "A text. " * 50, "save_dir": "FOLDER/made"},
    ],
    ids=lambda it: next(iter(it)),
)
@pytest.mark.parametrize("way", ["state", "command"])
def test_no_written_state_names_a_path_of_the_host(
    client: SyncLangGraphClient, server: str, secret_file: Path, update: dict[str, Any], way: str
) -> None:
    def named(value: Any) -> Any:
        if isinstance(value, list):
            return [named(it) for it in value]
        return value.replace("SECRET", str(secret_file)).replace("FOLDER", str(secret_file.parent))

    written = {**{key: named(value) for key, value in update.items()}, "query": "What is the launch code?"}
    thread = client.threads.create(graph_id="memorag")["thread_id"]
    if way == "state":
        client.threads.update_state(thread, written, as_node="__start__")
        result: Any = client.runs.wait(thread, "memorag", input=None, context=CONTEXT, raise_error=False)
    else:
        command: Any = {"update": written, "goto": "memorize"}
        result = client.runs.wait(thread, "memorag", command=command, context=CONTEXT, raise_error=False)
    assert "7391" not in str(result)
    assert not (secret_file.parent / "made").exists()
    assert sorted(path.name for path in secret_file.parent.iterdir()) == [secret_file.name]


@pytest.mark.parametrize("option", ["model", "embedding_model", "generator", "reranker", "index", "device"])
def test_no_context_names_a_model(client: SyncLangGraphClient, memory_id: str, option: str, secret_file: Path) -> None:
    given = {"memory_id": memory_id, "query": QUESTION}
    context = {**CONTEXT, option: str(secret_file.parent)}
    result: Any = client.runs.wait(None, "memorag", input=given, context=context, raise_error=False)
    assert result.get("citations") or option in result["__error__"]["message"], "the directory holds no model"


DOORS = [
    ("POST", "/threads", {}),
    ("POST", "/assistants/search", {}),
    ("POST", "/runs/wait", {"assistant_id": "memorag", "input": {"context": TEXT, "query": QUESTION}}),
    ("POST", "/runs/stream", {"assistant_id": "memorag", "input": {"context": TEXT, "query": QUESTION}}),
    ("POST", "/mcp", {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}),
    ("POST", "/store/items/search", {"namespace_prefix": []}),
    ("GET", "/memories", None),
    ("POST", "/memorag/invoke", {"input": {"context": TEXT, "query": QUESTION}}),
]


@pytest.mark.parametrize(("method", "path", "body"), DOORS, ids=[path for _, path, _ in DOORS])
def test_every_door_needs_a_key(
    closed: tuple[str, dict[str, str]], method: str, path: str, body: dict[str, Any] | None
) -> None:
    url, secrets = closed
    accept = {"Accept": "application/json, text/event-stream"}
    forged = f"{secrets['initech'][:-8]}AAAAAAAA"
    for headers in (
        {},
        {"X-API-Key": "wrong"},
        {"x-auth-scheme": "langsmith"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": f"Bearer {forged}"},
    ):
        answer = httpx.request(method, f"{url}{path}", json=body, headers={**accept, **headers}, timeout=60)
        assert answer.status_code == 401, answer.text
    for headers in ({"X-API-Key": secrets["acme"]}, {"Authorization": f"Bearer {secrets['initech']}"}):
        answer = httpx.request(method, f"{url}{path}", json=body, headers={**accept, **headers}, timeout=120)
        assert answer.status_code == (403 if path.startswith("/store") else 200), answer.text


def test_quotas_hold_for_runs(closed: tuple[str, dict[str, str]]) -> None:
    url, secrets = closed
    client = get_sync_client(url=url, headers={"Authorization": f"Bearer {secrets['initech']}"}, timeout=120)
    for _ in range(2):  # what is kept counts once
        first: Any = client.runs.wait(None, "memorag", input={"context": TEXT, "query": QUESTION}, context=CONTEXT)
        assert first["memory_id"]
    second = {"context": TEXT.replace("ferry", "railway"), "query": QUESTION}
    refused: Any = client.runs.wait(None, "memorag", input=second, context=CONTEXT, raise_error=False)
    assert "1 of 1 documents are kept" in refused["__error__"]["message"]


def test_no_client_says_who_it_is(closed: tuple[str, dict[str, str]]) -> None:
    url, secrets = closed
    acme, globex = (
        get_sync_client(url=url, headers={"X-API-Key": secrets[it]}, timeout=120) for it in ("acme", "globex")
    )
    made: Any = acme.runs.wait(None, "memorag", input={"context": TEXT, "query": QUESTION}, context=CONTEXT)
    user = {"identity": "acme", "tenant": "acme", "role": "admin", "permissions": [], "is_authenticated": True}
    asked = {"memory_id": made["memory_id"], "query": QUESTION}
    for claimed in ({"langgraph_auth_user": user}, {"langgraph_auth_user_id": "acme"}):
        failed: Any = globex.runs.wait(
            None, "memorag", input=asked, config={"configurable": claimed}, raise_error=False
        )
        assert "does not exist" in failed["__error__"]["message"]


def test_tenants_of_a_langgraph_server_see_only_their_own(closed: tuple[str, dict[str, str]]) -> None:
    url, secrets = closed
    acme, globex = (
        get_sync_client(url=url, headers={"X-API-Key": secrets[it]}, timeout=120) for it in ("acme", "globex")
    )
    thread = acme.threads.create()["thread_id"]
    made: Any = acme.runs.wait(thread, "memorag", input={"context": TEXT, "query": QUESTION}, context=CONTEXT)
    asked = {"memory_id": made["memory_id"], "query": QUESTION}
    assert acme.runs.wait(None, "memorag", input=asked, context=CONTEXT)["evidence"]  # type: ignore[call-overload]
    failed: Any = globex.runs.wait(None, "memorag", input=asked, context=CONTEXT, raise_error=False)
    unknown = {**asked, "memory_id": NOBODY}
    missing: Any = globex.runs.wait(None, "memorag", input=unknown, context=CONTEXT, raise_error=False)
    assert failed["__error__"]["message"].replace(made["memory_id"], NOBODY) == missing["__error__"]["message"]
    assert globex.threads.search() == []
    for look in (globex.threads.get, globex.threads.get_state, globex.threads.get_history, globex.threads.delete):
        with pytest.raises(httpx.HTTPStatusError) as refused:
            look(thread)
        assert refused.value.response.status_code == 404
    assert thread in [it["thread_id"] for it in acme.threads.search()]


RUN = {"assistant_id": "memorag", "input": {"query": QUESTION}}
THREAD_DOORS: list[tuple[str, Any]] = [
    ("GET /threads/THREAD", None),
    ("PATCH /threads/THREAD", {"metadata": {"mine": "yes"}}),
    ("POST /threads/THREAD/copy", None),
    ("GET /threads/THREAD/state", None),
    ("POST /threads/THREAD/state", {"values": {"query": QUESTION}}),
    ("POST /threads/THREAD/state/checkpoint", {"checkpoint": {"checkpoint_ns": "", "checkpoint_id": "RUN"}}),
    ("GET /threads/THREAD/history", None),
    ("POST /threads/THREAD/history", {"limit": 5}),
    ("GET /threads/THREAD/runs", None),
    ("GET /threads/THREAD/runs/RUN", None),
    ("GET /threads/THREAD/runs/RUN/join", None),
    ("POST /threads/THREAD/runs/RUN/cancel", None),
    ("POST /threads/THREAD/runs", RUN),
    ("POST /threads/THREAD/runs/wait", RUN),
    ("POST /threads/THREAD/runs/stream", RUN),
    ("POST /threads/search", {"ids": ["THREAD"]}),
    ("POST /threads/search", {"metadata": {"word": "zembla", "memorag_tenant": "acme"}}),
    ("POST /threads/count", {"metadata": {"memorag_tenant": "acme"}}),
    ("POST /threads/prune", {"thread_ids": ["THREAD"]}),
    ("POST /runs/cancel", {"thread_id": "THREAD", "run_ids": ["RUN"]}),
    ("POST /runs/cancel", {"status": "all"}),
    ("POST /runs/wait", {**RUN, "config": {"configurable": {"thread_id": "THREAD"}}}),
    ("POST /runs/crons/search", {"thread_id": "THREAD"}),
    ("DELETE /threads/THREAD/runs/RUN", None),
    ("DELETE /threads/THREAD", None),
]
"""All but the creation of a thread with an id of the client's choice; the server refuses one that is taken."""


def test_threads_of_another_tenant_are_like_ones_that_do_not_exist(closed: tuple[str, dict[str, str]]) -> None:
    url, secrets = closed
    acme, globex = (httpx.Client(base_url=url, headers={"X-API-Key": secrets[it]}) for it in ("acme", "globex"))
    thread = acme.post("/threads", json={"metadata": {"word": "zembla"}}).json()["thread_id"]
    run = acme.post(f"/threads/{thread}/runs", json=RUN).json()["run_id"]
    assert acme.get(f"/threads/{thread}/runs/{run}/join", timeout=60).is_success
    before = [acme.get(f"/threads/{thread}{it}").json() for it in ("", "/history", "/runs")]
    for place, body in THREAD_DOORS:
        seen = []
        for ids in ((thread, run), (str(uuid4()), str(uuid4()))):
            method, path = _named(place, ids).split()
            sent = json.loads(_named(json.dumps(body), ids))
            got = globex.request(method, path, json=sent)
            seen.append((got.status_code, got.text.replace(ids[0], "THREAD").replace(ids[1], "RUN")))
        assert seen[0] == seen[1], place
        assert "zembla" not in seen[0][1], place
    assert [acme.get(f"/threads/{thread}{it}").json() for it in ("", "/history", "/runs")] == before


def _named(text: str, ids: tuple[str, str]) -> str:
    """Put the ids of a thread and a run in their places."""
    return text.replace("THREAD", ids[0]).replace("RUN", ids[1])


async def test_its_tools_are_those_of_the_mcp_command(server: str) -> None:
    async with connected(f"{server}/mcp") as client:
        await use_everything(client)
        await be_refused(client)


async def test_tools_answer_for_their_tenant(closed: tuple[str, dict[str, str]]) -> None:
    url, secrets = closed
    acme = get_sync_client(url=url, headers={"X-API-Key": secrets["acme"]}, timeout=120)
    made: Any = acme.runs.wait(None, "memorag", input={"context": TEXT, "query": QUESTION}, context=CONTEXT)
    asked = {"memory": made["memory_id"], "question": QUESTION, "task_type": "lookup"}
    async with connected(f"{url}/mcp", secrets["acme"]) as client:
        answer = await called(client, "ask", **asked)
        assert (answer["memory_id"], answer["question"]) == (made["memory_id"], QUESTION)
    async with connected(f"{url}/mcp", secrets["globex"]) as client:
        assert made["memory_id"] not in str(await called(client, "list_memories"))
        refused = await client.call_tool("ask", asked)
        assert (refused.is_error, "there is no memory" in text_of(refused)) == (True, True)


def test_a_cancelled_run_stops_memorizing(client: SyncLangGraphClient, directory: Path) -> None:
    long = "\n\n".join(TEXT.replace("ferry", f"ferry number {number}") for number in range(30))
    context: Any = {**CONTEXT, "gist_writer": "model", "gist_tokens": 128}
    inputs = {"context": long, "query": QUESTION}
    run = client.runs.stream(
        None, "memorag", input=inputs, context=context, stream_mode="custom", on_disconnect="cancel"
    )
    next(event for event in run if event.event == "custom" and event.data["progress"]["note"])  # type: ignore[call-overload]
    run.close()  # type: ignore[attr-defined]
    (journal,) = (directory / "home" / "memories").rglob(JOURNAL)
    time.sleep(2)
    written = journal.stat().st_size
    time.sleep(2)
    assert journal.stat().st_size == written
    assert not (journal.parent / "manifest.json").exists()
