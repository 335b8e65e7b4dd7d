"""Truncate a text to its two ends."""

from bisect import bisect_right

from memorag_graph.evaluation.dataset import Span
from memorag_graph.retrieval.selection import Counts

_LONGEST_TOKEN = 16
"""Upper bound of the average characters per token of any vocabulary."""


def both_ends(text: str, tokens: int, count_tokens: Counts) -> list[Span]:
    """Return the whole text if it fits, else a start and an end of half of the tokens each."""
    if len(text) <= tokens * _LONGEST_TOKEN and count_tokens(text) <= tokens:
        return [(0, len(text))]
    half = tokens // 2
    most = min(len(text) // 2, half * _LONGEST_TOKEN)
    sizes = range(1, most + 1)
    start = bisect_right(sizes, half, key=lambda size: count_tokens(text[:size]))
    end = bisect_right(sizes, half, key=lambda size: count_tokens(text[-size:]))
    return [span for span in ((0, start), (len(text) - end, len(text))) if span[0] < span[1]]
