"""Read e-mails (RFC 5322 with MIME, RFC 2045 to 2047): headers, the body, forwarded messages, attachments."""

import csv
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
from memorag_graph.documents.mail_forms import forms_to_read
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

_MOST_HEADER = 10_000
"""Characters of a header that are read: decoding takes quadratic time."""


def read_email(file: File) -> Builder:
    """Read an e-mail; the subject begins a section.

    Of a body in several forms the plain text is read, if it says what the page does. Earlier messages that it quotes,
    and attached texts, are sections of their own; other attachments are named.

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
    for number, part in enumerate(_parts(message, builder, depth)):
        if number == _MOST_PARTS:
            raise InputError("file", f"{name} has more than {_MOST_PARTS:,} parts; save its attachments and give those")
        if part.get_content_type() == "message/rfc822":
            for forwarded in _inner(part):
                _add(builder, forwarded, name, depth + 1)
        elif part.get_content_disposition() == "attachment" or part.get_content_maintype() != "text":
            _add_attachment(builder, part, name)
        else:
            _add_body(builder, part, name, _header(message, "Subject"))


def _parts(message: Message, builder: Builder, depth: int) -> Iterator[Message]:
    """Yield the parts to read, in order."""
    if not message.is_multipart() or message.get_content_type() == "message/rfc822":
        yield message
        return
    if depth > _DEEPEST:
        raise _too_deep(builder.name)
    inner = _inner(message)
    if message.get_content_type() == "multipart/alternative":
        inner = _forms(inner, builder)
    elif message.get_content_type() == "multipart/related":
        inner = [it for at, it in enumerate(inner) if at == 0 or _filename(it)]  # others are parts of the page: styles
    for part in inner:
        yield from _parts(part, builder, depth + 1)


def _forms(forms: list[Message], builder: Builder) -> list[Message]:
    """Return the forms of a body that are to be read."""
    plain = next((it for it in forms if it.get_content_type() == "text/plain" and it.get_payload(decode=True)), None)
    pages = [(it, page) for it in forms for page in it.walk() if _is_page(page)]
    if plain is None or not pages:
        return [plain] if plain is not None else forms[-1:]  # the last form is the best one (RFC 2046, 5.1.4)
    best, page = pages[-1]
    try:
        html = _text(page, builder.name)
    except UnreadFormatError:
        return [plain]
    chosen = forms_to_read(_text(plain, builder.name), html, builder)
    return [form for form, is_chosen in zip((plain, best), chosen, strict=True) if is_chosen]


def _is_page(part: Message) -> bool:
    return part.get_content_type() == "text/html" and part.get_content_disposition() != "attachment"


def _inner(message: Message) -> list[Message]:
    payload = message.get_payload()
    return [it for it in payload if isinstance(it, Message)] if isinstance(payload, list) else []


def _add_body(builder: Builder, part: Message, name: str, subject: str) -> None:
    text = _text(part, name)
    if part.get_content_subtype() == "html" and text.strip():
        add_mail_html(builder, text, name, subject)
    else:
        add_mail_text(builder, text, subject)


def _text(part: Message, name: str) -> str:
    payload = part.get_payload(decode=True)
    data = payload if isinstance(payload, bytes) else b""
    return decode(data, name, _charset(part)) if data.strip() else ""


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
