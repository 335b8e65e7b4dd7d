"""Select the sentences of a summary, most important first."""

from collections import Counter
from collections.abc import Iterator, Sequence
from heapq import heapify, heappop, heappush

import numpy as np
from numpy.typing import NDArray

from memorag_graph.generation.summary.salience import Salience

_CONCEPTS = 10.0
"""Weight of the words that a sentence adds, per word of its length."""

_SENTENCE = 1.5
"""Weight of the sentence's own salience."""

_COVERED = 3.0
"""A word that the selected sentences hold n times counts 1 / (1 + 3 n)."""

_SHORT = 3
"""Words; added to each length, so that the shortest sentences are not the best."""


class Selection:
    """Selects sentences within a budget of words.

    A sentence is good if it adds words that a summary is likely to hold (a submodular gain, after Lin and Bilmes, "A
    class of submodular functions for document summarization", 2011), and is itself of a kind that summaries hold.

    Args:
        found: The salience of the sentences.
        lengths: The length of each in words, at least 1.
        relevance: What is added to the value of each, shape (sentences,); nothing by default.
    """

    def __init__(self, found: Salience, lengths: Sequence[int], relevance: NDArray[np.float64] | None = None) -> None:
        self._found = found
        self._lengths = lengths
        self._own = _SENTENCE * found.sentences + (0.0 if relevance is None else relevance)
        self._covered: Counter[str] = Counter()
        self._used = 0
        self.positions: list[int] = []
        """Positions of the selected sentences, in the order of selection."""

    def select(self, parts: Sequence[int], budget: int) -> list[int]:
        """Return the positions of the best sentences, most important first.

        First each part has its say with one sentence, the best first; then the best follow, whatever their part.

        Args:
            parts: The number of each sentence's part.
            budget: Maximum words; a sentence that is longer than what is left is passed over, unless it is the first.
        """
        silent = set(parts)
        for at in self._best_first():
            if parts[at] in silent and self._take(at, budget):
                silent.discard(parts[at])
            if not silent:
                break
        for at in self._best_first():
            self._take(at, budget)
        return self.positions

    def _best_first(self) -> Iterator[int]:
        """Yield the sentences that are not selected, best first: what is selected meanwhile lowers the others' value.

        The values only fall, so that only those at the top have to be computed again (Minoux, 1978).
        """
        chosen = set(self.positions)
        heap = [(-self._value(at), at) for at in range(len(self._lengths)) if at not in chosen]
        heapify(heap)
        while heap:
            _, at = heappop(heap)
            value = -self._value(at)
            if heap and value > heap[0][0]:
                heappush(heap, (value, at))
            else:
                yield at

    def _value(self, at: int) -> float:
        likely, covered = self._found.words, self._covered
        gain = sum(sorted(likely[word] / (1 + _COVERED * covered[word]) for word in self._found.held[at]))
        return float(self._own[at]) + _CONCEPTS * gain / (self._lengths[at] + _SHORT)

    def _take(self, at: int, budget: int) -> bool:
        """Select a sentence if it fits."""
        if self.positions and self._used + self._lengths[at] > budget:
            return False
        self.positions.append(at)
        self._used += self._lengths[at]
        self._covered.update(self._found.held[at])
        return True
