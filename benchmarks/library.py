"""Measure a library: intake, size, RAM, time to find passages, the right document, and evidence recall.

    python benchmarks/library.py DATA --work DIR [--library s3://BUCKET/NAME] [--meetings 197]
        [--sizes 1000 3000 10000] [--questions 1332]

DATA holds the data sets ``qmsum_train``, ``qmsum_val``, ``squality_train``, ``squality_dev`` and ``chunk_evidence``
(documents.jsonl, questions.jsonl). The meetings are taken in first, then distractors until the library has each size.
A distractor is made of random lines of one kind of text (turns of meetings, paragraphs of stories, paragraphs of
articles and reports), each from any document of the kind, until it has about 1,300 tokens; so it looks like its kind
and holds no answer as a whole. Lines of more than 200 tokens are cut.

At each size, questions with evidence are asked of the whole library. Baselines search all chunks at once with the same
chunks and budget (1,536 estimated tokens): by meaning, by words, and by both (reciprocal ranks, k = 60, of 50 hits
each); the first documents in their rankings are their right documents. What was measured is kept in DIR; run again to
go on.
"""

import argparse
import json
import random
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean, quantiles
from typing import Any

import numpy as np
import psutil
from common import write_result
from langchain_core.documents import Document
from numpy.typing import NDArray

from memorag_graph.evaluation.metrics.evidence_metrics import recall
from memorag_graph.library.cut import TOKENS
from memorag_graph.library.find_passages import find_passages
from memorag_graph.library.library import Library
from memorag_graph.library.row_table import Found
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.ram import freeze_loaded
from memorag_graph.retrieval.dense_index import embed_queries
from memorag_graph.retrieval.keyword_index import query_terms
from memorag_graph.settings import RunOptions

BUDGET = 1536
CUTS = (1, 5, 20)
DISTRACTOR_TOKENS = 1300
LINE_TOKENS = 200
HITS, RRF_K = 50, 60
AT_ONCE = 500
"""Documents of one call of ``add``, so that a killed run goes on."""

KINDS = (("qmsum_train", "qmsum_val"), ("squality_train", "squality_dev"), ("chunk_evidence",))
Spans = list[tuple[int, int]]


def lines(path: Path) -> Iterator[dict[str, Any]]:
    yield from map(json.loads, path.read_text(encoding="utf-8").splitlines())


def meetings(data: Path, most: int) -> dict[str, str]:
    found = [it for name in ("qmsum_val", "qmsum_train") for it in lines(data / name / "documents.jsonl")]
    return {str(it["id"]): it["text"] for it in found[:most]}


def questions(data: Path, known: dict[str, str], most: int) -> list[dict[str, Any]]:
    """Return questions with evidence, spread over the meetings."""
    found = [it for name in ("qmsum_val", "qmsum_train") for it in lines(data / name / "questions.jsonl")]
    found = [it for it in found if it["evidence"] and str(it["document_id"]) in known]
    return found[:: max(1, len(found) // most)][:most]


def distractors(data: Path, count: int) -> Iterator[str]:
    """Yield texts made of random lines of one kind; the first ones are the same for every count."""
    choose = random.Random(0)
    pools = []
    for kind in KINDS:
        texts = [it["text"] for name in kind for it in lines(data / name / "documents.jsonl")]
        pieces = [piece.strip() for text in texts for piece in text.split("\n")]
        pools.append([piece[: LINE_TOKENS * 4] for piece in pieces if len(piece) > 20])
    for number in range(count):
        pool, text, tokens = pools[number % len(pools)], [], 0
        while tokens < DISTRACTOR_TOKENS:
            text.append(choose.choice(pool))
            tokens += TOKENS.count(text[-1])
        yield "\n\n".join(text)


def rss() -> int:
    return int(psutil.Process().memory_info().rss) // 2**20


def fill(library: Library, given: Sequence[Document]) -> dict[str, Any]:
    """Take in documents, and return the rate and the sizes."""
    start, chunks, added = time.perf_counter(), 0, 0
    for at in range(0, len(given), AT_ONCE):
        report = library.add(*given[at : at + AT_ONCE])
        added, chunks = added + len(report.added), chunks + report.chunks
    seconds = time.perf_counter() - start
    entries = library.list()
    total = sum(entry.chunks for entry in entries)
    index = library.place.size("index")
    return {
        "documents": len(entries),
        "chunks": total,
        "added": added,
        "documents_per_second": round(added / seconds, 2),
        "chunks_per_second": round(chunks / seconds, 1),
        "index_bytes_per_chunk": round(index / total),
        "bytes_per_chunk": round(library.size() / total),
    }


class Flat:
    """Search of all chunks at once."""

    def __init__(self, library: Library) -> None:
        self.stores = library.stores
        self.entries = {entry.id: entry for entry in library.list()}
        self.texts = {key: self.stores.texts.read(entry.text_sha256) for key, entry in self.entries.items()}
        self.spans: dict[tuple[int, int], tuple[int, int]] = {}
        ids = list(self.entries)
        for at in range(0, len(ids), AT_ONCE):
            rows = self.stores.chunks.rows_of(ids[at : at + AT_ONCE])
            self.spans |= {(row.document, row.number): (row.start, row.end) for row in rows}

    def rankings(self, question: str, vector: NDArray[np.float32]) -> dict[str, list[tuple[int, int]]]:
        dense = self.stores.chunks.nearest(vector, 20 * HITS)
        words = self.stores.chunks.matching(query_terms(question, "en"), 20 * HITS)
        scores: dict[tuple[int, int], float] = {}
        for hits in (dense[:HITS], words[:HITS]):
            for rank, hit in enumerate(hits, start=1):
                scores[hit.document, hit.number] = scores.get((hit.document, hit.number), 0) + 1 / (RRF_K + rank)
        hybrid = sorted(scores, key=lambda it: (-scores[it], it))
        return {"dense": _places(dense), "words": _places(words), "hybrid": hybrid}

    def passages(self, ranking: list[tuple[int, int]], document: int) -> Spans:
        """Return the spans of one document among the chunks that fit the budget."""
        kept, left = [], BUDGET
        for place in ranking:
            start, end = self.spans[place]
            tokens = TOKENS.count(self.texts[place[0]][start:end])
            if tokens <= left:
                left -= tokens
                kept += [(start, end)] if place[0] == document else []
        return sorted(kept)


def _places(hits: Sequence[Found]) -> list[tuple[int, int]]:
    return [(hit.document, hit.number) for hit in hits]


def ask(library: Library, asked: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Ask questions of the library and of the baselines."""
    options = RunOptions(evidence_tokens=BUDGET)
    library.embeddings.embed_query("warm")
    snapshot = Snapshot.of(library.stores.catalogue.entries())
    find_passages("What was decided?", library.stores, snapshot, library.embeddings, options)
    freeze_loaded()  # as a service does that loads its models before the first request
    of_name = {entry.name: entry.id for entry in library.list()}
    seconds, firsts, found = [], dict[str, list[int]](), dict[str, list[float]]()
    for it in asked:
        right, spans = of_name[str(it["document_id"])], [(int(a), int(b)) for a, b in it["evidence"]]
        start = time.perf_counter()
        snapshot = Snapshot.of(library.stores.catalogue.entries())
        passages = find_passages(it["query"], library.stores, snapshot, library.embeddings, options)
        seconds.append(time.perf_counter() - start)
        ranked = [one.id for one in passages.considered]
        firsts.setdefault("library", []).append(ranked.index(right) + 1 if right in ranked else 10**9)
        of_right = [(one.start, one.end) for one in passages.evidence if of_name[one.source] == right]
        found.setdefault("library", []).append(recall(of_right, spans) or 0.0)
    used = rss()
    flat = Flat(library)
    for it in asked:
        right, spans = of_name[str(it["document_id"])], [(int(a), int(b)) for a, b in it["evidence"]]
        vector = embed_queries(library.embeddings, [it["query"]])[0]
        for name, ranking in flat.rankings(it["query"], vector).items():
            documents = list(dict.fromkeys(document for document, _ in ranking))
            firsts.setdefault(name, []).append(documents.index(right) + 1 if right in documents else 10**9)
            found.setdefault(name, []).append(recall(flat.passages(ranking, right), spans) or 0.0)
    cuts = quantiles(seconds, n=20)
    recalls = {name: round(mean(values), 4) for name, values in found.items()}
    return {
        "questions": len(asked),
        "p50_ms": round(1000 * cuts[9], 1),
        "p95_ms": round(1000 * cuts[18], 1),
        "rss_mb": used,
        "right_document": {
            name: {str(cut): round(mean(place <= cut for place in places), 3) for cut in CUTS}
            for name, places in firsts.items()
        },
        "evidence_recall": recalls,
        "recall_over_hybrid": round(recalls["library"] / recalls["hybrid"], 3) if recalls["hybrid"] else None,
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("data", type=Path)
    parser.add_argument("--work", type=Path, required=True, help="directory of the library and of what was measured")
    parser.add_argument("--library", default="", help="where the library is kept instead, such as s3://BUCKET/NAME")
    parser.add_argument("--meetings", type=int, default=197)
    parser.add_argument("--sizes", type=int, nargs="*", default=[1000, 3000, 10_000])
    parser.add_argument("--questions", type=int, default=1332)
    parser.add_argument("--name", default="library", help="name of the result")
    given = parser.parse_args()
    given.work.mkdir(parents=True, exist_ok=True)
    kept = given.work / "measured.json"
    measured: dict[str, Any] = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}

    def once(key: str, measure: Callable[[], dict[str, Any]]) -> None:
        if key not in measured:
            measured[key] = measure()
            kept.write_text(json.dumps(measured, indent=1), encoding="utf-8")
        print(key, measured[key], flush=True)

    library = Library.open(given.library or given.work / "library")
    library.embeddings.embed_documents(["The models are loaded."])
    measured.setdefault("rss_of_models_mb", rss())
    known = meetings(given.data, given.meetings)
    asked = questions(given.data, known, given.questions)
    of_meetings = [Document(text, metadata={"source": name}) for name, text in known.items()]
    once(f"intake {len(known)}", lambda: fill(library, of_meetings))
    once(f"ask {len(known)}", lambda: ask(library, asked))
    for size in sorted(given.sizes):
        texts = distractors(given.data, max(0, size - len(known)))
        more = [Document(text, metadata={"source": f"distractor {at}"}) for at, text in enumerate(texts)]
        once(f"intake {size}", lambda more=more: fill(library, more))  # type: ignore[misc]
        once(f"ask {size}", lambda: ask(library, asked))
    write_result(given.name, {"budget_tokens": BUDGET, **measured})


if __name__ == "__main__":
    main()
