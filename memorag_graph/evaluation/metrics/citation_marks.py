"""Marks like ``[1]`` in an answer, read without the package's own reader, which is under test."""

import re
from collections.abc import Iterator

_MARK = re.compile(r"[\[［【]\s*(\d{1,3}(?:\s*[,，、;；]\s*\d{1,3})*)\s*[\]］】]")


def without_marks(text: str) -> str:
    """Return an answer without its marks."""
    return _MARK.sub("", text)


def marked(text: str) -> Iterator[tuple[str, list[int]]]:
    """Yield what stands before each mark, with the passages that it names; the rest of the text names none."""
    start = 0
    for mark in _MARK.finditer(text):
        yield text[start : mark.start()], [int(number) for number in re.findall(r"\d+", mark[1])]
        start = mark.end()
    yield text[start:], []


def numbers(text: str) -> list[int]:
    """Return all numbers of passages that an answer names, in order."""
    return [number for _, named in marked(text) for number in named]
