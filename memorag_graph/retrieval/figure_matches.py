"""Find the sentences whose figures a question for the most or the least compares."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from functools import cache
from typing import NamedTuple

import numpy as np

from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.documents.context_words import context_words
from memorag_graph.retrieval.asked_figures import FEWEST_COMPARED, AskedFigures
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.list_matches import Match
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.sentences import split_sentences

_MOST_CHUNKS = 500
"""Chunks that are looked through, those that hold the words for the things."""

_MOST_COMPARED = 24
"""Sentences that are returned of each, so that the budget of the evidence has room for the best ones."""


class _Place(NamedTuple):
    match: Match
    held: frozenset[str]
    values: tuple[float, ...]


def figure_matches(keywords: KeywordIndex, question: str, page_maps: Mapping[str, PageMap]) -> list[Match]:
    """Return the sentences that tell figures of what a question asks the most or the least of, in document order.

    They are of the thing and the kind of figure of which most sentences tell, and hold what the question tells it apart
    by, if enough do; of many, those with the highest or lowest figures. Of the best ones the whole chunk is returned,
    as what stands around it may tell when or why.
    There are none for other questions, in other languages than English, and of fewer than three different figures.

    Args:
        keywords: The keyword index.
        question: The question.
        page_maps: The pages and sections of each document, by its name.
    """
    asked = AskedFigures.of(question) if keywords.language_code == "en" else None
    if asked is None:
        return []
    groups: dict[tuple[str, str], list[_Place]] = defaultdict(list)
    for key, place in _places(keywords, asked, page_maps):
        groups[key].append(place)
    compared = max(map(_of_what_is_asked, groups.values()), key=_different, default=[])
    if _different(compared) < FEWEST_COMPARED:
        return []
    figures = {at: it.values for at, it in enumerate(compared)}
    alike = asked.alike(figures) or figures
    best = {compared[at].match.chunk for at in asked.best(alike)}
    if len(compared) > _MOST_COMPARED:
        compared = [compared[at] for at in asked.best(alike, _MOST_COMPARED)]
    whole = (Match(chunk, 0, len(keywords.chunks[chunk].text), is_first=True) for chunk in best)
    others = (it.match for it in compared if it.match.chunk not in best)
    return sorted({*whole, *others}, key=lambda it: (it.chunk, it.start))


def _places(
    keywords: KeywordIndex, asked: AskedFigures, page_maps: Mapping[str, PageMap]
) -> Iterator[tuple[tuple[str, str], _Place]]:
    """Yield the sentences that tell figures of the things, each with the thing's term and the kind of its figures."""
    told_apart_by = cache(asked.told_apart_by)
    scores = keywords.scores(" ".join(asked.words))
    for number in sorted(int(at) for at in np.argsort(-scores, kind="stable")[:_MOST_CHUNKS] if scores[at] > 0):
        chunk = keywords.chunks[number]
        page_map = page_maps.get(chunk.source, NO_PAGES)
        for sentence in split_sentences(chunk.text, keywords.language_code):
            for key, values in _figures(asked, sentence.text).items():
                words = f"{sentence.text} {context_words(page_map, chunk.start + sentence.start, chunk.source)}"
                held = told_apart_by(key[0]) & set(terms(words, "en"))
                yield key, _Place(Match(number, sentence.start, sentence.end), frozenset(held), tuple(values))


def _figures(asked: AskedFigures, sentence: str) -> dict[tuple[str, str], list[float]]:
    found: dict[tuple[str, str], list[float]] = defaultdict(list)
    for term, told in asked.told(sentence):
        found[term, told.kind].append(told.value)
    return found


def _of_what_is_asked(places: list[_Place]) -> list[_Place]:
    """Return those that hold all that any of them holds of what tells the thing apart, if they are enough."""
    needed = frozenset[str]().union(*(it.held for it in places))
    fitting = [it for it in places if it.held == needed]
    return fitting if _different(fitting) >= FEWEST_COMPARED else places


def _different(places: list[_Place]) -> int:
    return len({it.values for it in places})
