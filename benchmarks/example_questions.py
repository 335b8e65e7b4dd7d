"""Measure how often quotations overlap the evidence, for the example's questions with the embedded models.

Compares retrieval with the question alone and the default pipeline with clues, in one run at one token budget.
"""

import argparse
import json
import tempfile
from pathlib import Path
from typing import Any

from common import DOCUMENT, QUESTIONS, write_result

from memorag_graph.documents import read_document
from memorag_graph.graph import build_graph
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.state import GraphInput

Spans = list[tuple[int, int]]


def touches(found: Spans, evidence: Spans) -> bool:
    return any(start < end_of and start_of < end for start, end in found for start_of, end_of in evidence)


def recall(found: Spans, evidence: Spans) -> float:
    """Return the share of the evidence's characters that were found."""
    wanted = {at for start, end in evidence for at in range(start, end)}
    return len(wanted & {at for start, end in found for at in range(start, end)}) / len(wanted)


def answered(result: dict[str, Any]) -> tuple[Spans, Spans, bool]:
    """Return the offsets of the evidence and of the answer's quotations, and whether it is a refusal."""
    return (
        [(it.metadata["start"], it.metadata["end"]) for it in result["evidence"]],
        [(it["start"], it["end"]) for it in result["citations"]],
        result["abstained"],
    )


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    silence_libraries()
    lines = QUESTIONS.read_text(encoding="utf-8").splitlines()
    questions = [question for question in map(json.loads, lines) if question["kind"] != "summary"]
    registry = Registry()
    graph = build_graph(registry)
    scores: dict[str, list[tuple[float, bool, bool]]] = {}
    with tempfile.TemporaryDirectory() as kept:
        opened = registry.memorize([read_document(DOCUMENT)], RunOptions(), Path(kept))
        for question in questions:
            evidence = [tuple(span) for span in question["evidence"]]
            asked, place = question["query"], opened.memory.id
            found = {
                "question alone": answered(graph.invoke(GraphInput(memory_id=place, query=asked, task_type="lookup"))),
                "default, with clues": answered(graph.invoke(GraphInput(memory_id=place, query=asked))),
            }
            for name, (passages, quotes, refused) in found.items():
                scores.setdefault(name, []).append((recall(passages, evidence), touches(quotes, evidence), refused))
    write_result(
        "example_questions",
        {
            "questions": len(questions),
            "evidence_tokens": RunOptions().evidence_tokens,
            "pipelines": {
                name: {
                    "evidence_recall": round(sum(it[0] for it in values) / len(values), 3),
                    "quotations_touch_evidence": sum(it[1] for it in values),
                    "refused": sum(it[2] for it in values),
                }
                for name, values in scores.items()
            },
        },
    )


if __name__ == "__main__":
    main()
