"""Find evidence for queries: search by meaning and by words, fuse the rankings, and cut to a token budget."""

import re
from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.documents.page_references import asked_page, page_span
from memorag_graph.retrieval.chunk_index import Hit
from memorag_graph.retrieval.clue_weights import CAREFUL, ClueWeights
from memorag_graph.retrieval.fusion import add_halves, best_first, fuse, order
from memorag_graph.retrieval.list_matches import Match, with_openings
from memorag_graph.retrieval.listed_places import listed_places
from memorag_graph.retrieval.looked_for import looked_for
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.paragraphs import document_offset, with_rest
from memorag_graph.retrieval.query import WEIGHTS, Query
from memorag_graph.retrieval.rerank import Reranker, rerank
from memorag_graph.retrieval.selection import Counts, Selection
from memorag_graph.settings import QueryKind, RunOptions
from memorag_graph.text.chunking import Chunk

_FOUND = 10
"""A query counts as having found the chunks up to this rank in its own ranking."""

_MOST_STANDING_OUT = 3
_MOST_COMPLETED = 3
"""Chunks that match the question best, to which the rest of a divided paragraph is added."""

_INNER_NAME = re.compile(r"(?<=[^\W_]\s)[^\W\d_a-z][^\W_]+")
"""A word with a capital, not at the beginning of a question."""

_FAR = 2.0
"""A score is far better than another if it is at least this many times as high."""

_WHOLE_FIRST = 0.25
"""Share of the budget that whole chunks get before the places that belong to a list."""

_RERANKED = 50
"""Maximum candidates that the reranker reads."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """A passage for the generator: ``document.text[start:end] == text``.

    Attributes:
        source: Name of the document.
        start: First character in the document's text.
        end: One past the last character.
        text: The passage.
        score: Score in the fused ranking; higher is better.
        queries: The queries that found it, best first.
        page_map: Where the pages and sections of the document begin.
        part: Number of the part of the documents, or of the year, that it is a sentence of, from 1 on; 0 for passages
            that were searched for.
        paragraph: First character of the paragraph in which it begins, if that is before it; else None.
    """

    source: str
    start: int
    end: int
    text: str
    score: float
    queries: tuple[Query, ...] = field(default=())
    page_map: PageMap = NO_PAGES
    part: int = 0
    paragraph: int | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """Search settings.

    Attributes:
        hits: Chunks that each query ranks by meaning, and the same number by words.
        token_budget: Maximum tokens of evidence.
        chunk_tokens: Maximum tokens of a chunk.
        question_share: Share of the budget that is filled by the question alone before the clues count.
        weights: Weight of each kind of query in the fused ranking, divided among the queries of the kind.
        reranker: Reorders the best chunks of the fused ranking; None keeps that ranking.
        document_share: Share of the budget that one document may fill while others have something, 0 to 1.
    """

    hits: int
    token_budget: int
    chunk_tokens: int
    question_share: float = 0.75
    weights: Mapping[QueryKind, float] = field(default_factory=lambda: WEIGHTS)
    reranker: Reranker | None = None
    document_share: float = 1.0

    @classmethod
    def from_options(
        cls, options: RunOptions, chunk_tokens: int, reranker: Reranker | None, clues: ClueWeights = CAREFUL
    ) -> "Search":
        """Read the settings of a run; weights and the share that it does not set are those of the clues."""
        return cls(
            hits=options.hits,
            token_budget=options.evidence_tokens,
            chunk_tokens=chunk_tokens,
            question_share=clues.question_share if options.question_share is None else options.question_share,
            weights={**clues.of_kinds(), **options.query_weights},
            reranker=reranker,
        )


def retrieve(
    index: MemoryIndex,
    queries: Sequence[Query],
    search: Search,
    *,
    count_tokens: Counts,
    language_code: str,
    page_maps: Mapping[str, PageMap] | None = None,
) -> list[Evidence]:
    """Search with every query that has a weight and fuse the rankings; return the best chunks within the budget.

    They are in document order.

    Args:
        index: The memory's index.
        queries: The question and clues.
        search: How to search.
        count_tokens: Counts the tokens of the budget.
        language_code: ISO 639-1 code of the texts' language.
        page_maps: The pages and sections of each document, by its name.
    """
    queries = [query for query in dict.fromkeys(queries) if search.weights[query.kind]]
    most = max(search.hits, _MOST_STANDING_OUT + 1)
    wanted = [looked_for(it.text, language_code) if it.kind == "question" else it.text for it in queries]
    by_words = index.keywords.search(wanted, most) if index.keywords else [[] for _ in queries]
    found = _rankings(index, queries, by_words, search, count_tokens)
    fused = _fused(index, zip(_shares(queries, search.weights), found, strict=True))
    selection = Selection(index.chunks, search.token_budget, count_tokens, language_code, search.document_share)
    listed = [it for query in queries if query.kind == "question" for it in listed_places(index, query.text, page_maps)]
    for query in queries:
        if query.kind == "question" and (page := asked_page(query.text)):
            selection.take(_of_page(index.chunks, page_maps or {}, page), 1.0)
    rounds = list(_rounds(index, queries, search, found, by_words, fused))
    if listed:
        selection.cut(it for it in listed if it.is_first)
        for ranked, share in rounds:
            selection.take(ranked, min(share, _WHOLE_FIRST))
        selection.cut(with_openings(listed))
    for ranked, share in rounds:
        selection.take(ranked, share)
    selection.fill()
    passages = list(selection.passages())
    finders = _finders(index, queries, found, {it.chunk for it in passages})
    asking = [query for query in queries if query.kind == "question"]
    return [
        _evidence(index, it, fused.get(it.chunk, 0.0), finders.get(it.chunk, asking), page_maps or {})
        for it in passages
    ]


def _of_page(chunks: Sequence[Chunk], page_maps: Mapping[str, PageMap], page: str) -> list[int]:
    """Return the positions of the chunks of a page, in order."""
    spans = {source: span for source, pages in page_maps.items() if (span := page_span(pages, page))}
    found = []
    for at, chunk in enumerate(chunks):
        start, end = spans.get(chunk.source, (0, 0))
        if chunk.end > start and (end is None or chunk.start < end):
            found.append(at)
    return found


def _rounds(
    index: MemoryIndex,
    queries: Sequence[Query],
    search: Search,
    found: Sequence[tuple[list[int], list[int]]],
    by_words: Sequence[Sequence[Hit]],
    fused: Mapping[int, float],
) -> Iterator[tuple[list[int], float]]:
    """Yield rankings of chunks, best first, each with the share of the budget up to which its chunks are taken."""
    if search.reranker is not None:
        candidates = {chunk: index.chunks[chunk].text for chunk in best_first(fused)[:_RERANKED]}
        yield rerank(search.reranker, queries, candidates), 1.0
        return
    yield list(with_rest(index.chunks, _standing_out(queries, by_words))), 1.0
    of_question = [(1.0, both) for query, both in zip(queries, found, strict=True) if query.kind == "question"]
    best = best_first(_fused(index, of_question))
    yield list(with_rest(index.chunks, [*_named(index, queries, best), *best[:_MOST_COMPLETED]])), search.question_share
    yield best, search.question_share
    yield best_first(fused), 1.0


def _named(index: MemoryIndex, queries: Sequence[Query], best: Sequence[int]) -> list[int]:
    """Return those of the best chunks that alone hold a name of a question, such as that of the firm it asks about."""
    if index.keywords is None:
        return []
    asked = [query.text for query in queries if query.kind == "question"]
    names = [name for text in asked for name in _INNER_NAME.findall(text)]
    alone = dict.fromkeys(index.keywords.only_holder(name) for name in names)
    return [chunk for chunk in alone if chunk is not None and chunk in best[:_FOUND]]


def _rankings(
    index: MemoryIndex,
    queries: Sequence[Query],
    by_words: Sequence[Sequence[Hit]],
    search: Search,
    count_tokens: Counts,
) -> list[tuple[list[int], list[int]]]:
    """Return the two rankings of each query: by meaning and by words; none by words if the memory has no index."""
    by_meaning = index.vectors.search([query.text for query in queries], search.hits)
    sizes = index.tokens_of_chunks(search.chunk_tokens, count_tokens)

    def ordered(query: Query, hits: Sequence[Hit]) -> list[int]:
        inside = [hit for hit in hits if query.document in ("", index.chunks[hit.chunk].source)]
        return order(inside, index.chunks, sizes)

    return [
        (ordered(query, first), ordered(query, second[: search.hits]))
        for query, first, second in zip(queries, by_meaning, by_words, strict=True)
    ]


def _fused(index: MemoryIndex, rankings: Iterable[tuple[float, tuple[list[int], list[int]]]]) -> dict[int, float]:
    """Return the fused score of each chunk, from the share and the two rankings of each query."""
    rankings = list(rankings)
    by_meaning = fuse((share, first) for share, (first, _) in rankings)
    by_words = fuse((share, second) for share, (_, second) in rankings)
    if not (by_meaning and by_words):
        return by_meaning or by_words
    return add_halves(by_meaning, by_words, lambda chunk: index.meaning_weights[index.chunks[chunk].document])


def _standing_out(queries: Sequence[Query], by_words: Sequence[Sequence[Hit]]) -> list[int]:
    """Return the few chunks that match the words of the question far better than all others, best first.

    They hold a word that hardly any other holds, such as the number of an article. Ranks alone, which the other ranking
    outweighs, do not tell that from a match that is a little better.

    Args:
        queries: The queries.
        by_words: The hits of each by words, best first, more than may stand out.
    """
    found: dict[int, None] = {}
    for query, ranked in zip(queries, by_words, strict=True):
        if query.kind == "question":
            hits = ranked[: _MOST_STANDING_OUT + 1]
            scores = [*(hit.score for hit in hits), 0.0]
            ends = [
                at for at in range(1, min(len(hits), _MOST_STANDING_OUT) + 1) if scores[at] * _FAR <= scores[at - 1]
            ]
            found |= dict.fromkeys(hit.chunk for hit in hits[: max(ends, default=0)])
    return list(found)


def _shares(queries: Sequence[Query], weights: Mapping[QueryKind, float]) -> list[float]:
    kinds = Counter(query.kind for query in queries)
    return [weights[query.kind] / kinds[query.kind] for query in queries]


def _finders(
    index: MemoryIndex,
    queries: Sequence[Query],
    found: Sequence[tuple[list[int], list[int]]],
    chosen: Collection[int],
) -> dict[int, list[Query]]:
    """Return, for each chosen chunk, the queries that found it, best first; at least the one that ranks it highest."""
    places: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for position, rankings in enumerate(found):
        own = best_first(_fused(index, [(1.0, rankings)]))
        for place, chunk in enumerate(own):
            if chunk in chosen:
                places[chunk].append((place, position))
    return {
        chunk: [queries[position] for place, position in sorted(at) if place < max(_FOUND, min(at)[0] + 1)]
        for chunk, at in places.items()
    }


def _evidence(
    index: MemoryIndex,
    part: Match,
    score: float,
    finders: Sequence[Query],
    page_maps: Mapping[str, PageMap],
) -> Evidence:
    chunk = index.chunks[part.chunk]
    start, end = chunk.start + part.start, chunk.start + part.end
    page_map = page_maps.get(chunk.source, NO_PAGES)
    text, paragraph = chunk.text[part.start : part.end], document_offset(index.chunks, part.chunk, part.start)
    return Evidence(chunk.source, start, end, text, score, tuple(finders), page_map, paragraph=paragraph)
