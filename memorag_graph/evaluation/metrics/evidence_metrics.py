"""Recall, precision and nDCG of the retrieved evidence, in characters."""

from collections.abc import Sequence

import numpy as np

from memorag_graph.evaluation.dataset import Span, length, shared, union
from memorag_graph.text.chunking import Chunk


def recall(passages: Sequence[Span], evidence: Sequence[Span]) -> float | None:
    """Return the share of the evidence's characters that the passages contain; None without evidence."""
    return shared(union(passages), evidence) / length(evidence) if evidence else None


def precision(passages: Sequence[Span], evidence: Sequence[Span]) -> float | None:
    """Return the share of the passages' characters that are evidence; None without evidence or passages."""
    found = union(passages)
    return shared(found, evidence) / length(found) if evidence and found else None


def gains(chunks: Sequence[Chunk], evidence: Sequence[Span]) -> list[float]:
    """Return the gain of each chunk: the share of the evidence's characters that it contains."""
    whole = length(evidence)
    return [shared([(chunk.start, chunk.end)], evidence) / whole for chunk in chunks]


def ranked(chunks: Sequence[Chunk], passages: Sequence[Span]) -> list[int]:
    """Return the numbers of the chunks that overlap the passages, in the order of the passages, each once."""
    return list(
        dict.fromkeys(
            number
            for start, end in passages
            for number, chunk in enumerate(chunks)
            if start < chunk.end and chunk.start < end
        )
    )


def ndcg(ranking: Sequence[int], gain: Sequence[float], cut: int) -> float | None:
    """Return the normalized discounted cumulative gain of a ranking (Järvelin and Kekäläinen, TOIS 2002).

    Args:
        ranking: Numbers of chunks, best first.
        gain: The gain of every chunk, graded.
        cut: Number of ranks that count.

    Returns:
        The share of the gain of the best possible ranking; None if no chunk has a gain.
    """
    best = _dcg(sorted(gain, reverse=True)[:cut])
    return _dcg([gain[number] for number in ranking[:cut]]) / best if best > 0 else None


def _dcg(gained: Sequence[float]) -> float:
    values = np.asarray(gained, dtype=np.float64)
    return float((values / np.log2(np.arange(2, len(values) + 2))).sum())
