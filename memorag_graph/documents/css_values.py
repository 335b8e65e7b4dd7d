"""Read the values of style sheets that decide whether a text can be seen: lengths, colours, clips."""

import re

Colour = tuple[int, int, int]

_ZERO = re.compile(r"[-+]?(?:0+(?:\.0*)?|\.0+)(?:px|pt|em|rem|ex|ch|%|vw|vh|cm|mm|in|pc)?")
_FAR = re.compile(r"-\d{4,}(?:\.\d+)?(?:px|pt)?|-\d{3,}r?em|-\d{3,}(?:vw|vh)")
"""A place so far outside that no screen shows it."""

_SHORTEST = re.compile(r"(?:0+(?:\.\d+)?|\.\d+|1(?:\.0+)?)(?:px)?|0(?:\w+|%)")
"""Widths and heights of at most a pixel."""

_LENGTH = re.compile(r"(\d{0,5}(?:\.\d{1,6})?)(px|pt|r?em|%|cm|mm|in)?")
_PIXELS = {"px": 1.0, "pt": 4 / 3, "cm": 37.8, "mm": 3.78, "in": 96.0}
_NO_AREA = re.compile(
    r"inset\(\s*(?:[5-9]\d|100)(?:\.\d+)?%\s*\)|circle\(\s*0\w{0,2}[\s)].*|polygon\(\s*(?:0\w{0,2}[\s,]+){1,8}0\w{0,2}\s*\)"
)
_NO_RECTANGLE = re.compile(r"rect\(\s*(?:[01](?:px|em)?[\s,]*){4}\)")
_AWAY = re.compile(r"(?:^|\s)(?:scale[xy]?\(\s*0\s*[,)]|translate(?:x|y|3d)?\(\s*-\d{4,})")
_HEXADECIMAL = re.compile(r"#([0-9a-f]{3,8})")
_FUNCTION = re.compile(r"rgba?\(\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*[, ]\s*(\d{1,3})\s*(?:[,/]\s*([\d.]{1,6}%?)\s*)?\)")
_NAMED: dict[str, Colour] = {"white": (255, 255, 255), "black": (0, 0, 0)}
_OPAQUE = 0.05
"""Opacity below which nothing is seen."""

_ALIKE = 10
"""Difference of a colour's channels, of 255, below which a text cannot be told from its background."""

COLOURS = ("color", "background", "background-color", "background-image")


def hides(name: str, value: str) -> bool:
    """Return whether a declaration alone keeps an element, with all that is in it, from being seen."""
    if name == "display":
        return value == "none"
    if name == "visibility":
        return value in ("hidden", "collapse")
    if name == "opacity":
        return _ZERO.fullmatch(value) is not None or value in ("0.01", ".01")
    if name in ("left", "right", "top", "text-indent", "margin-left", "margin-top"):
        return _FAR.fullmatch(value) is not None
    if name == "clip-path":
        return _NO_AREA.fullmatch(value) is not None
    if name == "clip":
        return _NO_RECTANGLE.fullmatch(value) is not None
    if name == "transform":
        return _AWAY.search(value) is not None
    return name == "mso-hide" and value == "all"


def is_at_most_a_pixel(value: str) -> bool:
    """Return whether a width or height shows nothing of a text."""
    return _SHORTEST.fullmatch(value) is not None


def pixels(value: str, around: float, root: float) -> float | None:
    """Return a font's size in pixels; None if it is not known.

    Args:
        value: As it is written: ``0.1em``.
        around: Size of the element around.
        root: Size of the page's root.
    """
    found = _LENGTH.fullmatch(value)
    if found is None or not found[1] or found[1] == ".":
        return None
    size, unit = float(found[1]), found[2] or "px"
    if unit in ("em", "%"):
        return size * around / (100 if unit == "%" else 1)
    return size * (root if unit == "rem" else _PIXELS[unit])


def colour(value: str) -> Colour | None:
    """Return a colour; None if it is not known or not opaque."""
    if found := _HEXADECIMAL.fullmatch(value):
        digits = found[1] if len(found[1]) > 4 else "".join(2 * it for it in found[1])
        channels = [int(digits[at : at + 2], 16) for at in range(0, len(digits) - 1, 2)]
        return (channels[0], channels[1], channels[2]) if len(channels) == 3 or channels[3:] == [255] else None
    if (found := _FUNCTION.fullmatch(value)) and found[4] in (None, "1", "1.0", "100%"):
        return int(found[1]), int(found[2]), int(found[3])
    return _NAMED.get(value)


def is_transparent(value: str) -> bool:
    """Return whether a colour shows nothing."""
    if found := _FUNCTION.fullmatch(value):
        written = found[4] or "1"
        share = float(written.rstrip("%") or 1) / (100 if written.endswith("%") else 1) if written.count(".") < 2 else 1
        return share < _OPAQUE
    found = _HEXADECIMAL.fullmatch(value)
    return value == "transparent" or bool(
        found and len(found[1]) in (4, 8) and set(found[1][-len(found[1]) // 4 :]) == {"0"}
    )


def are_alike(first: Colour, second: Colour) -> bool:
    """Return whether a text in one colour cannot be seen on the other."""
    return all(abs(one - other) < _ALIKE for one, other in zip(first, second, strict=True))
