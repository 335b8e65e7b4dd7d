"""Similarity of an answer to the reference answers; the most similar reference counts."""

import re
import string
import unicodedata
from collections import Counter
from collections.abc import Sequence

from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer

from memorag_graph.evaluation.metrics.citation_marks import without_marks
from memorag_graph.text.words import is_wide

ROUGE = ("rouge1", "rouge2", "rougeL")

_PUNCTUATION = frozenset(string.punctuation)
_ARTICLES = re.compile(r"\b(a|an|the)\b")
_WORD = re.compile(r"[^\W_]+")


def f1(answer: str, references: Sequence[str]) -> float | None:
    """Return the word F1 of SQuAD (Rajpurkar et al., EMNLP 2016); None without references."""
    return max((_f1(words(without_marks(answer)), words(reference)) for reference in references), default=None)


def exact_match(answer: str, references: Sequence[str]) -> float | None:
    """Return 1 if an answer equals a reference except for case, punctuation, articles and spaces, else 0.

    None without references.
    """
    said = words(without_marks(answer))
    return max((float(said == words(reference)) for reference in references), default=None)


def rouge(answer: str, references: Sequence[str]) -> dict[str, float | None]:
    """Return the F-measures of ROUGE-1, ROUGE-2 and ROUGE-L (Lin, 2004) without stemming; None without references."""
    said = without_marks(answer)
    scores = [_SCORER.score(reference, said) for reference in references]
    return {name: max((float(score[name].fmeasure) for score in scores), default=None) for name in ROUGE}


def words(text: str) -> list[str]:
    """Return the words that SQuAD compares; in scripts without spaces each character is a word."""
    kept = "".join(character for character in text.lower() if not _is_punctuation(character))
    return _spaced(_ARTICLES.sub(" ", kept)).split()


def _f1(said: Sequence[str], right: Sequence[str]) -> float:
    if not said or not right:
        return float(said == right)
    common = sum((Counter(said) & Counter(right)).values())
    if not common:
        return 0.0
    precision, recall = common / len(said), common / len(right)
    return 2 * precision * recall / (precision + recall)


def _is_punctuation(character: str) -> bool:
    return character in _PUNCTUATION or (ord(character) > 127 and is_wide(character) and _category(character) == "P")


def _category(character: str) -> str:
    return unicodedata.category(character)[0]


def _spaced(text: str) -> str:
    return "".join(f" {character} " if is_wide(character) else character for character in text)


class _Words(Tokenizer):  # type: ignore[misc]
    """Words of any script; the library's own tokenizer keeps ASCII only, so other scripts would score 0."""

    def tokenize(self, text: str) -> list[str]:
        return _WORD.findall(_spaced(text.lower()))


_SCORER = RougeScorer(list(ROUGE), tokenizer=_Words())
