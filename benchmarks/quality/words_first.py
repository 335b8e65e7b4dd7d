"""Measure what is found before a text is embedded, when chunks are searched by words first.

    python benchmarks/quality/words_first.py DATA/qmsum_val DATA/chunk_evidence --keep DIR [--documents N]

Each question with evidence is asked alone of the whole index, and of :mod:`memorag_graph.retrieval.words_first` over
the same chunks. The report gives evidence recall of both, and their difference.
"""

import argparse
import json
from collections.abc import Iterator
from pathlib import Path

from memorag_graph.evaluation.chunks import count_tokens
from memorag_graph.evaluation.dataset import DataSet
from memorag_graph.evaluation.formats.load_dataset import load_dataset
from memorag_graph.evaluation.metrics.evidence_metrics import recall
from memorag_graph.evaluation.significance import interval
from memorag_graph.evaluation.workbench import Prepared, Workbench
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Search, retrieve
from memorag_graph.settings import RunOptions

BUDGET = 1536
RESULTS = Path(__file__).parent.parent / "results" / "words_first.json"


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
        report[folder.name] = summary(list(recalls(data, given.keep / folder.name, given.documents)))
        print(json.dumps({folder.name: report[folder.name]}, indent=1), flush=True)
        RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


def recalls(data: DataSet, keep: Path, most: int | None) -> Iterator[tuple[float, float]]:
    """Yield, for each question, the evidence recall of the whole index and of words first."""
    options = RunOptions(model="embedded", evidence_tokens=BUDGET)
    bench = Workbench(Registry(), options, keep)
    search = Search.from_options(options, options.retrieval_chunk_size, None)
    first: dict[str, MemoryIndex] = {}

    def found(index: MemoryIndex, prepared: Prepared, question: str, evidence: list[tuple[int, int]]) -> float:
        asked, code = [Query("question", question)], prepared.language.code
        passages = retrieve(index, asked, search, count_tokens=count_tokens, language_code=code)
        return recall([(it.start, it.end) for it in passages], evidence) or 0.0

    chosen = set(list(data.documents)[:most])
    for question in data.questions:
        if not question.evidence or question.document_id not in chosen:
            continue
        prepared = bench.prepare(data.documents[question.document_id])
        whole = prepared.both
        if question.document_id not in first:
            first = {question.document_id: MemoryIndex.of_words(whole.chunks, whole.embeddings, prepared.language.code)}
        evidence = [(start, end) for start, end in question.evidence]
        both = [found(it, prepared, question.query, evidence) for it in (whole, first[question.document_id])]
        yield both[0], both[1]


def summary(found: list[tuple[float, float]]) -> dict[str, object]:
    lost = interval([words - whole for whole, words in found], 0)
    return {
        "questions": len(found),
        "whole_index": round(sum(whole for whole, _ in found) / len(found), 4),
        "words_first": round(sum(words for _, words in found) / len(found), 4),
        "difference": round(lost.mean, 4),
        "interval": [lost.low, lost.high],
    }


if __name__ == "__main__":
    main()
