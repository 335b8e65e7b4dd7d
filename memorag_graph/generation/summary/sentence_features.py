"""Features that tell how much of a sentence summaries hold: by its words, its length, and how it speaks.

With function words (:mod:`memorag_graph.generation.wording_model`), ROUGE-2 of stories would rise, too, but by short
sentences that say little ("The rule is gone."); so only conversations are judged by them.
"""

import re
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from memorag_graph.generation.wording_model import WordingModel, wording_model
from memorag_graph.text.words import count_words

Matrix = NDArray[np.float64]

FEATURES = 10
"""Number of the features of :func:`sentence_features`."""

SPEECH = 0.1
"""Share of sentences that begin a turn from which a document is a conversation; stories have 0.01 at most."""

_WORD = re.compile(r"[^\W\d_]+")
QUOTES = re.compile('["“”„«»「」『』]')
"""Quotation marks."""

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


def summary_model(language_code: str, turns: float) -> WordingModel:
    """Return the model of the sentences of a document.

    Args:
        language_code: ISO 639-1 code of its language; function words are known for English.
        turns: Share of its sentences that begin with the name of a speaker.
    """
    return wording_model("summary_of_speech" if language_code == "en" and turns >= SPEECH else "summary")


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
    rows = [
        _features(sentence, set(words), likely, language_code) for sentence, words in zip(sentences, found, strict=True)
    ]
    return np.array(rows, dtype=np.float64).reshape(-1, FEATURES)


def words_of_speakers(sentence: str, language_code: str) -> int:
    """Return how many words of a sentence are such as "I" and "your"; 0 in other languages than the known."""
    known = _OF_SPEAKERS.get(language_code, frozenset())
    return sum(word.lower() in known for word in _WORD.findall(sentence))


def _features(sentence: str, words: set[str], likely: Mapping[str, float], language_code: str) -> list[float]:
    length = count_words(sentence)
    mass = sum(sorted(likely[word] for word in words))  # sorted: the order of a set differs between processes
    logarithm = float(np.log1p(length))
    speaking = words_of_speakers(sentence, language_code) / (length + 1)
    return [
        mass / (length + 2),
        mass / (length + 2) ** 0.5,
        logarithm,
        logarithm**2,
        speaking,
        speaking * logarithm,
        speaking**0.5,
        float(bool(QUOTES.search(sentence))),
        len(words) / (length + 1),
        float(sentence.rstrip().endswith(("?", "？", "؟"))),
    ]
