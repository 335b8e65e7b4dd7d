"""Choose the turns of an English conversation that answer a question: near it, and worth repeating.

The turn that matches a question best is often "Okay ." by the speaker whom it names. So turns count by how they are
put, too: by their length and function words (:mod:`memorag_graph.generation.wording_model`), fitted on answers about
meetings (QMSum's training split, MIT) by ``benchmarks/quality/spoken_answers.py``. But "Budget: 400 euros." answers,
short as it is: turns that hold words of the question, which others lack, are quoted however they are put.
"""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.scored_evidence import ScoredEvidence
from memorag_graph.generation.sentence_scores import distinct
from memorag_graph.generation.summary.salience import without_speaker
from memorag_graph.generation.wording_model import wording_model
from memorag_graph.text.words import count_words

Matrix = NDArray[np.float64]

WORDS = 100
"""Maximum words of an answer; the first turn may be longer."""

_MOSTLY = 0.5
"""Share of the sentences that are spoken from which the evidence is a conversation."""

_WORDING = 2.0
"""Weight of how a turn is put, against how well it matches the question; both in standard deviations."""

_CRUMB = -0.5
"""Standard deviations; turns that are put worse do not stand first."""


def is_conversation(evidence: ScoredEvidence) -> bool:
    """Return whether most sentences of the evidence are turns of a conversation."""
    return evidence.spoken > _MOSTLY


def spoken_answer(evidence: ScoredEvidence, near: Sequence[int], most: int) -> list[int]:
    """Return the positions of the turns that answer, at least one; the first matches the question best.

    Args:
        evidence: The evidence, in English.
        near: Positions of the turns that answer by what they say alone, best first; at least one.
        most: Maximum turns.
    """
    turns = [without_speaker(it.quote) for it in evidence.sentences]
    wording = _standard(wording_model("spoken_answer").scores(turns, length_features(turns)))
    value = _standard(np.asarray(evidence.scores.total, dtype=np.float64)) + _WORDING * wording
    ranked = evidence.ranked
    kept = _telling(evidence, turns, near) or [next((at for at in ranked if wording[at] >= _CRUMB), ranked[0])]
    others = sorted((at for at in ranked if at not in kept), key=lambda at: (-value[at], at))
    chosen: list[int] = []
    left = WORDS
    for at in distinct([*kept, *others], evidence.sentences, most):
        length = count_words(turns[at])
        if length <= left or not chosen:
            chosen.append(at)
            left -= length
    return chosen


def _telling(evidence: ScoredEvidence, turns: Sequence[str], near: Sequence[int]) -> list[int]:
    """Return the positions, best first, of turns that hold words of the question which the better ones lack.

    The name of the speaker does not count.
    """
    lacking = set(asked_terms(evidence.worded, evidence.language_code))
    telling = []
    for at in near:
        held = lacking.intersection(held_terms(turns[at], evidence.language_code))
        if held:
            telling.append(at)
            lacking -= held
    return telling


def length_features(turns: Sequence[str]) -> Matrix:
    """Return the logarithm of the length of each turn in words, and its square, shape (turns, 2)."""
    logarithms = np.log1p([count_words(it) for it in turns])
    return np.stack([logarithms, logarithms**2], axis=1)


def _standard(values: Matrix) -> Matrix:
    """Return values in standard deviations from their mean; 0 if all are the same."""
    return np.asarray((values - values.mean()) / (values.std() or 1.0))
