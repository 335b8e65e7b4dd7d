"""Write the numbers of spreadsheets about as the spreadsheet shows them: dates, percentages, decimals, units."""

import re
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext

_BUILT_IN = {
    1: "0", 2: "0.00", 3: "#,##0", 4: "#,##0.00", 9: "0%", 10: "0.00%", 11: "0.00E+00", 14: "yyyy-mm-dd",
    15: "d-mmm-yy", 16: "d-mmm", 17: "mmm-yy", 18: "h:mm AM/PM", 19: "h:mm:ss AM/PM", 20: "h:mm", 21: "h:mm:ss",
    22: "yyyy-mm-dd h:mm", 37: "#,##0", 38: "#,##0", 39: "#,##0.00", 40: "#,##0.00", 45: "mm:ss", 46: "[h]:mm:ss",
    47: "mm:ss.0", 48: "##0.0E+0", 49: "@",
}  # fmt: skip
"""Formats that files refer to without defining them (ECMA-376, part 1, 18.8.30)."""

_LITERAL = re.compile(r'"([^"]*)"|\\(.)|\[\$([^\]-]*)(?:-[^\]]*)?\]|_.|\*.')
_DURATION = re.compile(r"\[(h+|m+|s+)\]", re.IGNORECASE)
_CONDITION = re.compile(r"\[[^\]]*\]")
_DIGITS = re.compile(r"([#0?](?:[#0?,]*[#0?])?)(?:\.([#0?]+))?(,*)")
_LARGEST = 1e15
_MOST_DECIMALS = 15
_PRECISION = 60
"""Digits of a calculation, more than the largest number has with all its decimals."""

_LONGEST_FORMAT = 255
_EPOCH, _MAC_EPOCH = datetime(1899, 12, 30), datetime(1904, 1, 1)
_LAST_DAY = 2_958_466
"""The day after the end of 9999."""


class NumberFormats:
    """The number formats of a workbook.

    Args:
        codes: Codes by id, of those that the workbook defines.
        from_1904: Whether days count from 1904.
    """

    def __init__(self, codes: dict[int, str], from_1904: bool) -> None:
        self._codes = {**_BUILT_IN, **codes}
        self._epoch = _MAC_EPOCH if from_1904 else _EPOCH

    def written(self, number: str, format_id: int) -> str:
        """Return a number in a format; as it is stored if the format is unknown."""
        code = self._codes.get(format_id, "General")[:_LONGEST_FORMAT]
        try:
            value = float(number)
        except ValueError:
            return number
        if abs(value) >= _LARGEST or value != value:
            return number
        sections = code.split(";")
        negative = value < 0 and len(sections) > 1 and bool(sections[1].strip())
        section = sections[1] if negative else sections[0]
        bare = _CONDITION.sub("", _LITERAL.sub("", _DURATION.sub(r"\1", section))).lower()
        if re.search(r"[ymdhs]", bare.replace("general", "").replace("e+", "").replace("e-", "")):
            return _written_time(value, bare, _DURATION.search(section) is not None, self._epoch) or number
        if "general" in bare or not re.search(r"[0#?]", bare):
            return _shortest(number)
        with localcontext(prec=_PRECISION):
            return _written_number(number, section, negative)


def _written_time(value: float, code: str, is_duration: bool, epoch: datetime) -> str:
    seconds = round(value * 86_400)
    if is_duration:
        return f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}" if seconds >= 0 else ""
    if not 0 <= value < _LAST_DAY:
        return ""
    has_day = "d" in code or "y" in code or "mmm" in code
    has_time = "h" in code or "s" in code
    try:
        moment = epoch + timedelta(seconds=seconds)
    except OverflowError:
        return ""
    time = moment.strftime("%H:%M:%S" if "s" in code else "%H:%M")
    if not has_day:
        return time
    day = date(moment.year, moment.month, moment.day).isoformat()
    if "d" not in code and "h" not in code:
        day = day[:7] if "m" in code else day[:4]
    return f"{day} {time}" if has_time else day


def _shortest(number: str) -> str:
    """Return a number without the digits that binary fractions add: 0.1 + 0.2 is 0.3."""
    text = f"{float(number):.15g}"
    return number if "e" in text else text


def _written_number(number: str, section: str, negative: bool) -> str:
    literals: list[str] = []

    def keep(found: re.Match[str]) -> str:
        literals.append(found[1] or found[2] or found[3] or (" " if found[0][0] == "_" else ""))
        return "\x00"

    code = _CONDITION.sub("", _LITERAL.sub(keep, section))
    places = _DIGITS.search(code)
    if places is None or "E" in code.upper() or "/" in code:
        return _shortest(number)
    try:
        value = Decimal(repr(float(number)))
    except InvalidOperation:
        return number
    if negative:
        value = abs(value)
    if "%" in code:
        value *= 100
    decimals = places[2] or ""
    value /= Decimal(1000) ** len(places[3])
    step = Decimal(1).scaleb(-min(len(decimals), _MOST_DECIMALS))
    text = f"{value.quantize(step, ROUND_HALF_UP):{',' if ',' in places[1] else ''}f}"
    optional = len(decimals) - len(decimals.rstrip("#?"))
    for _ in range(optional):
        text = text[:-1] if text.endswith("0") and "." in text else text
    shown = code[: places.start()] + text.rstrip(".") + code[places.end() :]
    for literal in literals:
        shown = shown.replace("\x00", literal, 1)
    return " ".join(shown.split())
