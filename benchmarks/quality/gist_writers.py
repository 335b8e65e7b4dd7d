"""Compare gists that the embedded model writes with extractive ones: seconds, clues, answers from memory, outlines.

    python benchmarks/quality/gist_writers.py DATA --documents qmsum_val/qmsum-val-03,chunk_evidence/finance --keep DIR

DATA holds data sets in the evidence format. Re-run to resume. Writes benchmarks/results/gist_writers.json.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from common import write_result

from memorag_graph.clues.recall import MemoryRecall
from memorag_graph.clues.sharded_chat import ShardedChat
from memorag_graph.evaluation.dataset import DataSet
from memorag_graph.evaluation.evaluate import Plan, evaluate
from memorag_graph.evaluation.formats.load_dataset import load_dataset
from memorag_graph.evaluation.metrics.answer_metrics import f1, rouge
from memorag_graph.evaluation.significance import difference
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.settings import GistWriterName, RunOptions
from memorag_graph.unstreamed import HIDDEN

WRITERS: tuple[GistWriterName, ...] = ("model", "extractive")
PIPELINES = ("hybrid", "memorag+draft")
BUDGET = 1536


def measured(
    data_set: DataSet, writer: GistWriterName, keep: Path, registry: Registry, questions: int, answers: int
) -> dict[str, Any]:
    """Return what the memory of one document is worth; the data set holds that document's questions alone."""
    options = RunOptions(model="embedded", evidence_tokens=BUDGET, gist_writer=writer)
    (document,) = data_set.documents.values()
    start = time.perf_counter()
    opened = registry.memorize([document], options.model_copy(update={"index": "none"}))
    found: dict[str, Any] = {"seconds": time.perf_counter() - start, "tokens": opened.memory.context_tokens}
    known = [it for it in data_set.questions if it.evidence][:questions]
    place = keep / writer / document.source
    evaluate(replace(data_set, questions=tuple(known)), Plan(PIPELINES, options, answers=False), place, registry)
    for name in PIPELINES:
        lines = [json.loads(line) for line in (place / "items" / f"{name}.jsonl").read_text().splitlines()]
        found[name] = [line["metrics"]["evidence_recall"] for line in lines]
        found[f"{name} seconds"] = [line["seconds"].get("clues", 0.0) for line in lines]
    memory = MemoryRecall(ShardedChat(opened.chat(options)), opened.prompts(options), opened.memory.notes)
    asked = [it for it in data_set.questions if it.answers]
    specific = [it for it in asked if it.kind == "specific"][:answers]
    general = [it for it in asked if it.kind == "general"][:1]
    found["qa_f1"] = [f1(memory.answer(it.query, HIDDEN).items[0], it.answers) for it in specific]
    found["outline_rouge1"] = [
        rouge("\n".join(memory.outline(it.query, HIDDEN).items), it.answers)["rouge1"] for it in general
    ]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--documents", required=True, help="comma-separated DATA_SET/DOCUMENT")
    parser.add_argument("--keep", type=Path, required=True, help="working directory, reused between runs")
    parser.add_argument("--questions", type=int, default=10, help="questions with evidence per document")
    parser.add_argument("--answers", type=int, default=3, help="answers from memory per document")
    given = parser.parse_args()
    silence_libraries()
    registry = Registry()
    all_found: dict[str, dict[str, Any]] = {}
    for named in given.documents.split(","):
        folder, _, document = named.partition("/")
        data_set = load_dataset(str(given.data / folder))
        chosen = replace(
            data_set,
            documents={document: data_set.documents[document]},
            questions=tuple(it for it in data_set.questions if it.document_id == document),
        )
        path = given.keep / f"{document}.json"
        if not path.is_file():
            found = {it: measured(chosen, it, given.keep, registry, given.questions, given.answers) for it in WRITERS}
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(json.dumps(found))
        all_found[named] = json.loads(path.read_text())
        print(named, {it: round(found["seconds"], 1) for it, found in all_found[named].items()}, flush=True)
    write_result("gist_writers", {"documents": {name: _shortened(found) for name, found in all_found.items()},
                                  **_summary(list(all_found.values()))})  # fmt: skip


def _summary(found: Sequence[dict[str, Any]]) -> dict[str, Any]:
    def values(writer: str, what: str) -> list[float]:
        return [value for it in found for value in it[writer][what]]

    alone = values("model", "hybrid")
    result: dict[str, Any] = {"questions": len(alone), "question alone": float(np.mean(alone))}
    for writer in WRITERS:
        with_clues = values(writer, "memorag+draft")
        result[writer] = {
            "tokens_a_second": sum(it[writer]["tokens"] for it in found) / sum(it[writer]["seconds"] for it in found),
            "evidence_recall": float(np.mean(with_clues)),
            "gain": asdict(difference(with_clues, alone, 0)),
            "seconds_clues": float(np.mean(values(writer, "memorag+draft seconds"))),
            "qa_f1": float(np.mean(values(writer, "qa_f1"))),
            "outline_rouge1": float(np.mean(values(writer, "outline_rouge1"))),
        }
    extractive, written = values("extractive", "memorag+draft"), values("model", "memorag+draft")
    return {**result, "extractive - model": asdict(difference(extractive, written, 0))}


def _shortened(found: dict[str, Any]) -> dict[str, Any]:
    return {writer: {what: it[what] for what in ("seconds", "tokens")} for writer, it in found.items()}


if __name__ == "__main__":
    main()
