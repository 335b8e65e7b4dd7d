"""Find fenced code blocks in Markdown (CommonMark, "Fenced code blocks")."""

import re
from bisect import bisect_right
from collections.abc import Iterable

_FENCE = re.compile(r"^ {0,3}(?:```|~~~)", re.MULTILINE)


class CodeFences:
    """Tells which places of a text lie in fenced code.

    Args:
        pieces: The offset and the text of each piece; pieces may overlap.
    """

    def __init__(self, pieces: Iterable[tuple[int, str]]) -> None:
        found = {start + fence.start() for start, text in pieces for fence in _FENCE.finditer(text)}
        # an odd number is no pair: one of them is not a fence, or a piece is missing
        self._fences = sorted(found) if len(found) % 2 == 0 else []

    def encloses(self, at: int) -> bool:
        """Return whether an offset lies in fenced code or begins a fence."""
        count = bisect_right(self._fences, at)
        return count % 2 == 1 or (count > 0 and self._fences[count - 1] == at)
