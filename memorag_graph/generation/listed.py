"""Choose all sentences and records that belong to the list that a question asks for."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memorag_graph.generation.quotable_sentences import is_item
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.retrieval.list_matches import Place, fitting, list_weights
from memorag_graph.text.back_references import begins_back, refers_back
from memorag_graph.text.list_questions import asks_for_list, may_ask_for_several, says_count
from memorag_graph.text.repeats import wording

MOST = 50
"""Maximum sentences of an answer to a question that asks for a list."""

_FEWEST = 2
"""Minimum sentences of a list; a single one is quoted with those that are nearly as good."""


@dataclass(frozen=True, slots=True)
class Listed:
    """What belongs to a list.

    Attributes:
        positions: Positions of the sentences to quote, in document order.
        more: Number of further ones, which are too many to quote.
    """

    positions: list[int]
    more: int


def asks_for_several(question: str, evidence: ScoredEvidence) -> bool:
    """Return whether a question asks for a list, or for a count that the best sentence does not say."""
    return asks_for_list(question) and not says_count(question, evidence.sentences[evidence.ranked[0]].quote)


def listed(question: str, evidence: ScoredEvidence, rarity: Mapping[str, float]) -> Listed | None:
    """Return what belongs to the list that a question asks for; None if that is not the best sentence and others.

    Args:
        question: A question that asks for several things, or may.
        evidence: The scored evidence.
        rarity: How rare each term of the question is in the documents.
    """
    able = [at for at, unit in enumerate(evidence.units) if unit.is_quotable]
    places = [_place(evidence, at) for at in able]
    weights = list_weights(question, rarity, evidence.language_code)
    wholly = may_ask_for_several(question)
    fits = {able[at] for at in fitting(places, weights, evidence.language_code, wholly=wholly)}
    if evidence.ranked[0] not in fits:
        return None
    told = Counter(wording(evidence.sentences[at].quote) for at in fits)
    said: dict[str, list[int]] = {}
    for at in (it for it in evidence.ranked if it in fits):
        whole = [*_named_before(evidence, at), at]
        if len(whole) == 1 and (opening := _opening(evidence, at, told)) is not None:
            whole = [opening, at]
        heading = evidence.belonging[at].heading if told[wording(evidence.sentences[at].quote)] > 1 else ""
        said.setdefault(wording(" ".join([heading, *(evidence.sentences[it].quote for it in whole)])), whole)
    if len(said) < _FEWEST:
        return None
    quoted = list(said.values())[:MOST]
    return Listed(sorted({at for whole in quoted for at in whole}), len(said) - len(quoted))


def whole_list(evidence: ScoredEvidence, positions: Sequence[int], *, several: bool) -> Listed | None:
    """Return the list that the answers of a question are items of, whole; None if they are not.

    The heading above holds words of the question, as "Red box", and the items none, so that none answers better.

    Args:
        evidence: The scored evidence.
        positions: Positions of the sentences that answer, best first.
        several: Whether the question asks for several things; if not, a single item is answer enough.
    """
    best = positions[0]
    if not (several or len(positions) >= _FEWEST) or not evidence.scores.opens[best]:
        return None
    place = _list_of(evidence, best)
    run = [at for at in range(len(evidence.units)) if _is_bare(evidence, at) and _list_of(evidence, at) == place]
    if len(run) < _FEWEST or not set(positions) <= set(run):
        return None
    return Listed(run[:MOST], len(run[MOST:]))


def _is_bare(evidence: ScoredEvidence, at: int) -> bool:
    """Return whether a unit is an item of a list and holds no word of the question."""
    unit = evidence.units[at]
    return unit.is_quotable and is_item(unit.citation.quote) and not evidence.scores.parts[at].any()


def _list_of(evidence: ScoredEvidence, at: int) -> tuple[str, str]:
    return evidence.units[at].citation.source, evidence.belonging[at].heading


def _named_before(evidence: ScoredEvidence, at: int) -> Sequence[int]:
    """Return the positions of the sentences before one that begins with a pronoun, from the one it refers to.

    If that names nothing, but an earlier one names the paragraph's subject, it is that one alone.
    """
    before: list[int] = []
    last, about = at, evidence.belonging[at]
    while (
        begins_back(evidence.sentences[at].quote, evidence.language_code)
        and _follows(evidence, at)
        and evidence.units[at - 1].is_quotable
    ):
        at -= 1
        before.insert(0, at)
    named = about.subject[:1] if about.is_named else ()
    if before and named and before[0] > named[0] and not evidence.adds(before[0], last):
        return [it for it in named if evidence.units[it].is_quotable] or before
    return before


def _opening(evidence: ScoredEvidence, at: int, told: Mapping[str, int]) -> int | None:
    """Return the position of the sentence that says what one is about which refers back or stands in several places."""
    text, subject = evidence.sentences[at].quote, evidence.belonging[at].subject
    if not subject or evidence.units[at].is_record:
        return None
    needs = told[wording(text)] > 1 or refers_back(text, evidence.language_code)
    return subject[0] if needs and evidence.units[subject[0]].is_quotable else None


def _place(evidence: ScoredEvidence, at: int) -> Place:
    unit, about = evidence.units[at], evidence.belonging[at]
    return Place(unit.citation.quote, about.words, about.heading, _follows(evidence, at))


def _follows(evidence: ScoredEvidence, at: int) -> bool:
    """Return whether a sentence stands after another one in its paragraph."""
    same = at > 0 and evidence.belonging[at].paragraph == evidence.belonging[at - 1].paragraph
    return same and not evidence.units[at].is_record
