"""Find evidence for how something went from year to year: what the part of each year tells of it."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from operator import itemgetter

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.documents.yearly_headings import FEWEST_YEARS, named_year, year_parts, year_title
from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.summary.cover import summary_words
from memorag_graph.generation.summary.expository import needs_others
from memorag_graph.generation.summary.salience import salience
from memorag_graph.generation.summary.selection import Selection
from memorag_graph.generation.summary.sentences import as_evidence, sentences_of_chunks
from memorag_graph.retrieval.dense_index import embed, embed_queries
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.retrieval.selection import Counts
from memorag_graph.settings import RunOptions
from memorag_graph.text.asked_periods import Period, followed_period, followed_words, without_period
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.words import count_words, share_of

Matrix = NDArray[np.float64]

_MEANING = 2.0
"""Weight of a sentence's similarity with the request, in standard deviations."""

_WORDS = 3.0
"""Weight of the share of the request's words that it holds."""

_NEEDS_OTHERS = 1.5
"""What a sentence loses that goes on from another one."""

_BELOW = 2.5
"""How much less relevant than the best sentence of the middle year one may be: a year may tell nothing of it."""

_MOST_COMPARED = 1000
"""Sentences that are embedded at most, as many of each year: some five seconds on two cores."""

_NAME = re.compile(r"(?<=\s)[A-Z][\w-]+")
_WORD = re.compile(r"[\w-]+")
_NOUNS_ARE_CAPITALS = ("de", "lb")


def follow_years(
    index: MemoryIndex,
    page_maps: Mapping[str, PageMap],
    options: RunOptions,
    question: str,
    *,
    count_tokens: Counts,
    language_code: str,
) -> tuple[list[Evidence], RunOptions]:
    """Return what each year tells, if a question follows something through years, and the options to search with then.

    It takes half of the evidence. The other half is searched for, as with any question, and tells whether the
    documents are about it.

    Args:
        index: The chunks of the documents, and their embedding model.
        page_maps: The pages and sections of each document, by its name.
        options: ``evidence_tokens`` is read.
        question: The question.
        count_tokens: Counts the tokens of the budget.
        language_code: ISO 639-1 code of the texts' language.
    """
    if (period := followed_period(question)) is None:
        return [], options
    half = options.evidence_tokens // 2
    found = cover_years(
        index.chunks,
        page_maps,
        half,
        question,
        period,
        embeddings=index.embeddings,
        count_tokens=count_tokens,
        language_code=language_code,
    )
    return found, options.model_copy(update={"evidence_tokens": half}) if found else options


def cover_years(
    chunks: Sequence[Chunk],
    page_maps: Mapping[str, PageMap],
    token_budget: int,
    request: str,
    period: Period,
    *,
    embeddings: Embeddings,
    count_tokens: Counts,
    language_code: str,
) -> list[Evidence]:
    """Return what documents tell of something year by year, in the order of time.

    That is nothing if they are not about years, or the parts about these hold no word of the request, or too few its
    names. A heading (:func:`~memorag_graph.documents.yearly_headings.year_parts`) or the document's name tells a year.

    Args:
        chunks: All chunks, in document order.
        page_maps: The pages and sections of each document, by its name.
        token_budget: Maximum tokens of all sentences together.
        request: What is to be followed.
        period: The years.
        embeddings: Compares sentences with the request.
        count_tokens: Counts the tokens of the budget.
        language_code: ISO 639-1 code of the texts' language.
    """
    meant = period.of({year for source in {it.source for it in chunks} for year in _known(source, page_maps)})
    if len(meant) < FEWEST_YEARS:
        return []
    units = sentences_of_chunks(chunks, page_maps, language_code)
    dated = [(unit, year) for unit, year in zip(units, _years(units, page_maps), strict=True) if year in meant]
    told = sorted(dated, key=itemgetter(1))
    if len({year for _, year in told}) < FEWEST_YEARS:
        return []
    units, years = [unit for unit, _ in told], np.array([year for _, year in told])
    quotes = [unit.citation.quote for unit in units]
    words = asked_terms(followed_words(request), language_code)
    shares = np.array([share_of(words, held_terms(quote, language_code)) for quote in quotes])
    named = _holding_names(request, quotes, language_code)
    if (words and not shares.any()) or len(np.unique(years[named])) < FEWEST_YEARS:
        return []
    found = salience(quotes, language_code)
    relevance = _relevance(
        quotes, _of_years(years, shares + 1e-3 * found.sentences), shares, without_period(request), embeddings
    )
    kept = [int(at) for at in np.flatnonzero(named & (relevance >= _middle(relevance, years) - _BELOW))]
    needing = np.array([needs_others(quote, language_code) for quote in quotes], dtype=np.float64)
    lengths = [max(count_words(quote), 1) for quote in quotes]
    selection = Selection(
        replace(
            found, held=[found.held[at] for at in kept], sentences=(found.sentences - _NEEDS_OTHERS * needing)[kept]
        ),
        [lengths[at] for at in kept],
        relevance[kept],
    )
    ranked = selection.select([int(years[at]) for at in kept], summary_words(token_budget))
    numbers = np.searchsorted(np.unique(years), years).tolist()
    return as_evidence(units, [kept[at] for at in ranked], numbers, page_maps, token_budget, count_tokens)


def _holding_names(request: str, quotes: Sequence[str], language_code: str) -> NDArray[np.bool_]:
    """Return which sentences hold a name of the request, as "the Tarvay Star"; all if it names nothing."""
    if language_code in _NOUNS_ARE_CAPITALS or not (names := set(_NAME.findall(without_period(request)))):
        return np.ones(len(quotes), dtype=np.bool_)
    return np.array([not names.isdisjoint(_WORD.findall(quote)) for quote in quotes], dtype=np.bool_)


def _known(source: str, page_maps: Mapping[str, PageMap]) -> list[int]:
    """Return the years that the headings of a document name, or its own name; 0 for none."""
    parts = year_parts(page_maps.get(source, NO_PAGES).sections)
    return [named_year(title) for _, title in parts] or [named_year(source)]


def _years(units: Sequence[Unit], page_maps: Mapping[str, PageMap]) -> list[int]:
    """Return the year that each sentence is of; 0 if that is not known."""
    sources = {unit.citation.source for unit in units}
    parts = {source: year_parts(page_maps.get(source, NO_PAGES).sections) for source in sources}
    found = [(parts[unit.citation.source], unit.citation) for unit in units]
    return [named_year(year_title(headings, it.source, it.start)) for headings, it in found]


def _of_years(years: NDArray[np.int64], worth: Matrix) -> list[int]:
    """Return the positions of the sentences that are compared: all, or of each year those of most worth."""
    if len(years) <= _MOST_COMPARED:
        return list(range(len(years)))
    distinct = np.unique(years)
    places = [np.flatnonzero(years == year) for year in distinct]
    most = _MOST_COMPARED // len(distinct)
    return [int(at) for each in places for at in each[np.argsort(-worth[each], kind="stable")[:most]]]


def _relevance(
    quotes: Sequence[str], compared: Sequence[int], shares: Matrix, request: str, embeddings: Embeddings
) -> Matrix:
    """Return how relevant each sentence is; what is not compared is not."""
    near = embed(embeddings, [quotes[at] for at in compared]) @ embed_queries(embeddings, [request])[0]
    found = np.full(len(quotes), -np.inf)
    found[compared] = _MEANING * (near - near.mean()) / max(float(near.std()), 1e-9) + _WORDS * shares[compared]
    return found


def _middle(relevance: Matrix, years: NDArray[np.int64]) -> float:
    """Return the relevance of the best sentence of the year in the middle."""
    return float(np.median([relevance[years == year].max() for year in np.unique(years)]))
