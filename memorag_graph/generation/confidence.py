"""How likely it is that quotations answer a question: a number that was calibrated, and where to give up."""

from collections.abc import Mapping, Sequence
from math import exp

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.retrieval.dense_index import embed
from memorag_graph.retrieval.terms import terms

INTERCEPT = -6.2
MEANING = 11.4
WORDS = 5.2
"""Coefficients of a logistic regression on the two features.

Fitted by ``benchmarks/quality/abstention.py`` with the embedded embedding model on half of two data sets: questions
asked of their own document against those of other documents, all collections with the same weight.
"""

THRESHOLD = 0.3
"""Below it an answer says that the document does not contain it.

It refuses 1 % of the answerable questions of that half and 5 % of the other, which was looked at in choosing it; there
also 86 % of the questions of another domain and 79 % of those of another document of the same kind.
"""

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
"""Sentences that answer nothing: how similar a model finds them to a question is its zero."""


def compare(embeddings: Embeddings, question: str, sentences: Sequence[str]) -> tuple[NDArray[np.float32], float]:
    """Return each sentence's cosine similarity with a question, shape (sentences,), and its mean for the probes."""
    vectors = embed(embeddings, [question, *PROBES, *sentences])
    similarity = vectors[1:] @ vectors[0]
    return similarity[len(PROBES) :], float(similarity[: len(PROBES)].mean())


def features(
    question: str,
    quotes: Sequence[str],
    similarity: NDArray[np.float32],
    chance: float,
    rarity: Mapping[str, float],
    language_code: str,
) -> tuple[float, float]:
    """Return what tells whether quotations answer a question, each at most 1.

    Args:
        question: The question.
        quotes: The quotations, at least one.
        similarity: Cosine similarity of each with the question, shape (quotes,).
        chance: Mean cosine similarity of the question with the probes: embedding models differ in their ranges.
        rarity: How rare each term of the question is in the document; terms that are not there weigh 1.
        language_code: Language of the document.

    Returns:
        How far the most similar quotation is above chance, and the largest share of the question's words, weighted by
        how rare they are in the document, that one quotation holds.
    """
    wanted = {term: rarity.get(term, 1.0) for term in terms(question, language_code)}
    shares = [_held(wanted, set(terms(quote, language_code))) for quote in quotes]
    return (float(similarity.max()) - chance) / (1 - chance), max(shares)


def confidence(meaning: float, words: float) -> float:
    """Return how likely it is that quotations answer a question, 0 to 1, from their :func:`features`."""
    return 1 / (1 + exp(-(INTERCEPT + MEANING * meaning + WORDS * words)))


def _held(wanted: dict[str, float], words: set[str]) -> float:
    """Return the share of the wanted terms' weight that some words hold."""
    total = sum(wanted.values())
    return sum(weight for term, weight in wanted.items() if term in words) / total if total else 0.0
