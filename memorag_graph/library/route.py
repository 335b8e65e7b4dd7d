"""Which documents of a library a question is about.

A document's score is the weighted sum of what its best places score in several rankings: its chunks and its sections by
words, its sections by pairs of neighbouring words, its chunks and its notes by meaning. A chunk that answers has few
words; that the others of the question stand elsewhere in the document is seen by its sections, of about 1,000 tokens.
Words that say how to answer ("summarize", "discussion") are not looked for: they are rare in documents, and would count
for much. Each ranking is divided by its best document's score. Sums of scores choose documents better than sums of
ranks do here (docs/library.md).
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from memorag_graph.library.row_table import Found
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.library.stores import Stores
from memorag_graph.retrieval.keyword_index import query_pairs, query_terms
from memorag_graph.retrieval.looked_for import looked_for

Ranking = Literal["chunks by words", "sections by words", "sections by pairs", "chunks by meaning", "notes by meaning"]
WEIGHTS: Mapping[Ranking, float] = {
    "chunks by words": 0.5,
    "sections by words": 1.0,
    "sections by pairs": 0.5,
    "chunks by meaning": 1.0,
    "notes by meaning": 0.25,
}
"""Weight of each ranking; those of benchmarks/quality/right_document.py, rounded."""

_BEST = 2
"""Chunks of a document that count in a ranking, so that one that is alike by chance says less; of sections one."""

_HITS = 1000

_MOST_LANGUAGES = 8
"""Languages in which the words of a question are looked for, the most frequent ones of the documents."""


@dataclass(frozen=True, slots=True)
class Considered:
    """A document that was considered for a question.

    Attributes:
        id: Id of its entry.
        score: Score in the fused ranking; higher is better.
        places: Its place in each ranking that found it, from 1 on.
    """

    id: int
    score: float
    places: Mapping[Ranking, int]


def route(
    question: str, vector: NDArray[np.float32], stores: Stores, snapshot: Snapshot, weights: Mapping[str, float]
) -> list[Considered]:
    """Rank the documents that a question may be about, best first; equal ones in the order of their ids.

    Args:
        question: The question.
        vector: Its normalized embedding, shape (size,).
        stores: The library's stores.
        snapshot: The documents that may be chosen.
        weights: Weight of the rankings by meaning for documents of each language, where those by words have weight 1.
    """
    languages, among = languages_of(snapshot), snapshot.among
    terms = query_terms(looked_for(question, languages[0]), *languages)
    pairs = query_pairs(question, *languages)
    rankings: dict[Ranking, Sequence[Found]] = {
        "chunks by words": stores.chunks.matching(terms, _HITS, among),
        "sections by words": stores.notes.matching(terms, _HITS, among),
        "sections by pairs": stores.notes.matching(pairs, _HITS, among),
        "chunks by meaning": stores.chunks.nearest(vector, _HITS, among),
        "notes by meaning": stores.notes.nearest(vector, _HITS, among),
    }
    return _ranked(rankings, snapshot, weights)


def languages_of(snapshot: Snapshot) -> list[str]:
    """Return the languages of documents, the most frequent first."""
    counts = Counter(entry.language for entry in snapshot.entries.values())
    return [code for code, _ in counts.most_common(_MOST_LANGUAGES)] or ["en"]


def _ranked(
    rankings: Mapping[Ranking, Iterable[Found]], snapshot: Snapshot, weights: Mapping[str, float]
) -> list[Considered]:
    scores: dict[int, float] = defaultdict(float)
    places: dict[int, dict[Ranking, int]] = defaultdict(dict)
    for name, hits in rankings.items():
        known = (hit for hit in hits if hit.document in snapshot.entries)  # others are being removed
        of_documents = _best_places(known, _BEST if name.startswith("chunks") else 1)
        highest = max(of_documents.values(), default=0.0)
        for place, document in enumerate(sorted(of_documents, key=lambda it: (-of_documents[it], it)), start=1):
            places[document][name] = place
            weight = weights.get(snapshot.entries[document].language, 1.0)
            share = 2 * (weight if name.endswith("meaning") else 1.0) / (1 + weight)
            scores[document] += share * WEIGHTS[name] * of_documents[document] / highest
    best = sorted(scores, key=lambda document: (-scores[document], document))
    return [Considered(document, scores[document], places[document]) for document in best]


def _best_places(hits: Iterable[Found], places: int) -> dict[int, float]:
    """Return the sum of the scores of each document's best places; hits are best first."""
    counts: Counter[int] = Counter()
    scores: dict[int, float] = defaultdict(float)
    for hit in hits:
        if hit.score > 0 and counts[hit.document] < places:
            counts[hit.document] += 1
            scores[hit.document] += hit.score
    return dict(scores)
