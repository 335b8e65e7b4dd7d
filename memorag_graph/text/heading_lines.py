"""Tell headings from wrapped lines where a single line break, and no blank line, stands after them."""

import re

_NUMBERED = re.compile(r"\s*(?:§{1,2}\s?)?\d{1,3}(?P<inner>(?:\.\d{1,3}){0,4})(?P<mark>[.)]?)\s+(?=[^\W\d_])")
_WORD = re.compile(r"[^\W_]+(?:['’.-][^\W_]+)*")
_NO_HEADING_END = re.compile(r"[.!?:;,。！？…\-–—(/&]\s*$|(?:^|\s)[^\W\d_A-Z]{1,3}\s*$")
"""An end of a sentence or clause, or a short word such as "of" or "und", after which a sentence goes on."""

_ENDED = re.compile(r"(?:[^\W_]{2}|\d|[^\w\s])[.!?:…]['\"’”»)\]]*(?:\s|$)")
_LONGEST = 80
_MOST_WORDS = 10
_SMALL_WORD = 3
"""Letters of the words that titles write small."""


def is_heading_line(line: str, following: str, width: int) -> bool:
    """Return whether a line heads the next one, as "4 The year 2020" does "Sales rose by four percent.".

    It is numbered, or written as a title ("Opening Hours of the Pool", "BACKGROUND"), and what follows begins anew. A
    wrapped line that looks the same is as long as its neighbours: the first word after it would not have fit.

    Args:
        line: A line with which a sentence may begin.
        following: The line after it; empty if there is none.
        width: Length of the longest line around, to which prose is wrapped if it is.
    """
    if len(line) > _LONGEST or not following.lstrip()[:1].isupper() or _NO_HEADING_END.search(line):
        return False
    words = _WORD.findall(line)
    if not 0 < len(words) <= _MOST_WORDS:
        return False
    fits = len(line) + 1 + len(following.split(maxsplit=1)[0]) <= width
    if numbered := _NUMBERED.match(line):
        title = line[numbered.end() :]
        is_plain = not numbered["mark"] and bool(_ENDED.search(following))
        return title[0].isupper() and (fits or is_plain or bool(numbered["inner"]))
    return (line.isupper() and not following.isupper()) or (fits and _is_title(words))


def _is_title(words: list[str]) -> bool:
    long = [word for word in words if len(word) > _SMALL_WORD and word[0].isalpha()]
    return words[0][0].isupper() and len(long) > 1 and all(word[0].isupper() for word in long)
