"""Measure the halves of retrieval and their fusion in several languages: evidence recall at 1,536 tokens.

    python benchmarks/quality/languages.py DATA [--out FILE]

DATA is the folder of data sets. XQuAD's first 600 questions chose the weights (``retrieval/embedding_fit.py``); the
others are reported. ``equal`` fuses both halves with equal weights, whatever the language.
"""

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
from evidence_data import EVIDENCE_TOKENS, KeptEmbeddings, read

from memorag_graph.documents import Document
from memorag_graph.evaluation.chunks import count_tokens, split_document
from memorag_graph.evaluation.metrics.evidence_metrics import recall
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.no_index import NoIndex
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Search, retrieve
from memorag_graph.text.languages import detect_language

CHUNK_TOKENS = 128
TUNED_ON = 600
SETS = ("xquad_en", "xquad_de", "xquad_zh", "xquad_ar", "chunk_evidence", "qmsum_val")


class Equal(MemoryIndex):
    """Both halves with equal weights."""

    meaning_weights = property(lambda self: {chunk.document: 1.0 for chunk in self.chunks})


def measure(folder: Path, embeddings: KeptEmbeddings) -> dict[str, Any]:
    documents, questions = read(folder)
    if folder.name.startswith("xquad"):
        questions = questions[TUNED_ON:]
    found: dict[str, list[float]] = {"dense": [], "words": [], "fusion": [], "equal": []}
    weights: list[float] = []
    for name, text in documents.items():
        chunks = split_document(Document(name, text), CHUNK_TOKENS)
        code = detect_language(text).code
        vectors, words = FaissIndex.from_chunks(chunks, embeddings), KeywordIndex.from_chunks(chunks, code)
        indexes = {
            "dense": MemoryIndex(vectors, None),
            "words": MemoryIndex(NoIndex(chunks), words),
            "fusion": MemoryIndex(vectors, words),
            "equal": Equal(vectors, words),
        }
        weights += indexes["fusion"].meaning_weights.values()
        search = Search(hits=100, token_budget=EVIDENCE_TOKENS, chunk_tokens=CHUNK_TOKENS)
        for question in (it for it in questions if it["document_id"] == name):
            query, spans = [Query("question", question["query"])], [tuple(it) for it in question["evidence"]]
            for kind, index in indexes.items():
                passages = retrieve(index, query, search, count_tokens=count_tokens, language_code=code)
                found[kind].append(recall([(it.start, it.end) for it in passages], spans) or 0.0)
    means = {kind: round(float(np.mean(values)), 4) for kind, values in found.items()}
    return {"questions": len(found["fusion"]), "meaning_weight": round(float(np.mean(weights)), 3), **means}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=SETS)
    parser.add_argument("--cache", type=Path, required=True, help="directory of vectors, kept between runs")
    parser.add_argument("--out", type=Path, default=Path("benchmarks/results/languages.json"))
    given = parser.parse_args()
    results = {}
    for name in given.sets:
        results[name] = measure(given.data / name, KeptEmbeddings(given.cache))
        print(name, results[name], flush=True)
        given.out.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
