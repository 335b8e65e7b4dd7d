"""Estimate how likely the words and the sentences of a document are to be in a summary of it.

Models fitted by ``benchmarks/quality/summaries.py`` on stories with summaries (SQuALITY's training split, CC BY 4.0)
and on meetings (QMSum's training split, MIT). The first predicts how many references hold a word of the document, as
the concepts of Gillick and Favre ("A scalable global model for summarization", 2009), the second how much of a sentence
they hold (:mod:`memorag_graph.generation.summary.sentence_features`).
"""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.generation.summary.sentence_features import sentence_features, summary_model
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.back_references import refers_back
from memorag_graph.text.records import speaker_of

Matrix = NDArray[np.float64]

WORD_WEIGHTS = (-2.4708, 0.696, -0.153, 0.6168, -0.6885, -0.4745)
"""Intercept of the first model, and the coefficients of :func:`word_features`."""

_STRETCHES = 20
_COLON = re.compile("[:：]")

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
    model = summary_model(language_code, share_of_turns(sentences))
    scores = model.scores(spoken, sentence_features(spoken, found, likely, language_code))
    needing = np.array([refers_back(sentence, language_code) for sentence in spoken], dtype=np.float64)
    return Salience(likely, [frozenset(each) for each in found], scores - _REFERRING_BACK * needing)


def share_of_turns(sentences: Sequence[str]) -> float:
    """Return the share of sentences that begin with the name of a speaker; 0 without sentences."""
    return sum(speaker_of(it) is not None for it in sentences) / max(len(sentences), 1)


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
