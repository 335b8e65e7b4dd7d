"""Find the prose of a text, which tells its language: no code, tables, addresses, identifiers or names."""

import re

_LINE = re.compile(r"[^\n]+")
_CODE_OR_TAG = re.compile(r"`[^`\n]*`|<[^<>\n]{1,200}>")
_ASCII_RUN = re.compile(r"[!-~]+")
_IDENTIFIER = re.compile(r"[\\/_@\d]|[a-z][A-Z]|^www\.")
"""What a run of ASCII characters holds if it is an address, a path, a number or an identifier."""

_NAME = re.compile(r"(?<=[^\W\d_] )[^\W\d_a-z][^\W\d_A-Z]+(?: [^\W\d_a-z][^\W\d_A-Z]+)*")
"""Capitalized words that follow another word."""

_SEPARATORS = re.compile(r"[|\t;,]")
_LABEL = re.compile(r"^\s*[\w .'-]{1,30}[:=]\s")
_CODE = re.compile(r"[{}\[\]()<>=+*#$%&|~^;]")
_WORD = re.compile(r"[^\W\d_]+")
_MOST_CODE = 0.06
_FEWEST_IN_LINE = 4
_FEWEST_IN_CELL = 2.5
_FEWEST_LEFT = 4
_SHORT = 200
"""Characters up to which a single line is taken as it is, since little else tells its language."""


def prose(text: str) -> str:
    """Return the lines of a text that are sentences, without names and identifiers; empty if there are none."""
    lines = [line for line in map(_sentences, _LINE.findall(text)) if line]
    kept = "\n".join(lines)
    without = _NAME.sub("", kept)
    return without if len(_WORD.findall(without)) >= _FEWEST_LEFT else kept


def _sentences(line: str) -> str:
    """Return what of a line is prose."""
    line = _LABEL.sub("", line)
    words = _ASCII_RUN.sub(_unless_identifier, _CODE_OR_TAG.sub(" ", line))
    count = len(_WORD.findall(words))
    if words.isascii() and count < _FEWEST_IN_LINE and len(line) > _SHORT:
        return ""
    cells = len(_SEPARATORS.findall(line)) + 1
    is_table = cells > 2 and count / cells < _FEWEST_IN_CELL
    is_code = len(_CODE.findall(line)) > _MOST_CODE * len(line)
    return "" if is_table or is_code or not count else words


def _unless_identifier(run: re.Match[str]) -> str:
    return " " if _IDENTIFIER.search(run[0]) else run[0]
