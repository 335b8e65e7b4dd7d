"""Find what a question asks for, as a person or a number, where the sentences that match it best tell none.

"Who designed the theatre?" has no answer in "The theatre was in use from 1870 to 1939". That is known of English
questions for one thing (:mod:`~memorag_graph.generation.asked_kind`).
"""

from collections.abc import Iterator

from memorag_graph.generation.asked_kind import AskedKind
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.generation.sentence_subjects import told_after
from memorag_graph.text.back_references import begins_back, refers_back
from memorag_graph.text.posed_questions import poses_question

_LEAST_ASKED = 0.5
"""Least share of the question's words in the best unit: else the answer may stand in other words."""

_AS_GOOD = 0.8
"""Least share of the best unit's words of the question that a unit has which may answer in its place."""

_ALIKE, _MOST_ALIKE = 0.95, 2
"""Units with as many words of the question as the best one, of which there are more where they are to be counted."""


def absent_kind(question: str, evidence: ScoredEvidence, best: int) -> str:
    """Return what a question asks for, as "who", where the sentences that hold its words tell none; else nothing.

    Not in a conversation, where what is asked for stands in other turns, nor of records.

    Args:
        question: The question, in English.
        evidence: The scored evidence.
        best: Position of the unit that would answer best.
    """
    about, asked = evidence.belonging[best], evidence.scores.asked
    kind = AskedKind.of(question)
    if kind is None or about.speaker or about.own_speaker or asked[best] < _LEAST_ASKED:
        return ""
    matching = [at for at in range(len(evidence.units)) if asked[at] >= _AS_GOOD * asked[best]]
    alike = [at for at in matching if asked[at] >= _ALIKE * asked[best]]
    if any(evidence.units[at].is_record for at in matching) or len(alike) > _MOST_ALIKE:
        return ""
    texts = {text for at in matching for text in _with_neighbours(evidence, at, question)}
    return "" if any(map(kind.is_told, texts)) else kind.name


def _with_neighbours(evidence: ScoredEvidence, at: int, question: str) -> Iterator[str]:
    """Yield a unit, those before it that it refers back to, and those after it that go on from it or answer it."""
    quotes = [unit.citation.quote for unit in evidence.units]
    yield quotes[at]
    if at and refers_back(quotes[at], "en"):
        yield quotes[at - 1]
        yield from (quotes[it] for it in evidence.belonging[at].subject[:1])
    if at + 1 < len(quotes) and (begins_back(quotes[at + 1], "en") or poses_question(quotes[at])):
        yield quotes[at + 1]
    if (told := told_after(at, question, evidence.units, evidence.belonging, "en")) is not None:
        yield quotes[told]
