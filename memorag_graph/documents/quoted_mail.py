"""Find the earlier messages that an e-mail quotes, which its sender did not write."""

import re
from collections.abc import Iterator

_QUOTED = re.compile(r"[ \t]{0,3}>")
_MARKS = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+")
_SAYS = re.compile(
    r"(?:on|am|le|el|il|op|em|den|w dniu)\b.{3,200}(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|schreef|escreveu"
    r"|skrev|napisał\(?a?\)?)\s?.{0,80}:\s*$|.{1,100}\b(?:wrote|schrieb|a écrit|escribió|ha scritto|пишет)\s?:\s*$",
    re.IGNORECASE,
)
"""The line before a quoted message: "On Monday Bob wrote:"."""

_CUT = re.compile(
    r"-{2,}\s?(?:original message|ursprüngliche nachricht|message d'origine|mensaje original|messaggio originale"
    r"|forwarded message|weitergeleitete nachricht)\s?-{2,}|_{20,}\s*$",
    re.IGNORECASE,
)
"""The line after which all is an earlier message."""

_MAY_SAY = re.compile(r"(?:on|am|le|el)\s[^\n]*\d", re.IGNORECASE)
_LONGEST = 300


def mail_parts(body: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a body in order: who wrote each, as the body says it, and its text without quotation marks.

    Who wrote is empty for what the sender wrote, and "an earlier message" if nothing says so.
    """
    author, lines, opening = "", list[str](), ""
    is_rest = False
    for line in _whole_lines(body):
        quoted = _QUOTED.match(line) is not None
        bare = _MARKS.sub("", line)
        says = _SAYS.match(bare.strip()) if len(bare) <= _LONGEST else None
        if says or (not quoted and _CUT.match(bare.strip())):
            yield author, "\n".join(lines)
            author, lines, opening = bare.strip(" -_:") or "an earlier message", [], line
            is_rest = not says or is_rest
            continue
        if opening and line.strip():
            if not quoted and not is_rest:  # no marks follow: all the rest is quoted, or the line is the sender's own
                is_rest = any(map(str.isdecimal, opening))
                author, lines = (author, lines) if is_rest else ("", [opening, *lines])
            opening = ""
        if quoted == (not author) and line.strip() and not is_rest and (quoted or any(map(str.strip, lines))):
            yield author, "\n".join(lines)
            author, lines = "an earlier message" if quoted else "", []
        lines.append(bare)
    yield author, "\n".join(lines)


def _whole_lines(body: str) -> Iterator[str]:
    """Yield the lines; one that says who wrote may be wrapped."""
    waiting = ""
    for line in body.split("\n"):
        if waiting and _SAYS.match(_MARKS.sub("", f"{waiting} {_MARKS.sub('', line)}").strip()):
            yield f"{waiting} {_MARKS.sub('', line).strip()}"
            waiting = ""
            continue
        if waiting:
            yield waiting
        waiting = ""
        bare = _MARKS.sub("", line)
        if (
            len(line) <= _LONGEST
            and re.match(r"(?:on|am|le|el)\s.*\d", bare, re.IGNORECASE)
            and not _SAYS.match(bare.strip())
        ):
            waiting = line
        else:
            yield line
    if waiting:
        yield waiting
