"""Linear models of how fit a sentence is to be repeated, by its function words and other features.

Minutes are told with "the", "of" and "with"; what keeps a talk going holds "no", "there" and "will". So the shares of
the function words tell which turns of a conversation are worth repeating, whatever they are about.
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Literal

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float64]
Name = Literal["summary", "summary_of_speech", "spoken_answer"]

MODELS = "wording_models.json"
"""The fitted models by name, beside this module."""

_SHORT = 8
"""Words; added to a sentence's length, so that the shares of the shortest are not the largest."""

_WORD = re.compile(r"[^\W\d_]+")


@dataclass(frozen=True, slots=True)
class WordingModel:
    """A linear model.

    Attributes:
        intercept: What every sentence has.
        weights: Coefficients of the features that the caller computes.
        function_words: Coefficient of the share of each function word (:func:`function_word_shares`).
    """

    intercept: float
    weights: Sequence[float]
    function_words: Mapping[str, float]

    def scores(self, sentences: Sequence[str], features: Matrix) -> Matrix:
        """Return how fit each sentence is, shape (sentences,).

        Args:
            sentences: The sentences, without the names of their speakers.
            features: Their features, shape (sentences, weights).
        """
        shares = function_word_shares(sentences, list(self.function_words))
        of_words = shares @ np.array(list(self.function_words.values()))
        return np.asarray(self.intercept + features @ np.array(self.weights) + of_words, dtype=np.float64)


@cache
def wording_model(name: Name) -> WordingModel:
    """Return a fitted model.

    Args:
        name: ``summary`` for sentences of a summary, ``summary_of_speech`` for those of an English conversation (both
            fitted by ``benchmarks/quality/summaries.py``), ``spoken_answer`` for turns of an English conversation that
            answer a question (``benchmarks/quality/spoken_answers.py``).
    """
    text = files(__package__).joinpath(MODELS).read_text(encoding="utf-8")
    return WordingModel(**json.loads(text)[name])


def function_word_shares(sentences: Sequence[str], words: Sequence[str]) -> Matrix:
    """Return the share of each word in each sentence, shape (sentences, words)."""
    rows = []
    for sentence in sentences:
        held = Counter(_WORD.findall(sentence.lower()))
        length = held.total() + _SHORT
        rows.append([held[word] / length for word in words])
    return np.array(rows, dtype=np.float64).reshape(len(sentences), len(words))
