"""Does the time of an answer tell a tenant that a memory exists in another tenant?

    python benchmarks/tenant_timing.py [--rounds 400]

One tenant asks, by turns in random order, for ids that another tenant has, for ids that nobody has, and for other ids that
nobody has: the last two show how much chance alone makes of it. Each endpoint of the service (in this process, without a
network that would hide differences) and the graph of a LangGraph server. Compared by Mann and Whitney's test.
"""

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from statistics import median
from typing import Any

from common import ROOT, write_result
from fastapi.testclient import TestClient
from scipy.stats import mannwhitneyu

sys.path.insert(0, str(ROOT))

from memorag_graph.documents import from_text
from memorag_graph.errors import MemoragError
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.progress import ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import KeyFile, OneKey, Principal
from memorag_graph.serving.served_graph import build_served_graph
from memorag_graph.serving.tenants import Tenants
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model
from tests.test_tenants import User

IDS = 30
Ask = Callable[[str], object]


def doors(directory: Path) -> tuple[dict[str, Ask], list[str]]:
    """Return what the curious tenant can ask with an id, and the ids of the other one's memories."""
    registry = Registry(MemoryStore(directory / "memories"))
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings())
    keys = KeyFile(directory / "keys.json")
    client = TestClient(
        create_app(registry, TINY, credentials=keys), headers={"X-API-Key": keys.add("k", "globex", "writer")}
    )
    tenants = Tenants(registry)
    graph = build_served_graph(tenants, TINY, OneKey("operator"))
    owner, curious = (tenants.scope(Principal(it, it, "writer"), TINY) for it in ("acme", "globex"))
    texts = [f"{TEXT[:600]} The number is {number}." for number in range(IDS)]
    ids = [owner.memorize([from_text(text)], None, ignore_progress).memory.id for text in texts]
    curious.memorize([from_text(TEXT)], None, ignore_progress)

    def question(memory_id: str) -> dict[str, Any]:
        return {"memory_id": memory_id, "query": "Who was proud?", "task_type": "lookup"}

    def run(memory_id: str) -> None:
        with suppress(MemoragError):
            graph.invoke(question(memory_id), {"configurable": {"langgraph_auth_user": User("globex")}})

    asks: dict[str, Ask] = {
        "GET /memories/{id}": lambda it: client.get(f"/memories/{it}"),
        "DELETE /memories/{id}": lambda it: client.delete(f"/memories/{it}"),
        "POST /memorag/invoke": lambda it: client.post("/memorag/invoke", json={"input": question(it)}),
        "POST /memorag/batch": lambda it: client.post("/memorag/batch", json={"inputs": [question(it)]}),
        "POST /memorag/stream": lambda it: client.post("/memorag/stream", json={"input": question(it)}),
        "POST /memorag/stream_events": lambda it: client.post("/memorag/stream_events", json={"input": question(it)}),
        "run of a LangGraph server": run,
    }
    return asks, ids


def measure(ask: Ask, groups: dict[str, list[str]], rounds: int, chance: random.Random) -> dict[str, Any]:
    """Ask for an id of each group by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in groups}
    for at in range(-20, rounds):  # the first ones warm up
        order = list(groups)
        chance.shuffle(order)
        for name in order:
            memory_id = groups[name][at % IDS]
            began = time.perf_counter()
            ask(memory_id)
            if at >= 0:
                seconds[name].append(time.perf_counter() - began)
    nobody = seconds["nobody's"]
    return {
        "median_ms": {name: round(1000 * median(times), 3) for name, times in seconds.items()},
        **{
            label: {
                "ratio_of_medians": round(median(seconds[name]) / median(nobody), 4),
                "p": round(float(mannwhitneyu(seconds[name], nobody).pvalue), 4),
            }
            for label, name in (("existing_to_nobodys", "another tenant's"), ("chance", "also nobody's"))
        },
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    chance = random.Random(arguments.seed)
    with tempfile.TemporaryDirectory() as directory:
        asks, ids = doors(Path(directory))
        groups = {"another tenant's": ids}
        for name in ("nobody's", "also nobody's"):
            groups[name] = [f"{chance.getrandbits(128):032x}" for _ in ids]
        measured = {name: measure(ask, groups, arguments.rounds, chance) for name, ask in asks.items()}
    write_result(
        "tenant_timing", {"rounds": arguments.rounds, "ids_each": IDS, "seed": arguments.seed, "doors": measured}
    )


if __name__ == "__main__":
    main()
