"""Answer a question for the most or the least by the sentence whose figure is highest or lowest of those found.

No single sentence of ten yearly reports says which year was the busiest, unless one speaks of a record. So figures that
sentences tell of one thing of the question are compared, such as all numbers of passengers.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.retrieval.asked_figures import FEWEST_COMPARED, AskedFigures
from memorag_graph.retrieval.terms import terms


@dataclass(frozen=True, slots=True)
class Extreme:
    """The sentence with the highest or the lowest figure, or both.

    Attributes:
        positions: Their positions in the evidence.
        compared: Number of sentences whose figures were compared.
        ways: 1 for the highest, -1 for the lowest, as the positions.
    """

    positions: tuple[int, ...]
    compared: int
    ways: tuple[int, ...]

    @property
    def notice(self) -> str:
        """What a reader is told about it."""
        best = " and the ".join("highest" if way > 0 else "lowest" for way in self.ways)
        better = "or ".join("a higher " if way > 0 else "a lower " for way in self.ways)
        are = "is" if len(self.ways) == 1 else "are"
        return (
            f"The {best} of the figures that {self.compared} sentences tell {are} quoted; others may tell {better}one."
        )


def extreme(question: str, evidence: ScoredEvidence) -> Extreme | None:
    """Return what answers a question for the most or the least; None for other questions, and too few figures."""
    asked = AskedFigures.of(question) if evidence.language_code == "en" else None
    if asked is None:
        return None
    found = [_of_what_is_asked(asked, term, it, evidence) for (term, _), it in _figures(asked, evidence).items()]
    figures = max(found, key=_different, default={})
    alike = asked.alike(figures)
    if _different(alike) < FEWEST_COMPARED:
        return None
    if asked.best(figures) != asked.best(alike) and not asked.counts:
        alike = figures
        if not all(evidence.units[at].is_record for at in figures):
            return None  # it may be of a part, or of something else
    return Extreme(tuple(asked.best(alike)), len(alike), asked.asked.ways)


def _different(figures: Mapping[int, Sequence[float]]) -> int:
    return len(set(map(tuple, figures.values())))


def _figures(asked: AskedFigures, evidence: ScoredEvidence) -> dict[tuple[str, str], dict[int, list[float]]]:
    """Return, for each thing of the question and kind of figure, the figures of each sentence by its position."""
    found: dict[tuple[str, str], dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for at, unit in enumerate(evidence.units):
        for term, told in asked.told(unit.citation.quote) if unit.is_quotable else ():
            found[term, told.kind][at].append(told.value)
    return found


def _of_what_is_asked(
    asked: AskedFigures, thing: str, figures: Mapping[int, Sequence[float]], evidence: ScoredEvidence
) -> dict[int, Sequence[float]]:
    """Return the figures of each sentence that holds what the question tells the thing apart by, if any of them does.

    Others tell of something else: of passengers' revenue, where that of freight is asked for; so may one of several
    figures in a sentence, unless nothing tells them apart.
    """
    apart = asked.told_apart_by(thing)
    texts = {at: f"{evidence.sentences[at].quote} {evidence.belonging[at].words}" for at in figures}
    held = {at: apart & set(terms(text, "en")) for at, text in texts.items()}
    needed = set[str]().union(*held.values())
    return {
        at: values for at, values in figures.items() if held[at] == needed and (len(set(values)) == 1 or not needed)
    }
