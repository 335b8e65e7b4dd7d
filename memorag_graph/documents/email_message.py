"""Read e-mails (RFC 5322 with MIME, RFC 2045 to 2047): headers, the body, forwarded messages, attachments."""

import csv
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.errors import CharsetError, HeaderParseError
from email.header import decode_header, make_header
from email.message import Message
from pathlib import PurePath

from memorag_graph.documents.csv_table import delimiter_of
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.mail_body import add_mail_html, add_mail_text
from memorag_graph.documents.plain_text import decode
from memorag_graph.errors import InputError, UnreadFormatError

_SHOWN = ("From", "To", "Cc", "Date")
_LABELLED = (*_SHOWN, "Subject")
_MOST_BYTES = 64 << 20
_MOST_PARTS = 1000
_DEEPEST = 20
_TABLE_SUFFIXES = (".csv", ".tsv")
_TEXT_SUFFIXES = (".txt", ".md", ".log", ".text", ".markdown", *_TABLE_SUFFIXES)
_MOST_ATTACHED = 1 << 20
"""Bytes of an attachment that is read with the message."""

_TAGS = re.compile(rb"<(?:style|script|title)\b[^<>]*>[^<]*|<[^<>]*>|&nbsp;", re.IGNORECASE)
_MOST_STUB_WORDS, _LEAST_SHARED = 40, 0.4
_MOST_COMPARED = 1 << 20
"""Bytes of both forms of a body that are compared."""

_MOST_HEADER = 10_000
"""Characters of a header that are read: decoding takes quadratic time."""


def read_email(file: File) -> Builder:
    """Read an e-mail; the subject begins a section.

    Of a body in several forms the plain text is read, unless it only says to look at the HTML. Earlier messages that it
    quotes, and attached texts, are sections of their own; other attachments are named.

    Raises:
        InputError: If it is too large, has too many parts, or is no e-mail.
        MissingExtraError: If its body is HTML and the extra ``documents`` is not installed.
    """
    data, name = file.data(), file.name
    if len(data) > _MOST_BYTES:
        raise InputError("file", f"{name} has more than {_MOST_BYTES:,} bytes; save its attachments and give those")
    try:
        message = message_from_bytes(data)
    except RecursionError:
        raise _too_deep(name) from None
    if not any(header in message for header in _SHOWN):
        raise InputError("file", f"{name} is no e-mail despite its name; save it again, or rename it")
    builder = Builder(name)
    _add(builder, message, name, 0)
    return builder


def _add(builder: Builder, message: Message, name: str, depth: int) -> None:
    if depth > _DEEPEST:
        raise _too_deep(name)
    builder.heading(_header(message, "Subject"))
    builder.text("\n".join(f"{it}: {_header(message, it)}" for it in _LABELLED if _header(message, it)))
    for number, part in enumerate(_parts(message, name, depth)):
        if number == _MOST_PARTS:
            raise InputError("file", f"{name} has more than {_MOST_PARTS:,} parts; save its attachments and give those")
        if part.get_content_type() == "message/rfc822":
            for forwarded in _inner(part):
                _add(builder, forwarded, name, depth + 1)
        elif part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            _add_attachment(builder, part, name)
        else:
            _add_body(builder, part, name, _header(message, "Subject"))


def _parts(message: Message, name: str, depth: int) -> Iterator[Message]:
    """Yield the parts to read, in order."""
    if not message.is_multipart() or message.get_content_type() == "message/rfc822":
        yield message
        return
    if depth > _DEEPEST:
        raise _too_deep(name)
    inner = _inner(message)
    if message.get_content_type() == "multipart/alternative":
        plain = [it for it in inner if it.get_content_type() == "text/plain" and it.get_payload(decode=True)]
        is_stub = bool(plain) and _is_stub(plain[0], inner[-1])
        inner = inner[-1:] if is_stub or not plain else plain[:1]  # the last form is the best one (RFC 2046, 5.1.4)
    elif message.get_content_type() == "multipart/related":
        inner = [it for at, it in enumerate(inner) if at == 0 or _filename(it)]  # others are parts of the page: styles
    for part in inner:
        yield from _parts(part, name, depth + 1)


def _is_stub(plain: Message, last: Message) -> bool:
    """Return whether plain text only says to look at the HTML: it is short and lacks most of its words."""
    rich = next((it for it in last.walk() if it.get_content_type() == "text/html"), None)
    if rich is None:
        return False
    few, many = (bytes(it.get_payload(decode=True) or b"")[:_MOST_COMPARED] for it in (plain, rich))
    words, known = set(_TAGS.sub(b" ", many).split()), few.split()
    return len(known) <= _MOST_STUB_WORDS and len(words.intersection(known)) < _LEAST_SHARED * len(words)


def _inner(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [it for it in payload if isinstance(it, Message)] if isinstance(payload, list) else []


def _add_body(builder: Builder, part: Message, name: str, subject: str) -> None:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    text = decode(data, name, _charset(part)) if data.strip() else ""
    if part.get_content_subtype() == "html" and text.strip():
        add_mail_html(builder, text, name, subject)
    else:
        add_mail_text(builder, text, subject)


def _add_attachment(builder: Builder, part: Message, name: str) -> None:
    """Add the name of an attachment, and its text if it is a small file of text; a notice names others."""
    title = _decoded(_filename(part) or part.get_content_type())
    builder.heading(f"Attachment: {title}")
    suffix = PurePath(title).suffix.lower()
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    if suffix not in _TEXT_SUFFIXES or len(data) > _MOST_ATTACHED:
        builder.notice(f"The attachment {title} was not read; save it and give it, too.")
        return
    try:
        text = decode(data, title, _charset(part))
    except UnreadFormatError:
        builder.notice(f"The attachment {title} was not read; it is not text.")
        return
    delimiter = delimiter_of(text, suffix) if suffix in _TABLE_SUFFIXES else None
    if delimiter is None:
        builder.text(text)
    else:
        builder.table(row for row in csv.reader(text.split("\n"), delimiter=delimiter) if any(row))


def _header(message: Message, name: str) -> str:
    return " ".join(_decoded(str(message.get(name, ""))[:_MOST_HEADER]).split())


def _decoded(header: str) -> str:
    try:
        return str(make_header(decode_header(header)))
    except (HeaderParseError, CharsetError, LookupError, ValueError):  # no such encoding, or one that does not fit
        return header


def _filename(part: Message) -> str | None:
    try:
        return part.get_filename()
    except (LookupError, ValueError):  # its encoding is no name
        return None


def _charset(part: Message) -> str | None:
    try:
        return part.get_content_charset()
    except (LookupError, ValueError):
        return None


def _too_deep(name: str) -> InputError:
    return InputError("file", f"{name} contains messages within messages, too deep to read; give those")
