"""Does the time of an answer tell a tenant that something exists in another tenant?

    python benchmarks/tenant_timing.py [--rounds 400]

One tenant asks, by turns in random order, for what another tenant has and for what nobody has: memories by id and by
name, libraries by name, documents of a library whose name both use. It also memorizes, or adds to a library, and
deletes texts that another tenant has and that nobody has. Two controls: other names that nobody has show what chance
alone makes of it, and what the tenant itself has shows that a difference would be seen. Measured at each endpoint of
the service, in this process, because a network would hide differences, and at the graph of a LangGraph server;
compared by Mann and Whitney's test.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Literal

from common import DOCUMENT, write_result
from fastapi.testclient import TestClient
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListChatModel
from scipy.stats import mannwhitneyu

from memorag_graph.documents import from_text
from memorag_graph.errors import MemoragError
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.mcp_server.http_app import create_mcp_app
from memorag_graph.mcp_server.langgraph_app import with_tools
from memorag_graph.memory.backends.served import served_memory_model
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.progress import ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import KeyFile, OneKey, Principal
from memorag_graph.serving.served_graph import build_served_graph
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions

NAMES = 30
WARM_UP = 20
COAST = "coast"
OWN, ANOTHERS, NOBODYS, CHANCE = "its own", "another tenant's", "nobody's", "also nobody's"
OPTIONS = RunOptions(model="fake", embedding_model="fake", generator="extractive", memory="never")
QUESTION = "Who was proud?"
MISSES = ("does not exist", "there is no", "there are no", "has no document", "No passage")
RPC = {"Accept": "application/json, text/event-stream"}

Target = Literal["id", "name", "library", "document", "text"]
Ask = Callable[[str], str]


class User(dict[str, str]):
    """A user as a LangGraph server passes it on to a run."""

    identity = "globex"


@dataclass(frozen=True)
class Door:
    """What the curious tenant can ask with a name.

    Attributes:
        target: What it names.
        ask: Asks; returns the answer.
        opens_once: Whether what is the tenant's own would be gone after the first time.
    """

    target: Target
    ask: Ask
    opens_once: bool = False


class Service:
    """The service with two tenants, of which one is curious.

    Args:
        directory: Where it keeps everything.
        chance: Chooses the names.
    """

    def __init__(self, directory: Path, chance: random.Random) -> None:
        registry, keys = Registry(MemoryStore(directory / "memories")), KeyFile(directory / "keys.json")
        registry.add_memory_model("fake", served_memory_model("fake", FakeListChatModel(responses=["A ferry."])))
        registry.add_embeddings("fake", DeterministicFakeEmbedding(size=64))
        key = {"X-API-Key": keys.add("key", "globex", "writer")}
        app = create_app(registry, OPTIONS, credentials=keys)
        self.tenants: Tenants = app.state.tenants
        with_tools(app, create_mcp_app(self.tenants, OPTIONS, keys, max_body=1_000_000))
        self._client = TestClient(app, headers=key)
        self._graph = build_served_graph(self.tenants, OPTIONS, OneKey("operator"))
        self.names = {group: _names(group, chance) for group in (OWN, ANOTHERS, NOBODYS, CHANCE)}
        self._called = {
            text: name for names in self.names.values() for text, name in zip(names["text"], names["name"], strict=True)
        }
        for group, tenant in ((ANOTHERS, "acme"), (OWN, "globex")):
            self._fill(tenant, self.names[group])

    @contextmanager
    def running(self) -> Iterator[None]:
        """Run the service."""
        with self._client:
            yield

    def _fill(self, tenant: str, names: dict[Target, list[str]]) -> None:
        """Give a tenant the memories, libraries and documents of some names; the ids are those of its memories."""
        scope = self.tenants.scope(Principal(tenant, tenant, "writer"), OPTIONS)
        documents = [from_text(*it) for it in zip(names["text"], names["name"], strict=True)]
        names["id"] = [scope.memorize([it], None, ignore_progress).memory.id for it in documents]
        for name in names["library"]:
            scope.libraries.create(name).add(uploaded_text(names["text"][0], "letters.txt", {}))
        texts = zip(names["text"], names["document"], strict=True)
        scope.libraries.create(COAST).add(*(uploaded_text(*it, {}) for it in texts))

    def doors(self) -> dict[str, Door]:
        """Return what the curious tenant can ask."""
        client = self._client

        def call(method: str, path: str) -> Ask:
            return lambda it: client.request(method, path.format(it)).text

        def post(path: str, made: Callable[[str], Any], headers: Mapping[str, str] | None = None) -> Ask:
            return lambda it: client.post(path.format(it), json=made(it), headers=headers).text

        def langserve(way: str, made: Callable[[str], object], key: str = "input") -> Ask:
            return post(f"/memorag/{way}", lambda it: {key: made(it)})

        documents = f"/libraries/{COAST}/documents/{{}}"
        where = f"/libraries/{COAST}/ask"
        return {
            "GET /memories/{id}": Door("id", call("GET", "/memories/{}")),
            "DELETE /memories/{id}": Door("id", call("DELETE", "/memories/{}"), opens_once=True),
            "POST /memorag/invoke": Door("id", langserve("invoke", _asked)),
            "POST /memorag/batch": Door("id", langserve("batch", lambda it: [_asked(it)], "inputs")),
            "POST /memorag/stream": Door("id", langserve("stream", _asked)),
            "POST /memorag/stream_events": Door("id", langserve("stream_events", _asked)),
            "run of a LangGraph server": Door("id", self._run),
            "POST /v1/chat/completions, id": Door("id", post("/v1/chat/completions", _chat)),
            "MCP, ask a memory": Door("id", post("/mcp", _tool, RPC)),
            "GET /v1/models/{name}": Door("name", call("GET", "/v1/models/{}")),
            "POST /v1/chat/completions, name": Door("name", post("/v1/chat/completions", _chat)),
            "MCP, ask a memory by name": Door("name", post("/mcp", _tool, RPC)),
            "GET /libraries/{name}": Door("library", call("GET", "/libraries/{}")),
            "POST /libraries/{name}/ask": Door("library", post("/libraries/{}/ask", lambda _: {"query": QUESTION})),
            "POST /memorag/invoke, library": Door("library", langserve("invoke", _asked_library)),
            "POST /v1/chat/completions, library": Door("library", post("/v1/chat/completions", _chat)),
            "MCP, search a library": Door("library", post("/mcp", lambda it: _tool(it, "search"), RPC)),
            "DELETE /libraries/{name}": Door("library", call("DELETE", "/libraries/{}"), opens_once=True),
            "GET /libraries/coast/documents/{document}": Door("document", call("GET", documents)),
            "DELETE /libraries/coast/documents/{document}": Door("document", call("DELETE", documents), True),
            "POST /libraries/coast/ask, filter": Door("document", post(where, _filtered)),
            "MCP, read a library's document": Door("document", post("/mcp", _resource, RPC)),
            "POST and DELETE /memories": Door("text", self._memorize),
            "POST and DELETE /libraries/coast/documents": Door("text", self._add),
        }

    def _run(self, memory_id: str) -> str:
        user = User(identity="globex", tenant="globex", role="writer")
        try:
            return str(self._graph.invoke(_asked(memory_id), {"configurable": {"langgraph_auth_user": user}}))
        except MemoragError as error:
            return str(error)

    def _memorize(self, text: str) -> str:
        given = {"documents": [{"name": self._called[text], "text": text}]}
        memory_id = self._client.post("/memories", json=given).raise_for_status().json()["memory_id"]
        return self._client.delete(f"/memories/{memory_id}").raise_for_status().text

    def _add(self, text: str) -> str:
        given = {"documents": [{"name": "new.txt", "text": text}]}
        self._client.post(f"/libraries/{COAST}/documents", json=given).raise_for_status()
        return self._client.delete(f"/libraries/{COAST}/documents/new.txt").raise_for_status().text


def _asked(memory_id: str) -> dict[str, Any]:
    return {"memory_id": memory_id, "query": QUESTION, "task_type": "lookup"}


def _asked_library(name: str) -> dict[str, Any]:
    return {"library": name, "query": QUESTION, "task_type": "lookup"}


def _filtered(document: str) -> dict[str, Any]:
    return {"query": QUESTION, "where": [f"name={document}"]}


def _chat(model: str) -> dict[str, Any]:
    return {"model": model, "messages": [{"role": "user", "content": QUESTION}], "task_type": "lookup"}


def _rpc(method: str, **params: object) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": 1, "method": method, "params": params}


def _tool(memory: str, name: str = "ask") -> dict[str, Any]:
    return _rpc("tools/call", name=name, arguments={"memory": memory, "question": QUESTION})


def _resource(document: str) -> dict[str, Any]:
    return _rpc("resources/read", uri=f"memorag://library/{COAST}/{document}")


def _names(group: str, chance: random.Random) -> dict[Target, list[str]]:
    """Return names of one form and the texts of a group."""
    text = DOCUMENT.read_text(encoding="utf-8")[:1000]
    return {
        "id": [f"{chance.getrandbits(128):032x}" for _ in range(NAMES)],
        "name": [f"{chance.getrandbits(64):016x}.txt" for _ in range(NAMES)],
        "library": [f"{chance.getrandbits(64):016x}" for _ in range(NAMES)],
        "document": [f"{chance.getrandbits(64):016x}.txt" for _ in range(NAMES)],
        "text": [f"{text} {group} {number}" for number in range(NAMES)],
    }


def measure(door: Door, groups: Mapping[str, Sequence[str]], rounds: int, chance: random.Random) -> dict[str, Any]:
    """Ask for a name of each group by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in groups}
    for at in range(-WARM_UP, rounds):
        for name in chance.sample(list(groups), len(groups)):
            wanted = groups[name][at % NAMES]
            began = time.perf_counter()
            answer = door.ask(wanted)
            if at >= 0:
                seconds[name].append(time.perf_counter() - began)
            assert name == OWN or not answer or any(it in answer for it in MISSES), answer
    nobody = seconds[NOBODYS]
    return {
        name: {
            "median_ms": round(1000 * median(times), 3),
            "ratio_to_nobodys": round(median(times) / median(nobody), 4),
            "p": round(float(mannwhitneyu(times, nobody).pvalue), 4),
        }
        for name, times in seconds.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as directory:
        service = Service(Path(directory), chance)
        with service.running():
            measured = {}
            for name, door in service.doors().items():
                asked = {it: names[door.target] for it, names in service.names.items()}
                if door.opens_once:
                    del asked[OWN]
                measured[name] = measure(door, asked, arguments.rounds, chance)
    write_result(
        "tenant_timing", {"rounds": arguments.rounds, "names_each": NAMES, "seed": arguments.seed, "doors": measured}
    )


if __name__ == "__main__":
    main()
