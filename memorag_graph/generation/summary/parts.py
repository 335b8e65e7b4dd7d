"""Divide documents into parts for a summary: their sections, or stretches between changes of the words used."""

from collections import Counter
from collections.abc import Hashable, Sequence
from itertools import groupby

_WINDOW = 12
"""Sentences compared on each side of a possible boundary, as in TextTiling (Hearst, 1997)."""

Words = frozenset[str]


def divide(held: Sequence[Words], lengths: Sequence[int], sections: Sequence[Hashable], most: int) -> list[int]:
    """Return the number of the part that each sentence belongs to, from 0 on, in order.

    Sections are the parts if there are at most as many as asked for; short ones are joined with those that follow, if
    there are more. A text of one section is divided where its words change most, into parts of similar length.

    Args:
        held: The words of each sentence, in document order.
        lengths: The length of each sentence.
        sections: What section each sentence belongs to.
        most: Maximum number of parts, at least 1.
    """
    runs = [len(list(run)) for _, run in groupby(sections)]
    if len(runs) == 1:
        return _at(_boundaries(held, lengths, most), len(held))
    if len(runs) <= most:
        return [number for number, run in enumerate(runs) for _ in range(run)]
    ends: list[int] = []
    at, total, size = 0, 0.0, sum(lengths) / most
    for run in runs:
        total += sum(lengths[at : at + run])
        at += run
        if total >= size * (len(ends) + 1):
            ends.append(at)
    return _at(ends, len(held))


def _boundaries(held: Sequence[Words], lengths: Sequence[int], most: int) -> list[int]:
    """Return where parts after the first begin: where equal ones would, nearly, and neighbours share fewest words."""
    total, at, reached, found = sum(lengths), 0, 0, []
    starts = []
    for length in lengths:
        starts.append(reached)
        reached += length
    for number in range(1, most):
        low, high = (number - 0.3) * total / most, (number + 0.3) * total / most
        near = []
        while at < len(starts) and starts[at] < high:
            if starts[at] >= low:
                near.append(at)
            at += 1
        if near:
            found.append(min(near, key=lambda place: _in_common(held, place)))
    return found


def _in_common(held: Sequence[Words], place: int) -> float:
    """Return the share of words that the sentences before and after a place have in common."""
    before = Counter(word for each in held[max(0, place - _WINDOW) : place] for word in each)
    after = Counter(word for each in held[place : place + _WINDOW] for word in each)
    return 2 * (before & after).total() / max(before.total() + after.total(), 1)


def _at(boundaries: Sequence[int], count: int) -> list[int]:
    numbers, part = [], 0
    inner = {place for place in boundaries if 0 < place < count}
    for at in range(count):
        part += at in inner
        numbers.append(part)
    return numbers
