"""Judge whether evidence answers a question, and name what it lacks, so that it can be searched for."""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from langchain_core.embeddings import Embeddings

from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.asked_terms import asked_terms, held_terms
from memorag_graph.generation.scored_evidence import score_evidence

ENOUGH = 0.6
"""Confidence from which evidence is enough; see :mod:`benchmarks.quality.rounds`."""

_NEAREST = 3
"""Number of sentences, the best ones, that are read together."""

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Sufficiency:
    """How well evidence answers a question.

    Attributes:
        confidence: How likely its nearest sentences answer, 0 to 1.
        lacking: Words of the question that none of these sentences holds, in order.
    """

    confidence: float
    lacking: tuple[str, ...]

    @property
    def is_enough(self) -> bool:
        """Whether the evidence probably answers, or nothing can be named that it lacks."""
        return self.confidence >= ENOUGH or not self.lacking


def sufficiency(given: GenerationInput, embeddings: Embeddings) -> Sufficiency:
    """Return how well the evidence answers the question, whatever generator writes the answer.

    Args:
        given: The question and its evidence.
        embeddings: Compares sentences with the question.
    """
    code = given["prompts"].language.code
    scored = score_evidence(given, embeddings)
    nearest = scored.ranked[:_NEAREST] if scored else []
    confidence = scored.confidence(nearest) if scored and nearest else 0.0
    quotes = [scored.sentences[at].quote for at in nearest] if scored else []
    return Sufficiency(confidence, tuple(_lacking(given["question"], quotes, code)))


def _lacking(question: str, sentences: Iterable[str], code: str) -> list[str]:
    """Return the words that a question asks for and sentences do not hold."""
    held = {term for sentence in sentences for term in held_terms(sentence, code)}
    lacking = {term for term in asked_terms(question, code) if term not in held}
    return list(dict.fromkeys(word for word in _WORD.findall(question) if lacking & set(held_terms(word, code))))
