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
    r"(?:\s?(?P<scale>thousand|million|billion|bn|mn|(?(sign)[mk]|(?<=\d)[mk]))(?![^\W_]))?"
    r"(?P<share>\s?%|\s(?:per cent|percent)\b)?"
)
_MEASURES = {
    **{"second": ("time", 1.0), "minute": ("time", 60.0), "hour": ("time", 3600.0), "day": ("time", 86_400.0)},
    **{"week": ("time", 7 * 86_400.0), "month": ("time", 30.4 * 86_400), "year": ("time", 365 * 86_400.0)},
    **{"mm": ("length", 1e-3), "cm": ("length", 0.01), "m": ("length", 1.0), "metre": ("length", 1.0)},
    **{"km": ("length", 1e3), "kilometre": ("length", 1e3), "mile": ("length", 1609.0), "feet": ("length", 0.305)},
    **{"g": ("mass", 1.0), "kg": ("mass", 1e3), "t": ("mass", 1e6), "tonne": ("mass", 1e6)},
    **{
        it: (it, 1.0) for it in ("litre", "kW", "MW", "kWh", "MWh", "GWh", "°C", "°F", "degree", "knot", "mph", "point")
    },
}
"""Measures by their names: of what, and how large they are."""

_MEASURE = re.compile(rf"\s?({'|'.join(sorted(_MEASURES, key=len, reverse=True))})s?(?![^\W_])")
_MEASURED = re.compile(r"\sof (?:(?:the|our|its|their) )?(?P<thing>[a-z]{3,}(?:\s[a-z]{3,})?)")
"""What is measured: "412,000 tonnes of cargo"."""

_DIMENSION = re.compile(r"\s(long|wide|high|deep|tall|old|thick)\b")
_DIFFERENCE = re.compile(r"\s(?:more|less|fewer|higher|lower|above|below|better|worse|short)\b")
"""What follows a figure by which another one differs: "Revenue was £5m higher"."""

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
        kind: What tells figures that cannot be compared: the sign of a currency, ``"%"``, such as "time", or nothing.
        value: The figure; of times in seconds, of lengths in metres, of masses in grams.
        counts: Whether it says how many there are of the thing, as in "14 ships".
        dimension: In what it was measured, where that follows, as "long" in "is 40 m long".
    """

    thing: str
    kind: str
    value: float
    counts: bool = False
    dimension: str = ""


def told_figures(sentence: str) -> Iterator[Told]:
    """Yield the figures that a sentence tells of things; none of a sentence that tells plans, limits or sums."""
    if _NOT_SO.search(sentence):
        return
    for pattern in (_OF_UNIT, _OF_THING, _FROM_TO):
        for found in pattern.finditer(sentence):
            after = max(map(found.end, ("value", "scale", "share")))
            measure = _MEASURE.match(sentence, after)
            measured = _MEASURED.match(sentence, measure.end()) if measure else None
            kind, unit = _measured(found, measure)
            dimension = _DIMENSION.match(sentence, measure.end()) if measure else None
            value = float(found["value"].replace(",", "")) * _SCALES.get(found["scale"] or "", 1.0) * unit
            is_plain = not (kind or found["scale"]) and found["value"].isdecimal()
            is_year = is_plain and _EARLIEST_YEAR <= value <= _LATEST_YEAR
            if not (is_year or _DIFFERENCE.match(sentence, after)):
                counts = pattern is _OF_UNIT and not kind
                in_what = dimension[1] if dimension else ""
                things = f"{found['thing']} {measured['thing'] if measured and pattern is _OF_UNIT else ''}"
                yield from (Told(word, kind, value, counts, in_what) for word in things.lower().split())


def _measured(found: re.Match[str], measure: re.Match[str] | None) -> tuple[str, float]:
    """Return the kind of a figure, and how large its measure is."""
    if found["sign"] or found["share"]:
        return (found["sign"] or "%").strip(), 1.0
    return _MEASURES[measure[1]] if measure else ("", 1.0)
