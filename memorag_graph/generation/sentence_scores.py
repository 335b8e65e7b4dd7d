"""Score how well the sentences of the evidence answer a question, by meaning, rare words and neighbours."""

from collections.abc import Container, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.asked_terms import asked_names, asked_terms, held_among, held_terms, question_terms
from memorag_graph.generation.names_in_text import tell_of_others
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.back_references import begins_back
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

NEAR = 0.8
"""Least share of the best sentence's score that a further sentence of an answer needs."""

NEAR_IN_SPEECH = 0.6
"""The same among turns of a conversation, which repeat fewer words of a question, so that scores tell less."""

NEAR_IF_ADDING = 0.45
"""The same for a sentence that adds words of the question."""

_ADDS = 0.1
"""Least share of the question's words, by weight, that a sentence has to add for that."""

_LEAST_SPREAD = 0.05
"""Minimum range of similarities; in a smaller one, the embedding model knows no difference."""

_LEAST_RARE = 1.0
"""Added to the rarity of each term: among few chunks, all terms that occur are common, which says little."""

NAMES_WITHOUT_CAPITALS = ("zh",)
"""Languages in which no capital tells a name: a sentence that begins with a pronoun holds all terms of its subject, and
is about something else if that holds fewer of the question's than another one's."""

_TOUCHING = 8
"""Maximum characters between neighbours."""


@dataclass(frozen=True, slots=True)
class SentenceScores:
    """Scores of each sentence; every array but the last has shape (sentences,).

    Attributes:
        meaning: Cosine similarity with the question.
        words: Share of the question's words in the sentence, weighted by how rare they are.
        words_around: The same share for the sentence with its neighbours and what it belongs to.
        asked: The same share by rarity in the document alone, without words such as "which", with what it belongs to.
        with_subject: The same share for the sentence with the names of its subject and of what it belongs to.
        named: Share of the question's names in the sentence, its subject and what it belongs to; 0 without names.
        is_other: 1 where the question names something and the sentence's subject, which is named or which it refers
            back to, is something else, else 0; also where it begins with another name in the same place, as "Line 3"
            for "Line 2".
        opens: Share of the question's words in the heading above, less the further the heading is.
        meaning_beside: Similarity of the more similar neighbour; 0 without one.
        clues: Largest share of a clue's words.
        parts: The weight of each term of the question that a sentence holds, shape (sentences, terms).
        standing: Weight of the total by where a sentence stands (:mod:`~memorag_graph.generation.unit_weights`); 1 for
            all by default.
    """

    meaning: Matrix
    words: Matrix
    words_around: Matrix
    asked: Matrix
    with_subject: Matrix
    named: Matrix
    is_other: Matrix
    opens: Matrix
    meaning_beside: Matrix
    clues: Matrix
    parts: Matrix
    standing: Matrix | float = 1.0

    @property
    def total(self) -> Matrix:
        """The weighted sum, which ranks the sentences."""
        words = (
            WORDS * self.words
            + WORDS_AROUND * self.words_around
            + WITH_SUBJECT * self.with_subject
            + OPENS * self.opens
        )
        total = self.meaning + words + MEANING_BESIDE * self.meaning_beside + CLUES * self.clues
        return np.asarray(self.standing * total, dtype=np.float32)


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
    wanted = list(dict.fromkeys(question_terms(question, language_code)))
    asked, names = _asked_and_names(question, wanted, sentences, language_code)
    held = [held_among(wanted, sentence.quote, language_code) for sentence in sentences]
    others = np.array(tell_of_others(question, [it.quote for it in sentences], language_code), dtype=np.float32)
    holds = _holds(held, wanted)
    above = _holds([set(held_terms(it.heading, language_code)) for it in surroundings], wanted)
    belongs = _holds([set(held_terms(it.words, language_code)) for it in surroundings], wanted)
    beside = [_neighbours(sentences, at) for at in range(len(sentences))]
    subject, around = _subjects_and_around(holds, names, others, surroundings, beside)
    named = np.maximum(subject, belongs) * names
    among = _rare_among(holds)
    rare = np.array([_LEAST_RARE + rarity.get(term, 1.0) for term in wanted], dtype=np.float32)
    weights = among * rare
    share_named = _share(named, rare * names)
    distance: Matrix = np.array([1 + it.since_heading for it in surroundings], dtype=np.float32)
    back = np.array([begins_back(it.quote, language_code) for it in sentences], dtype=bool)
    has_subject = back | np.array([it.is_named for it in surroundings], dtype=bool)
    if language_code in NAMES_WITHOUT_CAPITALS:
        told = subject * asked * back[:, None]
        named, share_told = np.maximum(named, told), _share(told, rare * asked)
        others = np.maximum(others, back * (share_told < share_told.max(initial=0)))
    return SentenceScores(
        meaning=meaning,
        words=_share(holds, weights),
        words_around=_share(np.maximum(around, belongs), weights),
        asked=_share(np.maximum(holds, np.maximum(belongs, named)), rare * asked),
        with_subject=_share(np.maximum(holds, named), among * asked),
        named=share_named,
        is_other=np.maximum(has_subject * (share_named == 0) * names.max(initial=0), others),
        opens=_share(above * (1 - holds), weights * asked) / distance,
        meaning_beside=np.array([max(meaning[others], default=0.0) for others in beside], dtype=np.float32),
        clues=_overlaps(held, clues, language_code),
        parts=holds * among * asked / max(float((among * asked).sum()), 1e-9),
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


def near_best(
    ranked: Sequence[int], scores: SentenceScores, records: Container[int] = (), near: float = NEAR
) -> list[int]:
    """Return the sentences that answer with the best one, which is the first.

    A further sentence is as good, or nearly, or adds words of the question that the better ones lack. Where the
    question names something, sentences about something else are left out, and so are those that only lack words of the
    question which the best one holds, if both are records or the embedding model finds all sentences alike: they are
    about something else.

    Args:
        ranked: Positions of sentences, best first.
        scores: The scores of all sentences.
        records: Positions of those that are records.
        near: Least share of the best sentence's score that a further one needs which adds no words.
    """
    best = ranked[0]
    top = float(scores.total[best])
    chosen, covered = [best], scores.parts[best]
    meaning_tells = float(np.ptp(scores.meaning)) >= _LEAST_SPREAD
    for index in ranked[1:]:
        adds = float(np.maximum(scores.parts[index] - covered, 0).sum())
        least = near if adds < _ADDS else NEAR_IF_ADDING
        lacks = bool((scores.parts[index] < scores.parts[best]).any())
        if lacks and adds < _ADDS and (not meaning_tells or (best in records and index in records)):
            continue
        if scores.total[index] >= least * top and scores.is_other[index] <= scores.is_other[best]:
            chosen.append(index)
            covered = np.maximum(covered, scores.parts[index])
    return chosen


def _overlaps(held: Sequence[set[str]], clues: Sequence[str], language_code: str) -> Matrix:
    """Return the largest share of a clue's words that each sentence holds, shape (sentences,)."""
    shares = [np.zeros(len(held), dtype=np.float32)]
    for clue in clues:
        of_clue = _holds(held, list(dict.fromkeys(terms(clue, language_code))))
        shares.append(_share(of_clue, _rare_among(of_clue)))
    return np.asarray(np.max(shares, axis=0), dtype=np.float32)


def _asked_and_names(
    question: str, wanted: Sequence[str], sentences: Sequence[Citation], language_code: str
) -> tuple[Matrix, Matrix]:
    """Return 1 for the terms that the question asks for, and for those that name something, else 0."""
    asked = set(asked_terms(question, language_code))
    names = asked_names(question, [sentence.quote for sentence in sentences], language_code)
    both = [[term in asked for term in wanted], [term in names and term in asked for term in wanted]]
    first, second = np.array(both, dtype=np.float32)
    return first, second


def _subjects_and_around(
    holds: Matrix, names: Matrix, others: Matrix, surroundings: Sequence[Surroundings], beside: Sequence[Sequence[int]]
) -> tuple[Matrix, Matrix]:
    """Return the terms that sentences hold with those before that name their subject, and with their neighbours.

    A sentence that names another subject itself holds only its own.
    """
    subject, around = holds.copy(), holds.copy()
    for at, about in enumerate(surroundings):
        if not others[at]:
            subject[at] = holds[[at, *about.subject]].max(axis=0)
            around[at] = _around(holds, names, surroundings, at, beside[at])
    return subject, around


def _around(
    holds: Matrix, names: Matrix, surroundings: Sequence[Surroundings], at: int, others: Sequence[int]
) -> Matrix:
    """Return the terms that a sentence and its neighbours hold; names only from neighbours in its own paragraph."""
    found: Matrix = holds[at]
    for other in others:
        same = surroundings[other].paragraph == surroundings[at].paragraph
        found = np.maximum(found, holds[other] if same else holds[other] * (1 - names))
    return found


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


def _neighbours(sentences: Sequence[Citation], at: int) -> list[int]:
    """Return the positions of the sentences directly before and after one in the document."""
    here = sentences[at]
    found = []
    for other in (at - 1, at + 1):
        if 0 <= other < len(sentences) and sentences[other].source == here.source:
            gap = max(here.start - sentences[other].end, sentences[other].start - here.end)
            found += [other] if gap <= _TOUCHING else []
    return found
