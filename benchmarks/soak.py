"""Many clients of the service for minutes: memorize, ask, leave in the middle, delete.

    python benchmarks/soak.py [--minutes 15] [--clients 20]

Every answer is compared with the one that a client alone got before. Reported: the times of answers, what differed, and
the service's RSS, open files, threads and temporary files all the time.
"""

import argparse
import json
import os
import random
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from itertools import product
from pathlib import Path
from typing import Any

import httpx
import psutil
from common import DOCUMENT, write_result

DOCUMENTS, QUESTIONS_EACH = 12, 3
TASKS, SHARES = ("lookup", "qa"), (85, 15)
"""Quotes found without the language model, and answers that it writes in one batch with those of other clients."""

CHARACTERS = 2_000
SETTINGS = {"gist_chunk_size": 256, "gist_tokens": 16}
SAMPLE_SECONDS = 30.0
"""Between two looks at the service's resources; in the first minutes caches fill."""


class Service:
    """The service in a process of its own, with a store and a directory for temporary files of its own."""

    def __init__(self, directory: Path) -> None:
        self.temporary = directory / "tmp"
        self.temporary.mkdir()
        port = free_port()
        self.url = f"http://127.0.0.1:{port}"
        environment = {**os.environ, "MEMORAG_GRAPH_HOME": str(directory), "TMPDIR": str(self.temporary)}
        command = [sys.executable, "-m", "memorag_graph", "serve", "--port", str(port)]
        self._process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(300):
            try:
                httpx.get(f"{self.url}/health")
                break
            except httpx.HTTPError:
                time.sleep(0.2)

    def resources(self) -> dict[str, float]:
        """Return what the process holds."""
        process = psutil.Process(self._process.pid)
        return {
            "rss_mb": round(process.memory_info().rss / 1e6),
            "open_files": process.num_fds(),
            "threads": process.num_threads(),
            "temporary_files": sum(1 for path in self.temporary.rglob("*") if path.is_file()),
        }

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(60)


def free_port() -> int:
    import socket

    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Case:
    """A document, its questions, and the answers that a client alone got."""

    def __init__(self, name: str, text: str) -> None:
        sentences = [it.strip() for it in text.replace("\n", " ").split(". ") if len(it) > 60]
        self.name, self.text = name, text
        self.questions = [f"What is said about {sentence[:40]}?" for sentence in sentences[:QUESTIONS_EACH]]
        self.expected: dict[tuple[str, str], str] = {}

    def memorize(self, client: httpx.Client) -> str:
        given = {"documents": [{"name": self.name, "text": self.text}], "settings": SETTINGS}
        return str(client.post("/memories", json=given).raise_for_status().json()["memory_id"])

    def body(self, memory_id: str, question: str, task: str = "lookup") -> dict[str, Any]:
        given = {"memory_id": memory_id, "query": question, "task_type": task}
        return {"input": given, "config": {"configurable": {"max_new_tokens": 16}}}


class Soak:
    """What the clients do, and what came of it."""

    def __init__(self, url: str, cases: list[Case], end: float) -> None:
        self._url, self._cases, self._end = url, cases, end
        self._lock = threading.Lock()
        self.did: Counter[str] = Counter()
        self.seconds: dict[str, list[float]] = {task: [] for task in TASKS}
        self.wrong: list[str] = []

    def client(self, seed: int) -> None:
        chance = random.Random(seed)
        with httpx.Client(base_url=self._url, timeout=300) as client:
            while time.monotonic() < self._end:
                case = chance.choice(self._cases)
                action = chance.choices(("ask", "memorize", "leave", "delete"), (70, 12, 12, 6))[0]
                getattr(self, f"_{action}")(client, case, chance)

    def _memorize(self, client: httpx.Client, case: Case, _: random.Random) -> None:
        case.memorize(client)
        self._count("memorized")

    def _ask(self, client: httpx.Client, case: Case, chance: random.Random) -> None:
        memory_id, question = case.memorize(client), chance.choice(case.questions)
        task = chance.choices(TASKS, SHARES)[0]
        began = time.monotonic()
        answer = client.post("/memorag/invoke", json=case.body(memory_id, question, task))
        seconds = time.monotonic() - began
        if answer.status_code in (404, 409):  # another client deleted it just now
            self._count("deleted meanwhile")
            return
        given = answer.raise_for_status().json()["output"]["answer"]
        with self._lock:
            self.did["asked"] += 1
            self.seconds[task].append(seconds)
            if given != case.expected[task, question]:
                self.wrong.append(f"{task}, {question}: {given!r} instead of {case.expected[task, question]!r}")

    def _leave(self, client: httpx.Client, case: Case, chance: random.Random) -> None:
        body = {**case.body(case.memorize(client), chance.choice(case.questions))}
        body["input"]["task_type"] = "memorag"
        try:
            with client.stream("POST", "/memorag/stream", json=body, timeout=chance.uniform(0.05, 1.0)) as answer:
                next(answer.iter_lines(), None)
        except httpx.HTTPError:
            pass
        self._count("left")

    def _delete(self, client: httpx.Client, case: Case, _: random.Random) -> None:
        status = client.delete(f"/memories/{case.memorize(client)}").status_code
        self._count({204: "deleted", 409: "in use", 404: "deleted meanwhile"}.get(status, f"status {status}"))

    def _count(self, what: str) -> None:
        with self._lock:
            self.did[what] += 1


def cases() -> list[Case]:
    text = DOCUMENT.read_text(encoding="utf-8")
    step = len(text) // DOCUMENTS
    return [Case(f"part-{at}.txt", text[at * step : at * step + CHARACTERS]) for at in range(DOCUMENTS)]


def percentiles(seconds: list[float]) -> dict[str, float]:
    ordered = sorted(seconds)
    return {f"p{share}": round(ordered[share * len(ordered) // 100], 3) for share in (50, 99)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=15)
    parser.add_argument("--clients", type=int, default=20)
    arguments = parser.parse_args()
    known = cases()
    with tempfile.TemporaryDirectory() as directory:
        service = Service(Path(directory))
        with httpx.Client(base_url=service.url, timeout=600) as alone:
            for case in known:
                memory_id = case.memorize(alone)
                for task, question in product(TASKS, case.questions):
                    answer = alone.post("/memorag/invoke", json=case.body(memory_id, question, task))
                    case.expected[task, question] = answer.raise_for_status().json()["output"]["answer"]
        soak = Soak(service.url, known, time.monotonic() + 60 * arguments.minutes)
        threads = [threading.Thread(target=soak.client, args=(seed,)) for seed in range(arguments.clients)]
        for thread in threads:
            thread.start()
        samples = []
        while any(thread.is_alive() for thread in threads):
            samples.append(service.resources())
            time.sleep(SAMPLE_SECONDS)
        time.sleep(5)
        after = service.resources()
        service.stop()
    write_result(
        "soak",
        {
            "minutes": arguments.minutes,
            "clients": arguments.clients,
            "actions": dict(soak.did),
            "wrong_answers": len(soak.wrong),
            "answer_seconds": {task: percentiles(seconds) for task, seconds in soak.seconds.items()},
            "service_every_30_seconds": samples,
            "service_at_the_end": after,
        },
    )
    if soak.wrong:
        print(json.dumps(soak.wrong[:5], ensure_ascii=False))


if __name__ == "__main__":
    main()
