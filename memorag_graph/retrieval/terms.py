"""Split a text into terms for keyword search, in any language.

Words are stemmed if their language has a stemmer; scripts without spaces give pairs of letters.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from memorag_graph.text.words import MARKS, is_unspaced, pairs

_WORD = re.compile(rf"\w[\w{MARKS}]+")  # as in scikit-learn and bm25s, and with the vowel signs of Indic scripts

_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "fa": "persian", "fi": "finnish", "fr": "french", "hi": "hindi",
    "hu": "hungarian", "id": "indonesian", "it": "italian", "lt": "lithuanian", "nb": "norwegian", "nl": "dutch",
    "nn": "norwegian", "no": "norwegian", "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian",
    "sr": "serbian", "sv": "swedish", "tr": "turkish",
}  # fmt: skip

_STOP_WORDS = {
    "da": "DANISH", "de": "GERMAN", "en": "EN", "es": "SPANISH", "fr": "FRENCH", "it": "ITALIAN", "nb": "NORWEGIAN",
    "nl": "DUTCH", "nn": "NORWEGIAN", "no": "NORWEGIAN", "pt": "PORTUGUESE", "ru": "RUSSIAN", "sv": "SWEDISH",
    "tr": "TURKISH",
}  # fmt: skip


class _Stemmer(Protocol):
    def stemWords(self, words: Sequence[str]) -> list[str]:  # noqa: N802 - PyStemmer's name
        """Return the stem of each word."""


def terms(text: str, language_code: str) -> list[str]:
    """Return the terms of a text for keyword search, in order.

    Args:
        text: A passage or a query.
        language_code: ISO 639-1 code of its language; not every language has a stemmer and stop words.
    """
    stop = _stop_words(language_code)
    words: list[str] = []
    for word in _WORD.findall(text.lower()):
        if any(map(is_unspaced, word)):
            words += pairs(word)
        elif word not in stop:
            words.append(word)
    stemmer = _stemmer(language_code)
    return stemmer.stemWords(words) if stemmer else words


@cache
def function_words(language_code: str) -> frozenset[str]:
    """Return the words of a language that carry no content; for English, more than keyword search ignores."""
    from memorag_graph.retrieval.bm25 import stopwords

    more = stopwords.STOPWORDS_EN_PLUS if language_code == "en" else ()
    return _stop_words(language_code).union(more)


def _stemmer(language_code: str) -> _Stemmer | None:
    import Stemmer

    name = _STEMMERS.get(language_code)
    return Stemmer.Stemmer(name) if name else None  # a new one for each call: one object serves one thread


@cache
def _stop_words(language_code: str) -> frozenset[str]:
    from memorag_graph.retrieval.bm25 import stopwords

    name = _STOP_WORDS.get(language_code)
    return frozenset(getattr(stopwords, f"STOPWORDS_{name}")) if name else frozenset()
