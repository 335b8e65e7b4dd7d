"""Serve 32 concurrent clients that ask one memory; the baseline is the same questions asked one at a time."""

import argparse
import socket
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Literal

import httpx
import uvicorn
from common import DOCUMENT, write_result

from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.settings import RunOptions

CLIENTS = 32
SUBJECTS = [
    "the bridge", "the ferries", "the price of fuel", "the dividend", "the pandemic", "the pension fund", "the freight",
    "the Tarvay Star", "the crews", "the bank", "the harbour dues", "the island authority", "the new ships",
    "the insurance", "the passengers", "the timetable",
]  # fmt: skip
QUESTIONS = [f"What did the chairman {verb} about {subject}?" for subject in SUBJECTS for verb in ("say", "promise")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--document", type=Path, default=DOCUMENT)
    parser.add_argument("--tasks", nargs="+", default=["qa", "memorag"])
    parser.add_argument("--dtypes", nargs="+", default=["float32", "bfloat16"])
    arguments = parser.parse_args()
    text = arguments.document.read_text(encoding="utf-8")
    results = {dtype: measure(text, dtype, arguments.tasks) for dtype in arguments.dtypes}
    write_result("clients", {"clients": CLIENTS, "dtypes": results})


def measure(text: str, dtype: Literal["float32", "bfloat16"], tasks: Sequence[str]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as root:
        url = serve(Registry(MemoryStore(Path(root))), RunOptions(dtype=dtype))
        with httpx.Client(base_url=url, timeout=None) as client:
            given = {"documents": [{"name": "letters", "text": text}]}
            memory_id = client.post("/memories", json=given).raise_for_status().json()["memory_id"]
            ask(client, memory_id, QUESTIONS[0], "memorag")  # warm-up: load models and memory
            return {task: compare(client, memory_id, task) for task in tasks}


def serve(registry: Registry, options: RunOptions) -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(create_app(registry, options), port=port, log_level="warning"))
    threading.Thread(target=server.run, daemon=True).start()
    while not server.started:
        time.sleep(0.05)
    return f"http://127.0.0.1:{port}"


def ask(client: httpx.Client, memory_id: str, question: str, task: str) -> str:
    given = {"memory_id": memory_id, "query": question, "task_type": task}
    body = {"input": given, "config": {"configurable": {"max_new_tokens": 48}}}
    return str(client.post("/memorag/invoke", json=body).raise_for_status().json()["output"]["answer"])


def compare(client: httpx.Client, memory_id: str, task: str) -> dict[str, Any]:
    """Measure concurrent questions first, so that caches favour the baseline."""
    start = time.perf_counter()
    with ThreadPoolExecutor(CLIENTS) as pool:
        together = list(pool.map(lambda question: ask(client, memory_id, question, task), QUESTIONS))
    at_once = time.perf_counter() - start
    start = time.perf_counter()
    alone = [ask(client, memory_id, question, task) for question in QUESTIONS]
    one_by_one = time.perf_counter() - start
    found = {
        "one_by_one_s": round(one_by_one, 1),
        "at_once_s": round(at_once, 1),
        "ratio": round(at_once / one_by_one, 3),
        "equal_answers": sum(one == other for one, other in zip(alone, together, strict=True)),
    }
    print(task, found, flush=True)
    return found


if __name__ == "__main__":
    main()
