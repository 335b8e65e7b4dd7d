"""Measure how many answerable and unanswerable questions the whole pipeline refuses, on two long texts.

    python benchmarks/quality/refusals.py DATA --keep DIR

Fifty questions about the speech and the articles of DATA/chunk_evidence, and fifty that these texts do not answer:
about the filings, and about the meetings in DATA/qmsum_val.
"""

import argparse
import json
import random
import shutil
from pathlib import Path
from typing import Any

from study import BUDGET, RESULTS

from memorag_graph.evaluation.evaluate import Plan, evaluate
from memorag_graph.evaluation.formats.load_dataset import load_dataset
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

ASKED = ("state_of_the_union", "wikitexts")
ELSEWHERE = "finance"
EACH = 25
METRICS = ("refused_unanswerable", "refused_answerable", "citation_validity", "citation_hit")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def write(path: Path, lines: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines), encoding="utf-8")


def make_data(data: Path, place: Path) -> None:
    picked = random.Random(3)
    texts, meetings = data / "chunk_evidence", data / "qmsum_val"
    documents = [it for it in read(texts / "documents.jsonl") if it["id"] in ASKED]
    questions = read(texts / "questions.jsonl")
    filings = [it for it in questions if it["document_id"] == ELSEWHERE]
    spoken = [it for it in read(meetings / "questions.jsonl") if it["kind"] == "specific"]
    made = []
    for document in documents:
        own = [it for it in questions if it["document_id"] == document["id"]]
        made += [{**it, "id": f"own {it['id']}"} for it in picked.sample(own, EACH)]
        foreign = picked.sample(filings, EACH // 2) + picked.sample(spoken, EACH - EACH // 2)
        made += [
            {"id": f"{document['id']} {it['id']}", "document_id": document["id"], "query": it["query"], "answer": "",
             "evidence": [], "kind": "unanswerable"}
            for it in foreign
        ]  # fmt: skip
    place.mkdir(parents=True, exist_ok=True)
    write(place / "documents.jsonl", documents)
    write(place / "questions.jsonl", made)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="working directory, reused between runs")
    given = parser.parse_args()
    silence_libraries()
    make_data(given.data, given.keep / "data")
    options = RunOptions(model="embedded", evidence_tokens=BUDGET)
    plan = Plan(("hybrid",), options, metrics=METRICS)
    evaluate(load_dataset(str(given.keep / "data")), plan, given.keep / "run", Registry())
    target = RESULTS / "refusals"
    target.mkdir(parents=True, exist_ok=True)
    for name in ("results.json", "report.md"):
        shutil.copy(given.keep / "run" / name, target / name)


if __name__ == "__main__":
    main()
