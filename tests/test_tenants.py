"""Tenants of the service: what one has tells another nothing, through any endpoint."""

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient
from langgraph.checkpoint.memory import InMemorySaver

from memorag_graph.documents import from_text
from memorag_graph.errors import MemoragError, MemoryFileError
from memorag_graph.models.embedding_cache import CachedEmbeddings
from memorag_graph.progress import ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.client_graph import client_graph, run_of
from memorag_graph.serving.credentials import KeyFile, OneKey, Principal
from memorag_graph.serving.served_graph import build_served_graph
from memorag_graph.serving.tenants import Tenants
from tests.conftest import TEXT, TINY, HashEmbeddings

QUESTION = "Who was proud of the harbour at Thorle?"
ATTEMPTS = 1000

Send = Callable[..., httpx.Response]


@pytest.fixture
def keys(tmp_path: Path) -> KeyFile:
    return KeyFile(tmp_path / "keys.json")


@pytest.fixture
def client(registry: Registry, keys: KeyFile) -> Iterator[TestClient]:
    with TestClient(create_app(registry, TINY, credentials=keys, checkpointer=InMemorySaver())) as client:
        yield client


def as_key(client: TestClient, secret: str) -> Send:
    def send(method: str, path: str, **given: Any) -> httpx.Response:
        return client.request(method, path, headers={"X-API-Key": secret}, **given)

    return send


def memorize(send: Send, text: str = TEXT) -> str:
    made = send("POST", "/memories", json={"documents": [{"name": "letters.txt", "text": text}]})
    assert made.status_code == 201, made.text
    return str(made.json()["memory_id"])


def test_what_one_tenant_has_embedded_is_no_faster_for_another(
    registry: Registry, client: TestClient, keys: KeyFile
) -> None:
    embedded: list[str] = []

    class Counting(HashEmbeddings):
        def embed_documents(self, texts: list[str]) -> list[list[float]]:
            embedded.extend(texts)
            return super().embed_documents(texts)

    registry.add_embeddings("hash", CachedEmbeddings(Counting()))
    counts = []
    for tenant in ("first", "second", "second"):
        send = as_key(client, keys.add(f"{tenant}-{len(counts)}", tenant, "writer"))
        embedded.clear()
        assert send("POST", "/memorag/invoke", json=question(memorize(send))).status_code == 200
        counts.append(sorted(embedded))
    assert counts[0] == counts[1] != []
    assert len(counts[2]) < len(counts[0])  # its own are remembered


def question(memory_id: str, **more: Any) -> dict[str, Any]:
    return {"input": {"memory_id": memory_id, "query": QUESTION, "task_type": "lookup"}, **more}


def configured(option: str, value: str) -> dict[str, Any]:
    return question(value, config={"configurable": {option: value}})


def test_tenants_with_one_document_have_a_memory_each(client: TestClient, keys: KeyFile) -> None:
    acme, globex = (as_key(client, keys.add(name, name, "writer")) for name in ("acme", "globex"))
    memory_id = memorize(acme)
    assert globex("GET", "/memories").json() == []
    assert memorize(globex) == memory_id
    assert acme("DELETE", f"/memories/{memory_id}").status_code == 204
    assert acme("GET", "/memories").json() == []
    assert acme("POST", "/memorag/invoke", json=question(memory_id)).status_code == 404
    answer = globex("POST", "/memorag/invoke", json=question(memory_id))
    assert answer.json()["output"]["citations"]


def test_keys_of_one_tenant_share_its_memories(client: TestClient, keys: KeyFile) -> None:
    memory_id = memorize(as_key(client, keys.add("first", "acme", "writer")))
    reader = as_key(client, keys.add("second", "acme", "reader"))
    assert [memory["memory_id"] for memory in reader("GET", "/memories").json()] == [memory_id]
    assert reader("POST", "/memorag/invoke", json=question(memory_id)).json()["output"]["citations"]


def test_a_reader_changes_nothing(client: TestClient, keys: KeyFile) -> None:
    memory_id = memorize(as_key(client, keys.add("writer", "acme", "writer")))
    reader = as_key(client, keys.add("reader", "acme", "reader"))
    refused = [
        reader("POST", "/memories", json={"documents": [{"text": TEXT}]}),
        reader("POST", "/memories/upload", files={"files": ("a.txt", TEXT)}),
        reader("DELETE", f"/memories/{memory_id}"),
        reader("PATCH", f"/memories/{memory_id}", json={"name": "mine"}),
        reader("POST", "/memorag/invoke", json={"input": {"context": TEXT, "query": QUESTION}}),
        reader("POST", "/memorag/batch", json={"inputs": [{"context": TEXT, "query": QUESTION}]}),
    ]
    assert [answer.status_code for answer in refused] == [403] * len(refused)
    assert "role writer" in refused[0].json()["error"]["message"]
    assert len(reader("GET", "/memories").json()) == 1


def test_a_revoked_key_is_refused_at_the_next_request(client: TestClient, keys: KeyFile) -> None:
    send = as_key(client, keys.add("one", "acme", "reader"))
    assert send("GET", "/memories").status_code == 200
    keys.revoke("one")
    assert send("GET", "/memories").status_code == 401


def test_damaged_keys_let_nobody_in_and_tell_no_path(client: TestClient, keys: KeyFile, tmp_path: Path) -> None:
    send = as_key(client, keys.add("one", "acme", "reader"))
    (tmp_path / "keys.json").write_text("damaged")
    answer = send("GET", "/memories")
    assert answer.status_code == 503
    assert str(tmp_path) not in answer.text


def test_conversations_of_tenants_do_not_meet(client: TestClient, keys: KeyFile) -> None:
    acme, globex = (as_key(client, keys.add(name, name, "writer")) for name in ("acme", "globex"))
    thread = {"config": {"configurable": {"thread_id": "talk"}}}
    for send, turns in ((acme, 2), (acme, 4), (globex, 2)):
        answer = send("POST", "/memorag/invoke", json=question(memorize(send), **thread))
        assert len(answer.json()["output"]["messages"]) == turns
    named = {"config": {"configurable": {"thread_id": "acme/talk"}}}
    assert globex("POST", "/memorag/invoke", json=question(memorize(globex), **named)).status_code == 422


def test_another_tenants_memory_is_like_one_that_does_not_exist(client: TestClient, keys: KeyFile) -> None:
    acme, globex = (as_key(client, keys.add(name, name, "writer")) for name in ("acme", "globex"))
    wanted = memorize(acme)
    memorize(globex, TEXT.replace("ferry", "railway"))
    chance = random.Random(0)
    before = acme("GET", "/memories").json()
    for _ in range(ATTEMPTS):
        unknown = f"{chance.getrandbits(128):032x}"
        spell = chance.choice(SPELLINGS)
        attempt = chance.choice(ATTACKS)
        got, expected = (_seen(attempt(globex, spell(it)), it) for it in (wanted, unknown))
        assert got == expected
        assert got[0] in (404, 405, 422)
    assert acme("GET", "/memories").json() == before
    assert acme("POST", "/memorag/invoke", json=question(wanted)).json()["output"]["citations"]


class User(dict[str, Any]):
    """A user as a LangGraph server passes it on to a run."""

    def __init__(self, tenant: str) -> None:
        super().__init__(identity=tenant, tenant=tenant, role="writer")
        self.identity = tenant


def run(graph: Any, tenant: str, memory_id: str, way: str) -> str:
    """Run the graph of a LangGraph server as a tenant; return what the client sees, without the id that it sent."""
    inputs: dict[str, Any] = {"query": QUESTION, "task_type": "lookup"}
    configurable: dict[str, Any] = {"langgraph_auth_user": User(tenant), "thread_id": "t"}
    context: dict[str, Any] = {}
    {
        "input": inputs,
        "context": context,
        "configurable": configurable,
        "thread": inputs,
    }[way]["thread_memory_id" if way == "thread" else "memory_id"] = memory_id
    try:
        result = graph.invoke(inputs, {"configurable": configurable}, context=context)
    except MemoragError as error:
        return str(error).replace(memory_id, "ID").replace(memory_id.upper(), "ID")
    return f"answered: {result['citations']}"


def test_another_tenants_memory_does_not_exist_for_runs_of_a_langgraph_server(registry: Registry) -> None:
    tenants = Tenants(registry)
    graph = build_served_graph(tenants, TINY, OneKey("operator"))
    own = tenants.scope(Principal("a", "acme", "writer"), TINY)
    wanted = own.memorize([from_text(TEXT)], None, ignore_progress).memory.id
    assert run(graph, "acme", wanted, "input").startswith("answered: [{")
    chance = random.Random(0)
    seen = set()
    for _ in range(ATTEMPTS):
        unknown = f"{chance.getrandbits(128):032x}"
        spell, way = chance.choice(SPELLINGS), chance.choice(("input", "context", "configurable", "thread"))
        got, expected = (run(graph, "globex", spell(it), way) for it in (wanted, unknown))
        assert got == expected
        seen.add(got)
        assert not got.startswith("answered")
    assert any("does not exist" in it for it in seen)


SPELLINGS: list[Callable[[str], str]] = [
    lambda it: it,
    lambda it: it.upper(),
    lambda it: f"../tenants/acme/{it}",
    lambda it: f"../acme/{it}",
    lambda it: f"acme/{it}",
    lambda it: f"%2e%2e%2facme%2f{it}",
    lambda it: f"{it}%00",
    lambda it: f" {it}",
]

ATTACKS: list[Callable[[Send, str], httpx.Response]] = [
    lambda send, it: send("GET", f"/memories/{it}"),
    lambda send, it: send("DELETE", f"/memories/{it}"),
    lambda send, it: send("PATCH", f"/memories/{it}", json={"name": "mine"}),
    lambda send, it: send("POST", "/memorag/invoke", json=question(it)),
    lambda send, it: send("POST", "/memorag/stream", json=question(it)),
    lambda send, it: send("POST", "/memorag/stream_events", json=question(it)),
    lambda send, it: send("POST", "/memorag/batch", json={"inputs": [question(it)["input"]]}),
    lambda send, it: send("POST", "/memorag/invoke", json={"input": {"query": QUESTION}, "memory_id": it}),
    lambda send, it: send("POST", "/memorag/invoke", json=configured("memory_id", it)),
    lambda send, it: send("POST", "/memorag/invoke", json=configured("thread_id", f"acme/{it}")),
    lambda send, it: send("POST", "/memorag/invoke", json=configured("__memorag_client", it)),
]


def _seen(answer: httpx.Response, memory_id: str) -> tuple[int, str]:
    """Return what a client sees of an answer, without the id that it sent."""
    return answer.status_code, answer.text.replace(memory_id, "ID").replace(memory_id.upper(), "ID")


@pytest.mark.parametrize("tenant", ["acme", ""])
def test_a_run_tells_the_operator_alone_where_a_damaged_memory_lies(
    registry: Registry, home: Path, tenant: str
) -> None:
    """As a LangGraph server tells the message of the error itself."""
    tenants = Tenants(registry, options=TINY)
    store = tenants.registry(tenant)
    memory_id = store.memorize([from_text(TEXT, "letters.txt")], TINY).memory.id
    store.forget(memory_id)
    (store.store.directory(memory_id) / "memory.bin").write_bytes(b"damaged")
    client = Principal("a", tenant, "reader") if tenant else Principal()
    with pytest.raises(MemoryFileError, match=f"{memory_id}/memory.bin is damaged") as failed:
        client_graph(tenants).invoke({"memory_id": memory_id, "query": QUESTION}, run_of(client), context=TINY)
    assert (str(home) in str(failed.value)) == (not tenant)
