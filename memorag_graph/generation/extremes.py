"""Answer a question for the most or the least by the sentence whose figure is highest or lowest of those found.

No single sentence of ten yearly reports says which year was the busiest, unless one speaks of a record. So figures that
sentences tell of one thing of the question are compared, such as all numbers of passengers.
"""

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import median

from memorag_graph.generation.asked_terms import asked_terms
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.superlatives import asked_extreme, without_superlatives
from memorag_graph.text.told_figures import told_figures

_FEWEST = 3
"""Least sentences with different figures of one thing that are compared."""

_TIMES_ALIKE = 4
"""Figures of one thing are compared if they are at most so many times as high or as low as the median."""

_TIMES = frozenset({"year", "month", "week", "day", "hour", "time", "quarter", "season", "company"})
"""Words of a question that say of when or whose a figure is asked for, and not of what."""


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
        word = "highest" if self.is_highest else "lowest"
        return f"The {word} of the figures that {self.compared} passages tell is quoted; others may tell more."


def extreme(question: str, evidence: ScoredEvidence) -> Extreme | None:
    """Return what answers a question for the most or the least; None for other questions, and too few figures."""
    way = asked_extreme(question)
    if not way or evidence.language_code != "en":
        return None
    of_things = _figures(question, evidence)
    compared = max(map(_alike, of_things.values()), key=lambda it: len(set(it.values())), default={})
    if len(set(compared.values())) < _FEWEST:
        return None
    return Extreme(max(compared, key=lambda at: (way * compared[at], -at)), len(compared), way > 0)


def _alike(figures: Mapping[int, float]) -> dict[int, float]:
    """Return figures of the same order as the median: others count something else, such as dismissals among staff."""
    middle = median(figures.values())
    return {at: value for at, value in figures.items() if middle <= _TIMES_ALIKE * value <= _TIMES_ALIKE**2 * middle}


def _figures(question: str, evidence: ScoredEvidence) -> dict[tuple[str, str], dict[int, float]]:
    """Return, for each thing of the question and kind of figure, the first figure of each sentence by its position."""
    asked = [term for term in asked_terms(without_superlatives(question), "en") if term not in _times()]
    found: dict[tuple[str, str], dict[int, float]] = defaultdict(dict)
    for at, unit in enumerate(evidence.units):
        for told in told_figures(unit.citation.quote) if unit.is_quotable else ():
            (term, *_) = (*terms(told.thing, "en"), "")
            if term in asked:
                found[term, told.kind].setdefault(at, told.value)
    return found


def _times() -> frozenset[str]:
    return frozenset(terms(" ".join(_TIMES), "en"))
