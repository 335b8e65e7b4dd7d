"""Leave out the sentences that say of something else what the best one says of what a question asks for."""

import re
from collections.abc import Sequence
from difflib import SequenceMatcher

from memorag_graph.generation.answer import Citation
from memorag_graph.generation.sentence_scores import SentenceScores

_WORD = re.compile(r"[^\W_]+")
_QUESTION = re.compile(r"[?？؟]\W*$")
_LEAST_ALIKE = 0.5
"""Least share of the same words in the same order in sentences of one form: "Lent by Mrs Kay", "Lent by Ms May"."""


def without_parallel(positions: Sequence[int], scores: SentenceScores, sentences: Sequence[Citation]) -> list[int]:
    """Return the positions without sentences of the best one's form that lack what singles it out.

    "In 2020 the club had 140 members." does not answer a question for 2021, where the best sentence is "In 2021 the
    club had 155 members."; nor does the telephone number of another hotel, named in a heading or by the file.

    Args:
        positions: Positions of sentences, of which the first is the best.
        scores: The scores of all sentences.
        sentences: All sentences.
    """
    best = positions[0]
    if _QUESTION.search(sentences[best].quote):  # what has its form may be the answer
        return list(positions)
    words = _words(sentences[best])
    kept = [best]
    for at in positions[1:]:
        lacks, adds = scores.known[best] > scores.known[at], scores.known[at] > scores.known[best]
        if adds.any() or not lacks.any() or not _are_alike(words, _words(sentences[at])):
            kept.append(at)
    return kept


def _words(sentence: Citation) -> list[str]:
    return _WORD.findall(sentence.quote.lower())


def _are_alike(first: Sequence[str], second: Sequence[str]) -> bool:
    return SequenceMatcher(None, first, second, autojunk=False).ratio() >= _LEAST_ALIKE
