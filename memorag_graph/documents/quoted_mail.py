"""Find the earlier messages that an e-mail quotes, which its sender did not write."""

import re
from collections.abc import Iterator, Sequence

_QUOTED = re.compile(r"[ \t]{0,3}>")
_MARKS = re.compile(r"^[ \t]{0,3}(?:>[ \t]?)+")
_SAYS = re.compile(
    r"(?:on|am|le|el|il|op|em|den|w dniu)\b.{3,200}(?:wrote|writes|schrieb|a écrit|escribió|ha scritto|schreef|escreveu"
    r"|skrev|napisał\(?a?\)?)\s?.{0,80}:\s*$|.{1,100}\b(?:wrote|schrieb|a écrit|escribió|ha scritto|пишет)\s?:\s*$",
    re.IGNORECASE,
)
"""The line before a quoted message: "On Monday Bob wrote:"."""

_CUT = re.compile(
    r"-{2,}\s?(?:original message|ursprüngliche nachricht|original-?nachricht|message d'origine|message original"
    r"|mensaje original|mensagem original|messaggio originale|oorspronkelijk bericht|исходное сообщение|原始邮件"
    r"|forwarded message|weitergeleitete nachricht|message transféré|mensaje reenviado|messaggio inoltrato)\s?-{2,}"
    r"|_{20,}\s*$|begin forwarded message:|anfang der weitergeleiteten nachricht:|début du message transféré :?",
    re.IGNORECASE,
)
"""The line after which all is an earlier message."""

_FROM = re.compile(
    r"\W{0,3}(?:from|von|de|da|van|от|发件人|差出人)\W{0,2}\s?[:：]\W{0,3}(?P<author>\w.{0,200})", re.IGNORECASE
)
_OF_HEADERS = re.compile(
    r"\W{0,3}(?P<subject>subject|betreff|objet|asunto|oggetto|assunto|onderwerp|тема|主题|件名)?"
    r"(?(subject)|(?:sent|date|gesendet|datum|envoyé|enviado(?: el| em)?|fecha|inviato|data|verzonden|to|cc|an|à|para|a"
    r"|aan|отправлено|дата|кому|发送时间|收件人|日付|宛先))\W{0,2}\s?[:：]",
    re.IGNORECASE,
)
_FEWEST_HEADERS = 3
_MOST_HEADERS = 7

_MAY_SAY = re.compile(r"(?:on|am|le|el)\s[^\n]*\d", re.IGNORECASE)
_LONGEST = 300


def mail_parts(body: str) -> Iterator[tuple[str, str]]:
    """Yield the parts of a body in order: who wrote each, as the body says it, and its text without quotation marks.

    Who wrote is empty for what the sender wrote, and "an earlier message" if nothing says so.
    """
    author, lines, opening = "", list[str](), ""
    is_rest = False
    for line, headers in _with_headers(list(_whole_lines(body))):
        quoted = _QUOTED.match(line) is not None
        bare = _MARKS.sub("", line)
        says = _SAYS.match(bare.strip()) if len(bare) <= _LONGEST else None
        if headers and not (is_rest and any(map(str.strip, lines))):
            if any(map(str.strip, lines)):
                yield author, "\n".join(lines)
            author, lines, opening, is_rest = headers, [], "", True
        elif says or (not quoted and _CUT.match(bare.strip())):
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


def parted_from_its_introduction(text: str) -> tuple[str, str]:
    """Return a text without the line at its end that says who wrote what follows, and that line; or "" if it has none.

    The line may be wrapped: "On Tue, 4 Jun 2024, Bob" and "wrote:".
    """
    lines = text.rstrip().split("\n")
    for count in range(1, min(3, len(lines)) + 1):
        said = " ".join(line.strip() for line in lines[-count:])
        if len(said) <= _LONGEST and _SAYS.match(said):
            return "\n".join(lines[:-count]), said.strip(" :")
    return text, ""


def _with_headers(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    """Yield each line with the sender whom a block of headers names that begins there, as Outlook writes; or ""."""
    for at, line in enumerate(lines):
        sender = _FROM.match(line) if len(line) <= _LONGEST else None
        block = [it for it in lines[at + 1 : at + _MOST_HEADERS] if it.strip()] if sender else []
        headers = [found for it in block if len(it) <= _LONGEST and (found := _OF_HEADERS.match(it))]
        is_block = 1 + len(headers) >= _FEWEST_HEADERS and any(it["subject"] for it in headers)
        yield line, sender["author"].strip(" *") if sender and is_block else ""


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
