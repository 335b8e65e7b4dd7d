"""Measure how build time, RAM, disk space and answer time grow with the text's length, with the embedded models.

Each length is memorized in one process and asked in another, so that peak RAM is measured separately. Ratios compare
each length with the next shorter one.

    python benchmarks/growth.py DOCUMENTS.jsonl [...] --tokens 10000 100000 1000000

Each line of a file holds a document as {"text": ...}. If all of them together are too short, they are repeated with
their lines in reverse order, so that the model does not see the same text twice.
"""

import argparse
import json
import multiprocessing
import resource
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

from common import write_result

from memorag_graph.documents import Document
from memorag_graph.graph import build_graph
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import silence_libraries
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.state import GraphInput

QUESTIONS = [
    "What was decided about the budget?",
    "Who disagreed with the plan, and for which reason?",
    "What are the figures for the last year?",
]
REPEATS = 2
_MILLION = 1e6


def documents(paths: list[Path], tokens: int, count: Callable[[str], int]) -> Iterator[Document]:
    """Yield documents with this many tokens in total."""
    texts = [json.loads(line)["text"] for path in paths for line in path.read_text(encoding="utf-8").splitlines()]
    for number, text in enumerate([*texts, *("\n".join(reversed(text.splitlines())) for text in texts)]):
        cost = count(text)
        share = min(1.0, tokens / cost)
        yield Document(text=text[: int(len(text) * share)], source=f"document {number}")
        tokens -= cost
        if tokens <= 0:
            return
    raise SystemExit(f"the documents are {tokens:,} tokens too short; give more files")


def peak_mb() -> int:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def form(paths: list[Path], tokens: int, directory: Path) -> dict[str, Any]:
    """Memorize this many tokens; return times and sizes."""
    silence_libraries()
    registry, options = Registry(), RunOptions()
    model = registry.models.memory_model(EMBEDDED, RunOptions())
    registry.models.embeddings(EMBEDDED)
    loaded = peak_mb()
    texts = list(documents(paths, tokens, model.language_model.count))
    began, stages = time.perf_counter(), dict[str, list[float]]()

    def report(progress: Progress) -> None:
        now = time.perf_counter() - began
        stages.setdefault(progress.stage, [now, now])[1] = now

    memory = registry.memorize(texts, options, directory, report).memory
    return {
        "context_tokens": memory.context_tokens,
        "memory_tokens": memory.memory_tokens,
        "shards": len(memory.shards),
        "forming_seconds": round(time.perf_counter() - began, 1),
        "stage_seconds": {stage: round(end - start, 1) for stage, (start, end) in stages.items()},
        "forming_peak_mb": peak_mb(),
        "models_loaded_peak_mb": loaded,
        "disk_mb": {path.name: round(path.stat().st_size / _MILLION, 2) for path in directory.glob("[!.]*")},
    }


def ask(directory: Path) -> dict[str, Any]:
    """Open a memory and ask; return times and peak RAM."""
    silence_libraries()
    registry = Registry()
    registry.models.memory_model(EMBEDDED, RunOptions())
    registry.models.embeddings(EMBEDDED)
    began = time.perf_counter()
    registry.open(str(directory), RunOptions())
    opening = time.perf_counter() - began
    graph, times = build_graph(registry), list[float]()
    for question in QUESTIONS * REPEATS:
        began = time.perf_counter()
        graph.invoke(GraphInput(memory_id=str(directory), query=question))
        times.append(time.perf_counter() - began)
    return {
        "opening_seconds": round(opening, 3),
        "answer_seconds": round(statistics.median(times), 2),
        "all_answer_seconds": [round(it, 2) for it in times],
        "asking_peak_mb": peak_mb(),
    }


def alone(work: Callable[..., dict[str, Any]], *arguments: object) -> dict[str, Any]:
    """Run a function in a new process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(work, arguments)


def formed(paths: list[Path], tokens: int, directory: Path) -> dict[str, Any]:
    """Memorize in a new process, or return the measurements that an earlier run stored beside the memory."""
    stored = directory.with_suffix(".json")
    if not stored.exists():
        stored.parent.mkdir(parents=True, exist_ok=True)
        stored.write_text(json.dumps(alone(form, paths, tokens, directory)), encoding="utf-8")
    described: dict[str, Any] = json.loads(stored.read_text(encoding="utf-8"))
    return described


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("documents", type=Path, nargs="+")
    parser.add_argument("--tokens", type=int, nargs="+", default=[10_000, 100_000, 1_000_000])
    parser.add_argument("--keep", type=Path, help="directory for the memories; re-run to resume")
    arguments = parser.parse_args()
    rows = []
    with tempfile.TemporaryDirectory() as temporary:
        for tokens in arguments.tokens:
            directory = (arguments.keep or Path(temporary)) / str(tokens)
            row = formed(arguments.documents, tokens, directory) | alone(ask, directory)
            print(json.dumps(row), flush=True)
            rows.append(row)
    ratios = {
        f"{after['context_tokens']:,} to {before['context_tokens']:,} tokens": {
            name: round(after[name] / before[name], 2)
            for name in ("context_tokens", "forming_seconds", "forming_peak_mb", "asking_peak_mb", "answer_seconds")
        }
        for before, after in pairwise(rows)
    }
    write_result("growth", {"rows": rows, "ratios": ratios})


if __name__ == "__main__":
    main()
