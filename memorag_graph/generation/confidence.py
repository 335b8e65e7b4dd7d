"""Estimate how likely quotations answer a question: a calibrated confidence, and the threshold to abstain."""

from collections.abc import Mapping, Sequence
from itertools import zip_longest
from math import exp

import numpy as np
from langchain_core.embeddings import Embeddings
from numpy.typing import NDArray

from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.retrieval.dense_index import embed

INTERCEPT = -6.2
MEANING = 11.4
WORDS = 5.2
"""Coefficients of a logistic regression on the two features.

Fitted by ``benchmarks/quality/abstention.py`` with the embedded embedding model on half of two data sets. Positives are
questions put to their own document, negatives those put to another document; all collections have the same weight.
"""

THRESHOLD = 0.3
"""Confidence below which an answer abstains: it says that the document does not contain it.

On the half used for fitting, 1 % of the answerable questions are refused. On the other half, which was also looked at
when this value was chosen, 5 % of them are refused, 86 % of the questions about another domain, and 79 % of those about
another document of the same kind.
"""

_LEAST_RANGE = 0.01
"""Minimum range of similarities above chance; in a smaller one, rounding errors would decide."""

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


def compare(embeddings: Embeddings, question: str, sentences: Sequence[str]) -> tuple[NDArray[np.float32], float]:
    """Return each sentence's cosine similarity with a question, shape (sentences,), and the probes' mean similarity."""
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
    around: Sequence[str] = (),
) -> tuple[float, float]:
    """Return the features of :func:`confidence`.

    Args:
        question: The question.
        quotes: The quotations, at least one.
        similarity: Cosine similarity of each with the question, shape (quotes,).
        chance: Mean cosine similarity of the question with the probes; embedding models differ in their ranges.
        rarity: How rare each term of the question is in the document; missing terms weigh 1.
        language_code: Language of the document.
        around: What each quotation belongs to: its headings, its document's name, the header of its table.

    Returns:
        How far the most similar quotation is above chance, -1 to 1, near 0 for a model that finds everything similar;
        and the largest share of the question's words, weighted by their rarity, that one quotation holds, 0 to 1.
    """
    wanted = {term: rarity.get(term, 1.0) for term in asked_terms(question, language_code)}
    texts = [" ".join(both) for both in zip_longest(quotes, around, fillvalue="")]
    shares = [_held(wanted, set(held_terms(text, language_code))) for text in texts]
    above_chance = (float(similarity.max()) - chance) / max(1 - chance, _LEAST_RANGE)
    return min(max(above_chance, -1.0), 1.0), max(shares)


def confidence(meaning: float, words: float) -> float:
    """Return how likely quotations answer a question, 0 to 1, from their :func:`features`."""
    return 1 / (1 + exp(-(INTERCEPT + MEANING * meaning + WORDS * words)))


def _held(wanted: dict[str, float], words: set[str]) -> float:
    """Return the share of the wanted terms' weight that is found among the words."""
    total = sum(wanted.values())
    return sum(weight for term, weight in wanted.items() if term in words) / total if total else 0.0
