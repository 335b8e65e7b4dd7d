"""Select ranked chunks that fit a token budget."""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from typing import Protocol

from memorag_graph.text.chunking import Chunk
from memorag_graph.text.repeats import is_repeat, wording
from memorag_graph.text.sentences import split_sentences
from memorag_graph.text.words import longest_prefix


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
        self._wordings: list[str] = []
        self._passed_over: list[int] = []
        self.texts: dict[int, str] = {}
        """The selected text of each chunk, from its start."""

    def take(self, ranked: Iterable[int], share: float = 1.0) -> None:
        """Take chunks, best first, until a share of the budget is used; the last one may exceed the share.

        Chunks that repeat selected ones are passed over; :meth:`fill` takes them. The first chunk that does not fit the
        budget is cut at the end of a sentence, or within a sentence if there would be no passage otherwise, and ends
        the selection.
        """
        for number in ranked:
            if self._used >= share * self._budget:
                return
            if number in self.texts:
                continue
            if is_repeat(wording(self._chunks[number].text), self._wordings):
                self._passed_over.append(number)
            else:
                self._add(number)

    def fill(self) -> None:
        """Take the chunks that were passed over, best first, until the budget is used."""
        for number in self._passed_over:
            if self._used >= self._budget:
                return
            if number not in self.texts:
                self._add(number)

    def _add(self, number: int) -> None:
        chunk = self._chunks[number]
        left = self._budget - self._used
        text = fit(chunk, left, self._count, self._language_code)
        if not text and not self.texts:
            text = longest_prefix(chunk.text, left, self._count)
        if text:
            self.texts[number] = text
            self._wordings.append(wording(text))
        self._used = self._used + self._count(text) if text == chunk.text else self._budget


def fit(chunk: Chunk, tokens: int, count_tokens: Counts, language_code: str) -> str:
    """Return the longest start of a chunk, whole or up to the end of a sentence, within a number of tokens."""
    if count_tokens(chunk.text) <= tokens:
        return chunk.text
    ends = [0, *(sentence.end for sentence in split_sentences(chunk.text, language_code))]
    fitting = bisect_right(ends, tokens, key=lambda end: count_tokens(chunk.text[:end]))
    return chunk.text[: ends[max(fitting, 1) - 1]]
