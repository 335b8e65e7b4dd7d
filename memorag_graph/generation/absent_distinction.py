"""Find the word by which a question tells one of many alike things, where the evidence tells only of the others.

A text may say in the same words what the toll is of cars, of buses and of lorries, and none of taxis. Where several
sentences or records differ in nothing but what they tell, and the question holds no word of any of them alone, but one
that stands nowhere, it asks for something else.
"""

import re
from collections.abc import Sequence

import numpy as np

from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.listed import asks_for_several
from memorag_graph.generation.names_in_text import words_of
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.retrieval.stop_words import function_words
from memorag_graph.text.records import label_of

_FEWEST_ALIKE = 3
"""Sentences or records that say the same of different things make a kind."""

_MOST_ASKED = 5
"""Words of content of a question for one thing of many; longer questions tell in other words what they mean."""

_CLEARLY = 0.08
"""Difference of similarities from which the best one means what the question names in other words: "sofa", "couch"."""

_SAME_LETTERS = 5
_FIGURES = re.compile(r"\w*\d[\w.,:%-]*")
_CELL_END = re.compile(r"[|\n;]")
_OF_ALL = frozenset({
    *("total", "sum", "average", "mean", "next", "last", "first", "previous", "current", "currently", "usual", "best"),
    *("typical", "normal", "overall", "entire", "whole", "exact", "exactly", "actual", "maximum", "minimum", "least"),
    *("most", "main", "reason", "reasons", "impact", "effect", "comparison", "terms", "amount", "gesamt", "insgesamt"),
    *("durchschnittlich", "nächste", "letzte", "erste", "aktuell", "genau", "totale", "moyen", "moyenne", "prochain"),
    *("dernier", "premier", "medio", "promedio", "próximo", "último"),
})  # fmt: skip
"""Words that tell which of several is meant, or ask of all of them, without naming any, as superlatives do."""

_SUPERLATIVE = re.compile(r"[^\W\d_A-Z]\w{2,}(?:est|sten?|ster)")


_ASKS_KIND = re.compile(
    r"\b(?:which|what|how (?:many|much)|welche\w*|wie ?viele?|quel\w*|combien de|qué|cuánt[oa]s?)$", re.IGNORECASE
)
"""What the word behind names is the kind of thing that is asked for, not one of them: "Which ships were built?"."""


def absent_distinction(question: str, evidence: ScoredEvidence, positions: Sequence[int]) -> list[str]:
    """Return the words of a question that tell one of many alike things, if these are others.

    Args:
        question: The question, which asks for no list.
        evidence: The scored evidence.
        positions: Positions of the units that would answer, best first.
    """
    best, code = positions[0], evidence.language_code
    about = evidence.belonging[best]
    if about.speaker or about.own_speaker or asks_for_several(question, evidence):
        return []
    words = words_of(question)
    if any(word.lower() in _OF_ALL or _SUPERLATIVE.fullmatch(word) for word in words):
        return []
    asked = set(asked_terms(question, code))
    if len(asked) > _MOST_ASKED:
        return []
    alike = _alike(evidence, best, asked)
    meaning = np.sort(evidence.scores.meaning[alike])[::-1]
    if len(alike) < _FEWEST_ALIKE or meaning[0] - meaning[1] >= _CLEARLY:
        return []
    held = {term for at in range(len(evidence.units)) for term in _held(evidence, at)}
    stems = {term[:_SAME_LETTERS] for term in held}
    stop = function_words(code)
    absent = [
        at
        for at, word in enumerate(words)
        if asked.intersection(own := held_terms(word, code))
        and held.isdisjoint(own)
        and word.lower()[:_SAME_LETTERS] not in stems
        and not _ASKS_KIND.search(" ".join(words[:at]))
    ]
    missed = {term for at in absent for term in held_terms(words[at], code)}
    if not asked - missed <= _held(evidence, best):  # it asks for something that stands elsewhere
        return []
    return [words[at] for at in absent if _names_one(at, words, held, stop, code)]


def _alike(evidence: ScoredEvidence, best: int, asked: set[str]) -> list[int]:
    """Return the units that differ from the best only in figures, and hold the same words of the question.

    So does what they belong to, such as the headings above them.
    """
    wanted, own = _pattern(evidence, best), asked & _held(evidence, best)
    parallel = (at for at, unit in enumerate(evidence.units) if unit.is_quotable and _pattern(evidence, at) == wanted)
    return [at for at in parallel if asked & _held(evidence, at) == own] if own else [best]


def _held(evidence: ScoredEvidence, at: int) -> set[str]:
    """Return the terms of a unit and of what it belongs to."""
    text = f"{evidence.units[at].citation.quote} {evidence.belonging[at].words}"
    return set(held_terms(text, evidence.language_code))


def _pattern(evidence: ScoredEvidence, at: int) -> str:
    """Return the labels of a record, or the words of a sentence with one mark for all figures."""
    unit = evidence.units[at]
    if unit.is_record:
        labels = [label_of(cell.strip()) for cell in _CELL_END.split(unit.citation.quote)]
        return "|".join(label or "" for label in labels) if all(labels) else unit.citation.quote
    return _FIGURES.sub("#", unit.citation.quote)


def _names_one(at: int, words: Sequence[str], held: set[str], stop: frozenset[str], code: str) -> bool:
    """Return whether a word stands beside one that the evidence holds, as in "toll for taxis" and "eagle owl"."""
    for step in (-1, 1):
        near = at + step
        if 0 <= near < len(words) and words[near].lower() in stop:
            near += step
        if 0 <= near < len(words) and not held.isdisjoint(held_terms(words[near], code)):
            return True
    return False
