"""Measure by which rankings the right document of a question is found, and fit how much each should count.

    python benchmarks/quality/right_document.py DATA --library DIR

DATA holds ``qmsum_train`` and ``qmsum_val``; DIR is a library of their meetings, which is made if it is not there, and
may be that of ``benchmarks/library.py`` before its distractors. Each question with evidence is asked of all meetings.
A ranking's score of a document is that of its best place (chunk, section or note) divided by the best document's. The
weights are fitted by maximum likelihood (a softmax over the documents) and reported on meetings that they were not
fitted on, in five parts; the last ones are fitted on all.
"""

import argparse
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from langchain_core.documents import Document
from numpy.typing import NDArray
from scipy.optimize import minimize

from memorag_graph.library.library import Library
from memorag_graph.library.row_table import Row
from memorag_graph.models.loading import silence_libraries
from memorag_graph.retrieval.bm25 import BM25
from memorag_graph.retrieval.dense_index import embed_queries
from memorag_graph.retrieval.keyword_index import query_pairs, query_terms
from memorag_graph.retrieval.looked_for import looked_for

RESULTS = Path(__file__).parent.parent / "results" / "right_document.json"
CUTS = (1, 5, 20)
FOLDS = 5
RIDGE = 1e-4
USED = ("chunks by words", "sections by words", "sections by pairs", "chunks by meaning", "notes by meaning")
SETS: Mapping[str, Sequence[str]] = {
    "without pairs": [name for name in USED if "pairs" not in name],
    "as used": USED,
    "and whole documents by words": [*USED, "documents by words"],
}
Matrix = NDArray[np.float64]


class Scorer:
    """Scores the documents of a library for a question by each ranking."""

    def __init__(self, library: Library) -> None:
        entries = library.list()
        self.names = [entry.name for entry in entries]
        self._at = {entry.id: at for at, entry in enumerate(entries)}
        self._library = library
        self._chunks = library.stores.chunks.rows_of(list(self._at))
        self._sections = library.stores.notes.rows_of(list(self._at))
        whole: dict[int, list[str]] = {at: [] for at in range(len(entries))}
        for row in self._sections:
            whole[self._at[row.document]] += row.terms
        self._of_chunks, self._of_sections = _bm25([it.terms for it in self._chunks]), _bm25(_terms(self._sections))
        self._of_documents = _bm25(list(whole.values()))

    def scores(self, question: str) -> dict[str, Matrix]:
        """Return each ranking's score of each document, shape (documents,)."""
        vector: NDArray[np.float32] = embed_queries(self._library.embeddings, [question])[0]
        words = query_terms(looked_for(question, "en"), "en")
        pairs = query_pairs(question, "en")
        found = {
            "chunks by words": self._best(_search(self._of_chunks, words), self._chunks),
            "sections by words": self._best(_search(self._of_sections, words), self._sections),
            "sections by pairs": self._best(_search(self._of_sections, pairs), self._sections),
            "chunks by meaning": self._best(_vectors(self._chunks) @ vector, self._chunks),
            "notes by meaning": self._best(_vectors(self._sections) @ vector, self._sections),
            "documents by words": _search(self._of_documents, words),
        }
        return {name: scores / max(float(scores.max()), 1e-9) for name, scores in found.items()}

    def _best(self, scores: NDArray[Any], rows: Sequence[Row]) -> Matrix:
        best = np.zeros(len(self.names))
        np.maximum.at(best, [self._at[row.document] for row in rows], scores)
        return best


def _terms(rows: Sequence[Row]) -> list[Sequence[str]]:
    return [row.terms for row in rows]


def _vectors(rows: Sequence[Row]) -> NDArray[np.float32]:
    return np.stack([row.vector for row in rows])


def _bm25(terms: Sequence[Sequence[str]]) -> BM25:
    made = BM25()
    made.index([list(found) for found in terms], show_progress=False)
    return made


def _search(index: BM25, terms: Sequence[str]) -> Matrix:
    known = [term for term in terms if term in index.vocab_dict]
    if not known:
        return np.zeros(index.scores["num_docs"])
    return np.asarray(index.get_scores(known), dtype=np.float64)


def fitted(features: Matrix, right: NDArray[np.int64]) -> Matrix:
    """Return the weights of features, shape (features,), under which the right documents are likeliest.

    Args:
        features: Shape (questions, documents, features).
        right: The right document of each question, shape (questions,).
    """
    every = np.arange(len(right))

    def loss(weights: Matrix) -> tuple[float, Matrix]:
        scores = features @ weights
        odds = np.exp(scores - scores.max(axis=1, keepdims=True))
        likely = odds / odds.sum(axis=1, keepdims=True)
        slope = np.einsum("qd,qdf->f", likely, features) - features[every, right].sum(axis=0)
        value = -np.log(likely[every, right]).mean() + RIDGE * weights @ weights
        return float(value), slope / len(right) + 2 * RIDGE * weights

    return np.asarray(minimize(loss, np.ones(features.shape[2]), jac=True, method="L-BFGS-B").x)


def shares(scores: Matrix, right: NDArray[np.int64]) -> list[float]:
    """Return the share of questions whose right document is among the first ones; of equal scores it is the first."""
    before = (scores > scores[np.arange(len(right)), right][:, None]).sum(axis=1)
    return [round(float((before < cut).mean()), 3) for cut in CUTS]


def asked_of(data: Path) -> Iterator[dict[str, Any]]:
    for name in ("qmsum_val", "qmsum_train"):
        lines = (data / name / "questions.jsonl").read_text(encoding="utf-8").splitlines()
        yield from (it for it in map(json.loads, lines) if it["evidence"])


def documents_of(data: Path) -> list[Document]:
    names = [data / name / "documents.jsonl" for name in ("qmsum_val", "qmsum_train")]
    found = [json.loads(line) for path in names for line in path.read_text(encoding="utf-8").splitlines()]
    return [Document(it["text"], metadata={"source": str(it["id"])}) for it in found]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--library", type=Path, required=True)
    given = parser.parse_args()
    silence_libraries()
    library = Library.open(given.library)
    library.add(*documents_of(given.data))
    scorer, asked = Scorer(library), list(asked_of(given.data))
    right = np.array([scorer.names.index(str(it["document_id"])) for it in asked])
    scores = [scorer.scores(it["query"]) for it in asked]
    report: dict[str, Any] = {"questions": len(asked), "documents": len(scorer.names), "cuts": CUTS}
    report["alone"] = {name: shares(np.stack([it[name] for it in scores]), right) for name in scores[0]}
    parts = np.random.default_rng(0).permutation(len(scorer.names))[right] % FOLDS
    for label, names in SETS.items():
        features = np.stack([np.stack([it[name] for name in names], axis=1) for it in scores])
        held_out = np.zeros(features.shape[:2])
        for part in range(FOLDS):
            held_out[parts == part] = features[parts == part] @ fitted(features[parts != part], right[parts != part])
        weights = dict(zip(names, fitted(features, right).round(2).tolist(), strict=True))
        report[label] = {"held_out": shares(held_out, right), "weights": weights}
    print(json.dumps(report, indent=1))
    RESULTS.write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
