"""Score how well the sentences of the evidence answer a question, by meaning, rare words and neighbours."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.asked_terms import asked_names, asked_terms, held_terms
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.repeats import is_repeat, wording

Matrix = NDArray[np.float32]

WORDS = 1.2
"""Weight of the share of the question's words that a sentence holds."""

WORDS_AROUND = 0.4
"""Weight of the same share for a sentence with its neighbours, headings and document, which may name its subject."""

WITH_SUBJECT = 0.6
"""Weight of the same share for a sentence with the question's names that its subject, headings or document hold."""

OPENS = 0.3
"""Weight of the first sentence under a heading that holds words of the question; less for those that follow."""

MEANING_BESIDE = 0.3
"""Weight of the similarity of the neighbour that is more similar to the question."""

CLUES = 0.1
"""Weight of the share of a clue's words that a sentence holds; small, because a clue may be wrong."""

NEAR = 0.6
"""Least share of the best sentence's score that a further sentence of an answer needs."""

_OF_NAME = 0.5
"""Least share of what the best sentence holds of the question's names that a further one needs."""

_TOUCHING = 8
"""Maximum characters between neighbours."""


@dataclass(frozen=True, slots=True)
class SentenceScores:
    """Scores of each sentence; every array has shape (sentences,).

    Attributes:
        meaning: Cosine similarity with the question.
        words: Share of the question's words in the sentence, weighted by how rare they are.
        words_around: The same share for the sentence with its neighbours and what it belongs to.
        with_subject: The same share for the sentence with the names of its subject and of what it belongs to.
        named: Share of the question's names in the sentence, its subject and what it belongs to; 0 without names.
        opens: Share of the question's words in the heading above, less the further the heading is.
        meaning_beside: Similarity of the more similar neighbour; 0 without one.
        clues: Largest share of a clue's words.
    """

    meaning: Matrix
    words: Matrix
    words_around: Matrix
    with_subject: Matrix
    named: Matrix
    opens: Matrix
    meaning_beside: Matrix
    clues: Matrix

    @property
    def total(self) -> Matrix:
        """The weighted sum, which ranks the sentences."""
        words = (
            WORDS * self.words
            + WORDS_AROUND * self.words_around
            + WITH_SUBJECT * self.with_subject
            + OPENS * self.opens
        )
        total: Matrix = self.meaning + words + MEANING_BESIDE * self.meaning_beside + CLUES * self.clues
        return total


def score_sentences(
    sentences: Sequence[Citation],
    meaning: Matrix,
    question: str,
    clues: Sequence[str],
    rarity: Mapping[str, float],
    language_code: str,
    surroundings: Sequence[Surroundings] = (),
) -> SentenceScores:
    """Score the sentences of the evidence.

    A word of the question weighs more the fewer chunks of the document and the fewer sentences of the evidence hold
    it: a word of every sentence does not distinguish them.

    Args:
        sentences: In document order.
        meaning: Their similarity with the question, shape (sentences,).
        question: The question.
        clues: Recalled spans, surrogate questions and the draft.
        rarity: How rare each term of the question is in the document; missing terms weigh 1.
        language_code: Language of the document.
        surroundings: What each sentence belongs to; none is known by default.
    """
    surroundings = surroundings or [Surroundings()] * len(sentences)
    wanted = asked_terms(question, language_code)
    held = [set(held_terms(sentence.quote, language_code)) for sentence in sentences]
    holds = _holds(held, wanted)
    above = _holds([set(held_terms(it.heading, language_code)) for it in surroundings], wanted)
    belongs = np.maximum(above, _holds([set(held_terms(it.words, language_code)) for it in surroundings], wanted))
    subject = np.array([holds[[at, *it.subject]].max(axis=0) for at, it in enumerate(surroundings)])
    among = _rare_among(holds)
    weights = among * np.array([rarity.get(term, 1.0) for term in wanted], dtype=np.float32)
    beside = [_neighbours(sentences, surroundings, at) for at in range(len(sentences))]
    around = np.array([holds[[at, *others]].max(axis=0) for at, others in enumerate(beside)])
    names = asked_names(question, [sentence.quote for sentence in sentences], language_code)
    is_name = np.array([term in names for term in wanted], dtype=np.float32)
    distance = np.array([1 + it.since_heading for it in surroundings], dtype=np.float32)
    overlaps = [np.zeros(len(sentences), dtype=np.float32)]
    for clue in clues:
        of_clue = _holds(held, list(dict.fromkeys(terms(clue, language_code))))
        overlaps.append(_share(of_clue, _rare_among(of_clue)))
    return SentenceScores(
        meaning=meaning,
        words=_share(holds, weights),
        words_around=_share(np.maximum(around, belongs), weights),
        with_subject=_share(np.maximum(holds, np.maximum(subject, belongs) * is_name), among),
        named=_share(np.maximum(subject, belongs), weights * is_name),
        opens=_share(above * (1 - holds), weights) / distance,
        meaning_beside=np.array([max(meaning[others], default=0.0) for others in beside], dtype=np.float32),
        clues=np.max(overlaps, axis=0),
    )


def descending(scores: Matrix) -> list[int]:
    """Return the positions of the sentences, best first; equal scores in document order."""
    return [int(index) for index in np.argsort(-scores, kind="stable")]


def distinct(ranked: Sequence[int], sentences: Sequence[Citation], most: int, earlier: Sequence[str] = ()) -> list[int]:
    """Return up to ``most`` sentences, best first, that repeat neither each other nor earlier texts."""
    chosen: list[int] = []
    wordings = [wording(text) for text in earlier]
    for index in ranked:
        if len(chosen) == most:
            break
        own = wording(sentences[index].quote)
        if not is_repeat(own, wordings):
            chosen.append(index)
            wordings.append(own)
    return chosen


def near_best(ranked: Sequence[int], scores: SentenceScores) -> list[int]:
    """Return the sentences that are hardly worse than the best one, of which the first is best.

    Where the question names something, sentences about something else are left out if the best one is about it.
    """
    best = ranked[0]
    least = NEAR * float(scores.total[best])
    return [
        index
        for index in ranked
        if scores.total[index] >= least and scores.named[index] >= _OF_NAME * float(scores.named[best])
    ]


def _holds(held: Sequence[set[str]], wanted: Sequence[str]) -> Matrix:
    """Return 1 where a sentence holds a term, else 0, shape (sentences, terms)."""
    found = [[term in words for term in wanted] for words in held]
    return np.array(found, dtype=np.float32).reshape(len(held), len(wanted))


def _rare_among(holds: Matrix) -> Matrix:
    """Return the inverse document frequency of each term among the sentences, shape (terms,)."""
    count = holds.sum(axis=0)
    return np.asarray(np.log(1 + (len(holds) - count + 0.5) / (count + 0.5)), dtype=np.float32)


def _share(holds: Matrix, weights: Matrix) -> Matrix:
    """Return the share of the terms' weight that each sentence holds, shape (sentences,)."""
    return np.asarray(holds @ weights / max(float(weights.sum()), 1e-9), dtype=np.float32)


def _neighbours(sentences: Sequence[Citation], surroundings: Sequence[Surroundings], at: int) -> list[int]:
    """Return the positions of the sentences directly before and after one in its paragraph."""
    here = sentences[at]
    found = []
    for other in (at - 1, at + 1):
        if 0 <= other < len(sentences) and sentences[other].source == here.source:
            gap = max(here.start - sentences[other].end, sentences[other].start - here.end)
            is_near = gap <= _TOUCHING and surroundings[other].paragraph == surroundings[at].paragraph
            found += [other] if is_near else []
    return found
