"""A model's list → clues that are worth searching for. Works for scripts with and without spaces."""

import re
from collections.abc import Iterable

from memorag_graph.words import content_words, count_words, share_of

FEWEST_WORDS = 3
"""A shorter line is a heading or a scrap, not a clue."""

_REPEATED = 0.9
_BULLET = re.compile(
    r"""^\s*(?:[-–—*•·‣▪◦>]+\s*|
    \(?(?:\d{1,2}|[a-zA-Z]|[ivxIVX]{1,4})(?:[.)](?!\d)|[、：:])\s*|
    [（(]?[一二三四五六七八九十]{1,3}[)）、．.]\s*|
    (?:[QA]|Question|Answer|Span|问题?|答案?)\s*\d*\s*[:：]\s*)+""",
    re.VERBOSE,
)
_QUOTES = "\"'“”‘’「」『』*`_ \t"


def parse_clues(text: str, asked: str) -> list[str]:
    """Return the items of a list, one per line, without bullets and broken characters.

    Scraps, headings, repeats and echoes of ``asked`` are left out.
    """
    lines = (line.replace("\N{REPLACEMENT CHARACTER}", "") for line in text.splitlines())
    return distinct((_BULLET.sub("", line).strip(_QUOTES) for line in lines), asked)


def distinct(clues: Iterable[str], asked: str) -> list[str]:
    """Return the clues that are worth searching for: no scraps, headings, repeats or echoes of ``asked``."""
    kept: list[str] = []
    said = [content_words(asked)]
    for clue in clues:
        words = content_words(clue)
        if count_words(clue) < FEWEST_WORDS or not words or clue.endswith((":", "：")):
            continue
        if any(share_of(words, other) >= _REPEATED for other in said):
            continue
        said.append(words)
        kept.append(clue)
    return kept
