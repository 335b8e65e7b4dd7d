"""Find all places of the documents that match a question for a list as well as the best one does."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from memorag_graph.documents import NO_PAGES, PageMap
from memorag_graph.documents.context_words import context_words
from memorag_graph.retrieval.keyword_index import KeywordIndex
from memorag_graph.retrieval.paragraphs import paragraph_start
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.back_references import begins_back, refers_back
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.list_questions import asked_about, may_ask_for_several
from memorag_graph.text.records import is_record
from memorag_graph.text.repeats import wording
from memorag_graph.text.sentences import Sentence, split_sentences
from memorag_graph.text.superlatives import asked_superlative, without_superlatives

_DISTINCTIVE = 0.5
"""Least weight of a term that a place must hold if the best one does, as a share of the heaviest term of that."""

_AS_WELL = 0.75
"""Least share of the best place's weight."""

_FEWEST_TERMS = 2
"""Terms that a question needs for a list of sentences that hold them all."""

_LABEL = re.compile(r"(?:^|\|)\s*([^|:]{1,60}):")

_MOST_CHUNKS = 500
"""Chunks that are looked through, those that match the question's words best."""


@dataclass(frozen=True, slots=True)
class Place:
    """A sentence or record that may belong to a list.

    Attributes:
        text: The sentence or record.
        context: The words under which it stands, such as its heading.
        heading: The heading alone.
        follows: Whether it stands after the place before it in the same paragraph.
    """

    text: str
    context: str = ""
    heading: str = ""
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Match:
    """A part of a chunk that matches the question: ``chunk.text[start:end]``.

    Attributes:
        chunk: Position of the chunk.
        start: First character in the chunk.
        end: One past the last.
        opening: The first sentence of its paragraph, where that says what it is about.
        is_first: Whether it is taken before all others, as it answers best.
    """

    chunk: int
    start: int
    end: int
    opening: "Match | None" = None
    is_first: bool = False


@dataclass(frozen=True, slots=True)
class Reach:
    """How much of what matches a question for a list is in its evidence.

    Attributes:
        left_out: Number of matching places that are not.
        is_whole: Whether the evidence is all there is in the documents.
    """

    left_out: int
    is_whole: bool


def list_weights(question: str, rarity: Mapping[str, float], language_code: str) -> dict[str, float]:
    """Return the weight of each term that a question for a list asks for.

    Args:
        question: The question.
        rarity: How rare each of its terms is in the documents; missing terms weigh as much as rare ones.
        language_code: ISO 639-1 code of the documents' language.
    """
    stop = set(terms(" ".join(function_words(language_code)), language_code))
    asked = dict.fromkeys(terms(_about(question), language_code))
    return {term: 1 + rarity.get(term, 1.0) for term in asked if term not in stop}


def _about(question: str) -> str:
    """Return what a question asks about: without the words for a list, and those for the most or the least."""
    return asked_about(without_superlatives(question) if asked_superlative(question) else question)


def fitting(
    places: Sequence[Place], weights: Mapping[str, float], language_code: str, *, wholly: bool = False
) -> list[int]:
    """Return the positions of the places that match as well as the best one.

    They hold its distinctive terms and most of the weight of all; at least one distinctive term is their own, unless
    their heading holds all terms. A sentence that begins with a pronoun holds the terms of the one before it, too.

    Args:
        places: The places, in document order.
        weights: The weight of each term of the question.
        language_code: Language of the documents.
        wholly: Whether places have to hold all terms, as for a question that asks for one thing; records, whose labels
            may have other words, have to have the best one's labels instead.
    """
    known = {text: frozenset(weights.keys() & set(terms(text, language_code))) for text in _texts(places)}
    held: list[frozenset[str]] = []
    for at, place in enumerate(places):
        before = held[at - 1] if at and place.follows and begins_back(place.text, language_code) else known[""]
        held.append(known[place.text] | known[place.context] | before)
    said = frozenset[str]().union(*(known[place.text] for place in places))
    heavy = _DISTINCTIVE * max((weights[term] for term in said), default=0.0)
    sums = [sum(weights[term] for term in terms_held) for terms_held in held]

    def is_able(at: int) -> bool:
        under = known[places[at].heading]
        own = under if under and under == held[at] else known[places[at].text]
        return any(weights[term] >= heavy for term in own)

    able = [at for at in range(len(places)) if is_able(at)]
    if not able:
        return []
    best = max(able, key=lambda at: (sums[at], -at))
    needed = {term for term in held[best] if weights[term] >= heavy}
    fits = [at for at in able if held[at] >= needed and sums[at] >= _AS_WELL * sums[best]]
    if not wholly:
        return fits
    if is_record(places[best].text):
        return [at for at in fits if _LABEL.findall(places[at].text) == _LABEL.findall(places[best].text)]
    return [at for at in fits if len(weights) >= _FEWEST_TERMS and held[at] >= weights.keys()]


def _texts(places: Sequence[Place]) -> set[str]:
    return {"", *(text for place in places for text in (place.text, place.context, place.heading))}


def list_matches(keywords: KeywordIndex, question: str, page_maps: Mapping[str, PageMap]) -> list[Match]:
    """Return the parts of chunks that match a question for a list, in document order.

    A sentence that begins with a pronoun comes with those before it, which say what it is about. One that refers back
    otherwise, or that stands in several paragraphs, has the first sentence of its paragraph as its opening.
    """
    code = keywords.language_code
    weights = list_weights(question, keywords.rarity(question), code)
    scores = keywords.scores(_about(question))
    chosen = sorted(int(at) for at in np.argsort(-scores, kind="stable")[:_MOST_CHUNKS] if scores[at] > 0)
    places: list[Place] = []
    matches: list[Match] = []
    for number in chosen:
        chunk = keywords.chunks[number]
        page_map = page_maps.get(chunk.source, NO_PAGES)
        found = split_sentences(chunk.text, code)
        for at, sentence in enumerate(found):
            follows = at > 0 and not sentence.is_record and _are_joined(chunk.text, found[at - 1], sentence)
            refers = follows and begins_back(sentence.text, code)
            place = chunk.start + sentence.start
            heading = page_map.section(place) or ""
            places.append(Place(sentence.text, context_words(page_map, place, chunk.source), heading, follows))
            matches.append(Match(number, matches[-1].start if refers else sentence.start, sentence.end))
    fits = fitting(places, weights, code, wholly=may_ask_for_several(question))
    told = Counter(wording(places[at].text) for at in fits)
    return [
        replace(matches[at], opening=_opening(matches[at], keywords))
        if refers_back(places[at].text, code) or told[wording(places[at].text)] > 1
        else matches[at]
        for at in fits
    ]


def with_openings(matches: Iterable[Match]) -> list[Match]:
    """Return matches and what opens their paragraphs, in document order."""
    parts = {Match(it.chunk, it.start, it.end) for match in matches for it in (match.opening, match) if it}
    return sorted(parts, key=lambda it: (it.chunk, it.start, it.end))


def _opening(match: Match, keywords: KeywordIndex) -> Match | None:
    """Return the first sentence of the paragraph of a match; None if the match begins with it."""
    number, offset = paragraph_start(keywords.chunks, match.chunk, match.start)
    if (number, offset) >= (match.chunk, match.start):
        return None
    rest = keywords.chunks[number].text[offset:]
    first = next(iter(split_sentences(rest, keywords.language_code)), None)
    return Match(number, offset + first.start, offset + first.end) if first else None


def reach(matches: Sequence[Match], chunks: Sequence[Chunk], evidence: Iterable[tuple[str, int, int]]) -> Reach:
    """Return how much of the matches, and of the chunks, evidence covers: source, start and end of each passage."""
    of_source: dict[str, list[tuple[int, int]]] = {}
    for source, start, end in evidence:
        of_source.setdefault(source, []).append((start, end))

    def covers(chunk: Chunk, start: int, end: int) -> bool:
        return any(
            first <= chunk.start + start and chunk.start + end <= last
            for first, last in of_source.get(chunk.source, ())
        )

    left_out = sum(not covers(chunks[it.chunk], it.start, it.end) for it in matches)
    return Reach(left_out, all(covers(chunk, 0, len(chunk.text)) for chunk in chunks))


def _are_joined(text: str, first: Sentence, second: Sentence) -> bool:
    """Return whether no blank line is between two sentences."""
    return text.count("\n", first.end, second.start) < 2
