"""Find the paragraph that a part of a chunk belongs to, which may begin and end in other chunks."""

import re
from collections.abc import Iterable, Iterator, Sequence

from memorag_graph.text.chunking import Chunk

_BLANK_LINE = re.compile(r"\n[^\S\n]*\n\s*")
_MOST_BACK = 8
"""Chunks of one paragraph that are looked at."""


def goes_on(chunks: Sequence[Chunk], number: int) -> bool:
    """Return whether a chunk begins inside a paragraph: at most one character is between it and the one before."""
    if not 0 < number < len(chunks):
        return False
    before, here = chunks[number - 1], chunks[number]
    return before.source == here.source and here.start - before.end <= 1


def paragraph_start(chunks: Sequence[Chunk], number: int, offset: int) -> tuple[int, int]:
    """Return the chunk in which the paragraph of a place begins, and its offset there.

    Args:
        chunks: All chunks, in document order.
        number: The chunk of the place.
        offset: The place in that chunk.
    """
    first = number
    for at in range(number, max(number - _MOST_BACK, -1), -1):
        first = at
        stop = offset if at == number else len(chunks[at].text)
        if ends := [found.end() for found in _BLANK_LINE.finditer(chunks[at].text, 0, stop)]:
            return at, ends[-1]
        if not goes_on(chunks, at):
            break
    return first, 0


def document_offset(chunks: Sequence[Chunk], number: int, offset: int) -> int | None:
    """Return where in the document the paragraph of a place begins; None if it begins there."""
    first, at = paragraph_start(chunks, number, offset)
    return chunks[first].start + at if (first, at) < (number, offset) else None


def with_rest(chunks: Sequence[Chunk], numbers: Iterable[int]) -> Iterator[int]:
    """Yield chunks, each with the one before or after it that holds the rest of a paragraph which two chunks share."""
    for number in numbers:
        yield number
        if goes_on(chunks, number) and _is_divided(chunks, number - 1):
            yield number - 1
        if goes_on(chunks, number + 1) and _is_divided(chunks, number + 1):
            yield number + 1


def _is_divided(chunks: Sequence[Chunk], number: int) -> bool:
    """Return whether a paragraph begins or ends in a chunk."""
    edges = (goes_on(chunks, number), goes_on(chunks, number + 1))
    return not all(edges) or bool(_BLANK_LINE.search(chunks[number].text))
