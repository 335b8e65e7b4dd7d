"""Split a text into terms for keyword search, in any language.

Words are stemmed if their language has a stemmer. Names such as ``rotateApiKeys`` are found whole and by their parts.
Chinese, Japanese and Korean give pairs of letters; Thai, Lao, Khmer and Burmese also the words of a dictionary.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Protocol

from memorag_graph.retrieval.stop_words import stop_words
from memorag_graph.text.identifiers import identifier_parts
from memorag_graph.text.word_breaks import COMPLEX_RUN, dictionary_words
from memorag_graph.text.words import MARKS, apart, is_unspaced, pairs

_TIME_OF_DATE = re.compile(r"(?<=\d)T(?=\d\d:\d\d)|(?<=:\d\d)Z\b")
"""What stands between date and time, and behind them, in ISO 8601."""

_PARTED_NUMBER = re.compile(r"[vV]?\d+(?:[.,:]\d+)+")
_WORD = re.compile(rf"(?<!\w){_PARTED_NUMBER.pattern}(?!\w)|\w[\w{MARKS}]*")
"""A number of several parts, or a word with the vowel signs of Indic scripts."""

_PART_OF_NUMBER = re.compile(r"\d{2,}")

_CONTRACTED = {
    "en": re.compile(r"(?:n['’]t|['’](?:s|d|m|t|ll|re|ve))(?!\w)", re.IGNORECASE),
    "fr": re.compile(r"(?<!\w)(?:[cdjlmnst]|qu|lorsqu|puisqu|jusqu)['’](?=\w)", re.IGNORECASE),
    "it": re.compile(r"(?<!\w)(?:[cdlmnstv]|un|all|dall|dell|nell|sull|quest)['’](?=\w)", re.IGNORECASE),
    "ca": re.compile(r"(?<!\w)[dlmnst]['’](?=\w)|['’](?:l|ls|m|n|ns|s|t)(?!\w)", re.IGNORECASE),
}
"""Short forms of function words: English "isn't", French "l'eau"."""

_COMPOUND = re.compile(rf"(?<![\w{MARKS}-])(\w[\w{MARKS}]*)-(\w[\w{MARKS}]*)(?![\w{MARKS}-])")
"""Two words joined by a hyphen."""

_SHORT_SIDE = 2
"""A compound is also found without its hyphen if a side is this short or a number: "e-mail", "COVID-19"."""

_SAME: dict[int, int | str | None] = {
    **{code: code - 0xFEE0 for code in range(0xFF01, 0xFF5F)},  # full-width forms
    **dict(zip(range(0xFB00, 0xFB07), ("ff", "fi", "fl", "ffi", "ffl", "st", "st"), strict=True)),  # ligatures
    0x00AD: None, 0x2060: None,  # soft hyphens and word joiners
    0x200B: " ",  # separates words in Khmer and Thai
}  # fmt: skip
"""Characters that are read like others, or not at all."""

_JOINERS = re.compile("(?<=[\u0900-\u0dff])[\u200c\u200d]|[\u200c\u200d](?=[\u0900-\u0dff])")
"""Invisible signs that only shape Indic letters."""

_DOTLESS = str.maketrans({"I": "ı", "İ": "i"})
_DOTLESS_LANGUAGES = ("tr", "az")

_STEMMERS = {
    "ar": "arabic", "ca": "catalan", "cs": "czech", "da": "danish", "de": "german", "el": "greek", "en": "english",
    "es": "spanish", "et": "estonian", "eu": "basque", "fa": "persian", "fi": "finnish", "fr": "french",
    "ga": "irish", "hi": "hindi", "hu": "hungarian", "hy": "armenian", "id": "indonesian", "it": "italian",
    "lt": "lithuanian", "nb": "norwegian", "ne": "nepali", "nl": "dutch", "nn": "norwegian", "no": "norwegian",
    "pl": "polish", "pt": "portuguese", "ro": "romanian", "ru": "russian", "sr": "serbian", "sv": "swedish",
    "ta": "tamil", "tr": "turkish",
}  # fmt: skip


class _Stemmer(Protocol):
    def stemWords(self, words: Sequence[str]) -> list[str]:  # noqa: N802 - PyStemmer's name
        """Return the stem of each word."""


def terms(text: str, language_code: str, *, characters: bool = False) -> list[str]:
    """Return the terms of a text for keyword search, in order.

    Args:
        text: A passage or a query.
        language_code: ISO 639-1 code of its language; not every language has a stemmer and stop words.
        characters: Add each character of scripts without spaces, so that a query of a single one finds it.
    """
    stop = stop_words(language_code)
    words = [word for word in _words(text, language_code, characters) if word not in stop]
    stemmer = _stemmer(language_code)
    return stemmer.stemWords(words) if stemmer else words


def _words(text: str, language_code: str, characters: bool) -> Iterator[str]:
    """Yield the words of a text in lower case, and by what else each is found."""
    if not text.isascii():
        text = _JOINERS.sub("", unicodedata.normalize("NFC", text.translate(_SAME)))
    if contracted := _CONTRACTED.get(language_code):
        text = contracted.sub(" ", text)
    text = _TIME_OF_DATE.sub(" ", apart(text))
    for word in _WORD.findall(text):
        if is_unspaced(word[0]) and not word.isdecimal():
            yield from _unspaced(word, characters)
        elif _PARTED_NUMBER.fullmatch(word):
            yield (number := _ascii_digits(word.lower()))
            yield from _PART_OF_NUMBER.findall(number)
        else:
            yield _ascii_digits(word) if word.isdecimal() else _lower(word, language_code)
            yield from (_lower(part, language_code) for part in identifier_parts(word))
    for sides in _COMPOUND.findall(text):
        if any(len(side) <= _SHORT_SIDE or side.isdecimal() for side in sides):
            yield _lower("".join(sides), language_code)


def _unspaced(word: str, characters: bool) -> Iterator[str]:
    yield from pairs(word)
    if characters and len(word) > 1:
        yield from word
    if COMPLEX_RUN.fullmatch(word):
        yield from (it for it in dictionary_words(word) if len(it) > 1)


def _lower(word: str, language_code: str) -> str:
    return (word.translate(_DOTLESS) if language_code in _DOTLESS_LANGUAGES else word).lower()


def _ascii_digits(number: str) -> str:
    return "".join(str(unicodedata.decimal(it)) if it.isdecimal() else it for it in number)


def _stemmer(language_code: str) -> _Stemmer | None:
    import Stemmer

    name = _STEMMERS.get(language_code)
    return Stemmer.Stemmer(name) if name else None  # a new one for each call: one object serves one thread
