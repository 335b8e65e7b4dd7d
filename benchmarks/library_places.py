"""Take in and ask the same library in a directory, with its catalogue in Postgres, and on an object store.

    PYTHONPATH=. python benchmarks/library_places.py DATA [--meetings 20] [--documents 220] [--questions 100]

DATA is that of ``library.py``, whose distractors fill the library. Postgres and the S3 server (moto, which answers one
request at a time) run on this machine, as in the tests, so the times are what the protocols cost without a network.
Embeddings are made once and remembered, so that what is timed is all but them. All places have to give the same
passages for each question, or the benchmark fails. They take turns, and medians are reported.
"""

import argparse
import os
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from common import write_result
from langchain_core.documents import Document
from langchain_core.embeddings import Embeddings
from library import BUDGET, distractors, meetings, questions

from memorag_graph.library.find_passages import find_passages
from memorag_graph.library.library import Library
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import silence_libraries
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.object_store import BUCKET, ObjectStore
from tests.postgres_database import Databases

ROUNDS = 3
MODEL = "remembered"
OPTIONS = RunOptions(evidence_tokens=BUDGET)


class Remembered(Embeddings):
    """Embeds each text once."""

    def __init__(self, embeddings: Embeddings) -> None:
        self._embeddings = embeddings
        self._known: dict[str, list[float]] = {}
        self._queries: dict[str, list[float]] = {}

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        if new := [text for text in dict.fromkeys(texts) if text not in self._known]:
            self._known.update(zip(new, self._embeddings.embed_documents(new), strict=True))
        return [self._known[text] for text in texts]

    def embed_query(self, text: str) -> list[float]:
        if text not in self._queries:
            self._queries[text] = self._embeddings.embed_query(text)
        return self._queries[text]


@contextmanager
def servers() -> Iterator[tuple[Databases, ObjectStore]]:
    """Run Postgres and an S3 server, which the environment names."""
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as directory:
        databases, store = Databases(Path(directory) / "data"), ObjectStore()
        os.environ.update(store.environment)
        try:
            yield databases, store
        finally:
            store.close()
            databases.server.cleanup()


def measure(library: Library, given: Sequence[Document], asked: Sequence[str]) -> tuple[dict[str, float], list[Any]]:
    """Fill an empty library and ask it; return the seconds, and the passages of each question."""
    start = time.perf_counter()
    library.add(*given)
    added, seconds, found = time.perf_counter() - start, [], []
    for question in asked:
        start = time.perf_counter()
        snapshot = Snapshot.of(library.stores.catalogue.entries())
        passages = find_passages(question, library.stores, snapshot, library.embeddings, OPTIONS)
        seconds.append(time.perf_counter() - start)
        found.append([(it.source, it.start, it.end) for it in passages.evidence])
    start = time.perf_counter()
    library.remove(given[0].metadata["source"])
    removed = time.perf_counter() - start
    cuts = statistics.quantiles(seconds, n=20)
    return {"add_s": added, "ask_p50_ms": 1000 * cuts[9], "ask_p95_ms": 1000 * cuts[18], "remove_s": removed}, found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--meetings", type=int, default=20)
    parser.add_argument("--documents", type=int, default=220)
    parser.add_argument("--questions", type=int, default=100)
    given = parser.parse_args()
    silence_libraries()
    registry = Registry()
    registry.add_embeddings(MODEL, Remembered(registry.models.embeddings(EMBEDDED)))
    known = meetings(given.data, given.meetings)
    texts = [*known.values(), *distractors(given.data, given.documents - len(known))]
    documents = [Document(text, metadata={"source": f"document {number}"}) for number, text in enumerate(texts)]
    asked = [str(it["query"]) for it in questions(given.data, known, given.questions)]
    rounds: dict[str, list[dict[str, float]]] = {}
    answers: list[Any] = []
    with servers() as (databases, _), tempfile.TemporaryDirectory() as folder:
        warm = Library.open(Path(folder) / "warm", registry, embedding_model=MODEL)
        chunks = warm.add(*documents).chunks
        measure(warm, documents, asked)
        for number in range(ROUNDS):
            places = {
                "directory": (f"{folder}/directory-{number}", ""),
                "catalogue in Postgres": (f"{folder}/postgres-{number}", databases.new()),
                "object store and Postgres": (f"s3://{BUCKET}/library-{number}", databases.new()),
            }
            for name, (place, catalogue) in places.items():
                library = Library.open(place, registry, embedding_model=MODEL, catalogue_at=catalogue)
                measured, found = measure(library, documents, asked)
                rounds.setdefault(name, []).append(measured)
                answers.append(found)
                print(name, measured, flush=True)
    if any(found != answers[0] for found in answers):
        raise SystemExit("the places gave different passages")
    medians = {
        name: {key: round(statistics.median(it[key] for it in of_place), 2) for key in of_place[0]}
        for name, of_place in rounds.items()
    }
    counts = {"documents": len(documents), "chunks": chunks, "questions": len(asked)}
    write_result("library_places", {**counts, "rounds": ROUNDS, "same_passages": True, "medians": medians})


if __name__ == "__main__":
    main()
