"""Measure what the clues of a question cost: the embedded model in float32, with its adapter and without.

Usage: python benchmarks/clue_seconds.py

The twenty questions of the example are asked one after the other; with the adapter, which writes drafts alone, and
without it all three kinds of clues. The peer in the same run is the lookup, which asks no memory. The first question of
each is not counted. Results are written to benchmarks/results/clue_seconds.json.
"""

import json
import statistics
import time

from common import DOCUMENT, QUESTIONS, write_result

from memorag_graph.graph import graph
from memorag_graph.settings import RunOptions, TaskType
from memorag_graph.state import GraphInput

CLUES = ("recall", "rewrite", "draft_answer")
_PLAIN = RunOptions(model="embedded", dtype="float32", use_memory_answer=True)
WAYS: dict[str, tuple[TaskType, RunOptions]] = {
    "lookup": ("lookup", _PLAIN),
    "with the adapter": ("memorag", _PLAIN.model_copy(update={"adapter": "embedded"})),
    "without": ("memorag", _PLAIN),
}
ROUNDS = 2


def main() -> None:
    """Ask the questions in each way, by turns."""
    text = DOCUMENT.read_text(encoding="utf-8")
    questions = [json.loads(line)["query"] for line in QUESTIONS.read_text(encoding="utf-8").splitlines()]
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in WAYS}
    for turn in range(ROUNDS + 1):
        for name, (task, options) in WAYS.items():
            for question in questions if turn else questions[:1]:
                start = time.perf_counter()
                result = graph.invoke(GraphInput(context=text, query=question, task_type=task), context=options)
                whole = time.perf_counter() - start
                clues = max((result["timings"].get(node, 0.0) for node in CLUES), default=0.0)
                if turn:
                    found[name].append((clues, whole))
    figures = {
        name: {
            "clues_median_s": round(statistics.median(clues for clues, _ in each), 2),
            "question_median_s": round(statistics.median(whole for _, whole in each), 2),
            "questions": len(each),
        }
        for name, each in found.items()
    }
    lookup = figures["lookup"]["question_median_s"]
    ratios = {name: round(each["question_median_s"] / lookup, 1) for name, each in figures.items()}
    write_result("clue_seconds", {"seconds": figures, "times_a_lookup": ratios})


if __name__ == "__main__":
    main()
