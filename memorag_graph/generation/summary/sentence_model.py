"""Estimate how much of a sentence summaries hold: by its words, its length, and the function words it is put in.

Minutes are told with "the", "of" and "with"; what keeps a talk going holds "no", "there" and "will". So the shares of
the function words tell which turns of a conversation are worth repeating. They are words of one language: the model
"speech" is for English conversations, fitted on meetings; for all else there is "general", fitted on meetings and
stories without function words. With them, ROUGE-2 of stories would rise, too, but by short sentences that say little
("The rule is gone.").
"""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray

from memorag_graph.text.words import count_words

Matrix = NDArray[np.float64]

MODELS = "sentence_models.json"
"""The fitted models by name, beside this module; written by ``benchmarks/quality/summaries.py --fit``."""

FEATURES = 10
"""Number of the features of :func:`sentence_features`."""

SPEECH = 0.1
"""Share of sentences that begin a turn from which a document is a conversation; stories have 0.01 at most."""

_SHORT = 8
"""Words; added to a sentence's length, so that the shares of the shortest are not the largest."""

_WORD = re.compile(r"[^\W\d_]+")
_QUOTES = re.compile('["“”„«»「」『』]')

_OF_SPEAKERS: Mapping[str, frozenset[str]] = {
    "en": frozenset({"i", "me", "my", "mine", "we", "us", "our", "ours", "you", "your", "yours"}),
    "de": frozenset({"ich", "mich", "mir", "mein", "meine", "wir", "uns", "unser", "unsere", "du", "dich", "dir"}),
    "fr": frozenset({"je", "me", "moi", "mon", "ma", "mes", "nous", "notre", "nos", "tu", "te", "vous", "votre"}),
    "es": frozenset({"yo", "me", "mi", "mis", "nosotros", "nuestro", "nuestra", "tú", "te", "tu", "tus", "usted"}),
    "it": frozenset({"io", "mi", "mio", "mia", "noi", "ci", "nostro", "nostra", "tu", "ti", "tuo", "tua", "voi", "vi"}),
    "pt": frozenset({"eu", "me", "meu", "minha", "nós", "nosso", "nossa", "tu", "te", "teu", "tua", "você", "vocês"}),
    "nl": frozenset({"ik", "me", "mij", "mijn", "wij", "we", "ons", "onze", "jij", "je", "jou", "jouw", "jullie", "u"}),
}
"""Words by which somebody speaks of themselves and the listener, by language."""


@dataclass(frozen=True, slots=True)
class SentenceModel:
    """A linear model of how much of a sentence summaries hold.

    Attributes:
        intercept: What every sentence has.
        weights: Coefficients of :func:`sentence_features`.
        function_words: Coefficient of the share of each function word (:func:`function_word_shares`).
    """

    intercept: float
    weights: Sequence[float]
    function_words: Mapping[str, float]

    def scores(self, sentences: Sequence[str], features: Matrix) -> Matrix:
        """Return how much better than the document's average each sentence fits in a summary.

        Args:
            sentences: The sentences, without the names of their speakers.
            features: Their :func:`sentence_features`, shape (sentences, 10).

        Returns:
            Standard deviations, shape (sentences,).
        """
        shares = function_word_shares(sentences, list(self.function_words))
        of_words = shares @ np.array(list(self.function_words.values()))
        return np.asarray(self.intercept + features @ np.array(self.weights) + of_words, dtype=np.float64)


def sentence_model(language_code: str, turns: float) -> SentenceModel:
    """Return the model for a document.

    Args:
        language_code: ISO 639-1 code of its language.
        turns: Share of its sentences that begin with the name of a speaker.
    """
    return _models()["speech" if language_code == "en" and turns >= SPEECH else "general"]


def function_word_shares(sentences: Sequence[str], words: Sequence[str]) -> Matrix:
    """Return the share of each word in each sentence, shape (sentences, words)."""
    rows = []
    for sentence in sentences:
        held = Counter(_WORD.findall(sentence.lower()))
        length = held.total() + _SHORT
        rows.append([held[word] / length for word in words])
    return np.array(rows, dtype=np.float64).reshape(len(sentences), len(words))


def sentence_features(
    sentences: Sequence[str], found: Sequence[Sequence[str]], likely: Mapping[str, float], language_code: str
) -> Matrix:
    """Return the features of each sentence, shape (sentences, 10).

    Args:
        sentences: The sentences, without the names of their speakers.
        found: The words of each.
        likely: How likely each word is to be in a summary.
        language_code: ISO 639-1 code of the document's language.
    """
    of_speakers = _OF_SPEAKERS.get(language_code, frozenset())
    rows = [
        _features(sentence, set(words), likely, of_speakers) for sentence, words in zip(sentences, found, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, FEATURES)


def _features(sentence: str, words: set[str], likely: Mapping[str, float], of_speakers: frozenset[str]) -> list[float]:
    every = [word.lower() for word in _WORD.findall(sentence)]
    length = count_words(sentence)
    mass = sum(sorted(likely[word] for word in words))  # sorted: the order of a set differs between processes
    logarithm = float(np.log1p(length))
    speaking = sum(word in of_speakers for word in every) / (length + 1)
    return [
        mass / (length + 2),
        mass / (length + 2) ** 0.5,
        logarithm,
        logarithm**2,
        speaking,
        speaking * logarithm,
        speaking**0.5,
        float(bool(_QUOTES.search(sentence))),
        len(words) / (length + 1),
        float(sentence.rstrip().endswith(("?", "？", "؟"))),
    ]


@cache
def _models() -> Mapping[str, SentenceModel]:
    text = files(__package__).joinpath(MODELS).read_text(encoding="utf-8")
    return {name: SentenceModel(**it) for name, it in json.loads(text).items()}
