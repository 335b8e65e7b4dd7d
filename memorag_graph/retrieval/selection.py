"""Select ranked chunks that fit a token budget."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Protocol

from memorag_graph.text.chunking import Chunk
from memorag_graph.text.sentences import split_sentences
from memorag_graph.text.words import content_words, longest_prefix, share_of

_SAME = 0.9
"""Two chunks are near-duplicates if each holds at least this share of the other's content words."""


class Counts(Protocol):
    """Counts the tokens of a text."""

    def __call__(self, text: str) -> int:
        """Return the number of tokens."""


class Selection:
    """Chunks selected within a token budget.

    Args:
        chunks: All chunks, in document order.
        token_budget: Maximum tokens of all passages together.
        count_tokens: Counts the tokens of a text.
        language_code: ISO 639-1 code of the texts' language.
    """

    def __init__(self, chunks: Sequence[Chunk], token_budget: int, count_tokens: Counts, language_code: str) -> None:
        self._chunks = chunks
        self._budget = token_budget
        self._count = count_tokens
        self._language_code = language_code
        self._used = 0
        self._words: list[set[str]] = []
        self.texts: dict[int, str] = {}
        """The selected text of each chunk, from its start."""

    def take(self, ranked: Iterable[int], share: float = 1.0) -> None:
        """Take chunks, best first, until a share of the budget is used; the last one may exceed the share.

        Near-duplicates of selected chunks are skipped. The first chunk that does not fit the budget is cut at the end
        of a sentence, or within a sentence if there would be no passage otherwise, and ends the selection.
        """
        for number in ranked:
            if self._used >= share * self._budget:
                return
            chunk = self._chunks[number]
            if number in self.texts or self._repeats(chunk):
                continue
            left = self._budget - self._used
            text = fit(chunk, left, self._count, self._language_code)
            if not text and not self.texts:
                text = longest_prefix(chunk.text, left, self._count)
            if text:
                self.texts[number] = text
                self._words.append(set(content_words(chunk.text)))
            self._used = self._used + self._count(text) if text == chunk.text else self._budget

    def _repeats(self, chunk: Chunk) -> bool:
        words = set(content_words(chunk.text))
        return any(min(share_of(words, other), share_of(other, words)) >= _SAME for other in self._words)


def fit(chunk: Chunk, tokens: int, count_tokens: Counts, language_code: str) -> str:
    """Return the longest start of a chunk, whole or up to the end of a sentence, within a number of tokens."""
    if count_tokens(chunk.text) <= tokens:
        return chunk.text
    ends = [0, *(sentence.end for sentence in split_sentences(chunk.text, language_code))]
    fitting = bisect_right(ends, tokens, key=lambda end: count_tokens(chunk.text[:end]))
    return chunk.text[: ends[max(fitting, 1) - 1]]
