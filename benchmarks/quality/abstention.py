"""Measure how well the confidence of extractive answers separates answerable from unanswerable questions.

Fits the coefficients on one part of the data and reports the built-in ones on the other: area under the ROC curve, and
share of refused questions by threshold. Answerable are a document's own questions of which the evidence was found;
unanswerable those put to another document of the same kind, and those of another domain. Questions in English put to
the German, Chinese and Arabic texts are counted apart: they must not be refused, whatever their confidence.

Fitted on: the first 40 meetings of qmsum_train, every other question of chunk_evidence, the first half of each XQuAD
text. Reported on: qmsum_val, the other questions of chunk_evidence, the second halves.

Usage: python benchmarks/quality/abstention.py DATA --cache DIR
"""

import argparse
import random
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from common import write_result
from evidence_data import Indexed, KeptEmbeddings, read, touches
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from memorag_graph.generation import confidence as built_in
from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.confidence import THRESHOLD, Features, confidence, features, share_spoken
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.generation.sentence_scores import distinct
from memorag_graph.prompts import Prompts
from memorag_graph.text.languages import language

Question = dict[str, Any]
OWN, DOCUMENT, DOMAIN, LANGUAGE = "answerable", "another document", "another domain", "another language"
THRESHOLDS = (0.05, 0.1, 0.12, 0.14, 0.16, 0.2, 0.25, 0.3, 0.4, 0.5)
MEETINGS = 40
SETS = ("chunk_evidence", "qmsum_val", "qmsum_train")
LANGUAGES = ("en", "de", "zh", "ar")
STRENGTH = 3.0
"""Inverse strength of the regularization; without it, the fit follows the German and Chinese halves too closely."""


@dataclass(frozen=True)
class Case:
    """Questions put to one text; ``part`` 0 is for fitting, 1 for the report."""

    collection: str
    code: str
    text: str
    questions: list[tuple[str, int, Question]]


def cases(data: Path) -> Iterator[Case]:
    picked = random.Random(7)
    every = {name: read(data / name) for name in (*SETS, *(f"xquad_{code}" for code in LANGUAGES))}
    asked = {name: [it for it in questions if it["kind"] != "general"] for name, (_, questions) in every.items()}
    for name in SETS:
        documents = every[name][0]
        few, fixed = len(documents) < 10, int(name == "qmsum_val")
        elsewhere = ("qmsum_val", "xquad_en") if few else ("chunk_evidence", "xquad_en")
        others = [it for other in elsewhere for it in asked[other]]
        for document in list(documents)[:MEETINGS]:
            own = [(OWN, it["part"] if few else fixed, it) for it in asked[name] if it["document_id"] == document]
            alike = picked.sample([it for it in asked[name] if it["document_id"] != document], 80 if few else 6)
            foreign = picked.sample(others, 60 if few else 4)
            made = [(DOCUMENT, at % 2 if few else fixed, it) for at, it in enumerate(alike)]
            made += [(DOMAIN, at % 2 if few else fixed, it) for at, it in enumerate(foreign)]
            yield Case(name, "en", documents[document], own + made)
    outside = asked["chunk_evidence"] + asked["qmsum_val"]
    english = {it["id"][3:]: it["query"] for it in asked["xquad_en"]}
    for code in LANGUAGES:
        (text,) = every[f"xquad_{code}"][0].values()
        yield from halves(f"xquad_{code}", code, text, asked[f"xquad_{code}"], outside, english, picked)


def halves(
    name: str, code: str, text: str, asked: list[Question], outside: list[Question], english: dict[str, str],
    picked: random.Random,
) -> Iterator[Case]:  # fmt: skip
    """Cut a text of many articles in two, of which each has its own questions."""
    cut = text.rfind("\n\n", 0, asked[len(asked) // 2]["evidence"][0][0])
    first = [it for it in asked if it["evidence"][0][1] <= cut]
    second = [it for it in asked if it["evidence"][0][0] >= cut]
    moved = [{**it, "evidence": [[start - cut, end - cut] for start, end in it["evidence"]]} for it in second]
    for part, half, own, other in ((0, text[:cut], first, second), (1, text[cut:], moved, first)):
        made = [(OWN, part, it) for it in picked.sample(own, min(300, len(own)))]
        made += [(DOCUMENT, part, it) for it in picked.sample(other, 200)]
        if code == "en":
            made += [(DOMAIN, part, it) for it in picked.sample(outside, 80)]
        else:
            translated = [{**it, "query": english[it["id"][3:]]} for it in own if it["id"][3:] in english]
            made += [(LANGUAGE, part, it) for it in picked.sample(translated, 60)]
        yield Case(name, code, half, made)


def measure(indexed: Indexed, code: str, question: Question, kind: str) -> dict[str, Any] | None:
    """Return the features of the answer that the package would give; None if the evidence was not found."""
    asked = question["query"]
    evidence = indexed.evidence(asked)
    found = [(it.start, it.end) for it in evidence]
    if kind in (OWN, LANGUAGE) and not touches(found, question["evidence"]):
        return None
    given = GenerationInput(
        question=asked, task_type="memorag", evidence=evidence, outline=[], draft="", prompts=Prompts(language(code)),
        rarity=indexed.keywords.rarity(asked),
    )  # fmt: skip
    scored = ScoredEvidence.of(given, units_of(evidence, code), indexed.embeddings)
    chosen = distinct(scored.ranked, scored.sentences, 3)
    spans = [(scored.sentences[at].start, scored.sentences[at].end) for at in chosen]
    of_answer = features(scored.scores, chosen, scored.compared, share_spoken(scored.units, scored.belonging))
    return {
        "kind": kind,
        "features": of_answer,
        "quoted": kind == OWN and touches(spans, question["evidence"]),
        "differs": scored.language_difference(given) is not None,
    }


def collect(data: Path, embeddings: KeptEmbeddings) -> list[dict[str, Any]]:
    """Return the features of the answer to each question."""
    rows = []
    for case in cases(data):
        indexed = Indexed.of(case.collection, case.text, embeddings, case.code)
        for kind, part, question in case.questions:
            if found := measure(indexed, case.code, question, kind):
                rows.append({**found, "collection": case.collection, "part": part})
    return rows


def terms_of(found: Features) -> list[float]:
    """Return the features and products that the regression weighs."""
    alike = min(max(found.alike, 0.1), 0.75)
    three = [found.meaning, found.words, found.around]
    return [*three, alike, found.spoken, *(alike * it for it in three)]


NAMES = ("MEANING", "WORDS", "AROUND", "ALIKE", "SPOKEN", "MEANING_ALIKE", "WORDS_ALIKE", "AROUND_ALIKE")


def fit(rows: list[dict[str, Any]]) -> dict[str, float]:
    """Fit a logistic regression with equal weights of collections, and of answerable and unanswerable questions.

    The threshold is the largest that refuses at most 1.5 % of the answerable questions of each collection, but for
    qmsum_train, whose questions often name no more than a kind of subject ("Summarize the discussion on the model").
    """
    groups = [(row["collection"], row["kind"]) for row in rows]
    weights = [100 * (2.0 if kind == OWN else 1.0) / groups.count((name, kind)) for name, kind in groups]
    labels = np.array([row["kind"] == OWN for row in rows])
    table = np.array([terms_of(row["features"]) for row in rows])
    model = LogisticRegression(max_iter=5000, C=STRENGTH).fit(table, labels, sample_weight=weights)
    sure = model.predict_proba(table)[:, 1]
    of_set = np.array([row["collection"] for row in rows])
    quantiles = [np.quantile(sure[labels & (of_set == name)], 0.015) for name in set(of_set) - {"qmsum_train"}]
    found = {"INTERCEPT": model.intercept_[0], **dict(zip(NAMES, model.coef_[0], strict=True))}
    return {key: round(float(value), 3) for key, value in {**found, "THRESHOLD": min(quantiles)}.items()}


def curve(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the refused share per threshold by kind of question, and the ROC AUC against answerable questions."""
    sure = {kind: [row["confidence"] for row in rows if row["kind"] == kind] for kind in {row["kind"] for row in rows}}
    rows_by_kind: dict[str, Any] = {}
    for kind, values in sorted(sure.items()):
        refused = {str(it): round(float((np.array(values) < it).mean()), 3) for it in (*THRESHOLDS, THRESHOLD)}
        rows_by_kind[kind] = {"questions": len(values), "refused_below": refused}
        if kind == OWN:
            quoted = [row["quoted"] for row in rows if row["kind"] == OWN]
            rows_by_kind[kind]["three_sentences_hold_evidence"] = round(float(np.mean(quoted)), 3)
        elif kind != LANGUAGE:
            labels = [1] * len(sure[OWN]) + [0] * len(values)
            rows_by_kind[kind]["roc_auc"] = round(float(roc_auc_score(labels, sure[OWN] + values)), 3)
    for kind in rows_by_kind:
        differs = [row["differs"] for row in rows if row["kind"] == kind]
        rows_by_kind[kind]["said_to_be_in_another_language"] = round(float(np.mean(differs)), 3)
    return rows_by_kind


def results(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """Return the fit, and the curves of the built-in coefficients by collection."""
    rows = [{**row, "confidence": confidence(row["features"])} for row in rows]
    parts: dict[str, dict[str, Any]] = {"fitting": {}, "report": {}}
    for at, part in enumerate(parts.values()):
        for name in dict.fromkeys(row["collection"] for row in rows):
            if of_set := [row for row in rows if row["part"] == at and row["collection"] == name]:
                part[name] = curve(of_set)
    return {
        "built_in": {name: getattr(built_in, name) for name in ("INTERCEPT", *NAMES, "THRESHOLD")},
        "fitted": fit([row for row in rows if row["part"] == 0 and row["kind"] != LANGUAGE]),
        **parts,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    given = parser.parse_args()
    write_result("abstention", results(collect(given.data, KeptEmbeddings(given.cache))))


if __name__ == "__main__":
    main()
