"""Rankings of chunks → one ranking.

A passage that answers is often longer than a chunk, and its chunks stand side by side. So each hit lends a part of its
score to its neighbours, and what lies in the middle of several hits rises. Ranks are all that is used of a ranking, so
cosines, BM25 scores, attention and the distances of any store go together. Rankings are fused by weighted reciprocal
rank (Cormack, Clarke and Büttcher, "Reciprocal rank fusion outperforms Condorcet and individual rank learning methods",
SIGIR 2009).
"""

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence

from memorag_graph.retrieval.chunk_index import Hit
from memorag_graph.text.chunking import Chunk

RRF_K = 60
"""Constant of reciprocal rank fusion, as published."""

_LENDING_K = 4
"""Constant of what a hit has to lend: small, because only the first hits are worth their neighbours."""

_DECAY = 0.75
"""Share of a hit's score that reaches a chunk :data:`_STEP` tokens away; its square at twice the distance."""

_STEP = 128
_REACH = 6 * _STEP
"""Tokens beyond which nothing is lent."""


def order(hits: Iterable[Hit], chunks: Sequence[Chunk], chunk_tokens: int) -> list[int]:
    """Return the chunks that a ranking's hits stand for, best first: the hits and their neighbours.

    Args:
        hits: The ranking, best first.
        chunks: All chunks, in document order; nothing is lent from one document to another.
        chunk_tokens: Most tokens of a chunk, by which distances are measured.
    """
    decay = _DECAY ** (chunk_tokens / _STEP)
    reach = _REACH // chunk_tokens
    scores: dict[int, float] = defaultdict(float)
    for rank, hit in enumerate(hits, start=1):
        document = chunks[hit.chunk].document
        for chunk in range(max(0, hit.chunk - reach), min(len(chunks), hit.chunk + reach + 1)):
            if chunks[chunk].document == document:
                scores[chunk] += decay ** abs(chunk - hit.chunk) / (_LENDING_K + rank)
    return best_first(scores)


def fuse(rankings: Iterable[tuple[float, Sequence[int]]]) -> dict[int, float]:
    """Return the weighted reciprocal-rank score of every chunk of some rankings.

    Args:
        rankings: The weight of each ranking, and its chunks, best first.
    """
    scores: dict[int, float] = defaultdict(float)
    for weight, ranked in rankings:
        for rank, chunk in enumerate(ranked, start=1):
            scores[chunk] += weight / (RRF_K + rank)
    return dict(scores)


def best_first(scores: Mapping[int, float]) -> list[int]:
    """Return chunks by falling score; equal scores in document order."""
    return sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
