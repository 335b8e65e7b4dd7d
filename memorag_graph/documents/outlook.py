"""Read Outlook messages (.msg, MS-OXMSG): headers, the body, forwarded messages, names of attachments."""

import struct
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import File
from memorag_graph.documents.html import declared_charset
from memorag_graph.documents.mail_body import add_mail_html, add_mail_text
from memorag_graph.documents.mail_forms import forms_to_read
from memorag_graph.documents.plain_text import decode
from memorag_graph.errors import InputError, MissingExtraError, UnreadFormatError

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_PROPERTIES = "__properties_version1.0"
_ATTACHMENT, _RECIPIENT = "__attach_version1.0_#", "__recip_version1.0_#"
_SUBJECT, _BODY, _HTML, _RTF = "0037", "1000", "1013", "1009"
_SENDER, _SENDER_ADDRESS, _SMTP_ADDRESS, _TO, _CC = "0C1A", "0C1F", "5D01", "0E04", "0E03"
_LONG_NAME, _SHORT_NAME, _ATTACHED_MESSAGE = "3707", "3704", "3701"
_DATES = (0x0039, 0x0E06)
"""Time of sending, time of delivery."""

_TEXTS = (("001F", "utf-16-le"), ("001E", None))
"""Types of texts, with their encodings."""

_MOST_STREAM = 64 << 20
_MOST_ATTACHMENTS = 1000
_DEEPEST = 10
_ROOT_HEADER, _EMBEDDED_HEADER, _ENTRY = 32, 24, 16
_EPOCH = datetime(1601, 1, 1, tzinfo=UTC)
_DAMAGE = (
    OSError, ValueError, IndexError, KeyError, TypeError, AttributeError, struct.error, OverflowError, RecursionError,
    MemoryError,
)  # fmt: skip
"""What olefile raises for damaged files."""


def ole_streams(file: File) -> frozenset[str] | None:
    """Return the names at the top of an OLE file, None for other files.

    Raises:
        InputError: If it is damaged.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    if not file.head.startswith(_OLE):
        return None
    opened = _open(file)
    try:
        return frozenset(str(it[0]) for it in opened.listdir(streams=True, storages=True) if it)
    except _DAMAGE:
        raise _damaged(file.name) from None
    finally:
        opened.close()


def is_outlook(file: File) -> bool:
    """Return whether a file is an Outlook message."""
    return _PROPERTIES in (ole_streams(file) or ())


def read_outlook(file: File) -> Builder:
    """Read a message; the subject begins a section.

    Raises:
        InputError: If it is damaged or too large.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    builder = Builder(file.name)
    opened = _open(file)
    try:
        _Message(opened, builder, ()).add()
    except _DAMAGE as error:
        if isinstance(error, InputError):
            raise
        raise _damaged(file.name) from None
    finally:
        opened.close()
    return builder


def _open(file: File) -> Any:  # noqa: ANN401 - the library is untyped
    try:
        import olefile
    except ImportError:
        raise MissingExtraError(f"reading {file.name}", "documents") from None
    try:
        return olefile.OleFileIO(str(file.path))
    except _DAMAGE:
        raise _damaged(file.name) from None


def _damaged(name: str) -> InputError:
    return InputError(
        "file", f"{name} is a damaged file of an Office program; save it again, as DOCX, XLSX, PPTX or PDF"
    )


class _Message:
    """A message in an OLE file.

    Args:
        opened: The file.
        builder: Builder of the text.
        place: Storages that lead to it.
    """

    def __init__(self, opened: Any, builder: Builder, place: tuple[str, ...]) -> None:  # noqa: ANN401
        self._opened = opened
        self._builder = builder
        self._place = place

    def add(self) -> None:
        """Add the message, and those that are attached to it."""
        self._builder.heading(self._text(_SUBJECT))
        sender, address = self._text(_SENDER), self._text(_SMTP_ADDRESS) or self._text(_SENDER_ADDRESS)
        if "@" in address and address != sender:
            sender = f"{sender} <{address}>".strip()
        shown = {"From": sender, "To": self._text(_TO), "Cc": self._text(_CC), "Date": self._date()}
        if any(shown.values()):
            shown["Subject"] = self._text(_SUBJECT)
        self._builder.text("\n".join(f"{name}: {' '.join(text.split())}" for name, text in shown.items() if text))
        self._add_body()
        for number, attachment in enumerate(self._storages(_ATTACHMENT)):
            if number >= _MOST_ATTACHMENTS:
                self._builder.notice(f"Only the first {_MOST_ATTACHMENTS:,} attachments are named.")
                break
            inner = (*self._place, attachment, f"__substg1.0_{_ATTACHED_MESSAGE}000D")
            if self._opened.exists([*inner, _PROPERTIES]) and len(inner) <= 2 * _DEEPEST:
                _Message(self._opened, self._builder, inner).add()
            else:
                name = self._text(_LONG_NAME, attachment) or self._text(_SHORT_NAME, attachment)
                self._builder.text(f"Attachment: {name or 'without a name'}")
                self._builder.notice(
                    f"The attachment {name or 'without a name'} was not read; save it and give it, too."
                )

    def _add_body(self) -> None:
        text = self._text(_BODY)
        try:
            html = self._page()
        except UnreadFormatError:
            if not text.strip():
                raise
            html = ""
        has_text, has_page = forms_to_read(text, html, self._builder)
        if has_text:
            add_mail_text(self._builder, text.replace("\r\n", "\n"), self._text(_SUBJECT))
        if has_page:
            add_mail_html(self._builder, html, self._builder.name, self._text(_SUBJECT))
        if not text.strip() and not html.strip() and self._stream(f"{_RTF}0102"):
            self._builder.notice("The body is compressed RTF and was not read; save the message as .eml.")

    def _page(self) -> str:
        data = self._stream(f"{_HTML}0102")
        return decode(data, self._builder.name, declared_charset(data)) if data.strip() else self._text(_HTML)

    def _storages(self, start: str) -> Iterator[str]:
        depth = len(self._place)
        names = (it[depth] for it in self._opened.listdir(streams=False, storages=True)
                 if len(it) == depth + 1 and tuple(it[:depth]) == self._place)  # fmt: skip
        yield from (name for name in names if name.startswith(start))

    def _text(self, tag: str, *within: str) -> str:
        for kind, encoding in _TEXTS:
            data = self._stream(f"{tag}{kind}", *within)
            if data:
                found = data.decode(encoding, "replace") if encoding else decode(data.rstrip(b"\0"), self._builder.name)
                return found.rstrip("\0")
        return ""

    def _stream(self, tag: str, *within: str) -> bytes:
        place = [*self._place, *within, f"__substg1.0_{tag}"]
        return self._read(place)

    def _read(self, place: list[str]) -> bytes:
        if not self._opened.exists(place) or self._opened.get_type(place) != 2:
            return b""
        if self._opened.get_size(place) > _MOST_STREAM:
            raise InputError("file", f"a part of {self._builder.name} has more than {_MOST_STREAM:,} bytes; split it")
        with self._opened.openstream(place) as stream:
            return bytes(stream.read())

    def _date(self) -> str:
        """Return the time of sending, from the properties of fixed length (MS-OXMSG, 2.4)."""
        data = self._read([*self._place, _PROPERTIES])
        times = {}
        for at in range(_EMBEDDED_HEADER if self._place else _ROOT_HEADER, len(data) - _ENTRY + 1, _ENTRY):
            kind, name, _, ticks = struct.unpack_from("<HHIQ", data, at)
            if kind == 0x40 and name in _DATES:
                times[name] = ticks
        ticks = next((times[name] for name in _DATES if times.get(name)), 0)
        try:
            return (_EPOCH + timedelta(microseconds=ticks // 10)).strftime("%Y-%m-%d %H:%M UTC") if ticks else ""
        except OverflowError:
            return ""
