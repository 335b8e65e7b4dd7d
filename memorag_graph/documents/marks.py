"""Write superscripts and subscripts so that they do not change what they stand beside: 10^3, CO2, word [1]."""

import re
from collections.abc import Iterable
from itertools import groupby
from typing import Literal

Mark = Literal["", "sup", "sub"]
"""How a text stands: on the line, above or below it."""

BEFORE = 40
"""Characters that are looked at before a mark."""

_NUMBER = re.compile(r"[-+−–]?\d+(?:[.,/]\d+)?|\d*[-+−–]")
"""A number or a charge."""

_BASE = re.compile(r"(?:^|[^^\w])[^\W_]{1,3}$|\d[^\W\d_]{0,3}$|[)\]]$")
"""What a power may stand on: a number, a bracket, a unit or a variable of up to three letters."""

_VARIABLE = re.compile(r"(?:^|[^\w])[^\W\d_]$|\)$")
_ORDINAL = re.compile(r"(?:st|nd|rd|th|er|ers|re|e|ème|eme|de|o|os|º|ª)", re.IGNORECASE)
_MARKS = {"TM": "™", "SM": "℠", "R": "®"}
_SYMBOLS = re.compile(r"[*†‡§¶#°′″'\"™®©℠ºª]+")
_POWER = re.compile(r"[-+−–]?\w+(?:[.,]\d+)?")
_LOOKS_LIKE_NOTE = re.compile(r"\[?[\w*†‡§, –-]{1,12}\]?")


def joined(runs: Iterable[tuple[str, Mark]]) -> str:
    """Join the runs of a paragraph, of which some are superscripts or subscripts."""
    pieces: list[str] = []
    for mark, group in groupby(runs, key=lambda run: run[1]):
        text = "".join(run[0] for run in group)
        before = pieces[-1][-BEFORE:] if pieces else ""
        if mark and text.strip():
            text = superscript(text.strip(), before) if mark == "sup" else subscript(text.strip(), before)
        if pieces and pieces[-1].startswith(" [") and text[:1].isalnum():
            text = f" {text}"
        if text:
            pieces.append(text)
    return "".join(pieces)


def superscript(text: str, before: str, *, is_link: bool = False) -> str:
    """Return how a superscript is written.

    Args:
        text: The superscript.
        before: The text just before it.
        is_link: Whether it is a link, as to a footnote.
    """
    if not before or before[-1].isspace():
        return text
    if _SYMBOLS.fullmatch(text) or text in _MARKS:
        return _MARKS.get(text, text)
    if is_link or text.startswith("["):
        return f" {_bracketed(text)}"
    if before[-1].isdigit() and _ORDINAL.fullmatch(text):
        return text
    if _NUMBER.fullmatch(text) and _BASE.search(before):
        return f"^{text}"
    if _VARIABLE.search(before) or (before[-1].isdigit() and not _LOOKS_LIKE_NOTE.fullmatch(text)):
        return f"^{text}" if _POWER.fullmatch(text) else f"^({text})"
    if _LOOKS_LIKE_NOTE.fullmatch(text):
        return f" {_bracketed(text)}"
    return f" {text}"


def _bracketed(text: str) -> str:
    return text if text.startswith("[") else f"[{text}]"


def subscript(text: str, before: str) -> str:
    """Return how a subscript is written after a text."""
    if not before or before[-1].isspace() or text[0].isdigit() or not text[0].isalnum():
        return f"_{text}" if before[-1:].isdigit() and text[0].isdigit() else text
    return f"_{text}"
