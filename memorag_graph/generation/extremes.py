"""Answer a question for the most or the least by the sentence whose figure is highest or lowest of those found.

No single sentence of ten yearly reports says which year was the busiest, unless one speaks of a record. So figures that
sentences tell of one thing of the question are compared, such as all numbers of passengers.
"""

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from memorag_graph.generation.asked_terms import asked_terms
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.superlatives import Superlative, asked_superlative, without_superlatives
from memorag_graph.text.told_figures import told_figures

_FEWEST = 3
"""Least sentences with different figures of one thing that are compared."""

_TIMES_ALIKE = 4
"""Figures of one thing are compared if they are at most so many times as high or as low as the median."""

_GENERAL = "year month week day hour time quarter season company number count total figure amount"
"""Words of a question that say of when, of whose or of how many a figure is asked for, and not of what."""

_OF = re.compile(r"\b(?:of|from|for|on|about|by|in|at|to|with) (?:(?:the|an?|its|our|their) )?([\w-]+(?: [\w-]+)?)")
"""What a thing is told apart by, as in "complaints about noise"."""

_BUSY = ("busiest", "quietest")
"""Words after which "for freight" names what is counted, which may be told in other words: "283,000 units"."""


@dataclass(frozen=True, slots=True)
class Extreme:
    """The sentence with the highest or the lowest figure.

    Attributes:
        position: Its position in the evidence.
        compared: Number of sentences whose figures were compared.
        is_highest: Whether it is the highest, not the lowest.
    """

    position: int
    compared: int
    is_highest: bool

    @property
    def notice(self) -> str:
        """What a reader is told about it."""
        best, better = ("highest", "a higher") if self.is_highest else ("lowest", "a lower")
        return f"The {best} of the figures that {self.compared} sentences tell is quoted; others may tell {better} one."


def extreme(question: str, evidence: ScoredEvidence) -> Extreme | None:
    """Return what answers a question for the most or the least; None for other questions, and too few figures."""
    asked = asked_superlative(question)
    if asked is None or evidence.language_code != "en":
        return None
    found = [_of_what_is_asked(question, asked, *it, evidence) for it in _figures(question, asked, evidence).items()]
    figures = max(found, key=lambda it: len(set(it.values())), default={})
    alike = _alike(figures)
    if len(set(alike.values())) < _FEWEST:
        return None
    best, best_alike = (_highest(it, asked.way) for it in (figures, alike))
    if best != best_alike and not asked.counts:
        alike = figures
        if not all(evidence.units[at].is_record for at in figures):
            return None  # it may be of a part, or of something else
    return Extreme(_highest(alike, asked.way), len(alike), asked.way > 0)


def _highest(figures: Mapping[int, float], way: int) -> int:
    """Return the position of the highest figure, of the lowest for -1; of the first of several."""
    return max(figures, key=lambda at: (way * figures[at], -at))


def _figures(
    question: str, asked: Superlative, evidence: ScoredEvidence
) -> dict[tuple[str, str], dict[int, list[float]]]:
    """Return, for each thing of the question and kind of figure, the figures of each sentence by its position."""
    general = set(terms(_GENERAL, "en"))
    nouns = set(terms(asked.noun, "en")) - general
    things = nouns or set(asked_terms(without_superlatives(question), "en")) - general
    found: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for at, unit in enumerate(evidence.units):
        for told in told_figures(unit.citation.quote) if unit.is_quotable else ():
            (term, *_) = (*terms(told.thing, "en"), "")
            is_so = asked.word.startswith(told.dimension)  # the longest bridge is not the highest
            if term in things and is_so and (asked.counts or not told.counts):
                found[term, told.kind][at].append(told.value)
    return found


def _of_what_is_asked(
    question: str,
    asked: Superlative,
    of: tuple[str, str],
    figures: Mapping[int, Sequence[float]],
    evidence: ScoredEvidence,
) -> dict[int, float]:
    """Return the figure of each sentence that holds what the question tells the thing apart by, if any of them does.

    Others tell of something else: of passengers' revenue, where that of freight is asked for; so may one of several
    figures in a sentence. Where nothing tells them apart, it is the highest of those, or for a question for the lowest
    the first, as what follows may be a part of that.
    """
    apart = _told_apart_by(question, asked, of[0])
    texts = {at: f"{evidence.sentences[at].quote} {evidence.belonging[at].words}" for at in figures}
    held = {at: apart & set(terms(text, "en")) for at, text in texts.items()}
    needed = set[str]().union(*held.values())
    return {
        at: max(values) if asked.way > 0 else values[0]
        for at, values in figures.items()
        if held[at] == needed and (len(set(values)) == 1 or not needed)
    }


def _told_apart_by(question: str, asked: Superlative, thing: str) -> set[str]:
    """Return the terms before a thing in a question, and after prepositions: "freight revenue in the north"."""
    words = [next(iter(terms(word, "en")), "") for word in question.split()]
    before = {one for one, other in pairwise(words) if other == thing}
    named = [] if asked.word in _BUSY else _OF.findall(question)
    after = {term for found in named for term in terms(found, "en")}
    return (before | after) & set(asked_terms(without_superlatives(question), "en")) - {thing, *terms(_GENERAL, "en")}


def _alike(figures: Mapping[int, float]) -> dict[int, float]:
    """Return figures of the same order as the median: others count something else, such as dismissals among staff."""
    middle = median(figures.values()) if figures else 0.0
    return {at: value for at, value in figures.items() if middle <= _TIMES_ALIKE * value <= _TIMES_ALIKE**2 * middle}
