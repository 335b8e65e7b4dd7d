"""Text → terms for keyword search, in any language.

Words are stemmed where there is a stemmer; scripts without spaces give pairs of characters.
"""

import re
from collections.abc import Sequence
from functools import cache
from typing import Protocol

from memorag_graph.text.words import is_wide

_WORD = re.compile(r"(?u)\b\w\w+\b")  # the pattern of scikit-learn and bm25s

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
    """Return the terms of a text, in order, as keyword search compares them.

    Args:
        text: A passage or a query.
        language_code: ISO 639-1 code of its language; one without a stemmer or stop words goes without.
    """
    stop = _stop_words(language_code)
    words: list[str] = []
    for word in _WORD.findall(text.lower()):
        if any(map(is_wide, word)):
            words += [word[at : at + 2] for at in range(len(word) - 1)]
        elif word not in stop:
            words.append(word)
    stemmer = _stemmer(language_code)
    return stemmer.stemWords(words) if stemmer else words


def _stemmer(language_code: str) -> _Stemmer | None:
    import Stemmer

    name = _STEMMERS.get(language_code)
    return Stemmer.Stemmer(name) if name else None  # a new one for each call: one object serves one thread


@cache
def _stop_words(language_code: str) -> frozenset[str]:
    from memorag_graph.retrieval.bm25 import stopwords

    name = _STOP_WORDS.get(language_code)
    return frozenset(getattr(stopwords, f"STOPWORDS_{name}")) if name else frozenset()
