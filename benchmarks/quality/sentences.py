"""Measure how often the three sentences of an extractive answer overlap the evidence, by ranking.

Usage: python benchmarks/quality/sentences.py DATA --cache DIR [--sets chunk_evidence,qmsum_val] [--grid]
"""

import argparse
import sys
from collections import defaultdict
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
from common import write_result
from evidence_data import Indexed, KeptEmbeddings, covers_half, read, touches

from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.generation.sentence_scores import SentenceScores, descending, distinct
from memorag_graph.prompts import Prompts
from memorag_graph.text.languages import language

Way = Callable[[SentenceScores], np.ndarray]
SENTENCES = 3

WAYS: dict[str, Way] = {
    "meaning": lambda it: it.meaning,
    "words": lambda it: it.words,
    "meaning + words": lambda it: it.meaning + 1.2 * it.words,
    "without words_around": lambda it: it.total - 0.4 * it.words_around,
    "without meaning_beside": lambda it: it.total - 0.3 * it.meaning_beside,
    "without meaning": lambda it: it.total - it.meaning,
    "all": lambda it: it.total,
}
"""Rankings of sentences; ``all`` is the package's."""


def way(words: float, around: float, beside: float) -> Way:
    return lambda it: it.meaning + words * it.words + around * it.words_around + beside * it.meaning_beside


GRID = {
    f"words {words}, around {around}, beside {beside}": way(words, around, beside)
    for words, around, beside in product((0.8, 1.2, 1.6, 2.0), (0.2, 0.4, 0.6), (0.2, 0.3, 0.4))
}


def quoted(ranking: Way, evidence: ScoredEvidence) -> list[tuple[int, int]]:
    ranked = [index for index in descending(ranking(evidence.scores)) if evidence.units[index].is_quotable]
    sentences = evidence.sentences
    chosen = distinct(ranked, sentences, SENTENCES)
    return [(sentences[index].start, sentences[index].end) for index in chosen]


def scored(indexed: Indexed, question: str) -> ScoredEvidence:
    evidence = indexed.evidence(question)
    given = GenerationInput(
        question=question,
        task_type="memorag",
        evidence=evidence,
        outline=[],
        draft="",
        prompts=Prompts(language("en")),
        rarity=indexed.keywords.rarity(question),
    )
    return ScoredEvidence.of(given, units_of(evidence, "en"), indexed.embeddings)


def study(folder: Path, embeddings: KeptEmbeddings, ways: dict[str, Way]) -> dict[str, dict[str, list[list[float]]]]:
    """Return part, overlap and half coverage of each question, by ranking and document."""
    documents, questions = read(folder)
    found: dict[str, dict[str, list[list[float]]]] = {name: defaultdict(list) for name in ways}
    for name, text in documents.items():
        indexed = Indexed.of(name, text, embeddings)
        for question in (it for it in questions if it["document_id"] == name and it["kind"] != "general"):
            evidence = scored(indexed, question["query"])
            for key, ranking in ways.items():
                spans = quoted(ranking, evidence)
                row = [question["part"], touches(spans, question["evidence"]), covers_half(spans, question["evidence"])]
                found[key][name if len(documents) < 10 else folder.name].append(row)
    return found


def summary(rows: list[list[float]]) -> dict[str, float]:
    table = np.array(rows, dtype=float)
    parts = {"tune": table[:, 0] == 0, "report": table[:, 0] == 1, "all": table[:, 0] >= 0}
    touch = {f"touch_{name}": round(float(table[part, 1].mean()), 3) for name, part in parts.items()}
    return {"questions": len(table), **touch, "half_all": round(float(table[:, 2].mean()), 3)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    parser.add_argument("--sets", default="chunk_evidence,qmsum_val")
    parser.add_argument("--grid", action="store_true", help="try weights instead of leaving out terms")
    given = parser.parse_args()
    ways = GRID if given.grid else WAYS
    embeddings = KeptEmbeddings(given.cache)
    result: dict[str, dict[str, dict[str, float]]] = {name: {} for name in ways}
    for folder in given.sets.split(","):
        for key, of_documents in study(given.data / folder, embeddings, ways).items():
            result[key] |= {name: summary(rows) for name, rows in of_documents.items()}
    for key, tables in result.items():
        mean = np.mean([[table["touch_tune"], table["touch_report"]] for table in tables.values()], axis=0)
        result[key]["mean over documents"] = {"touch_tune": round(mean[0], 4), "touch_report": round(mean[1], 4)}
    name = "sentences_grid" if given.grid else "sentences"
    write_result(name, {"sentences": SENTENCES, "chosen_by": result})


if __name__ == "__main__":
    main()
