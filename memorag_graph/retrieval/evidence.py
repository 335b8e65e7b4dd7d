"""Queries of several kinds → evidence: one ranking, cut to a token budget, in document order."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol

from memorag_graph.chunking import Chunk
from memorag_graph.retrieval.index import ChunkIndex, Hit
from memorag_graph.sentences import split_sentences
from memorag_graph.words import longest_start

QueryKind = Literal["question", "span", "surrogate", "draft", "outline"]

WEIGHTS: Mapping[QueryKind, float] = {
    "question": 1.0,
    "span": 0.25,
    "surrogate": 0.25,
    "draft": 0.15,
    "outline": 1.0,
}
"""Say of each kind of query in the fused ranking, shared by all queries of the kind.

All clues together weigh less than the question, so that what only clues find never displaces what the question
finds among its first hits: poor clues of a small model fill room that is left, or settle ties.
"""

RRF_K = 60
"""Constant of reciprocal rank fusion (Cormack, Clarke and Büttcher, SIGIR 2009)."""


@dataclass(frozen=True, slots=True)
class Query:
    """A search text and what it is."""

    kind: QueryKind
    text: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage handed to the generator: ``document.text[start:end] == text``.

    Attributes:
        source: Name of the document.
        start: First character in the document's text.
        end: One past the last character.
        text: The passage.
        score: Place in the fused ranking; higher is better.
        queries: The queries that found it, best first.
        page: Page of the document; None where it has none.
    """

    source: str
    start: int
    end: int
    text: str
    score: float
    queries: tuple[Query, ...] = field(default=())
    page: int | None = None


class Counts(Protocol):
    """Counts the tokens of a text."""

    def __call__(self, text: str) -> int:
        """Return the number of tokens."""


def retrieve(
    index: ChunkIndex,
    queries: Sequence[Query],
    *,
    hits: int,
    token_budget: int,
    count_tokens: Counts,
    language_code: str,
) -> list[Evidence]:
    """Search with every query, fuse the rankings, and keep the best chunks within the budget.

    A chunk that does not fit whole is cut at the end of a sentence. Evidence comes in document order.
    """
    queries = list(dict.fromkeys(queries))
    found = index.search([query.text for query in queries], hits)
    scores = fuse(queries, found)
    finders = _finders(queries, found)
    kept: dict[int, Evidence] = {}
    left = token_budget
    for number in sorted(scores, key=lambda chunk: (-scores[chunk], chunk)):
        chunk = index.chunks[number]
        text = fit(chunk, left, count_tokens, language_code)
        if not text and not kept:
            text = longest_start(chunk.text, token_budget, count_tokens)
        if not text:
            continue
        left -= count_tokens(text)
        end = chunk.start + len(text)
        kept[number] = Evidence(chunk.source, chunk.start, end, text, scores[number], tuple(finders[number]))
    return [kept[number] for number in sorted(kept)]


def fuse(queries: Sequence[Query], found: Sequence[Sequence[Hit]]) -> dict[int, float]:
    """Return the weighted reciprocal-rank score of every chunk that was found."""
    scores: dict[int, float] = defaultdict(float)
    share = {kind: sum(query.kind == kind for query in queries) for kind in WEIGHTS}
    for query, hits in zip(queries, found, strict=True):
        for rank, hit in enumerate(hits, start=1):
            scores[hit.chunk] += WEIGHTS[query.kind] / share[query.kind] / (RRF_K + rank)
    return dict(scores)


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


def _finders(queries: Sequence[Query], found: Sequence[Sequence[Hit]]) -> dict[int, list[Query]]:
    ranked = [(rank, position, hit.chunk) for position, hits in enumerate(found) for rank, hit in enumerate(hits)]
    finders: dict[int, list[Query]] = defaultdict(list)
    for _, position, chunk in sorted(ranked):
        finders[chunk].append(queries[position])
    return finders
