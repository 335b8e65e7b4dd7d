"""Does the time of an answer tell a tenant that a memory exists in another tenant?

    python benchmarks/tenant_timing.py [--rounds 400]

One tenant asks, by turns in random order, for ids that another tenant has and for ids that nobody has; it also
memorizes (and deletes) texts that another tenant has and that nobody has. Two controls: other ids that nobody has show
what chance alone makes of it, and the tenant's own ids show that a difference would be seen. Measured at each endpoint
of the service, in this process, because a network would hide differences, and at the graph of a LangGraph server;
compared by Mann and Whitney's test.
"""

import argparse
import random
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

from common import DOCUMENT, write_result
from fastapi.testclient import TestClient
from langchain_core.embeddings import DeterministicFakeEmbedding
from langchain_core.language_models import FakeListChatModel
from scipy.stats import mannwhitneyu

from memorag_graph.documents import from_text
from memorag_graph.errors import MemoragError
from memorag_graph.memory.backends.served import served_memory_model
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.progress import ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import KeyFile, OneKey, Principal
from memorag_graph.serving.served_graph import build_served_graph
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions

IDS = 30
WARM_UP = 20
MEMORIZE = "POST and DELETE /memories"
OPTIONS = RunOptions(model="fake", embedding_model="fake", generator="extractive")
Ask = Callable[[str], str]


class User(dict[str, str]):
    """A user as a LangGraph server passes it on to a run."""

    identity = "globex"


def doors(directory: Path) -> tuple[dict[str, Ask], dict[str, list[str]]]:
    """Return what the curious tenant can ask with an id, and the ids of both tenants' memories."""
    registry, keys = Registry(MemoryStore(directory / "memories")), KeyFile(directory / "keys.json")
    registry.add_memory_model("fake", served_memory_model("fake", FakeListChatModel(responses=["A ferry."])))
    registry.add_embeddings("fake", DeterministicFakeEmbedding(size=64))
    key = {"X-API-Key": keys.add("key", "globex", "writer")}
    client = TestClient(create_app(registry, OPTIONS, credentials=keys), headers=key)
    tenants = Tenants(registry)
    graph = build_served_graph(tenants, OPTIONS, OneKey("operator"))
    user: Any = {"configurable": {"langgraph_auth_user": User(identity="globex", tenant="globex", role="writer")}}
    ids = {}
    for name, tenant in (("another tenant's", "acme"), ("its own", "globex")):
        scope = tenants.scope(Principal(tenant, tenant, "writer"), OPTIONS)
        documents = [from_text(it, "letters.txt") for it in texts(name)]
        ids[name] = [scope.memorize([it], None, ignore_progress).memory.id for it in documents]

    def question(memory_id: str) -> dict[str, Any]:
        return {"memory_id": memory_id, "query": "Who was proud?", "task_type": "lookup"}

    def run(memory_id: str) -> str:
        try:
            return str(graph.invoke(question(memory_id), user))
        except MemoragError as error:
            return str(error)

    def memorize(text: str) -> str:
        given = {"documents": [{"name": "letters.txt", "text": text}]}
        memory_id = client.post("/memories", json=given).raise_for_status().json()["memory_id"]
        return client.delete(f"/memories/{memory_id}").raise_for_status().text

    def call(path: str, key: str, made: Callable[[str], object]) -> Ask:
        return lambda it: client.post(path, json={key: made(it)}).text

    asks: dict[str, Ask] = {
        "GET /memories/{id}": lambda it: client.get(f"/memories/{it}").text,
        "DELETE /memories/{id}": lambda it: client.delete(f"/memories/{it}").text,
        "POST /memorag/invoke": call("/memorag/invoke", "input", question),
        "POST /memorag/batch": call("/memorag/batch", "inputs", lambda it: [question(it)]),
        "POST /memorag/stream": call("/memorag/stream", "input", question),
        "POST /memorag/stream_events": call("/memorag/stream_events", "input", question),
        "run of a LangGraph server": run,
        MEMORIZE: memorize,
    }
    return asks, ids


def texts(name: str) -> list[str]:
    """Return the texts of a group."""
    text = DOCUMENT.read_text(encoding="utf-8")[:1000]
    return [f"{text} {name} {number}" for number in range(IDS)]


def measure(ask: Ask, groups: dict[str, list[str]], rounds: int, chance: random.Random) -> dict[str, Any]:
    """Ask for an id of each group by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in groups}
    for at in range(-WARM_UP, rounds):
        for name in chance.sample(list(groups), len(groups)):
            memory_id = groups[name][at % IDS]
            began = time.perf_counter()
            answer = ask(memory_id)
            if at >= 0:
                seconds[name].append(time.perf_counter() - began)
            assert name == "its own" or "does not exist" in answer or "there is no memory" in answer or not answer, (
                answer
            )
    nobody = seconds["nobody's"]
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
        asks, groups = doors(Path(directory))
        for name in ("nobody's", "also nobody's"):
            groups[name] = [f"{chance.getrandbits(128):032x}" for _ in range(IDS)]
        measured = {}
        for name, ask in asks.items():
            asked = {it: texts(it) if name == MEMORIZE else ids for it, ids in groups.items()}
            if "DELETE" in name:  # its own would be gone
                del asked["its own"]
            measured[name] = measure(ask, asked, arguments.rounds, chance)
    write_result(
        "tenant_timing", {"rounds": arguments.rounds, "ids_each": IDS, "seed": arguments.seed, "doors": measured}
    )


if __name__ == "__main__":
    main()
