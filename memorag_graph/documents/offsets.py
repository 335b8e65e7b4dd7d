"""Convert offsets, which count characters (Unicode code points), to the units of other languages' strings."""

from bisect import bisect_right
from collections.abc import Callable, Mapping
from itertools import accumulate
from typing import Any, Literal

Unit = Literal["utf16", "bytes"]
"""What offsets count: UTF-16 code units, as in JavaScript, Java and C#, or bytes of UTF-8, as in Rust and Go."""

_BLOCK = 4096
_WIDTH: Mapping[Unit, Callable[[str], int]] = {
    "utf16": lambda text: len(text.encode("utf-16-le")) // 2,
    "bytes": lambda text: len(text.encode("utf-8")),
}


class Offsets:
    """Converts the offsets of one text, each in the time that a few thousand characters take.

    Args:
        text: The text that the offsets refer to.
        unit: The unit to convert to.

    Example:
        >>> from memorag_graph.documents import Offsets
        >>> Offsets("a 🚢 sails", "utf16")(4), Offsets("a 🚢 sails", "bytes")(4)
        (5, 7)
    """

    def __init__(self, text: str, unit: Unit) -> None:
        self._text = text
        self._width = _WIDTH[unit]
        self._starts = range(0, len(text) + 1, _BLOCK)
        widths = (self._width(text[start : start + _BLOCK]) for start in self._starts)
        self._before = list(accumulate(widths, initial=0))

    def __call__(self, offset: int) -> int:
        """Return the offset in the unit; one beyond the end counts as the end."""
        offset = min(max(0, offset), len(self._text))
        block = bisect_right(self._starts, offset) - 1
        return self._before[block] + self._width(self._text[block * _BLOCK : offset])


def with_offsets(value: Any, offsets: Mapping[str, Offsets], answer: Offsets) -> Any:  # noqa: ANN401 - any JSON value
    """Return a result of the graph, as plain values, with all its offsets converted.

    Args:
        value: The result, or a part of it.
        offsets: Converts the offsets of each document, by its name.
        answer: Converts the offsets of the answer.
    """
    if isinstance(value, list):
        return [with_offsets(it, offsets, answer) for it in value]
    if not isinstance(value, dict):
        return value
    converted = {key: with_offsets(it, offsets, answer) for key, it in value.items()}
    if isinstance(value.get("start"), int) and isinstance(value.get("end"), int):
        convert = offsets[value["source"]] if "source" in value else answer
        converted |= {"start": convert(value["start"]), "end": convert(value["end"])}
    return converted
