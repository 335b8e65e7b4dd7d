"""Read what an English sentence tells in figures of a thing: "3.58 million passengers", "Revenue was £179.5m"."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

_SCALES = {
    **dict.fromkeys(("thousand", "k"), 1e3),
    **dict.fromkeys(("million", "m", "mn"), 1e6),
    **dict.fromkeys(("billion", "bn"), 1e9),
}

_AMOUNT = (
    r"(?P<sign>[£$€]\s?)?(?<![\w.,/-])(?P<value>\d{1,3}(?:,\d{3})+(?:\.\d+)?|\d+(?:\.\d+)?)"
    r"(?:\s?(?P<scale>thousand|million|billion|bn|mn|[mk])(?![^\W_]))?(?P<share>\s?%|\s(?:per cent|percent)\b)?"
)
_OF_UNIT = re.compile(rf"{_AMOUNT}\s(?!(?:of|in|to|and|or|per)\b)(?P<thing>[a-z-]{{3,}}(?:\s[a-z]{{3,}})?)")
"""A figure before its thing, with at most one word between them: "283,000 units", "3.58 million foot passengers"."""

_OF_THING = re.compile(
    r"(?P<thing>\b[A-Za-z]+(?:\s[A-Za-z\d]+){0,3}?)"
    r"(?:\s(?:was|were|is|are|came to|stood at|reached|numbered|totalled|totaled|hit|averaged)|:)\s"
    rf"(?:(?:about|nearly|only|some|over|just)\s)?{_AMOUNT}"
)
_FROM_TO = re.compile(
    r"(?P<thing>\b[A-Za-z]+(?:\s[A-Za-z\d]+){0,3}?)\s(?:rose|fell|grew|went|dropped|increased|decreased)\b"
    rf"[^;]{{0,40}}?\bfrom\s\S+(?:\s(?:thousand|million|billion))?\sto\s{_AMOUNT}"
)
"""A figure after its thing: "Revenue was £179.5m", "Revenue rose by 3.0%, from £174.3m to £179.5m"."""

_NOT_SO = re.compile(
    r"\b(?:would|could|should|might|may|expect\w*|forecast\w*|plan(?:s|ned)?|target\w*|budget\w*|capacity|promise\w*"
    r"|limit|maximum|at most|up to|not|no longer|since \d{4}|in all years|altogether)\b",
    re.IGNORECASE,
)
"""Words of sentences that tell what is planned, allowed or summed up, and not what was."""

_EARLIEST_YEAR, _LATEST_YEAR = 1500, 2100


@dataclass(frozen=True, slots=True)
class Told:
    """A figure.

    Attributes:
        thing: Of what, one word of it, in lower case.
        kind: What tells figures that cannot be compared: the sign of a currency, ``"%"``, or nothing.
        value: The figure.
    """

    thing: str
    kind: str
    value: float


def told_figures(sentence: str) -> Iterator[Told]:
    """Yield the figures that a sentence tells of things; none of a sentence that tells plans, limits or sums."""
    if _NOT_SO.search(sentence):
        return
    for pattern in (_OF_UNIT, _OF_THING, _FROM_TO):
        for found in pattern.finditer(sentence):
            value = float(found["value"].replace(",", "")) * _SCALES.get(found["scale"] or "", 1.0)
            kind = (found["sign"] or "").strip() or ("%" if found["share"] else "")
            is_plain = not (kind or found["scale"]) and found["value"].isdecimal()
            if not (is_plain and _EARLIEST_YEAR <= value <= _LATEST_YEAR):  # not a year
                yield from (Told(word, kind, value) for word in found["thing"].lower().split())
