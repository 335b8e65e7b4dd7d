"""Measure how well the confidence of extractive answers separates answerable from unanswerable questions.

Fits the coefficients on the tuning half and reports the built-in ones on the other half: area under the ROC curve, and
share of refused questions by threshold. Unanswerable questions are those of another domain, those of another document
of the same kind, and a document's own questions with the evidence removed from the text.

Usage: python benchmarks/quality/abstention.py DATA --cache DIR
"""

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from common import write_result
from evidence_data import Indexed, KeptEmbeddings, read
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from memorag_graph.generation.confidence import INTERCEPT, MEANING, THRESHOLD, WORDS, compare, confidence, features
from memorag_graph.generation.quotable_sentences import is_quotable, sentences_of
from memorag_graph.generation.sentence_scores import descending, distinct, score_sentences

Question = dict[str, Any]
OWN = "answerable"
THRESHOLDS = (0.1, 0.15, 0.2, 0.25, 0.3, 0.35, 0.4, 0.5, 0.6, 0.7)
REFUSED = 0.05
"""Acceptable share of refused answerable questions."""


def cases(
    name: str, every: dict[str, list[Question]], documents: dict[str, str]
) -> Iterator[tuple[str, Question, str]]:
    """Yield document, question and kind; the question's ``part`` tells the tuning half from the report half."""
    picked = random.Random(7)
    own = [it for it in every[name] if it["kind"] != "general"]
    others = [it for key, questions in every.items() if key != name for it in questions]
    few = len(documents) < 10
    for document in documents:
        questions_of = [it for it in own if it["document_id"] == document]
        alike = [it for it in own if it["document_id"] != document]
        part = questions_of[0]["part"] if questions_of else 0
        answerable = questions_of if few else picked.sample(questions_of, min(4, len(questions_of)))
        foreign = picked.sample(alike, 20 if few else 3)
        removed = picked.sample(questions_of, min(20 if few else 1, len(questions_of)))
        elsewhere = picked.sample(others, 20 if few else 2)
        for kind, questions in (
            (OWN, answerable),
            ("another document", foreign),
            ("evidence removed", removed),
            ("another domain", elsewhere),
        ):
            for position, question in enumerate(questions):
                by_half = question["part"] if kind in (OWN, "evidence removed") else position % 2
                yield document, {**question, "part": by_half if few else part}, kind


def measure(indexed: Indexed, question: Question, kind: str) -> tuple[float, float]:
    """Return the features of the answer that the package would give."""
    asked, without = question["query"], question["evidence"] if kind == "evidence removed" else ()
    sentences = sentences_of(indexed.evidence(asked, without), "en")
    meaning, chance = compare(indexed.embeddings, asked, [it.quote for it in sentences])
    rarity = indexed.keywords.rarity(asked)
    scores = score_sentences(sentences, meaning, asked, [], rarity, "en")
    ranked = [index for index in descending(scores.total) if is_quotable(sentences[index].quote)]
    chosen = distinct(ranked, sentences, 3)
    return features(asked, [sentences[it].quote for it in chosen], meaning[chosen], chance, rarity, "en")


def fit(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Fit a logistic regression with equal weights of collections and of answerable and unanswerable questions.

    Questions with removed evidence are excluded, since the rest of the document often answers them.
    """
    rows = [row for row in rows if row["kind"] != "evidence removed"]
    groups = [(row["collection"], row["kind"]) for row in rows]
    weights = [(2.0 if kind == OWN else 1.0) / groups.count((name, kind)) for name, kind in groups]
    labels = np.array([row["kind"] == OWN for row in rows])
    table = np.array([row["features"] for row in rows])
    model = LogisticRegression(max_iter=2000).fit(table, labels, sample_weight=np.array(weights) * 100)
    sure = model.predict_proba(table)[:, 1]
    found = {"intercept": model.intercept_[0], "meaning": model.coef_[0][0], "words": model.coef_[0][1]}
    found["threshold"] = float(np.quantile(sure[labels], REFUSED))
    return {key: round(float(value), 3) for key, value in found.items()}


def curve(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the refused share per threshold by kind of question, and the ROC AUC against answerable questions."""
    sure = {kind: [row["confidence"] for row in rows if row["kind"] == kind] for kind in {row["kind"] for row in rows}}
    unanswerable = [value for kind, values in sure.items() if kind != OWN for value in values]
    rows_by_kind = {}
    for kind, values in sorted({**sure, "all unanswerable": unanswerable}.items()):
        refused = {str(it): round(float((np.array(values) < it).mean()), 3) for it in (*THRESHOLDS, THRESHOLD)}
        rows_by_kind[kind] = {"questions": len(values), "refused_below": refused}
        if kind != OWN:
            labels = [1] * len(sure[OWN]) + [0] * len(values)
            rows_by_kind[kind]["roc_auc"] = round(float(roc_auc_score(labels, sure[OWN] + values)), 3)
    return rows_by_kind


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    given = parser.parse_args()
    write_result("abstention", results(collect(given.data, KeptEmbeddings(given.cache))))


def collect(data: Path, embeddings: KeptEmbeddings) -> list[dict[str, Any]]:
    """Return the features of the answer to each question."""
    names = ("chunk_evidence", "qmsum_val")
    read_in = {name: read(data / name) for name in names}
    every = {name: questions for name, (_, questions) in read_in.items()}
    rows = []
    for name, (documents, _) in read_in.items():
        indexed: dict[str, Indexed] = {}
        for document, question, kind in cases(name, every, documents):
            if document not in indexed:
                indexed[document] = Indexed.of(document, documents[document], embeddings)
            found = measure(indexed[document], question, kind)
            collection = document if len(documents) < 10 else name
            rows.append({"collection": collection, "kind": kind, "part": question["part"], "features": found})
    return rows


def results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fit, and the curves of the built-in coefficients."""
    rows = [{**row, "confidence": confidence(*row["features"])} for row in rows]
    collections = dict.fromkeys(row["collection"] for row in rows)
    report = [row for row in rows if row["part"] == 1]
    return {
        "built_in": {"intercept": INTERCEPT, "meaning": MEANING, "words": WORDS, "threshold": THRESHOLD},
        "fitted_on_tuning_half": fit([row for row in rows if row["part"] == 0]),
        "tuning_half": curve([row for row in rows if row["part"] == 0]),
        "report_half": curve(report),
        "report_half_by_collection": {
            name: curve([row for row in report if row["collection"] == name]) for name in collections
        },
    }


if __name__ == "__main__":
    main()
