"""Fuse rankings of chunks into one.

An answering passage is often longer than a chunk and spans adjacent chunks. So each hit adds a part of its score to its
neighbours, and chunks between several hits rise. Only ranks are used, so cosines, BM25 scores and the distances of any
store can be combined. Rankings are fused by weighted reciprocal rank (Cormack, Clarke and Büttcher, "Reciprocal rank
fusion outperforms Condorcet and individual rank learning methods", SIGIR 2009).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

from memorag_graph.retrieval.chunk_index import Hit
from memorag_graph.text.chunking import Chunk

RRF_K = 60
"""Constant of reciprocal rank fusion, as published."""

_SPREAD_K = 4
"""Constant of the scores that spread to neighbours; small, so that only the first hits have much effect."""

_DECAY = 0.75
"""Share of a hit's score that reaches a chunk :data:`_STEP` tokens away; its square at twice the distance."""

_STEP = 128
_REACH = 6 * _STEP
"""Maximum distance in tokens over which scores spread."""


def order(hits: Iterable[Hit], chunks: Sequence[Chunk], chunk_tokens: int | Mapping[int, int]) -> list[int]:
    """Return the hits of a ranking and their neighbours, best first.

    Args:
        hits: The ranking, best first.
        chunks: All chunks, in document order; scores do not spread from one document to another.
        chunk_tokens: Maximum tokens of a chunk, the unit of distance; or that of the chunks of each document.
    """
    scores: dict[int, float] = defaultdict(float)
    for rank, hit in enumerate(hits, start=1):
        document = chunks[hit.chunk].document
        size = chunk_tokens if isinstance(chunk_tokens, int) else chunk_tokens[document]
        decay, reach = _DECAY ** (size / _STEP), _REACH // size
        for chunk in range(max(0, hit.chunk - reach), min(len(chunks), hit.chunk + reach + 1)):
            if chunks[chunk].document == document:
                scores[chunk] += decay ** abs(chunk - hit.chunk) / (_SPREAD_K + rank)
    return best_first(scores)


def fuse(rankings: Iterable[tuple[float, Sequence[int]]]) -> dict[int, float]:
    """Return the weighted reciprocal-rank score of every ranked chunk.

    Args:
        rankings: The weight of each ranking, and its chunks, best first.
    """
    scores: dict[int, float] = defaultdict(float)
    for weight, ranked in rankings:
        for rank, chunk in enumerate(ranked, start=1):
            scores[chunk] += weight / (RRF_K + rank)
    return dict(scores)


def add_halves(
    by_meaning: Mapping[int, float], by_words: Mapping[int, float], weight: Callable[[int], float]
) -> dict[int, float]:
    """Return the weighted sum of the scores by meaning and by words; the weights of a chunk add up to 2.

    Args:
        by_meaning: The score of each chunk that was found by meaning.
        by_words: The score of each chunk that was found by words.
        weight: Weight of the score by meaning of a chunk where that by words has weight 1.
    """
    scores: dict[int, float] = defaultdict(float)
    for chunk, score in by_meaning.items():
        scores[chunk] += 2 * weight(chunk) / (1 + weight(chunk)) * score
    for chunk, score in by_words.items():
        scores[chunk] += 2 / (1 + weight(chunk)) * score
    return dict(scores)


def best_first(scores: Mapping[int, float]) -> list[int]:
    """Return chunks by descending score; equal scores in document order."""
    return sorted(scores, key=lambda chunk: (-scores[chunk], chunk))
