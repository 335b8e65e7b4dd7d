"""Measure what a second round of retrieval is worth, by how sure the first one is.

    python benchmarks/quality/rounds.py DATA/qmsum_train DATA/qmsum_val DATA/chunk_evidence --keep DIR [--documents N]

Each question with evidence is searched for alone, and again with the words that the nearest sentences lack
(:mod:`memorag_graph.generation.sufficiency`). For each confidence below which a second round would be made, the report
gives how many questions that are, and the change of evidence recall over them and over all.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from memorag_graph.evaluation.chunks import count_tokens
from memorag_graph.evaluation.dataset import DataSet, Question
from memorag_graph.evaluation.formats.load_dataset import load_dataset
from memorag_graph.evaluation.significance import interval
from memorag_graph.evaluation.workbench import Prepared, Workbench
from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.sufficiency import sufficiency
from memorag_graph.models.loading import silence_libraries
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Evidence, Search, retrieve
from memorag_graph.settings import RunOptions

BARS = (0.12, 0.3, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.01)
BUDGET = 1536
RESULTS = Path(__file__).parent.parent / "results" / "rounds.json"


@dataclass(frozen=True)
class Outcome:
    """One question: the confidence in the first evidence, and evidence recall of the first and the second."""

    confidence: float
    first: float
    second: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, nargs="+")
    parser.add_argument("--keep", type=Path, required=True, help="indexes, reused between runs")
    parser.add_argument("--documents", type=int, help="first documents of each set; all by default")
    given = parser.parse_args()
    silence_libraries()
    report = {}
    for folder in given.data:
        data = load_dataset(str(folder))
        found = list(outcomes(data, given.keep / folder.name, given.documents))
        report[folder.name] = summary(found)
        print(json.dumps({folder.name: report[folder.name]}, indent=1), flush=True)
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def outcomes(data: DataSet, keep: Path, most: int | None) -> Iterator[Outcome]:
    """Search for each question of the first documents, once and twice."""
    options = RunOptions(model="embedded", evidence_tokens=BUDGET)
    bench = Workbench(Registry(), options, keep)
    chosen = set(list(data.documents)[:most])
    for question in data.questions:
        if question.evidence and question.document_id in chosen:
            yield outcome(question, bench.prepare(data.documents[question.document_id]), bench)


def outcome(question: Question, prepared: Prepared, bench: Workbench) -> Outcome:
    search = Search.from_options(bench.options, bench.options.retrieval_chunk_size, None)

    def find(*queries: Query) -> list[Evidence]:
        code = prepared.language.code
        return retrieve(prepared.both, queries, search, count_tokens=count_tokens, language_code=code)

    asked = Query("question", question.query)
    first = find(asked)
    judged = sufficiency(
        GenerationInput(
            question=question.query,
            task_type="lookup",
            evidence=first,
            outline=[],
            draft="",
            prompts=Prompts(prepared.language),
            rarity=prepared.keywords.rarity(question.query),
        ),
        bench.embeddings,
    )
    second = find(asked, Query("missing", " ".join(judged.lacking))) if judged.lacking else first
    return Outcome(judged.confidence, recall(first, question), recall(second, question))


def recall(evidence: list[Evidence], question: Question) -> float:
    """Return the share of the evidence's characters that were found."""
    found = {at for it in evidence for at in range(it.start, it.end)}
    wanted = {at for start, end in question.evidence for at in range(start, end)}
    return len(found & wanted) / len(wanted)


def summary(found: list[Outcome]) -> dict[str, object]:
    first = np.array([it.first for it in found])
    gain = np.array([it.second for it in found]) - first
    confidence = np.array([it.confidence for it in found])
    rows = {}
    for bar in BARS:
        below = confidence < bar
        mean = interval(np.where(below, gain, 0).tolist(), 0)
        rows[f"{bar:.2f}"] = {
            "second_rounds": int(below.sum()),
            "gain_where_made": round(float(gain[below].mean()), 4) if below.any() else None,
            "gain": round(mean.mean, 4),
            "interval": [mean.low, mean.high],
        }
    return {"questions": len(found), "evidence_recall": round(float(first.mean()), 4), "by_bar": rows}


if __name__ == "__main__":
    main()
