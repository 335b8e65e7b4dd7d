"""Read the numbers of parts as they are written: 7, ٧, VII, 七, B, 3.2, 1er."""

import re
import unicodedata

_ROMAN = re.compile(r"m{0,3}(cm|cd|d?c{0,3})(xc|xl|l?x{0,3})(ix|iv|v?i{0,3})")
_ROMAN_VALUES = (
    (1000, "m"), (900, "cm"), (500, "d"), (400, "cd"), (100, "c"), (90, "xc"), (50, "l"), (40, "xl"), (10, "x"),
    (9, "ix"), (5, "v"), (4, "iv"), (1, "i"),
)  # fmt: skip
_MOST_ROMAN = 400
_CHINESE = {digit: value for value, digit in enumerate("零一二三四五六七八九")} | {"〇": 0, "两": 2, "兩": 2}
_CHINESE_UNITS = {"十": 10, "百": 100, "千": 1000}
_FIRST = ("premier", "première", "primero", "primeiro", "primo")
_ORDINAL = re.compile(r"(?<=\d)(?:er|re|º|°|ª)$")

CHINESE_DIGITS = "".join([*_CHINESE, *_CHINESE_UNITS])


def canonical(written: str) -> str:
    """Return a number in lower case, with digits from 0 to 9."""
    text = "".join(
        str(unicodedata.decimal(it)) if it.isdecimal() else it for it in unicodedata.normalize("NFKC", written).lower()
    ).replace(" ", "")
    if text in _FIRST:
        return "1"
    if text and all(it in CHINESE_DIGITS for it in text):
        return str(_of_chinese(text))
    return _ORDINAL.sub("", text)


def readings(number: str) -> set[str]:
    """Return a canonical number and how it may be written otherwise: 4 is iv, and iv is 4."""
    if number.isdecimal():
        return {number, _roman(int(number))} if len(number) < 4 and 0 < int(number) < _MOST_ROMAN else {number}
    return {number, str(_of_roman(number))} if _ROMAN.fullmatch(number) else {number}


def is_roman(number: str) -> bool:
    """Return whether a canonical number may be a Roman one."""
    return bool(number) and _ROMAN.fullmatch(number) is not None


def _roman(value: int) -> str:
    text = ""
    for unit, letters in _ROMAN_VALUES:
        text += letters * (value // unit)
        value %= unit
    return text


def _of_roman(text: str) -> int:
    value = 0
    for unit, letters in _ROMAN_VALUES:
        while text.startswith(letters):
            value, text = value + unit, text[len(letters) :]
    return value


def _of_chinese(text: str) -> int:
    """Return the value of 二十三 or of 二三, whose digits are named one by one."""
    if not any(it in _CHINESE_UNITS for it in text):
        return int("".join(str(_CHINESE[it]) for it in text))
    value, digit = 0, 0
    for it in text:
        if it in _CHINESE_UNITS:
            value, digit = value + max(digit, 1) * _CHINESE_UNITS[it], 0
        else:
            digit = _CHINESE[it]
    return value + digit
