"""The service under a real uvicorn on loopback, with its own clients."""

import asyncio
import base64
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from langchain_core.callbacks import CallbackManagerForLLMRun
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, BaseMessage
from langchain_core.outputs import ChatGenerationChunk
from langgraph.checkpoint.memory import InMemorySaver
from langserve import RemoteRunnable

from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.graph import build_graph
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.memory_routes import document_name
from memorag_graph.serving.told_errors import told_to_client
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model
from tests.servers import RunningApp

QUESTION = "Who was proud of the harbour at Thorle?"
REPLY = "Captain Struan was proud of the harbour at Thorle [1]."
WRITING = TINY.model_copy(update={"generator": "writer"})
_GATE_SECONDS = 20


class GatedWriter(GenericFakeChatModel):
    """Writes the first word, and the others once its gate is open."""

    gate: Any

    def _stream(
        self,
        messages: list[BaseMessage],
        stop: list[str] | None = None,
        run_manager: CallbackManagerForLLMRun | None = None,
        **kwargs: Any,
    ) -> Iterator[ChatGenerationChunk]:
        for chunk in super()._stream(messages, stop, run_manager, **kwargs):
            yield chunk
            if not self.gate.wait(_GATE_SECONDS):
                raise TimeoutError("nobody opened the gate")


class Service:
    """The service in a thread."""

    def __init__(self, **settings: Any) -> None:
        self.registry = Registry()
        self.registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
        self.registry.add_embeddings("hash", HashEmbeddings())
        self.gate = threading.Event()
        writer = GatedWriter(messages=iter(lambda: AIMessage(REPLY), None), gate=self.gate)
        self.registry.add_chat_model("writer", writer)
        app = create_app(self.registry, settings.pop("options", TINY), **settings)
        self._app = RunningApp(app)
        self.url = self._app.url
        self.http = httpx.Client(base_url=self.url, timeout=60)

    def memorize(self, text: str = TEXT, name: str = "letters.txt") -> str:
        made = self.http.post("/memories", json={"documents": [{"name": name, "text": text}]})
        assert made.status_code == 201, made.text
        memory_id: str = made.json()["memory_id"]
        return memory_id

    def stop(self) -> None:
        self.http.close()
        self._app.stop()


@pytest.fixture
def service(request: pytest.FixtureRequest) -> Iterator[Service]:
    service = Service(**getattr(request, "param", {}))
    yield service
    service.stop()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    """A service for tests that do not depend on the contents of its store."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMORAG_GRAPH_HOME", str(tmp_path_factory.mktemp("home")))
        service = Service()
        yield service
        service.stop()


def test_a_remote_runnable_gives_what_the_graph_gives(shared: Service) -> None:
    memory_id = shared.memorize()
    remote: Any = RemoteRunnable(f"{shared.url}/memorag")
    graph = build_graph(shared.registry)
    questions = [QUESTION, "How many lorries were there in 1999?"]
    inputs = [{"memory_id": memory_id, "query": question} for question in questions]
    expected = [graph.invoke(question, context=TINY) for question in inputs]  # type: ignore[call-overload]
    compared = ("answer", "citations", "evidence", "spans", "surrogates", "notices", "basis")
    for found, right in zip([remote.invoke(inputs[0]), *remote.batch(inputs)], [expected[0], *expected], strict=True):
        assert {key: found[key] for key in compared} == {key: right[key] for key in compared}
    assert asyncio.run(remote.ainvoke(inputs[0]))["answer"] == expected[0]["answer"]
    hit = remote.invoke(inputs[0], {"configurable": {"hits": 1, "evidence_tokens": 40}})
    assert len(hit["evidence"]) == 1


def test_a_document_is_asked_while_its_memory_is_made_behind(service: Service) -> None:
    given = {"documents": [{"name": "letters.txt", "text": TEXT}], "settings": {"memory": "background"}}
    made = service.http.post("/memories", json=given).json()
    assert made["memory"]["shards"] == 0
    question = {"memory_id": made["memory_id"], "query": QUESTION}
    early = service.http.post("/memorag/invoke", json={"input": {**question, "task_type": "lookup"}}).json()["output"]
    assert "was proud of the harbour at Thorle" in early["answer"]
    assert service.registry.behind.worker.wait(60)
    described = service.http.get(f"/memories/{made['memory_id']}").json()
    assert (described["memory_share"], described["shards"]) == (1.0, 1)
    late = service.http.post("/memorag/invoke", json={"input": question}).json()["output"]
    assert (late["memory_share"], bool(late["spans"])) == (1.0, True)


def test_a_service_that_stops_gives_up_what_it_makes_behind(monkeypatch: pytest.MonkeyPatch) -> None:
    begun = threading.Event()

    def told(self: LocalMemoryModel, texts: Any, recipe: Any, known: Any, report: Any) -> Any:
        begun.set()
        while True:
            report(Progress("memory", 0, 1, "tokens"))
            time.sleep(0.05)

    monkeypatch.setattr(LocalMemoryModel, "_prefill", told)
    service = Service()
    given = {"documents": [{"name": "letters.txt", "text": TEXT}], "settings": {"memory": "background"}}
    memory_id = service.http.post("/memories", json=given).json()["memory_id"]
    assert begun.wait(_GATE_SECONDS)
    service.stop()
    assert not service.registry.behind.worker.is_working
    assert service.registry.is_begun(memory_id)


def test_the_task_is_chosen_and_explained_over_http(shared: Service) -> None:
    memory_id = shared.memorize()
    cases = {
        "When did Captain Quill retire?": ("lookup", "one fact"),
        "Why was the harbour closed?": ("lookup", "several places"),
        "Summarize the document.": ("summarize", "whole document"),
    }
    for query, (task, reason) in cases.items():
        given = {"input": {"memory_id": memory_id, "query": query, "task_type": "auto"}}
        answered = shared.http.post("/memorag/invoke", json=given).json()["output"]
        chosen = answered["trace"][0]
        assert (chosen["node"], chosen["what"], chosen["text"]) == ("memorize", "route", task)
        assert reason in chosen["reason"]
        assert all(record["reason"] for record in answered["trace"])
        asked_memory = any(record["node"] == "look_up" for record in answered["trace"])
        assert answered["task"] == ("memorag" if asked_memory else task)


@pytest.mark.parametrize("service", [{"options": WRITING}], indirect=True)
def test_tokens_arrive_before_the_end(service: Service) -> None:
    given = {"memory_id": service.memorize(), "query": QUESTION}
    remote: Any = RemoteRunnable(f"{service.url}/memorag")
    text, last = "", {}
    for piece in remote.stream(given):
        service.gate.set()  # the writer cannot finish before a token has arrived
        text += piece["answer"]
        last = piece
    assert text == REPLY
    assert last["citations"]

    async def events() -> list[Any]:
        return [event async for event in remote.astream_events(given, version="v2")]

    seen = asyncio.run(events())
    tokens = [
        event["data"]["chunk"].content
        for event in seen
        if event["event"] == "on_chat_model_stream" and event["metadata"]["langgraph_node"] == "generate"
    ]
    assert "".join(tokens) == REPLY
    assert {"memorize", "recall", "retrieve", "generate"} <= {event["name"] for event in seen}


def test_schemas_show_inputs_and_options(shared: Service) -> None:
    shown = shared.http.get("/memorag/input_schema").json()["properties"]
    assert set(shown) == {"query", "memory_id", "context", "library", "where", "as_of", "task_type", "messages"}
    assert all(field["description"] for field in shown.values())
    config = json.dumps(shared.http.get("/memorag/config_schema").json())
    assert '"maximum": 1024' in config
    assert '"files"' not in config
    assert '"device"' not in config
    output = shared.http.get("/memorag/output_schema").json()["$defs"]["GraphOutput"]
    assert {"answer", "citations", "evidence"} <= set(output["properties"])
    paths = shared.http.get("/openapi.json").json()["paths"]
    assert {"/memorag/invoke", "/memorag/stream", "/memories", "/memories/{memory_id}", "/health"} <= set(paths)


def test_a_memory_is_uploaded_listed_queried_and_deleted(service: Service) -> None:
    files = [("files", ("../../etc/letters.txt", TEXT.encode())), ("files", ("notice.txt", b"The harbour is closed."))]
    with service.http.stream("POST", "/memories/upload", files=files, data={"settings": '{"gist_tokens": 48}'},
                             headers={"Accept": "text/event-stream"}) as answer:  # fmt: skip
        events = [line.removeprefix("event: ") for line in answer.iter_lines() if line.startswith("event: ")]
    assert events[-1] == "memory"
    assert set(events[:-1]) == {"progress"}
    (listed,) = service.http.get("/memories").json()
    assert [document["source"] for document in listed["documents"]] == ["letters.txt", "notice.txt"]
    assert listed["settings"]["gist_tokens"] == 48
    memory_id = listed["memory_id"]
    assert service.http.get(f"/memories/{memory_id}").json() == listed
    assert str(service.registry.store.root) not in json.dumps(listed)
    answer = service.http.post("/memorag/invoke", json={"input": {"memory_id": memory_id, "query": QUESTION}})
    assert answer.json()["output"]["citations"]
    assert service.http.delete(f"/memories/{memory_id}").status_code == 204
    assert service.http.get(f"/memories/{memory_id}").status_code == 404
    assert service.http.get("/memories").json() == []
    assert service.http.get("/health").json()["models"] == ["hash", "tiny-llama", "writer"]


MISSING = "0" * 32


def test_a_memory_is_renamed_and_asked_by_its_name(service: Service) -> None:
    sent = {"documents": [{"name": "letters.txt", "text": TEXT}]}
    memory_id = service.http.post("/memories", json=sent).json()["memory_id"]
    place = f"/memories/{memory_id}"
    assert service.http.get(place).json()["name"] == ""
    renamed = service.http.patch(place, json={"name": "  Letters of\nthe ferry “Ä” "})
    assert renamed.status_code == 200
    assert renamed.json() == service.http.get(place).json() == service.http.get("/memories").json()[0]
    assert renamed.json()["name"] == "Letters of the ferry “Ä”"
    asked = {"model": "Letters of the ferry “Ä”", "messages": [{"role": "user", "content": QUESTION}]}
    assert service.http.post("/v1/chat/completions", json=asked).status_code == 200
    for body, field in (
        ({"name": "x" * 101}, "name"),
        ({"name": "a\x07b"}, "name"),
        ({"name": "a", "kind": "full"}, "kind"),
        ({"name": 7}, "name"),
        ({}, "name"),
    ):
        refused = service.http.patch(place, json=body)
        assert (refused.status_code, refused.json()["error"]["field"]) == (422, field), body
    assert service.http.get(place).json()["name"] == "Letters of the ferry “Ä”"
    assert service.http.patch(place, json={"name": ""}).json()["name"] == ""
    assert service.http.post("/v1/chat/completions", json=asked).status_code == 404
    assert service.http.patch(f"/memories/{MISSING}", json={"name": "a"}).status_code == 404
    (service.registry.store.directory(memory_id) / "manifest.json").write_text("{")
    assert service.http.patch(place, json={"name": "a"}).status_code == 409


def test_clients_are_told_of_a_damaged_memory_without_the_directory(
    service: Service, home: Path, caplog: pytest.LogCaptureFixture
) -> None:
    memory_id = service.memorize()
    service.registry.forget(memory_id)
    (service.registry.store.directory(memory_id) / "memory.bin").write_bytes(b"damaged")
    chat = {"model": memory_id, "messages": [{"role": "user", "content": QUESTION}]}
    for door, body in {
        "/memorag/invoke": {"input": {"memory_id": memory_id, "query": QUESTION}},
        "/v1/chat/completions": chat,
        "/v1/chat/completions?": {**chat, "stream": True},
    }.items():
        told = service.http.post(door, json=body).text
        assert f"memories/{memory_id}/memory.bin is damaged" in told, door
        assert str(home) not in told, door
    assert str(home) in caplog.text


@pytest.mark.parametrize(
    ("path", "told"),
    [("{home}/memories/a", "memories/a"), ("/mnt{home}/a", "/mnt{home}/a"), ("{home}-2/a", "{home}-2/a")],
)
def test_only_what_lies_in_the_home_is_named_by_its_place_in_it(home: Path, path: str, told: str) -> None:
    error = MemoryFileError(f"{path.format(home=home)} is damaged")
    assert told_to_client(error) == f"{told.format(home=home)} is damaged"


@pytest.mark.parametrize(
    ("body", "status", "reason"),
    [
        ({"input": {"query": "?", "memory_id": MISSING}}, 404, "there is no memory"),
        ({"input": {"query": "?", "memory_id": "../../secret"}}, 422, "memory_id"),
        ({"input": {"query": "?", "memory_id": "/etc"}}, 422, "memory_id"),
        ({"input": {"query": "?", "files": ["/etc/passwd"], "context": "a"}}, 422, "files"),
        ({"input": {"query": "?", "save_dir": "elsewhere", "context": "a"}}, 422, "save_dir"),
        ({"input": {"query": "?", "bogus": 1, "context": "a"}}, 422, "bogus"),
        ({"input": {"query": " ", "context": "a"}}, 422, "query: must not be empty"),
        ({"input": {"query": "?"}}, 422, "memory_id: give a memory_id, a library or a context"),
        ({"input": {"query": "?", "context": "a", "task_type": "translate"}}, 422, "task_type"),
        ({"input": {"query": "?", "context": TEXT}, "config": {"configurable": {"hits": 0}}}, 422, "hits"),
        ({"input": {"query": "?", "context": TEXT}, "config": {"configurable": {"hits": "many"}}}, 422, "hits"),
        (
            {"input": {"query": "?", "context": TEXT}, "config": {"configurable": {"temperature": 3}}},
            422,
            "temperature",
        ),
        ({"input": {"query": "?", "context": TEXT}, "config": {"configurable": {"model": "x"}}}, 422, "model"),
        (
            {"input": {"query": "?", "context": TEXT}, "config": {"configurable": {"prompts": {"qa": "x"}}}},
            422,
            "prompts",
        ),
        ({"input": 7}, 422, ""),
        ({}, 422, ""),
    ],
)
@pytest.mark.parametrize("endpoint", ["invoke", "stream", "batch", "stream_events"])
def test_invalid_questions_are_refused_with_the_reason(
    shared: Service, endpoint: str, body: dict[str, Any], status: int, reason: str
) -> None:
    if endpoint == "batch" and "input" in body:
        body = {**{key: value for key, value in body.items() if key != "input"}, "inputs": [body["input"]]}
    answer = shared.http.post(f"/memorag/{endpoint}", json=body)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert reason in f"{error['field']}: {error['message']}"
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("path", "request_", "status", "reason"),
    [
        ("/memories", {"json": {"documents": []}}, 422, "documents"),
        ("/memories", {"json": {"documents": [{"text": " "}]}}, 422, "contains no text"),
        ("/memories", {"json": {"documents": [{"text": "a"}], "settings": {"gist_tokens": 1}}}, 422, "gist_tokens"),
        ("/memories", {"json": {"documents": [{"text": "a"}], "settings": {"model": "x"}}}, 422, "settings.model"),
        ("/memories", {"json": {"documents": [{"text": "a"}, {"text": "b"}]}}, 422, "same name"),
        ("/memories", {"content": b"{", "headers": {"content-type": "application/json"}}, 422, ""),
        ("/memories/upload", {"files": [("files", ("a.bin", b"\x00\x01\x02"))]}, 422, "not a text file"),
        ("/memories/upload", {"files": [("files", ("a", b"a"))], "data": {"settings": "["}}, 422, "settings"),
        ("/memories/upload", {"data": {"settings": "{}"}}, 422, "files"),
    ],
)
def test_invalid_documents_are_refused_with_the_reason(
    shared: Service, path: str, request_: dict[str, Any], status: int, reason: str
) -> None:
    answer = shared.http.post(path, **request_)
    assert answer.status_code == status, answer.text
    error = answer.json()["error"]
    assert reason in f"{error['field']}: {error['message']}"


@pytest.mark.parametrize("place", ["x", "%2e%2e", "..%2f..%2fetc", "0" * 31, "0" * 32, "%00"])
def test_only_ids_of_the_store_are_looked_up(shared: Service, place: str) -> None:
    for method in ("GET", "DELETE"):
        assert shared.http.request(method, f"/memories/{place}").status_code in (404, 405)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\me\\a.txt", "a.txt"),
        ("/etc/x.txt", "x.txt"),
        ("a\x00b.txt", "ab.txt"),
        ("..", "document"),
        ("", "document"),
        ("C:", "document"),
        ("Bericht 2020.txt", "Bericht 2020.txt"),
    ],
)
def test_document_names_are_not_paths(name: str, expected: str) -> None:
    assert document_name(name) == expected


def basic(user: str, password: str) -> dict[str, str]:
    return {"Authorization": f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"}


@pytest.mark.parametrize("service", [{"api_key": "secret", "max_body": 20_000}], indirect=True)
def test_requests_need_the_key_and_bodies_are_limited(service: Service) -> None:
    given = {"documents": [{"text": TEXT}]}
    foreign = {**basic("me", "secret"), "Sec-Fetch-Site": "cross-site"}  # a browser on a page of another site
    for headers in (
        {},
        {"X-API-Key": "wrong"},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "secret"},
        {"Authorization": "Basic ?"},
        {"Authorization": "Basic /w=="},
        basic("secret", "wrong"),
        foreign,
    ):
        for method, path in (("POST", "/memories"), ("GET", "/memories"), ("POST", "/memorag/invoke")):
            answer = service.http.request(method, path, headers=headers, json=given if method == "POST" else None)
            assert (answer.status_code, "API key" in answer.json()["error"]["message"]) == (401, True)
    assert service.http.get("/health").status_code == 200
    own = {**basic("", "secret"), "Sec-Fetch-Site": "same-origin"}
    for headers in ({"X-API-Key": "secret"}, {"Authorization": "Bearer secret"}, basic("me", "secret"), own):
        assert service.http.post("/memories", headers=headers, json=given).status_code == 201
    large = json.dumps({"documents": [{"text": TEXT * 20}]}).encode()

    def chunked() -> Iterator[bytes]:
        for start in range(0, len(large), 4096):
            yield large[start : start + 4096]

    for path in ("/memories", "/memorag/invoke"):
        for content in (large, chunked()):
            headers = {"X-API-Key": "secret", "Content-Type": "application/json"}
            answer = service.http.post(path, headers=headers, content=content)
            assert answer.status_code == 413
            assert "larger than 20,000 bytes" in answer.json()["error"]["message"]


PUBLIC = {"/health", "/ready"}


def test_every_endpoint_needs_the_key(registry: Registry) -> None:
    with TestClient(create_app(registry, TINY, api_key="secret")) as client:
        document = client.get("/openapi.json").json()
        endpoints = [(method, path) for path, methods in document["paths"].items() for method in methods]
        hidden = [("get", f"/memorag/{path}") for path in ("playground/", "playground/index.html")]
        assert len(endpoints) >= 15
        for method, path in [*endpoints, *hidden]:
            assert client.request(method, path).status_code == (200 if path in PUBLIC else 401), path
    schemes = document["components"]["securitySchemes"]
    assert schemes["APIKeyHeader"] == {"type": "apiKey", "in": "header", "name": "X-API-Key"}
    assert [schemes[name]["scheme"] for name in ("HTTPBearer", "HTTPBasic")] == ["bearer", "basic"]
    for method, path in endpoints:
        declared = {name for scheme in document["paths"][path][method].get("security", []) for name in scheme}
        assert declared == (set() if path in PUBLIC else set(schemes)), path


@pytest.mark.parametrize("path", ["/memories", "/memories/upload", "/memorag/invoke"])
@pytest.mark.parametrize(("key", "status"), [("wrong", 401), ("secret", 413)])
def test_a_request_is_refused_before_its_body_is_read(registry: Registry, path: str, key: str, status: int) -> None:
    scope = {
        "type": "http",
        "method": "POST",
        "path": path,
        "query_string": b"",
        "headers": [(b"x-api-key", key.encode()), (b"content-length", b"200"), (b"content-type", b"application/json")],
    }
    sent: list[Any] = []

    async def receive() -> Any:
        raise AssertionError("the body was read")

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(create_app(registry, TINY, api_key="secret", max_body=100)(scope, receive, send))
    assert sent[0]["status"] == status


@pytest.mark.parametrize("key", ["schlüssel", " key", "key\n", "a\tb"])
def test_a_key_that_no_header_can_carry_is_refused(registry: Registry, key: str) -> None:
    with pytest.raises(InputError, match="api_key: must be printable ASCII"):
        create_app(registry, TINY, api_key=key)


def test_a_valid_key_wins_over_a_malformed_password(registry: Registry) -> None:
    with TestClient(create_app(registry, TINY, api_key="secret")) as client:
        headers = {"X-API-Key": "secret", "Authorization": "Basic ?"}
        assert client.get("/memories", headers=headers).json() == []


def test_the_key_is_required_wherever_the_service_is_mounted(registry: Registry) -> None:
    outer = FastAPI()
    outer.mount("/under", create_app(registry, TINY, api_key="secret"))
    with TestClient(outer) as client:
        for path in ("/under/memories", "/under/memorag/input_schema", "/under//memories", "/under/%6demories"):
            assert client.get(path).status_code in (401, 404), path
        assert client.get("/under/memories").status_code == 401
        assert client.get("/under/memories", headers={"X-API-Key": "secret"}).json() == []
        assert client.get("/under/health").status_code == 200


@pytest.mark.parametrize("service", [{"options": WRITING}], indirect=True)
def test_clients_that_disconnect_do_no_harm(service: Service) -> None:
    given = {"input": {"memory_id": service.memorize(), "query": QUESTION}}
    for _ in range(3):
        with service.http.stream("POST", "/memorag/stream", json=given) as answer:
            next(answer.iter_lines())  # the writer still waits
    service.gate.set()
    assert service.http.post("/memorag/invoke", json=given).json()["output"]["answer"] == REPLY


@pytest.mark.parametrize("service", [{"checkpointer": InMemorySaver()}], indirect=True)
def test_a_thread_continues_its_conversation(service: Service) -> None:
    remote: Any = RemoteRunnable(f"{service.url}/memorag")
    given = {"memory_id": service.memorize(), "query": QUESTION}
    thread = {"configurable": {"thread_id": "mine"}}
    assert [len(remote.invoke(given, config)["messages"]) for config in (thread, thread, None, None)] == [2, 4, 2, 2]
    bad = service.http.post("/memorag/invoke", json={"input": given, "config": {"configurable": {"thread_id": "a b"}}})
    assert bad.status_code == 422


def test_concurrent_clients_get_the_same_answers_as_one(shared: Service) -> None:
    """More clients than the default executor has threads on two cores."""
    memory_id = shared.memorize()

    def ask(number: int) -> Any:
        given = {"memory_id": memory_id, "query": f"How many lorries were there in {1990 + number}?"}
        with httpx.Client(base_url=shared.url, timeout=120) as client:
            return client.post("/memorag/invoke", json={"input": given}).json()["output"]["answer"]

    alone = [ask(number) for number in range(8)]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(ask, range(8))) == alone
    assert len(set(alone)) > 3


def test_importing_the_default_service_loads_no_model_library() -> None:
    import subprocess
    import sys

    code = "import sys, memorag_graph.serving.app; print([m for m in ('torch', 'transformers') if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout.strip() == "[]"
    assert RunOptions().generator == ""


@pytest.mark.parametrize(
    ("path", "content", "field"),
    [
        ("/memorag/invoke", b'{"input": "\xe9"}', "body"),
        ("/memorag/invoke", b"[" * 100_000, "body"),
        ("/memorag/invoke", b"[]", "body"),
        ("/memorag/invoke", b'{"input": {}, "config": []}', "config"),
        ("/memorag/invoke", b'{"input": {}, "config": null}', "config"),
        ("/memorag/stream", b'{"input": {}, "config": {"configurable": []}}', "config"),
        ("/memorag/batch", b'{"inputs": null, "config": [], "kwargs": {}}', "inputs"),
        ("/memorag/batch", b'{"inputs": [{}], "config": []}', "config"),
        ("/memorag/batch", b'{"inputs": [{}], "config": [5]}', "config.0"),
        (
            "/memorag/invoke",
            b'{"input": {"messages": [{"type": "ai", "content": "", "additional_kwargs": 5}]}}',
            "messages",
        ),
        ("/memorag/invoke", b'{"config": {"configurable": {"\\ud800": 1}}}', "config.configurable"),
        (
            "/memorag/invoke",
            b'{"config": {"configurable": {"hits": ' + b"9" * 4000 + b"}}}",
            "config.configurable.hits",
        ),
        ("/memories", b'{"documents": [{"text": "a"}], "settings": {"\\ud800": 1}}', "settings"),
        ("/memorag/batch", b'{"inputs": 5}', "inputs"),
        ("/memorag/invoke", b'{"input": {"messages": [{"type": "tool", "content": "x"}]}}', "messages"),
    ],
)
def test_unreadable_bodies_are_refused(shared: Service, path: str, content: bytes, field: str | None) -> None:
    answer = shared.http.post(path, content=content, headers={"Content-Type": "application/json"})
    assert 400 <= answer.status_code < 500, answer.text
    assert answer.json()["error"]["field"] == field


@pytest.mark.parametrize("declared", ["multipart/form-data; boundary=x", "Multipart/Form-Data", "text/plain"])
def test_a_body_is_checked_whatever_type_it_declares(shared: Service, declared: str) -> None:
    for body in (b'{"inputs": null, "config": [], "kwargs": {}}', b"[" * 100_000, b'{"config": {"\\ud800": 1}}'):
        for path in ("/memorag/invoke", "/memorag/batch", "/memorag/stream"):
            answer = shared.http.post(path, content=body, headers={"Content-Type": declared})
            assert answer.status_code == 422, answer.text


def test_lone_surrogates_do_no_harm(shared: Service) -> None:
    half = "\\ud800"
    made = shared.http.post(
        "/memories",
        content=json.dumps({"documents": [{"name": "NAME", "text": TEXT}]}).replace("NAME", f"a{half}b"),
        headers={"Content-Type": "application/json"},
    )
    assert made.status_code == 201, made.text
    given = {"input": {"memory_id": made.json()["memory_id"], "query": QUESTION}}
    body = {**given, "config": {"configurable": {"prompts": {"span": "Find HALF: {question}"}}}}
    answer = shared.http.post(
        "/memorag/invoke",
        content=json.dumps(body).replace("HALF", half),
        headers={"Content-Type": "application/json"},
    )
    assert answer.status_code == 200, answer.text


@pytest.mark.parametrize("root_path", ["/", "/m", "/mem", "/memories"])
def test_no_root_path_bypasses_the_key(registry: Registry, root_path: str) -> None:
    with TestClient(create_app(registry, TINY, api_key="secret"), root_path=root_path) as client:
        for path in ("/memories", f"{root_path}/memories", "/memorag/input_schema"):
            reply = client.get(path)
            is_start = reply.status_code == 200 and set(reply.json()) == {"name", "version", "endpoints"}
            assert reply.status_code in (401, 404) or is_start, path  # what is where, no secret


def test_a_refused_method_is_told_all_that_the_path_has(shared: Service) -> None:
    for path, methods in (("/memories", "GET, POST"), ("/memories/" + 32 * "0", "DELETE, GET, PATCH")):
        answer = shared.http.request("OPTIONS", path)
        assert answer.status_code == 405
        assert answer.headers["allow"] == methods
