"""Measure extractive answers to questions that a document answers, and refusals of those that it does not.

Each question is put to its own document, and to that without the passages that hold its evidence, which still has the
subject. Others are put to another document of the same collection, or of another one. Reported on what nothing was
fitted to: every other question of chunk_evidence, the second half of XQuAD's English articles, qmsum_val.

Usage: python benchmarks/quality/unanswerable.py DATA --cache DIR [--most 100]
"""

import argparse
import random
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from common import write_result
from evidence_data import KeptEmbeddings, read, touches
from searched import Searched
from sklearn.metrics import roc_auc_score

from memorag_graph.evaluation.metrics.answer_metrics import f1
from memorag_graph.generation.confidence import THRESHOLD
from memorag_graph.generation.extractive_generator import ExtractiveGenerator

OWN, WITHOUT, DOCUMENT, COLLECTION = "answerable", "evidence removed", "another document", "another collection"
MEETINGS = "qmsum_val"
WRONG = 0.02
"""Share of answerable questions that may be refused."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """A text and its own questions; questions of ``alike`` are about other texts of the collection."""

    collection: str
    name: str
    text: str
    questions: list[Row]
    alike: list[Row]


def cases(data: Path) -> Iterator[Case]:
    for collection in ("chunk_evidence", MEETINGS):
        documents, questions = read(data / collection)
        asked = [it for it in questions if it["kind"] != "general"]
        for name, text in documents.items():
            own = [it for it in asked if it["document_id"] == name]
            others = [it for it in asked if it["document_id"] != name]
            yield Case(collection, name, text, own if collection == MEETINGS else own[1::2], others)
    documents, questions = read(data / "xquad_en")
    (text,) = documents.values()
    cut = text.rfind("\n\n", 0, questions[len(questions) // 2]["evidence"][0][0])
    second = [it for it in questions if it["evidence"][0][0] >= cut]
    moved = [{**it, "evidence": [[start - cut, end - cut] for start, end in it["evidence"]]} for it in second]
    first = [it for it in questions if it["evidence"][0][1] <= cut]
    yield Case("xquad_en", "xquad_en", text[cut:], moved, first)


def asked(data: Path, most: int) -> Iterator[tuple[Case, str, Row]]:
    """Yield a text, a kind of question and the question: up to ``most`` of each collection, and half as many others."""
    picked = random.Random(5)
    every = list(cases(data))
    for name in dict.fromkeys(case.collection for case in every):
        own = [(case, it) for case in every if case.collection == name for it in case.questions]
        others = [it for case in every if case.collection != name for it in case.questions]
        for case, question in picked.sample(own, min(most, len(own))):
            yield case, OWN, question
            yield case, WITHOUT, question
        for _ in range(most // 2):
            case, _ = picked.choice(own)
            yield case, DOCUMENT, picked.choice(case.alike)
            yield case, COLLECTION, picked.choice(others)


def measure(searched: Searched, kind: str, question: Row) -> Row:
    """Return what an answer quotes, and how sure it is."""
    given = searched.asked(question["query"])
    answer = ExtractiveGenerator(embeddings=searched.embeddings).invoke(given)
    spans = [(it.start, it.end) for it in answer.citations]
    row: Row = {
        "confidence": answer.confidence,
        "abstained": answer.abstained,
        "sentences": len(spans),
        "found": touches([(it.start, it.end) for it in given["evidence"]], question["evidence"]),
        "touches": touches(spans, question["evidence"]),
        "on_evidence": float(np.mean([touches([it], question["evidence"]) for it in spans])) if spans else 0.0,
    }
    if kind == OWN and question["answer"]:
        row["f1"] = f1(answer.text, [question["answer"]])
    return row


def collect(data: Path, cache: Path, most: int) -> list[Row]:
    embeddings = KeptEmbeddings(cache)
    whole: dict[str, Searched] = {}
    rows: list[Row] = []
    for case, kind, question in asked(data, most):
        if case.name not in whole:
            whole[case.name] = Searched.of(case.name, case.text, embeddings)
        searched = whole[case.name].without(question["evidence"]) if kind == WITHOUT else whole[case.name]
        rows.append({**measure(searched, kind, question), "collection": case.collection, "kind": kind})
    return rows


def report(rows: list[Row]) -> dict[str, Any]:
    """Return for each collection what answers quote, and the refused shares by kind of question."""
    tables: dict[str, Any] = {}
    for name in dict.fromkeys(row["collection"] for row in rows):
        own = [row for row in rows if row["collection"] == name and row["kind"] == OWN]
        found = [row for row in own if row["found"]]
        tables[name] = {
            "questions": len(own),
            "touch_evidence": mean(row["touches"] for row in own),
            "sentences": mean(row["sentences"] for row in own),
            "share_of_sentences_on_evidence": mean(row["on_evidence"] for row in own),
            "wrong_refusals": mean(row["abstained"] for row in found),
        }
        if name == MEETINGS:
            tables[name]["f1"] = mean(row["f1"] for row in own)
        for kind in (WITHOUT, DOCUMENT, COLLECTION):
            of_kind = [row for row in rows if row["collection"] == name and row["kind"] == kind]
            tables[name][kind] = refusals(found, of_kind)
    return tables


def refusals(answerable: list[Row], others: list[Row]) -> dict[str, float]:
    """Return how many others are refused, and how many would be if 2 % of the answerable ones were."""
    sure = [row["confidence"] for row in answerable]
    unsure = [row["confidence"] for row in others]
    labels = [1] * len(sure) + [0] * len(unsure)
    return {
        "questions": len(others),
        "refused": mean(row["abstained"] for row in others),
        "refused_at_2_percent_wrong": mean(it < np.quantile(sure, WRONG) for it in unsure),
        "roc_auc": round(float(roc_auc_score(labels, sure + unsure)), 3),
    }


def mean(values: Iterable[float]) -> float:
    return round(float(np.mean(list(values))), 3)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--most", type=int, default=100, help="answerable questions of each collection")
    given = parser.parse_args()
    rows = collect(given.data, given.cache, given.most)
    write_result("unanswerable", {"threshold": THRESHOLD, "most": given.most, **report(rows)})


if __name__ == "__main__":
    main()
