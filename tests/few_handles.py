"""A process that may have few files open, for tests/test_few_handles.py.

Memorizes, asks, lists and opens again as many memories as its first argument says. Prints a line of JSON: what it did, or
the package's error.
"""

import json
import resource
import sys
from pathlib import Path

from memorag_graph.documents import Document
from memorag_graph.errors import MemoragError
from memorag_graph.graph import build_graph
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY
from tests.fault_memories import registry

OPTIONS = TINY.model_copy(update={"gist_tokens": 8, "max_new_tokens": 4})


def document(number: int) -> list[Document]:
    return [Document("a.txt", f"{number}. {TEXT[:300]}")]


def use(own: Registry, count: int, hold: bool) -> dict[str, int]:
    """Use many memories; hold them all open if told so."""
    held = []
    for number in range(count):
        opened = own.memorize(document(number), OPTIONS)
        held += [opened] * hold
    graph = build_graph(own)
    ids = [info["memory_id"] for info in own.store.memories()]
    answers = [
        graph.invoke({"memory_id": memory_id, "query": "Who?"}, context=OPTIONS)["answer"]  # type: ignore[call-overload]
        for memory_id in ids[: count // 5]
    ]
    again = {own.open(memory_id, OPTIONS).memory.id for memory_id in ids}
    return {"listed": len(ids), "answers": len(answers), "opened": len(again)}


def main(root: str, files: int, count: int, hold: bool) -> None:
    own = registry().with_store(MemoryStore(Path(root)))
    if files:
        resource.setrlimit(resource.RLIMIT_NOFILE, (files, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    try:
        print(json.dumps(use(own, count, hold)))
    except MemoragError as error:
        print(json.dumps({"error": str(error)}))


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:4]), sys.argv[4] == "hold")
