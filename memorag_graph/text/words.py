"""Compare texts by their words, in any script, without a model."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Collection, Iterable
from itertools import groupby, pairwise

MARKS = "".join(c for c in map(chr, range(0x300, 0x10000)) if unicodedata.category(c).startswith("M"))
r"""Vowel signs, tones and accents, which belong to the letter before them but are not matched by ``\w``."""

_RUN = re.compile(rf"\d+(?:[.,]\d+)*|\w[\w{MARKS}]*")
_CLUSTER = re.compile(rf".[{MARKS}]*", re.DOTALL)
_FIRST_UNSPACED = "\u0e00"
_UNSPACED = (
    ("\u0e00", "\u0eff"),  # Thai, Lao
    ("\u0f00", "\u0fff"),  # Tibetan
    ("\u1000", "\u109f"),  # Myanmar
    ("\u1780", "\u17ff"),  # Khmer
    ("\u1950", "\u19ff"),  # Tai Le, New Tai Lue, Khmer symbols
    ("\u1a20", "\u1aaf"),  # Tai Tham
    ("\u1b00", "\u1b7f"),  # Balinese
    ("\ua980", "\ua9ff"),  # Javanese, Myanmar
    ("\uaa60", "\uaadf"),  # Myanmar, Tai Viet
)
"""Blocks of further scripts without spaces between words, whose characters are not wide."""

_SHORT = 3
_SAME = 0.8


def is_wide(character: str) -> bool:
    """Return whether a character takes two columns, as those of Chinese, Japanese and Korean do."""
    return unicodedata.east_asian_width(character) in "WF"


def is_unspaced(character: str) -> bool:
    """Return whether a character is of a script that is written without spaces between words, or of Korean."""
    return character >= _FIRST_UNSPACED and (
        any(first <= character <= last for first, last in _UNSPACED) or is_wide(character)
    )


def pairs(run: str) -> list[str]:
    """Return the bigrams of letters, with their marks, of a text without spaces; a single letter is returned as is."""
    letters = _CLUSTER.findall(run)
    return [first + second for first, second in pairwise(letters)] or [run]


def content_words(text: str, function_words: Collection[str] | None = None) -> list[str]:
    """Return the words that carry content, in lower case.

    These are numbers, letter bigrams in scripts without spaces, and words of more than three letters in other scripts.

    Args:
        text: A text in any language.
        function_words: If given, shorter words are included, too, except these and single letters.
    """
    words = []
    for run in _RUN.findall(apart(text.lower())):
        if is_figure(run):
            words.append(run)
        elif is_unspaced(run[0]):
            words += pairs(run)
        elif len(run) > _SHORT or (function_words is not None and len(run) > 1 and run not in function_words):
            words.append(run)
    return words


def is_figure(word: str) -> bool:
    """Return whether a word of :func:`content_words` is a number."""
    return word[0].isdecimal() and all(character.isdecimal() or character in ".," for character in word)


def count_words(text: str) -> int:
    """Count words; in scripts without spaces every two letters count as one word."""
    if max(text, default="") < _FIRST_UNSPACED:
        return len(text.split())
    letters = sum(is_unspaced(character) and unicodedata.category(character)[0] != "M" for character in text)
    spaced = "".join(" " if is_unspaced(character) else character for character in text)
    return len(spaced.split()) + (letters + 1) // 2


def share_of(words: Iterable[str], among: Iterable[str]) -> float:
    """Return the share of ``words`` that occur in ``among``; 0 if there are none."""
    wanted = set(words)
    return len(wanted.intersection(among)) / len(wanted) if wanted else 0.0


def passages(sentences: Iterable[str], function_words: Collection[str] | None = None) -> list[set[str]]:
    """Return the content words of each pair of neighbouring sentences, against which statements are checked."""
    words = [set(content_words(sentence, function_words)) for sentence in sentences]
    return [first | second for first, second in pairwise([*words, set()])]


def is_supported(
    text: str, by: Iterable[set[str]], share: float, fewest: int, function_words: Collection[str] | None = None
) -> bool:
    """Return whether one passage contains at least ``share`` of a text's content words and all of its figures.

    A text with fewer than ``fewest`` content words cannot be checked and is not supported.
    """
    words = content_words(text, function_words)
    figures = {word for word in words if is_figure(word)}
    return len(words) >= fewest and any(figures <= passage and share_of(words, passage) >= share for passage in by)


def repeats(words: Collection[str], earlier: Iterable[Collection[str]]) -> bool:
    """Return whether one earlier line contains most of a line's content words.

    Args:
        words: The content words of the line.
        earlier: Those of each earlier line.
    """
    return any(share_of(words, other) >= _SAME for other in earlier)


def longest_prefix(text: str, tokens: int, count_tokens: Callable[[str], int]) -> str:
    """Return the longest prefix of a text that has at most ``tokens`` tokens."""
    ends = range(1, len(text) + 1)
    return text[: bisect_right(ends, tokens, key=lambda end: count_tokens(text[:end]))]


def apart(text: str) -> str:
    """Put spaces between scripts with and without spaces, so that numbers and names in Chinese text become words."""
    if max(text, default="") < _FIRST_UNSPACED:
        return text
    return " ".join("".join(run) for _, run in groupby(text, lambda it: is_unspaced(it) and not it.isdecimal()))
