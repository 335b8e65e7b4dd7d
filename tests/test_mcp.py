"""The Model Context Protocol's own client, over stdin and stdout and over HTTP on loopback."""

import asyncio
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any

import httpx2
import pytest
from mcp import Client, StdioServerParameters
from mcp.shared.exceptions import MCPError

from memorag_graph.cancellation import check
from memorag_graph.errors import CancelledRunError
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.mcp_server.http_app import create_mcp_app
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.storage import given_names
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Credentials, Everybody, KeyFile
from memorag_graph.serving.quotas import Quota
from memorag_graph.serving.tenants import Tenants
from memorag_graph.text.chunked_text import document_text
from memorag_graph.text.chunking import Chunk
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model
from tests.mcp_session import LETTERS, QUESTION, READING, SHORT, be_refused, called, connected, text_of, use_everything
from tests.servers import ROOT, RunningApp


class HttpServer:
    """The server over HTTP, in a thread."""

    def __init__(self, credentials: Credentials, quota: Quota | None = None, **settings: Any) -> None:
        self.registry = Registry()
        self.registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
        self.registry.add_embeddings("hash", HashEmbeddings())
        self.tenants = Tenants(self.registry, quota, TINY.model_copy(update={"memory": "never"}))
        app = create_mcp_app(self.tenants, TINY, credentials, max_body=1_000_000, **settings)
        self._app = RunningApp(app)
        self.url = f"{self._app.url}/mcp"

    def client(self, key: str = "") -> AbstractAsyncContextManager[Client]:
        return connected(self.url, key)

    def stop(self) -> None:
        self._app.stop()


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@pytest.fixture
def open_server() -> Iterator[HttpServer]:
    server = HttpServer(Everybody(), allow_memorize=True)
    yield server
    server.stop()


@pytest.fixture
def guarded(keys: KeyFile) -> Iterator[HttpServer]:
    server = HttpServer(keys, Quota(documents=1), allow_memorize=True)
    yield server
    server.stop()


async def test_a_client_over_http(open_server: HttpServer) -> None:
    async with open_server.client() as client:
        await use_everything(client)
        await be_refused(client)


async def test_a_client_over_stdin_and_stdout(home: Path) -> None:
    """The command itself, without a model; ``examples/mcp_client.py`` asks it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "MEMORAG_GRAPH_HOME": str(home)}
    server = StdioServerParameters(command=sys.executable, args=["-m", "memorag_graph", "mcp"], env=environment)
    async with Client(server) as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == READING
        assert (await called(client, "list_memories"))["memories"] == []
        refused = await client.call_tool("ask", {"memory": "letters", "question": QUESTION})
        assert refused.is_error
        assert "there is no memory with the id or name 'letters'" in text_of(refused)
        assert (await client.list_resources()).resources == []


async def test_memorizing_is_offered_only_where_the_operator_allows_it() -> None:
    server = HttpServer(Everybody())
    async with server.client() as client:
        assert {tool.name for tool in (await client.list_tools()).tools} == READING
        refused = await client.call_tool("memorize", {"documents": [LETTERS]})
        assert refused.is_error
        assert "memorize" in text_of(refused)
    server.stop()


async def test_keys_tenants_roles_and_quotas_apply(guarded: HttpServer, keys: KeyFile) -> None:
    acme, globex = (keys.add(name, name, "writer") for name in ("acme", "globex"))
    reader = keys.add("reader", "acme", "reader")
    async with httpx2.AsyncClient() as http:
        body = {"jsonrpc": "2.0", "id": 1, "method": "tools/list"}
        nobody = await http.post(guarded.url, json=body)
        assert nobody.status_code == 401
        assert "API key" in nobody.json()["error"]["message"]
        other_site = {"Origin": "http://elsewhere.example", "Authorization": f"Bearer {acme}"}
        assert (await http.post(guarded.url, json=body, headers=other_site)).status_code == 403
        assert (await http.get(guarded.url.replace("/mcp", "/health"))).status_code == 200
    async with guarded.client(acme) as client:
        memory_id = (await called(client, "memorize", documents=[LETTERS]))["memory_id"]
        full = await client.call_tool("memorize", {"documents": [{"name": "b.txt", "text": "The ferry is late."}]})
        assert full.is_error
        assert "1 of 1 documents are kept" in text_of(full)
    async with guarded.client(globex) as client:
        assert (await called(client, "list_memories"))["memories"] == []
        assert (await client.list_resources()).resources == []
        assert (await client.call_tool("ask", {"memory": memory_id, "question": QUESTION})).is_error
        with pytest.raises(MCPError, match="there is no memory"):
            await client.read_resource(f"memorag://{memory_id}/my%20letters.txt")
    async with guarded.client(reader) as client:
        assert (await called(client, "ask", memory=memory_id, question=QUESTION))["citations"]
        refused = await client.call_tool("memorize", {"documents": [LETTERS]})
        assert "role writer" in text_of(refused)


async def test_a_memory_is_listed_and_asked_by_the_name_that_it_was_given(open_server: HttpServer) -> None:
    async with open_server.client() as client:
        memory_id = (await called(client, "memorize", documents=[LETTERS]))["memory_id"]
        given_names.rename(open_server.tenants.registry("").store, memory_id, "Letters of the ferry")
        (listed,) = (await called(client, "list_memories"))["memories"]
        assert listed["name"] == "Letters of the ferry"
        assert [it["name"] for it in listed["documents"]] == [LETTERS["name"]]
        assert (await called(client, "ask", memory=listed["name"], question=QUESTION))["citations"]


async def test_libraries_are_asked_by_name(open_server: HttpServer) -> None:
    library = open_server.tenants.libraries("").create("coast")
    library.add(uploaded_text(SHORT, "my letters.txt", {"year": 1890}), uploaded_text(TEXT, "all/b.txt", {}))
    async with open_server.client() as client:
        listed = (await called(client, "list_memories"))["libraries"]
        assert [(it["name"], it["documents"], it["fields"]) for it in listed] == [("coast", 2, ["year"])]
        asked = {"memory": "coast", "question": QUESTION, "where": ["year=1890"]}
        answer = await called(client, "ask", **asked, task_type="lookup")
        found = (await called(client, "search", **asked))["passages"]
        for cited in answer["citations"]:
            assert SHORT[cited["start"] : cited["end"]] == cited["quote"]
            assert cited["uri"].startswith("memorag://library/coast/my%20letters.txt#char=")
        assert {it["document"] for it in found} == {"my letters.txt"}
        read = await client.read_resource("memorag://library/coast/all%2Fb.txt")
        assert read.contents[0].text == TEXT  # type: ignore[union-attr]
        refused = await client.call_tool("summarize", {"memory": "coast"})
        assert (refused.is_error, "not done over a library" in text_of(refused)) == (True, True)
        for uri in ("memorag://library/coast/c.txt", "memorag://library/nothing/c.txt"):
            with pytest.raises(MCPError, match=r"has no document|there is no library"):
                await client.read_resource(uri)


def test_a_documents_text_is_put_together_from_overlapping_and_distant_chunks() -> None:
    text = "One.\n\n\nTwo two.  Three three three."
    spans = [(0, 4), (7, 15), (11, 20), (20, 35)]
    chunks = [Chunk("a", 0, start, end, text[start:end]) for start, end in spans]
    other = Chunk("b", 1, 0, 5, "Other")
    found = document_text([*chunks, other], "a")
    assert len(found) == len(text)
    assert all(found[start:end] == text[start:end] for start, end in spans)


async def test_a_call_that_the_client_gives_up_ends(open_server: HttpServer, monkeypatch: pytest.MonkeyPatch) -> None:
    began, ended = threading.Event(), threading.Event()

    def memorize(*_: Any) -> None:
        deadline = time.monotonic() + 20
        began.set()
        while time.monotonic() < deadline:
            try:
                check()
            except CancelledRunError:
                ended.set()
                raise
            time.sleep(0.01)

    monkeypatch.setattr(Registry, "memorize", memorize)
    async with open_server.client() as client:
        call = asyncio.create_task(client.call_tool("memorize", {"documents": [LETTERS]}))
        assert await asyncio.to_thread(began.wait, 10)
        call.cancel()
        assert await asyncio.to_thread(ended.wait, 10)
