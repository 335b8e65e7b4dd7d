"""Parse marks like ``[1]`` in an answer, independently of the package's own parser, which is under test."""

import re
from collections.abc import Iterator

_MARK = re.compile(r"[\[［【]\s*(\d{1,3}(?:\s*[,，、;；]\s*\d{1,3})*)\s*[\]］】]")


def without_marks(text: str) -> str:
    """Remove the marks from an answer."""
    return _MARK.sub("", text)


def marked(text: str) -> Iterator[tuple[str, list[int]]]:
    """Yield the text before each mark with the passage numbers of the mark, then the remaining text with none."""
    start = 0
    for mark in _MARK.finditer(text):
        yield text[start : mark.start()], [int(number) for number in re.findall(r"\d+", mark[1])]
        start = mark.end()
    yield text[start:], []


def numbers(text: str) -> list[int]:
    """Return all passage numbers in an answer, in order."""
    return [number for _, named in marked(text) for number in named]
