"""Cut texts of scripts whose sentence ends a general splitter does not know, or that mark none."""

import re
from collections.abc import Iterator

from memorag_graph.text.words import is_unspaced

_END_MARKS = re.compile(r"[។៕၊။]+\s*|(?:[།༎]\s?)+\s+|[؟۔।॥]+\s+")
"""Ends of sentences in Khmer, Burmese, Tibetan, Arabic, Urdu and the scripts of India."""

_SPACE = re.compile(r"\s+")
_LAST_NARROW = "\u1fff"
"""Scripts without spaces beyond it, as Chinese and Japanese, mark the ends of their sentences."""

_FEWEST_LETTERS = 40
"""Letters of a clause; a shorter one is kept with the next: spaces also surround figures and signs in Thai and Lao."""


def is_unmarked(character: str) -> bool:
    """Return whether a character is of a script without spaces between words that often marks no sentence ends.

    These are Thai, Lao, Tibetan, Burmese, Khmer and their like.
    """
    return character <= _LAST_NARROW and is_unspaced(character)


def clauses(text: str) -> Iterator[tuple[int, int]]:
    """Yield the spans of a text's sentences, after end marks; where a script marks none, those of long clauses.

    Args:
        text: A sentence, as far as a general splitter can tell.
    """
    start = 0
    for mark in [*_END_MARKS.finditer(text), None]:
        end = mark.end() if mark else len(text)
        yield from _at_spaces(text, start, end)
        start = end


def _at_spaces(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Yield a span whole, or cut at spaces if it is of a script that marks no ends."""
    if 2 * sum(map(is_unmarked, text[start:end])) > end - start:
        for space in _SPACE.finditer(text, start + _FEWEST_LETTERS, max(start, end - _FEWEST_LETTERS)):
            around = text[space.start() - 1] + text[space.end()]
            if space.start() - start >= _FEWEST_LETTERS and all(map(is_unmarked, around)):
                yield start, space.start()
                start = space.end()
    if start < end:
        yield start, end
