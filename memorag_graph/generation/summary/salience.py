"""Estimate how likely the words and the sentences of a document are to be in a summary of it.

Two linear models, fitted by ``benchmarks/quality/summaries.py`` on stories with summaries (SQuALITY's training split,
CC BY 4.0) and on meetings (QMSum's training split, MIT). The first predicts how many references hold a word of
the document, as the concepts of Gillick and Favre ("A scalable global model for summarization", 2009), the second how
much of a sentence they hold.
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.retrieval.terms import terms
from memorag_graph.text.back_references import refers_back
from memorag_graph.text.records import speaker_of
from memorag_graph.text.words import count_words

Matrix = NDArray[np.float64]

WORD_WEIGHTS = (-2.4446, 0.6627, -0.1619, 0.6521, -0.4937, -0.4779)
"""Intercept of the first model, and the coefficients of :func:`word_features`."""

SENTENCE_WEIGHTS = (-2.0465, 4.3619, -0.4654, 1.8256, -0.2555, -1.7692, -1.0439, 0.3424, 0.0107, -1.6111, -0.0068)
"""Intercept of the second model, and the coefficients of :func:`sentence_features`."""

_STRETCHES = 20
_COLON = re.compile("[:：]")
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

_REFERRING_BACK = 0.7
"""What a sentence loses that needs another one to be understood, such as "He refused."."""


@dataclass(frozen=True, slots=True)
class Salience:
    """Estimates for the sentences of a document.

    Attributes:
        words: How likely each word of the document is to be in a summary, 0 to 1.
        held: The distinct words of each sentence.
        sentences: How much better than the document's average each sentence fits in a summary, in standard deviations,
            shape (sentences,).
    """

    words: Mapping[str, float]
    held: Sequence[frozenset[str]]
    sentences: Matrix


def salience(sentences: Sequence[str], language_code: str) -> Salience:
    """Estimate the salience of all sentences of a document.

    Args:
        sentences: The sentences, in document order.
        language_code: ISO 639-1 code of the document's language.
    """
    spoken = [without_speaker(sentence) for sentence in sentences]
    found = [terms(sentence, language_code) for sentence in spoken]
    words, of_words = word_features(found)
    odds = WORD_WEIGHTS[0] + of_words @ np.array(WORD_WEIGHTS[1:])
    likely = dict(zip(words, (1 / (1 + np.exp(-odds))).tolist(), strict=True))
    of_sentences = sentence_features(spoken, found, likely, language_code)
    scores = SENTENCE_WEIGHTS[0] + of_sentences @ np.array(SENTENCE_WEIGHTS[1:])
    needing = np.array([refers_back(sentence, language_code) for sentence in spoken], dtype=np.float64)
    return Salience(likely, [frozenset(each) for each in found], scores - _REFERRING_BACK * needing)


def without_speaker(sentence: str) -> str:
    """Return a sentence without the name of its speaker, as in ``Professor E: So, it works.``."""
    return _COLON.split(sentence, maxsplit=1)[-1] if speaker_of(sentence) else sentence


def word_features(found: Sequence[Sequence[str]]) -> tuple[list[str], Matrix]:
    """Return the distinct words of a document, and the features of each, shape (words, 5).

    Args:
        found: The words of each sentence, in document order.
    """
    counts = Counter(word for each in found for word in each)
    total, length = counts.total(), max(len(found), 1)
    first: dict[str, int] = {}
    stretches: dict[str, set[int]] = {}
    for at, each in enumerate(found):
        for word in each:
            first.setdefault(word, at)
            stretches.setdefault(word, set()).add(at * _STRETCHES // length)
    occurring = np.log(np.array(list(counts.values()), dtype=np.float64))
    features = [
        occurring,
        occurring**2,
        np.log(np.exp(occurring) / max(total, 1) * 1000 + 0.01),
        np.array([len(stretches[word]) / _STRETCHES for word in counts]),
        np.array([first[word] / length for word in counts]),
    ]
    return list(counts), np.stack(features, axis=1)


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
    return np.array(rows, dtype=np.float64).reshape(-1, len(SENTENCE_WEIGHTS) - 1)


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
