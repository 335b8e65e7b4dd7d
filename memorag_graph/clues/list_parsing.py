"""Read the items of a list that a model wrote, one per line."""

import re

_BULLET = re.compile(
    r"""^\s*(?:[-–—*•·‣▪◦>]+\s*|
    \(?(?:\d{1,2}|[a-zA-Z]|[ivxIVX]{1,4})(?:[.)](?!\d)|[、：:])\s*|
    [（(]?[一二三四五六七八九十]{1,3}[)）、．.]\s*|
    (?:[QA]|Question|Answer|Span|问题?|答案?)\s*(?:\d+\s*)?[:：]\s*)+""",
    re.VERBOSE,
)
_QUOTES = "\"'“”‘’「」『』*`_ \t"


def items(text: str) -> list[str]:
    """Return the items of a list, one per line, without bullets, quotation marks and replacement characters."""
    lines = (line.replace("\N{REPLACEMENT CHARACTER}", "") for line in text.splitlines())
    found = (_BULLET.sub("", line).strip(_QUOTES) for line in lines)
    return [item for item in found if item]
