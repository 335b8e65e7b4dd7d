"""Measure refusals of near misses: questions on a document's subject that it does not answer.

``near_misses.jsonl`` holds them beside questions of the same kinds that the documents do answer. They were written from
the documents alone, without knowledge of the package: an attribute that is not told of a thing that is described,
another year, place or person than those told, or why something happened that is told without a reason. Each was looked
for in its document. Those of set 2 were written after the rules of ``memorag_graph.generation.lacking``, which were
made while looking at set 1.

Usage: python benchmarks/quality/near_misses.py DATA --cache DIR
"""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))
from common import write_result
from evidence_data import KeptEmbeddings
from searched import Searched
from unanswerable import mean, measure, refusals

from memorag_graph.generation.confidence import THRESHOLD

QUESTIONS = Path(__file__).with_suffix(".jsonl")
EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "skerrow_letters.txt"
KINDS = {
    "chunk_evidence": "long texts",
    "skerrow_letters": "long texts",
    "xquad_en": "articles",
    "squality_dev": "stories",
    "qmsum_val": "meetings",
    "qmsum_train": "meetings",
}

ALL, UNSEEN = "all", "set 2"

Row = dict[str, Any]


def documents(data: Path) -> dict[str, str]:
    """Return the texts by id."""
    texts = {EXAMPLE.stem: EXAMPLE.read_text(encoding="utf-8")}
    for collection in set(KINDS) - set(texts):
        lines = (data / collection / "documents.jsonl").read_text(encoding="utf-8").splitlines()
        texts |= {it["id"]: it["text"] for it in map(json.loads, lines)}
    return texts


def collect(data: Path, cache: Path) -> Iterator[Row]:
    """Yield for each question what :func:`unanswerable.measure` does, and its kinds."""
    embeddings, texts = KeptEmbeddings(cache), documents(data)
    searched: dict[str, Searched] = {}
    for question in map(json.loads, QUESTIONS.read_text(encoding="utf-8").splitlines()):
        name = question["document_id"]
        if name not in searched:
            searched[name] = Searched.of(name, texts[name], embeddings)
        row = measure(searched[name], question["kind"], question)
        of = {KINDS[question["collection"]], ALL, f"set {question['set']}"}
        yield {**row, "kind": question["kind"], "of": of}


def report(rows: list[Row]) -> dict[str, Any]:
    """Return answers and refusals by kind of document, over all, and of those that no rule was made for."""
    tables: dict[str, Any] = {}
    for name in (*dict.fromkeys(KINDS.values()), ALL, UNSEEN):
        of_kind = [row for row in rows if name in row["of"]]
        own = [row for row in of_kind if row["kind"] != "unanswerable"]
        tables[name] = {
            "questions": len(own),
            "touch_evidence": mean(row["touches"] for row in own),
            "sentences": mean(row["sentences"] for row in own),
            "wrong_refusals": mean(row["abstained"] for row in own),
            "near_misses": refusals(own, [row for row in of_kind if row["kind"] == "unanswerable"]),
        }
    return tables


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--cache", type=Path, required=True)
    given = parser.parse_args()
    write_result("near_misses", {"threshold": THRESHOLD, **report(list(collect(given.data, given.cache)))})


if __name__ == "__main__":
    main()
