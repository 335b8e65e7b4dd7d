"""Read quantities with their units, and tell whether two texts say the same in other units: "60 °C" and "140 °F"."""

import re
from collections.abc import Iterator

_UNITS = {
    "°c": ("heat", 1.0, 273.15), "°f": ("heat", 5 / 9, 273.15 - 32 * 5 / 9), "celsius": ("heat", 1.0, 273.15),
    "fahrenheit": ("heat", 5 / 9, 273.15 - 32 * 5 / 9), "mm": ("length", 0.001, 0.0), "cm": ("length", 0.01, 0.0),
    "m": ("length", 1.0, 0.0), "km": ("length", 1000.0, 0.0), "miles": ("length", 1609.34, 0.0),
    "mile": ("length", 1609.34, 0.0), "feet": ("length", 0.3048, 0.0), "ft": ("length", 0.3048, 0.0),
    "inches": ("length", 0.0254, 0.0), "metres": ("length", 1.0, 0.0), "meters": ("length", 1.0, 0.0),
    "kilometres": ("length", 1000.0, 0.0), "kilometers": ("length", 1000.0, 0.0), "g": ("mass", 0.001, 0.0),
    "kg": ("mass", 1.0, 0.0), "lb": ("mass", 0.45359, 0.0), "pounds": ("mass", 0.45359, 0.0),
    "minutes": ("time", 60.0, 0.0), "min": ("time", 60.0, 0.0), "hours": ("time", 3600.0, 0.0),
    "hour": ("time", 3600.0, 0.0), "h": ("time", 3600.0, 0.0), "ms": ("time", 0.001, 0.0),
    "seconds": ("time", 1.0, 0.0), "s": ("time", 1.0, 0.0), "days": ("time", 86400.0, 0.0),
    "weeks": ("time", 604800.0, 0.0),
}  # fmt: skip
"""What each unit measures, and the factor and the sum that give the value in one unit for all."""

_QUANTITY = re.compile(
    r"(?<![\w.,])(?P<value>[-\u2212]?\d{1,12}(?:\.\d{1,6})?)\s?(?P<unit>(?:°|degrees?\s)?\s?[^\W\d_]{1,12})(?!\w)"
)
_DEGREES = re.compile(r"(?:degrees?|°)\s*")
_CLOSE = 0.005
"""Share by which values that were rounded may differ."""


def are_equal_in_other_units(first: str, second: str) -> bool:
    """Return whether two texts have the same quantities in the same order, at least one of them in another unit."""
    one, other = list(_quantities(first)), list(_quantities(second))
    if len(one) != len(other) or all(mine[1] == theirs[1] for mine, theirs in zip(one, other, strict=True)):
        return False
    return all(
        mine[0] == theirs[0] and abs(mine[2] - theirs[2]) <= _CLOSE * max(abs(mine[2]), abs(theirs[2]))
        for mine, theirs in zip(one, other, strict=True)
    )


def _quantities(text: str) -> Iterator[tuple[str, str, float]]:
    """Yield what each quantity of a text measures, its unit, and its value in the unit for all."""
    for found in _QUANTITY.finditer(text):
        unit = _DEGREES.sub("°", found["unit"].lower())
        kind, factor, added = _UNITS.get(unit) or _UNITS.get(unit.lstrip("°")) or (unit, 1.0, 0.0)
        yield kind, unit, float(found["value"].replace("\u2212", "-")) * factor + added
