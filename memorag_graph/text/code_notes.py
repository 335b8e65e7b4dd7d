"""Find the declarations of source text together with the comment that says what they do."""

import re
from collections.abc import Sequence

Span = tuple[int, int]

_DECLARES = re.compile(
    r"\s*(?:(?:export|default|public|private|protected|static|final|async|abstract|pub(?:\(\w+\))?|override|inline)\s+)*"
    r"(?:(?:def|function\*?|func|fun|fn|sub|proc)\s+(?:\([^()\n]{0,80}\)\s*)?[A-Za-z_$][\w$.]*\s*[<(\[{]"
    r"|(?:class|interface|struct|enum|trait|module|record)\s+[A-Za-z_$][\w$]*[^.!?\n]{0,120}[{:]\s*$"
    r"|(?:const|let|var)\s+[A-Za-z_$][\w$]*\s*=\s*(?:async\s*)?(?:function\b|\([^()\n]{0,120}\)\s*=>))"
)
"""A line that declares a function or a class, in the notation of common languages."""

_COMMENT = re.compile(r"\s*(?://|/\*|\*(?![*\w])|#|--\s|;;)")
_DOCSTRING = re.compile(r"\s*[rRuU]?(\"\"\"|''')")
_LONGEST = 300
_MOST_LINES = 40


def code_notes(text: str, lines: Sequence[Span]) -> dict[int, list[Span]]:
    """Return the declarations of a paragraph with the comments above them or the docstrings below, as records.

    The span of each is given for its first line, and none for its other lines. Declarations without such words, and the
    other lines, are left out.

    Args:
        text: The text.
        lines: Start and end of each line of the paragraph, in order.
    """
    found: dict[int, list[Span]] = {}
    for number, (start, end) in enumerate(lines):
        if end - start > _LONGEST or not _DECLARES.match(text, start, end):
            continue
        first, last = _first_comment(text, lines, number), _docstring_end(text, lines, number)
        if first < number or last > number:
            found |= {at: [] for at in range(first, last + 1)}
            found[first] = [(lines[first][0], lines[last][1])]
    return found


def is_code_note(text: str) -> bool:
    """Return whether a record is a declaration with the words about it."""
    lines = text.split("\n")
    return len(lines) > 1 and any(_DECLARES.match(line) for line in (lines[0], lines[-1]))


def _first_comment(text: str, lines: Sequence[Span], number: int) -> int:
    """Return the first of the lines of comment that end above a line; the line itself if there are none."""
    first = number
    while first and number - first < _MOST_LINES and _COMMENT.match(text, *lines[first - 1]):
        first -= 1
    return first


def _docstring_end(text: str, lines: Sequence[Span], number: int) -> int:
    """Return the last line of the docstring below a line; the line itself if there is none."""
    if number + 1 == len(lines) or not (opening := _DOCSTRING.match(text, *lines[number + 1])):
        return number
    start = opening.end()
    for at in range(number + 1, min(len(lines), number + 1 + _MOST_LINES)):
        if opening[1] in text[start : lines[at][1]]:
            return at
    return min(len(lines), number + 1 + _MOST_LINES) - 1
