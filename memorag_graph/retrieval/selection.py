"""Select ranked chunks that fit a token budget."""

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import Protocol

from memorag_graph.retrieval.list_matches import Match
from memorag_graph.retrieval.paragraphs import goes_on
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
        document_share: Share of the budget that one document may fill before chunks of others were taken.
    """

    def __init__(
        self,
        chunks: Sequence[Chunk],
        token_budget: int,
        count_tokens: Counts,
        language_code: str,
        document_share: float = 1.0,
    ) -> None:
        self._chunks = chunks
        self._budget = token_budget
        self._count = count_tokens
        self._language_code = language_code
        self._used = 0
        self._most_of_document = document_share * token_budget
        self._of_document: dict[int, int] = defaultdict(int)
        self._wordings: list[str] = []
        self._passed_over: list[int] = []
        self.texts: dict[int, str] = {}
        """The selected text of each chunk, from its start."""
        self.pieces: dict[int, list[Match]] = {}
        """The selected parts of each chunk of which only parts are selected, in order; see :meth:`cut`."""

    def take(self, ranked: Iterable[int], share: float = 1.0) -> None:
        """Take chunks, best first, until a share of the budget is used; the last one may exceed the share.

        Chunks that repeat selected ones, and those of a document that has its share, are passed over; :meth:`fill`
        takes them. What completes a selected paragraph is about its subject, so it repeats nothing. The first chunk
        that does not fit the budget is cut at the end of a sentence, or within a sentence if there would be no passage
        otherwise, and ends the selection.
        """
        for number in ranked:
            if self._used >= share * self._budget:
                return
            if number in self.texts:
                continue
            if self._is_full(self._chunks[number].document):
                self._passed_over.append(number)
                continue
            completes = number - 1 in self.texts and goes_on(self._chunks, number)
            if not completes and is_repeat(wording(self._chunks[number].text), self._wordings):
                self._passed_over.append(number)
            else:
                self._add(number)

    def cut(self, matches: Iterable[Match]) -> None:
        """Take parts of chunks that are not selected yet, as long as they fit; neighbours become one.

        :meth:`take` replaces them with the whole chunk if there is room for it.
        """
        of_chunk: dict[int, list[Match]] = defaultdict(list)
        for match in matches:
            if match.end > len(self.texts.get(match.chunk, "")):
                of_chunk[match.chunk].append(match)
        for number, found in of_chunk.items():
            if number in self.texts:  # the first chunk that did not fit was cut
                continue
            text = self._chunks[number].text
            for pieces in (list(_joined(text, found)), found):
                taken = self.pieces.get(number, [])
                for piece in pieces:
                    tokens = self._count(text[piece.start : piece.end])
                    if tokens <= self._budget - self._used and not _within(piece, taken):
                        taken.append(piece)
                        self._used += tokens
                if taken:
                    self.pieces[number] = sorted(taken, key=lambda it: it.start)

    def passages(self) -> Iterator[Match]:
        """Yield all that was selected, in document order."""
        for number in sorted({*self.texts, *self.pieces}):
            yield from [Match(number, 0, len(self.texts[number]))] if number in self.texts else self.pieces[number]

    def fill(self) -> None:
        """Take the chunks that were passed over, best first, until the budget is used."""
        for number in self._passed_over:
            if self._used >= self._budget:
                return
            if number not in self.texts:
                self._add(number)

    def _is_full(self, document: int) -> bool:
        """Return whether a document has its share of the budget."""
        return self._of_document[document] >= self._most_of_document

    def _add(self, number: int) -> None:
        chunk = self._chunks[number]
        left = self._budget - self._used
        if number in self.pieces:
            left += sum(self._count(chunk.text[it.start : it.end]) for it in self.pieces[number])
            if self._count(chunk.text) > left:
                return
            del self.pieces[number]
            self._used = self._budget - left
        text = fit(chunk, left, self._count, self._language_code)
        if not text and not self.texts:
            text = longest_prefix(chunk.text, left, self._count)
        if text:
            self.texts[number] = text
            self._wordings.append(wording(text))
            self._of_document[chunk.document] += self._count(text)
        self._used = self._used + self._count(text) if text == chunk.text else self._budget


def _joined(text: str, matches: Sequence[Match]) -> Iterator[Match]:
    """Yield parts of a text, those that overlap or have only white space between them as one."""
    open_one: Match | None = None
    for match in matches:
        if open_one and not text[open_one.end : match.start].strip():
            open_one = Match(match.chunk, open_one.start, max(open_one.end, match.end))
            continue
        if open_one:
            yield open_one
        open_one = match
    if open_one:
        yield open_one


def _within(match: Match, others: Iterable[Match]) -> bool:
    return any(other.start <= match.start and match.end <= other.end for other in others)


def fit(chunk: Chunk, tokens: int, count_tokens: Counts, language_code: str) -> str:
    """Return the longest start of a chunk, whole or up to the end of a sentence, within a number of tokens."""
    if count_tokens(chunk.text) <= tokens:
        return chunk.text
    ends = [0, *(sentence.end for sentence in split_sentences(chunk.text, language_code))]
    fitting = bisect_right(ends, tokens, key=lambda end: count_tokens(chunk.text[:end]))
    return chunk.text[: ends[max(fitting, 1) - 1]]
