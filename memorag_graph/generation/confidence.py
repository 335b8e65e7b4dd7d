"""Estimate how likely quotations answer a question: a calibrated confidence, and the threshold to abstain."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from math import exp

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.sentence_scores import SentenceScores
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.retrieval.dense_index import embed, embed_queries
from memorag_graph.text.word_breaks import COMPLEX_RUN

INTERCEPT = -7.87
MEANING = 11.36
WORDS = 5.36
AROUND = 5.35
ALIKE = -2.43
SPOKEN = 1.8
MEANING_ALIKE = -4.87
WORDS_ALIKE = 4.15
AROUND_ALIKE = 3.68
"""Coefficients of a logistic regression on the features and three products of them.

Fitted by ``benchmarks/quality/abstention.py`` with the embedded embedding model on QMSum's training meetings and on
half of chunk_evidence and of XQuAD in English, German, Chinese and Arabic. Positives are questions put to their own
document whose evidence was found, negatives those put to another document; all collections have the same weight.
"""

THRESHOLD = 0.12
"""Confidence below which an answer abstains: it says that no passage matches the question well.

A little below what the fit gives (0.146), at which the Chinese half of the report loses 3 % of its questions; so that
half was looked at. On the data not used for fitting, at most 1.1 % of the questions whose evidence was found are
refused in any set (before: 5 % on meetings). Of the questions put to another document of the same kind and to one of
another domain, 94 % and 88 % are refused on chunk_evidence (before: 93 % and 91 %), 41 % and 86 % on meetings (63 %
and 96 %; questions about other meetings are often alike), 74 % and 83 % on English articles (81 % and 85 %); of those
about other articles, 62 % in German (37 %), 60 % in Chinese (1 %), 12 % in Arabic (none).
"""

_LEAST_RANGE = 0.01
"""Minimum range of similarities above chance; in a smaller one, rounding errors would decide."""

_UNTOLD = 0.2
"""How far above chance a quotation is taken to be where a model may see nothing but the script."""

_LEAST_ALIKE, _MOST_ALIKE = 0.1, 0.75
"""Range of :attr:`Features.alike` in the data; beyond it the products would be extrapolated."""

_FEWEST_ALIKE = 5
_USUALLY_ALIKE = 0.2
"""What English sentences of one text have, where there are too few sentences to tell."""

PROBES = (
    "The train leaves at nine in the morning.",
    "She planted tomatoes behind the house.",
    "The committee will meet again next week.",
    "Water boils at one hundred degrees.",
    "He sold his car to a friend.",
    "The film was shown in three cinemas.",
    "Most of the students passed the exam.",
    "The bridge was closed for repairs.",
)
"""Sentences that answer nothing: their mean similarity with a question is the zero of an embedding model's scale."""


@dataclass(frozen=True, slots=True)
class Compared:
    """Sentences compared with a question by their meaning.

    Attributes:
        similarity: Cosine similarity of each sentence with the question, shape (sentences,).
        chance: Mean similarity of the probes with the question; embedding models differ in their ranges.
        alike: Mean similarity of the sentences with each other: high where the model cannot tell them apart, as one
            that was made for another language.
        usual: Median similarity of the sentences with a question in Thai, Lao, Khmer or Burmese, of which a model may
            see nothing but the script; -1 for others.
    """

    similarity: NDArray[np.float32]
    chance: float
    alike: float
    usual: float = -1.0


@dataclass(frozen=True, slots=True)
class Features:
    """What the confidence is computed from.

    Attributes:
        meaning: How far the most similar quotation is above chance, -1 to 1.
        words: Largest share of the question's words, by their rarity in the document, that a quotation holds with its
            headings and its document's name, 0 to 1.
        around: The same with the words of its neighbours, 0 to 1.
        alike: Mean similarity of all sentences with each other (:class:`Compared`).
        spoken: Share of the sentences that are turns of a conversation, which repeat fewer words of a question.
    """

    meaning: float
    words: float
    around: float
    alike: float = 0.2
    spoken: float = 0.0


def compare(
    embeddings: Embeddings, question: str, sentences: Sequence[str], prose: Sequence[int] | None = None
) -> Compared:
    """Compare sentences, at least one, with a question by their meaning.

    Args:
        embeddings: The embedding model.
        question: The question.
        sentences: The sentences and records of the evidence.
        prose: Positions of those that are no records, which are alike in any language; all by default.
    """
    (wanted,) = embed_queries(embeddings, [question])
    vectors = embed(embeddings, [*PROBES, *sentences])
    similarity = vectors @ wanted
    chance = float(similarity[: len(PROBES)].mean())
    usual = float(np.median(similarity[len(PROBES) :])) if COMPLEX_RUN.search(question) else -1.0
    own = vectors[len(PROBES) :]
    return Compared(similarity[len(PROBES) :], chance, _alike(own if prose is None else own[list(prose)]), usual)


def _alike(vectors: NDArray[np.float32]) -> float:
    """Return the mean similarity of different sentences; what is usual if there are only a few."""
    count = len(vectors)
    if count < _FEWEST_ALIKE:
        return _USUALLY_ALIKE
    total = vectors.sum(axis=0)
    return float(total @ total - (vectors * vectors).sum()) / (count * (count - 1))


def features(scores: SentenceScores, chosen: Sequence[int], compared: Compared, spoken: float) -> Features:
    """Return the features of :func:`confidence`.

    Args:
        scores: The scores of all sentences of the evidence.
        chosen: Positions of the quotations, at least one.
        compared: All sentences, compared with the question.
        spoken: Share of the sentences that are turns of a conversation.
    """
    positions = list(chosen)
    above = float(compared.similarity[positions].max()) - max(compared.chance, compared.usual)
    least = -1.0 if compared.usual < compared.chance else _UNTOLD
    meaning = min(max(above / max(1 - compared.chance, _LEAST_RANGE), least), 1.0)
    words, around = float(scores.asked[positions].max()), float(scores.words_around[positions].max())
    return Features(meaning, words, around, compared.alike, spoken)


def share_spoken(units: Sequence[Unit], belonging: Sequence[Surroundings]) -> float:
    """Return the share of sentences that are turns, or parts of turns, of speakers who have several in a document."""
    together = list(zip((unit.citation.source for unit in units), belonging, strict=True))
    speakers = [(source, about.speaker or about.own_speaker) for source, about in together]
    turns = Counter((source, about.own_speaker) for source, about in together)
    spoken = [(source, name) for source, name in speakers if name is not None and turns[source, name] > 1]
    return len(spoken) / len(units) if units else 0.0


def confidence(found: Features) -> float:
    """Return how likely quotations answer a question, 0 to 1."""
    alike = min(max(found.alike, _LEAST_ALIKE), _MOST_ALIKE)
    by_meaning = (MEANING + MEANING_ALIKE * alike) * found.meaning
    by_words = (WORDS + WORDS_ALIKE * alike) * found.words + (AROUND + AROUND_ALIKE * alike) * found.around
    return 1 / (1 + exp(-(INTERCEPT + by_meaning + by_words + ALIKE * alike + SPOKEN * found.spoken)))
