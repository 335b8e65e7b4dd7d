"""Ask ten questions while another client memorizes 200 pages; the baseline is the same questions asked alone."""

import argparse
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import httpx
from clients import QUESTIONS, ask, serve
from common import DOCUMENT, write_result

from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

PAGES, CHARACTERS_PER_PAGE = 200, 2500
ASKED = 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    parser.add_argument("--tasks", nargs="+", default=["lookup", "memorag"])
    arguments = parser.parse_args()
    text = arguments.document.read_text(encoding="utf-8")
    with tempfile.TemporaryDirectory() as root:
        url = serve(Registry(MemoryStore(Path(root))), RunOptions())
        with httpx.Client(base_url=url, timeout=None) as client:
            memory_id = memorize(client, "letters", text)
            ask(client, memory_id, QUESTIONS[0], "memorag")  # warm-up: load models and memory
            tasks = {task: compare(client, memory_id, task, text) for task in arguments.tasks}
    write_result("beside_memorizing", {"pages": PAGES, "questions": ASKED, "tasks": tasks})


def memorize(client: httpx.Client, name: str, text: str) -> str:
    given = {"documents": [{"name": name, "text": text}]}
    return str(client.post("/memories", json=given).raise_for_status().json()["memory_id"])


def compare(client: httpx.Client, memory_id: str, task: str, text: str) -> dict[str, Any]:
    """Return the seconds of a question alone and beside memorizing, and their ratio."""
    for question in QUESTIONS[:ASKED]:
        ask(client, memory_id, question, task)  # what is cached of a question is so in both cases
    before = [timed(client, memory_id, question, task) for question in QUESTIONS[:ASKED]]
    length = PAGES * CHARACTERS_PER_PAGE
    parts = range(1 + length // len(text))
    book = "\n\n".join(f"Part {number} of a book for {task}.\n\n{text}" for number in parts)
    other = threading.Thread(target=memorize, args=(client, task, book[:length]))
    other.start()
    time.sleep(2)
    beside = []
    for question in QUESTIONS[:ASKED]:
        seconds = timed(client, memory_id, question, task)
        if other.is_alive():
            beside.append(seconds)
    other.join()
    alone = [*before, *(timed(client, memory_id, question, task) for question in QUESTIONS[:ASKED])]
    found = {
        "alone_s": round(statistics.median(alone), 3),
        "beside_s": round(statistics.median(beside), 3),
        "asked_beside": len(beside),
        "ratio": round(statistics.median(beside) / statistics.median(alone), 2),
    }
    print(task, found, flush=True)
    return found


def timed(client: httpx.Client, memory_id: str, question: str, task: str) -> float:
    start = time.perf_counter()
    ask(client, memory_id, question, task)
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
