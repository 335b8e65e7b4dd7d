"""Compare approximate search (HNSW) with exact search: recall and time by number of chunks.

    python benchmarks/quality/approximate_search.py DATA/qmsum_val DATA/chunk_evidence --keep DIR

The vectors are those of the data's chunks, plus mixtures of two chunks of one document to reach larger sizes. Queries
are the data's questions. Recall is the share of the first 100 chunks of exact search that approximate search finds.
"""

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from evidence_data import Indexed, KeptEmbeddings, read
from langchain_core.embeddings import Embeddings

sys.path.insert(0, str(Path(__file__).parent.parent))
from common import write_result

from memorag_graph.retrieval.dense_index import FaissIndex, embed
from memorag_graph.text.chunking import Chunk

SIZES = (20_000, 100_000, 200_000)
HITS = 100
QUESTIONS = 200
REPEATS = 5


class Known(Embeddings):
    """Looks up vectors by text."""

    def __init__(self, vectors: dict[str, np.ndarray]) -> None:
        self._vectors = vectors

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [self._vectors[text] for text in texts]  # type: ignore[misc]

    def embed_query(self, text: str) -> list[float]:
        return self._vectors[text]  # type: ignore[return-value]


def mixtures(groups: Sequence[np.ndarray], count: int) -> np.ndarray:
    """Return mixtures of two vectors of the same group."""
    chance = np.random.default_rng(0)
    sizes = np.array([len(group) for group in groups])
    made = []
    for group, share in zip(groups, chance.multinomial(count, sizes / sizes.sum()), strict=True):
        first, second = group[chance.integers(len(group), size=(2, share))]
        weight = chance.uniform(0.1, 0.9, (share, 1))
        mixed = weight * first + (1 - weight) * second
        made.append(mixed / np.linalg.norm(mixed, axis=1, keepdims=True))
    return np.concatenate(made).astype(np.float32)


def median_seconds(index: FaissIndex, queries: Sequence[str]) -> float:
    times = []
    for _ in range(REPEATS):
        start = time.perf_counter()
        for query in queries:
            index.search([query], HITS)
        times.append((time.perf_counter() - start) / len(queries))
    return float(np.median(times))


def compare(size: int, matrix: np.ndarray, queries: dict[str, np.ndarray]) -> dict[str, float]:
    names = [str(number) for number in range(size)]
    chunks = [Chunk("", 0, number, number + 1, name) for number, name in enumerate(names)]
    known = Known({**dict(zip(names, matrix[:size], strict=True)), **queries})
    exact = FaissIndex.from_chunks(chunks, known, exact_up_to=size)
    start = time.perf_counter()
    graph = FaissIndex.from_chunks(chunks, known, exact_up_to=0)
    building = time.perf_counter() - start
    asked = list(queries)
    right = [{hit.chunk for hit in hits} for hits in exact.search(asked, HITS)]
    found = [{hit.chunk for hit in hits} for hits in graph.search(asked, HITS)]
    shares = [len(approximate & best) / HITS for approximate, best in zip(found, right, strict=True)]
    exact_seconds, graph_seconds = median_seconds(exact, asked[:20]), median_seconds(graph, asked[:20])
    return {
        "chunks": size,
        "recall": round(float(np.mean(shares)), 4),
        "lowest recall of a question": min(shares),
        "exact_ms": round(exact_seconds * 1000, 2),
        "graph_ms": round(graph_seconds * 1000, 2),
        "exact_to_graph": round(exact_seconds / graph_seconds, 1),
        "building_seconds": round(building, 1),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="directory of vectors, reused between runs")
    given = parser.parse_args()
    embeddings = KeptEmbeddings(given.keep / "vectors")
    groups, questions = [], []
    for folder in given.folders:
        documents, asked = read(folder)
        groups += [Indexed.of(name, text, embeddings).vectors for name, text in documents.items()]
        questions += [question["query"] for question in asked]
    chosen = [questions[at] for at in np.linspace(0, len(questions) - 1, QUESTIONS).astype(int)]
    queries = dict(zip(chosen, embed(embeddings, chosen), strict=True))
    real = np.concatenate(groups)
    matrix = np.concatenate([real, mixtures(groups, max(SIZES) - len(real))])
    np.random.default_rng(0).shuffle(matrix)
    rows = [compare(size, matrix, queries) for size in SIZES]
    write_result("approximate_search", {"real chunks": len(real), "questions": len(queries), "rows": rows})


if __name__ == "__main__":
    main()
