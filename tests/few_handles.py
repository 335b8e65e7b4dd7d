"""A process that may have 64 files open, for tests/test_few_handles.py.

Memorizes, asks, lists and opens again many memories; then holds all of them open, which needs more files; then is
allowed more files and holds them again. Prints a line of JSON for each: what it did, or the package's error.
"""

import json
import resource
import sys
from collections.abc import Callable
from pathlib import Path

from memorag_graph.documents import Document
from memorag_graph.errors import MemoragError
from memorag_graph.graph import build_graph
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY
from tests.fault_memories import registry

FEW, MORE = 64, 1024
OPTIONS = TINY.model_copy(update={"gist_tokens": 16, "max_new_tokens": 10})


def use(own: Registry, count: int) -> dict[str, object]:
    for number in range(count):
        own.memorize([Document("a.txt", f"{number}. {TEXT[:100]}")], OPTIONS)
    graph = build_graph(own)
    ids = [info["memory_id"] for info in own.store.memories()]
    for memory_id in ids[: count // 10]:
        graph.invoke({"memory_id": memory_id, "query": "Who?"}, context=OPTIONS)  # type: ignore[call-overload]
    return {"listed": len(ids), "opened": len({own.open(memory_id, OPTIONS).memory.id for memory_id in ids})}


def hold(own: Registry) -> dict[str, object]:
    return {"held": len([own.open(info["memory_id"], OPTIONS) for info in own.store.memories()])}


def attempt(do: Callable[[], dict[str, object]], files: int) -> None:
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    try:
        told = do()
    except MemoragError as error:
        told = {"error": str(error)}
    sys.stdout.write(json.dumps(told) + "\n")


if __name__ == "__main__":
    own = registry().with_store(MemoryStore(Path(sys.argv[1])))
    attempt(lambda: use(own, int(sys.argv[2])), FEW)
    attempt(lambda: hold(own), FEW)
    attempt(lambda: hold(own), MORE)
