"""Words of any script, for comparing texts without a model."""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Callable, Iterable
from itertools import pairwise

_RUN = re.compile(r"\d+(?:[.,]\d+)*|\w+")
_SHORT = 3
_SAME = 0.8


def is_wide(character: str) -> bool:
    """Tell whether a character belongs to a script that is written without spaces between words."""
    return unicodedata.east_asian_width(character) in "WF"


def content_words(text: str) -> list[str]:
    """Return the words that carry content: figures, and words of more than three letters, in lower case.

    Runs of a script without spaces give each pair of neighbouring characters as a word.
    """
    words = []
    for run in _RUN.findall(text.lower()):
        if is_figure(run):
            words.append(run)
        elif any(map(is_wide, run)):
            words += [run[at : at + 2] for at in range(len(run) - 1)] or [run]
        elif len(run) > _SHORT:
            words.append(run)
    return words


def is_figure(word: str) -> bool:
    """Tell whether a word of :func:`content_words` is a number."""
    return word[0].isdecimal() and all(character.isdecimal() or character in ".," for character in word)


def count_words(text: str) -> int:
    """Count words; in scripts without spaces every two characters count as one word."""
    wide = sum(map(is_wide, text))
    spaced = "".join(" " if is_wide(character) else character for character in text)
    return len(spaced.split()) + (wide + 1) // 2


def share_of(words: Iterable[str], among: Iterable[str]) -> float:
    """Return the share of ``words`` that occur in ``among``; 0 where there are none."""
    wanted = set(words)
    return len(wanted & set(among)) / len(wanted) if wanted else 0.0


def passages(sentences: Iterable[str]) -> list[set[str]]:
    """Return the content words of each two neighbouring sentences, against which statements are checked."""
    words = [set(content_words(sentence)) for sentence in sentences]
    return [first | second for first, second in pairwise([*words, set()])]


def is_borne_out(text: str, by: Iterable[set[str]], share: float, fewest: int) -> bool:
    """Tell whether one of some passages holds that share of a text's content words and all of its figures.

    A text with fewer than ``fewest`` content words says too little to be checked.
    """
    words = content_words(text)
    figures = {word for word in words if is_figure(word)}
    return len(words) >= fewest and any(figures <= passage and share_of(words, passage) >= share for passage in by)


def repeated_lines(lines: Iterable[str]) -> int:
    """Count the lines that say little but what one line before them said."""
    said: list[list[str]] = []
    repeated = 0
    for line in lines:
        words = content_words(line)
        repeated += any(share_of(words, other) >= _SAME for other in said)
        said.append(words)
    return repeated


def longest_start(text: str, tokens: int, count_tokens: Callable[[str], int]) -> str:
    """Return the longest start of a text within a number of tokens."""
    ends = range(1, len(text) + 1)
    return text[: bisect_right(ends, tokens, key=lambda end: count_tokens(text[:end]))]
