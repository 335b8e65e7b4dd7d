"""Clients learn which engine is away, since when and what to do; where it is, the log tells alone."""

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from memorag_graph.errors import UnavailableError
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.client_graph import client_graph, run_of
from memorag_graph.serving.credentials import Everybody, Principal
from memorag_graph.serving.tenants import Tenants
from tests.object_store import BUCKET, ObjectStore, object_store
from tests.postgres_database import databases
from tests.servers import RunningApp
from tests.test_library_memories import MAKING, TEXTS, registry

pytest.importorskip("psycopg", reason="needs pip install 'memorag-graph[postgres]'")
pytest.importorskip("obstore", reason="needs pip install 'memorag-graph[s3]'")

from tests.test_library_object_store import database, impatient, on_servers, url

__all__ = ["database", "databases", "impatient", "object_store", "on_servers", "registry", "url"]

QUESTION = "When does the ferry to Inshay leave?"
OPTIONS = MAKING.model_copy(update={"memory": "never"})
SILENT, REFUSING = "the object store has not answered since 20", "the object store cannot be used; nothing is lost"

CHAT = {"model": "coast", "messages": [{"role": "user", "content": QUESTION}]}
REQUESTS: dict[str, tuple[str, str, Any]] = {
    "list": ("GET", "/libraries", None),
    "describe": ("GET", "/libraries/coast", None),
    "create": ("PUT", "/libraries/island", None),
    "documents": ("GET", "/libraries/coast/documents", None),
    "remove": ("DELETE", "/libraries/coast/documents/ferry.txt", None),
    "add": ("POST", "/libraries/coast/documents", {"documents": [{"name": "a", "text": "The ferry is late."}]}),
    "ask": ("POST", "/libraries/coast/ask", {"query": QUESTION}),
    "invoke": ("POST", "/memorag/invoke", {"input": {"library": "coast", "query": QUESTION}}),
    "models": ("GET", "/v1/models", None),
    "model": ("GET", "/v1/models/coast", None),
    "chat": ("POST", "/v1/chat/completions", CHAT),
    "streamed chat": ("POST", "/v1/chat/completions", {**CHAT, "stream": True}),
    "delete": ("DELETE", "/libraries/coast", None),
}


@pytest.fixture
def own(registry: Registry, tmp_path: Path) -> Registry:
    return registry.with_store(MemoryStore(tmp_path / "memories"))


@pytest.fixture
def tenants(own: Registry, url: str, impatient: None) -> Iterator[Tenants]:
    tenants = Tenants(own, options=OPTIONS, libraries_at=url)
    library = tenants.libraries("").create("coast")
    library.add(uploaded_text(TEXTS["ferry"], "ferry.txt", {}))
    yield tenants
    tenants.close()


@pytest.fixture(params=["silent", "refusing"])
def away(request: pytest.FixtureRequest, object_store: ObjectStore) -> Iterator[Callable[[], str]]:
    """Has the store not answer, or refuse; returns what clients are told of that."""

    def go() -> str:
        if request.param == "silent":
            object_store.stop()
            return SILENT
        object_store.refuse()
        return REFUSING

    yield go
    if request.param == "silent":
        object_store.start()
    else:
        object_store.refuse(really=False)


def require_told(text: str, told: str, store: ObjectStore, log: str) -> None:
    assert told in text
    assert "tell whoever runs this service" in text
    assert not [it for it in (BUCKET, store.url.removeprefix("http://")) if it in text]
    assert f"the object store at {store.url}, where s3://{BUCKET}/" in log


def test_each_endpoint_names_the_engine_and_the_log_its_address(
    tenants: Tenants,
    own: Registry,
    url: str,
    away: Callable[[], str],
    object_store: ObjectStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Of a library that the service has opened, and by a service that has opened none."""
    services = [create_app(own, OPTIONS, libraries_at=url) for _ in range(2)]
    with TestClient(services[0]) as opened, TestClient(services[1]) as fresh:
        for name in ("documents", "invoke"):
            method, path, body = REQUESTS[name]
            assert opened.request(method, path, json=body).is_success
        told = away()
        for method, path, body in REQUESTS.values():
            for client in (opened, fresh):
                caplog.clear()
                refused = client.request(method, path, json=body)
                assert refused.status_code == 503, (path, refused.text)
                require_told(refused.text, told, object_store, caplog.text)
        method, path, body = REQUESTS["add"]
        events = fresh.request(method, path, json=body, headers={"Accept": "text/event-stream"}).text
        assert "event: error" in events
        require_told(events, told, object_store, caplog.text)
        assert fresh.get("/memories").json() == []


def test_a_run_of_a_client_fails_with_the_engine(
    tenants: Tenants, away: Callable[[], str], object_store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    """As a LangGraph server tells the message of the error itself."""
    graph, given = client_graph(tenants), {"library": "coast", "query": QUESTION, "task_type": "lookup"}
    assert graph.invoke(given, run_of(Principal()), context=OPTIONS)["citations"]
    told = away()
    with pytest.raises(UnavailableError) as failed:
        graph.invoke(given, run_of(Principal()), context=OPTIONS)
    require_told(str(failed.value), told, object_store, caplog.text)


def test_tools_name_the_engine(
    tenants: Tenants, away: Callable[[], str], object_store: ObjectStore, caplog: pytest.LogCaptureFixture
) -> None:
    pytest.importorskip("mcp", reason="needs pip install 'memorag-graph[mcp]'")
    from memorag_graph.mcp_server.http_app import create_mcp_app
    from tests.mcp_session import connected, text_of

    async def ask() -> list[str]:
        async with connected(f"{app.url}/mcp") as client:
            results = [
                await client.call_tool("list_memories", {}),
                await client.call_tool("ask", {"memory": "coast", "question": QUESTION}),
            ]
            return [text_of(it) for it in results if it.is_error]

    app = RunningApp(create_mcp_app(tenants, OPTIONS, Everybody(), max_body=1_000_000))
    try:
        told = away()
        failed = asyncio.run(ask())
    finally:
        app.stop()
    assert len(failed) == 2
    for text in failed:
        require_told(text, told, object_store, caplog.text)
