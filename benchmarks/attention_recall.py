"""Evidence recall of the embedded model's attention, alone and fused, against dense search, BM25 and both fused.

    python benchmarks/attention_recall.py collect DATA/qmsum_val --keep DIR    # resumable, document by document
    python benchmarks/attention_recall.py report DATA/qmsum_val DATA/chunk_evidence --keep DIR

DATA/NAME holds ``documents.jsonl`` and ``questions.jsonl``. Heads are chosen on the tuning questions and reported on
the others: of ``qmsum_val`` the first 18 documents are for tuning, of other data every other question of a document.
Recall is the share of evidence characters within the first 12 chunks of 128 tokens, or the first 3 of 512.
"""

import argparse
import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import bm25s
import numpy as np
import Stemmer
from common import write_result
from semantic_text_splitter import TextSplitter

from memorag_graph.chunking import Chunk
from memorag_graph.languages import language
from memorag_graph.memory.choosing import LabelledDocument, evidence_lift, read_labelled
from memorag_graph.memory.heads import all_heads
from memorag_graph.memory.local import LocalMemoryModel
from memorag_graph.memory.pointing import Pointer, chunk_scores
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.models.loading import ModelSource, load_embeddings, load_language_model
from memorag_graph.prompts import Prompts
from memorag_graph.settings import MemorySettings

TAKEN = {128: 12, 512: 3}
"""Chunk size in tokens and chunks that are taken: 1,536 tokens of evidence."""

TUNING = {"qmsum_val": 18}
"""Documents at the start of a data set that are for tuning; of others every other question is."""

POOL, RRF_K = 50, 60
HEAD_COUNTS = (8, 16, 32)
WEIGHTS = (0.25, 0.5, 1.0)
RESAMPLES = 10_000

Array = np.ndarray


@dataclass
class Case:
    """A question with every ranking's scores of the chunks, by chunk size."""

    dataset: str
    document: str
    tuning: bool
    evidence: Sequence[tuple[int, int]]
    lift: Array
    chunks: dict[int, list[Chunk]] = field(default_factory=dict)
    heads: dict[int, Array] = field(default_factory=dict)
    dense: dict[int, Array] = field(default_factory=dict)
    bm25: dict[int, Array] = field(default_factory=dict)

    def recall(self, scores: Array, size: int) -> float:
        """Return the share of the evidence's characters within the best chunks."""
        best = [self.chunks[size][number] for number in ranked(scores)[: TAKEN[size]]]
        found = sum(max(0, min(end, it.end) - max(start, it.start)) for start, end in self.evidence for it in best)
        return found / sum(end - start for start, end in self.evidence)


def split(it: LabelledDocument, size: int) -> list[Chunk]:
    text, source = it.document.text, it.document.source
    pieces = TextSplitter.from_tiktoken_model("gpt-3.5-turbo", size).chunk_indices(text)
    return [Chunk(source, 0, start, start + len(piece), piece) for start, piece in pieces]


def collect(folder: Path, keep: Path, shard_tokens: int, layers: range, limit: int) -> None:
    """Keep, for each document, what every head of some layers makes of every chunk for every question."""
    language_model = load_language_model(ModelSource(EMBEDDED))
    heads = [head for head in all_heads(language_model) if head[0] in layers]
    prompts = Prompts(language("en"))
    if shard_tokens:  # the window that leaves a shard so much room beside the turn
        language_model.window = shard_tokens * 4 // 3
    model = LocalMemoryModel(language_model)
    for it in read_labelled(folder):
        path = keep / folder.name / f"{it.document.source}.npz"
        if path.exists():
            continue
        memory = model.memorize([it.document], prompts, MemorySettings(kind="full"))
        pointer = Pointer(model, memory, heads)
        found: dict[str, Array] = {"heads": np.array(heads)}
        for number in chosen_questions(len(it.asked), limit):
            attention = pointer.attention(it.asked[number].question)
            found[f"lift {number}"] = evidence_lift(pointer.layout, attention, it.asked[number].evidence)
            for size in TAKEN:
                chunks = split(it, size)
                each = [[shard[head] for shard in attention] for head in range(len(heads))]
                scores = [chunk_scores(pointer.layout, weights, chunks) for weights in each]
                found[f"{size} {number}"] = np.stack(scores).astype(np.float32)
        path.parent.mkdir(parents=True, exist_ok=True)
        unfinished = path.with_suffix(".unfinished.npz")
        np.savez(unfinished, **found)
        os.replace(unfinished, path)
        print(path.stem, memory.memory_tokens, "tokens", len(memory.shards), "shards", flush=True)


def chosen_questions(count: int, limit: int) -> list[int]:
    """Return the numbers of at most ``limit`` questions, evenly spread; 0 takes all."""
    if not limit or count <= limit:
        return list(range(count))
    return sorted({round(number) for number in np.linspace(0, count - 1, limit)})


def read_cases(folder: Path, keep: Path) -> list[Case]:
    """Return the questions whose documents have been collected."""
    embeddings = load_embeddings(ModelSource(EMBEDDED))
    cases = []
    for place, it in enumerate(read_labelled(folder)):
        path = keep / folder.name / f"{it.document.source}.npz"
        if not path.exists():
            continue
        stored = np.load(path)
        sides = {size: (split(it, size), *peers(split(it, size), keep, embeddings.embed_documents)) for size in TAKEN}
        for number, asked in enumerate(it.asked):
            if f"lift {number}" not in stored:
                continue
            tuning = place < TUNING[folder.name] if folder.name in TUNING else number % 2 == 0
            case = Case(folder.name, it.document.source, tuning, asked.evidence, stored[f"lift {number}"])
            query = np.array(embeddings.embed_query(asked.question))
            for size, (chunks, vectors, keywords) in sides.items():
                case.chunks[size], case.heads[size] = chunks, stored[f"{size} {number}"]
                case.dense[size], case.bm25[size] = vectors @ query, keywords(asked.question)
            cases.append(case)
    return cases


def peers(
    chunks: Sequence[Chunk], keep: Path, embed: Callable[[list[str]], list[list[float]]]
) -> tuple[Array, Callable[[str], Array]]:
    """Return the chunks' vectors, kept from run to run, and what gives their BM25 scores for a question."""
    texts = [chunk.text for chunk in chunks]
    path = keep / "vectors" / f"{hashlib.sha256(repr(texts).encode()).hexdigest()[:24]}.npy"
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        np.save(path, np.array(embed(texts), dtype=np.float32))
    stemmer = Stemmer.Stemmer("english")
    index = bm25s.BM25()
    index.index(bm25s.tokenize(texts, stopwords="en", stemmer=stemmer, show_progress=False), show_progress=False)

    def keywords(question: str) -> Array:
        (terms,) = bm25s.tokenize([question], stopwords="en", stemmer=stemmer, show_progress=False, return_ids=False)
        known = [term for term in terms if term in index.vocab_dict]
        return index.get_scores(known) if known else np.zeros(len(texts))

    return np.load(path), keywords


def ranked(scores: Array) -> Array:
    return np.argsort(-scores, kind="stable")


def fused(rankings: Iterable[tuple[Array, float]]) -> Array:
    """Return the weighted reciprocal-rank scores of all chunks."""
    total: Array = np.zeros(1)
    for scores, weight in rankings:
        points = np.zeros(len(scores))
        best = ranked(scores)[:POOL]
        points[best] = weight / (RRF_K + 1 + np.arange(len(best)))
        total = total + points
    return total


def best_heads(cases: Sequence[Case], count: int) -> Array:
    """Return the heads that look at the evidence most, as the command chooses them."""
    return ranked(np.mean([case.lift for case in cases], axis=0))[:count]


def interval(differences: Sequence[float]) -> dict[str, float]:
    """Return the mean of paired differences with its bootstrap interval of 95 %."""
    values = np.array(differences)
    means = values[np.random.default_rng(0).integers(0, len(values), (RESAMPLES, len(values)))].mean(axis=1)
    low, high = np.quantile(means, [0.025, 0.975])
    return {"mean": round(float(values.mean()), 4), "low": round(float(low), 4), "high": round(float(high), 4)}


def evaluate(cases: Sequence[Case], heads: Array, size: int) -> dict[str, object]:
    """Return the mean recall of every ranking over some questions."""
    recalls: dict[str, list[float]] = {}
    for case in cases:
        dense, bm25, attention = case.dense[size], case.bm25[size], case.heads[size][heads].mean(axis=0)
        both = [(dense, 1.0), (bm25, 1.0)]
        rankings = {
            "attention": attention,
            "all tried heads": case.heads[size].mean(axis=0),
            "dense": dense,
            "bm25": bm25,
            "rrf": fused(both),
            **{f"rrf + {weight} attention": fused([*both, (attention, weight)]) for weight in WEIGHTS},
        }
        for name, scores in rankings.items():
            recalls.setdefault(name, []).append(case.recall(scores, size))
    gains = {
        name: interval(np.subtract(values, recalls["rrf"]).tolist())
        for name, values in recalls.items()
        if name.startswith("rrf +")
    }
    return {
        "questions": len(cases),
        "recall": {name: round(float(np.mean(values)), 4) for name, values in recalls.items()},
        "gain over rrf": gains,
    }


def report(folders: Sequence[Path], keep: Path, name: str) -> None:
    cases = [case for folder in folders for case in read_cases(folder, keep)]
    names = sorted({case.dataset for case in cases})
    tried = np.load(next(keep.glob(f"{names[0]}/*.npz")))["heads"]
    rows = []
    for tuned_on in [*([it] for it in names), names] if len(names) > 1 else [names]:
        tuning = [case for case in cases if case.tuning and case.dataset in tuned_on]
        for count in HEAD_COUNTS:
            heads = best_heads(tuning, count)
            rows += [
                {"heads from": "+".join(tuned_on), "tuning questions": len(tuning), "heads": count,
                 "dataset": dataset, "chunk tokens": size,
                 **evaluate([it for it in cases if it.dataset == dataset and not it.tuning], heads, size)}
                for dataset in names for size in TAKEN
            ]  # fmt: skip
        print(tuned_on, [tuple(map(int, tried[number])) for number in best_heads(tuning, 16)])
    write_result(name, {"rows": rows})


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["collect", "report"])
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--keep", type=Path, required=True, help="where intermediate results are kept")
    parser.add_argument("--shard-tokens", type=int, default=0, help="tokens of a shard; 0 fills the model's window")
    parser.add_argument("--layers", type=int, nargs=2, default=(0, 1000), help="first and last layer that is tried")
    parser.add_argument("--limit", type=int, default=0, help="most questions of a document; 0 asks all")
    parser.add_argument("--name", default="attention_recall", help="name of the result")
    given = parser.parse_args()
    if given.what == "collect":
        for folder in given.folders:
            collect(folder, given.keep, given.shard_tokens, range(given.layers[0], given.layers[1] + 1), given.limit)
    else:
        report(given.folders, given.keep, given.name)


if __name__ == "__main__":
    main()
