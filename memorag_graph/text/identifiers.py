"""Split names of programs, products and files into their words: ``rotateApiKeys``, ``COVID19``."""

import re

_PARTS = re.compile(r"[^\W\d_]+|\d+")
_HUMPS = re.compile(r"(?<=[^\W\d_A-Z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})")
"""Where a capital letter begins a word: after a small letter, and before the last capital of ``HTTPServer``."""

_JOINED = re.compile(rf"[\d_]|{_HUMPS.pattern}")
_SHORTEST = 2

_FIRST = (
    r"host|user|file|domain|path|folder|device|display|nick|first|last|sur|middle|class|package|table|column|field|group"
    r"|team|project|server|service|client|account|session|tenant|bucket|queue|topic|cluster|node|job|task|event|log|app"
    r"|zone|schema|module|model|branch|image|variable|parameter|product|order|item|customer|company|street|city|country"
)
_SECOND = r"names?|ids?|keys?|ports?|paths?|urls?|types?|sizes?|codes?|numbers?|addresses|address|count|version|status"
_COMPOUND = re.compile(rf"({_FIRST})({_SECOND})", re.IGNORECASE)
"""Names of settings and columns that are written as one word: ``hostname``, ``orderid``."""

_VERSION = re.compile(
    r"(?<![^\W_])(?:version|edition|issue|rev(?:ision)?|fassung|auflage|versión|versione|v)[ ._-]?"
    r"(\d{1,3}(?:\.\d{1,4})*)(?![^\W_])",
    re.IGNORECASE,
)


def identifier_parts(word: str) -> list[str]:
    """Return the words that a name joins by capitals, underscores or digits, or as ``hostname``; none for a plain word.

    Parts of a single character are left out, and letters after a number ("20th", "5kg").
    """
    if not _JOINED.search(word):
        return list(compound.groups()) if (compound := _COMPOUND.fullmatch(word)) else []
    pieces = [part for piece in _PARTS.findall(word) for part in _HUMPS.split(piece)]
    kept = [part for part in pieces if len(part) >= _SHORTEST and (part.isdecimal() or not word[0].isdecimal())]
    return [] if kept == [word] else kept


def name_words(name: str) -> str:
    """Return the words of a file name, without directories and suffix."""
    last = re.split(r"[/\\]", name)[-1]
    stem = re.sub(r"(?<=\w)\.[A-Za-z0-9]{1,5}(?= \(\d+\)$|$)", "", last)
    return " ".join(re.split(r"[\W_]+", stem)).strip()


def named_versions(text: str) -> set[str]:
    """Return the numbers of the versions that a question or a file's name names: "2" for "version 2" and "a_v2"."""
    return set(_VERSION.findall(text))
