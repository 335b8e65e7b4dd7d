"""Quote reasons with the sentence that announces them: "Three things did it." and the three after it."""

import re
from collections.abc import Sequence

from memorag_graph.generation.quotable_sentences import Unit
from memorag_graph.generation.surroundings import Surroundings
from memorag_graph.text.asking_words import ASKS_WHY
from memorag_graph.text.numbers import number_in

_NUMBER = r"(?P<number>two|three|four|five|six|several|a few)"
_ANNOUNCES = (
    re.compile(rf"^\W*(?:there (?:are|were) )?{_NUMBER} (?:\w+ )?(?:reasons|causes|factors)\b", re.IGNORECASE),
    re.compile(rf"\bfor {_NUMBER} (?:\w+ )?reasons\b", re.IGNORECASE),
    re.compile(
        rf"^\W*{_NUMBER} (?:\w+ )?things (?:did|(?:have )?(?:account|explain|caused|led|brought|made|contributed)"
        r"|(?:were|lay|are|lie) behind)",
        re.IGNORECASE,
    ),
)

_MOST_BETWEEN = 6
"""Sentences that may stand between what happened and the announcement of its reasons."""

_UNCOUNTED = 2
"""Reasons that are quoted of "several"."""


def reasons_after(at: int, question: str, units: Sequence[Unit], belonging: Sequence[Surroundings]) -> list[int]:
    """Return the positions of the reasons that a sentence or one after it announces, if a question asks why.

    The announcement stands under the heading of the sentence, and the reasons in its paragraph. A sentence with a
    semicolon is taken to tell all of them.
    """
    if not ASKS_WHY.search(question):
        return []
    for position in range(at, min(at + 2 + _MOST_BETWEEN, len(units))):
        if not _is_near(at, position, units, belonging):
            break
        if number := _announced(units[position].citation.quote):
            return [position, *_following(position, number, units, belonging)]
    return []


def _is_near(at: int, position: int, units: Sequence[Unit], belonging: Sequence[Surroundings]) -> bool:
    same_source = units[at].citation.source == units[position].citation.source
    return same_source and belonging[at].heading == belonging[position].heading


def _announced(text: str) -> int:
    """Return how many reasons a sentence announces; 0 if it announces none."""
    found = next(filter(None, (pattern.search(text) for pattern in _ANNOUNCES)), None)
    return int(number_in(found["number"]) or _UNCOUNTED) if found else 0


def _following(at: int, number: int, units: Sequence[Unit], belonging: Sequence[Surroundings]) -> list[int]:
    found: list[int] = []
    for position in range(at + 1, min(at + 1 + number, len(units))):
        if belonging[position].paragraph != belonging[at].paragraph or units[position].is_heading:
            break
        found.append(position)
        if ";" in units[position].citation.quote:
            break
    return found
