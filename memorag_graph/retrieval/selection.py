"""Ranked chunks → the passages that fit a token budget."""

from collections.abc import Iterable, Sequence
from typing import Protocol

from memorag_graph.text.chunking import Chunk
from memorag_graph.text.sentences import split_sentences
from memorag_graph.text.words import content_words, longest_start, share_of

_SAME = 0.9
"""Share of content words, both ways, from which two chunks say the same."""


class Counts(Protocol):
    """Counts the tokens of a text."""

    def __call__(self, text: str) -> int:
        """Return the number of tokens."""


class Selection:
    """Takes chunks while there is room.

    Args:
        chunks: All chunks, in document order.
        token_budget: Most tokens of all passages together.
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
        """What was taken of each chunk, from its start."""

    def take(self, ranked: Iterable[int], share: float = 1.0) -> None:
        """Take chunks, best first, until a share of the budget is used; the last one may go beyond the share.

        A chunk that says what one before it said is passed over. The first that does not fit the budget is cut at the
        end of a sentence, or within the sentence where there would be no passage otherwise, and ends it.
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
                text = longest_start(chunk.text, left, self._count)
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
    kept = ""
    for sentence in split_sentences(chunk.text, language_code):
        if count_tokens(chunk.text[: sentence.end]) > tokens:
            break
        kept = chunk.text[: sentence.end]
    return kept
