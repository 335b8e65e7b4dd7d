"""Decode plain text: detect the encoding, normalize line ends."""

import codecs
import re
from typing import TYPE_CHECKING

from memorag_graph.documents.document import Document, clean_text
from memorag_graph.errors import InputError, UnreadFormatError

if TYPE_CHECKING:
    from memorag_graph.documents.file import File

TEXT_SUFFIXES = (".txt", ".log", ".text")

_BOM_ENCODINGS = (
    (b"\xff\xfe\x00\x00", "utf-32"),
    (b"\x00\x00\xfe\xff", "utf-32"),
    (b"\xff\xfe", "utf-16"),
    (b"\xfe\xff", "utf-16"),
)
_CONTROLS = [chr(code) for code in range(32) if chr(code) not in "\t\n\r\f\v\x1b"]
_REFUSED_CODECS = ("idna", "punycode", "raw-unicode-escape", "unicode-escape", "utf-7")
"""Python codecs that no browser supports; some take quadratic time."""

_WIDE_CODECS = ("utf-16", "utf-32")
"""Encodings that a page cannot have if its declaration is readable as ASCII."""

_NAME = re.compile(r"[\w.-]{1,40}", re.ASCII)
"""Names of encodings that are looked up: Python keeps each name that it was ever asked for."""

_SAMPLE = 1 << 20
"""Bytes used to guess the encoding."""


def read_text(file: "File") -> Document:
    """Read a file as plain text.

    Raises:
        InputError: If it contains no text.
    """
    return Document(clean_text(file.name), require_some(file.text(), file.name))


def require_some(text: str, name: str) -> str:
    """Return a text that is not empty.

    Raises:
        InputError: If it is, or contains white space only.
    """
    if not text or text.isspace():
        raise InputError("file", f"{name} contains no text; give a document that does")
    return text


def require_text_encoding(encoding: str) -> None:
    """Check an encoding that a caller gives.

    Raises:
        InputError: If Python does not know it, or it is none of text.
    """
    known = isinstance(encoding, str) and _NAME.fullmatch(encoding) is not None
    try:
        if known:
            codec = codecs.lookup(encoding)
            "".encode(encoding)  # some codecs convert no text: base64, zlib
            known = codec.name not in _REFUSED_CODECS
    except (LookupError, ValueError, TypeError):
        known = False
    if not known:
        raise InputError(
            "encoding",
            f"{str(encoding)[:80]!r} is no encoding that can be read; give one such as utf-8, cp1252 or shift_jis",
        )


def decode(data: bytes, name: str, declared: str | None = None, given: str | None = None) -> str:
    """Return the text of a file's bytes. A byte order mark decides over any encoding that is named.

    Args:
        data: The bytes.
        name: Name of the file, for messages.
        declared: Encoding that the file declares; used if it fits.
        given: Encoding that the caller gives, see :func:`require_text_encoding`; it must fit.

    Raises:
        InputError: If the encoding that the caller gives does not fit.
        UnreadFormatError: If the data is binary.
    """
    text = _as_given(data, name, given) or _as_declared(data, declared) or _decode(data, name)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return clean_text(text)


def _has_mark(data: bytes) -> bool:
    return data.startswith((codecs.BOM_UTF8, *(mark for mark, _ in _BOM_ENCODINGS)))


def _as_given(data: bytes, name: str, given: str | None) -> str | None:
    if given is None or _has_mark(data):
        return None
    try:
        return data.decode(given)
    except UnicodeDecodeError as error:
        raise InputError(
            "encoding",
            f"{name} is not in {given} (byte {error.start:,} does not fit); give another, or none to find it",
        ) from None
    except UnicodeError:  # of codecs that say no place
        raise InputError("encoding", f"{name} is not in {given}; give another, or none to find it") from None


def _as_declared(data: bytes, declared: str | None) -> str | None:
    if declared is None or _NAME.fullmatch(declared) is None or _has_mark(data):
        return None
    try:
        codec = codecs.lookup(declared).name
        return None if codec in _REFUSED_CODECS or codec.startswith(_WIDE_CODECS) else data.decode(declared)
    except (LookupError, ValueError):
        return None


def _decode(data: bytes, name: str) -> str:
    binary = UnreadFormatError(
        f"{name} is not a text file, nor of another format that is read; save it as PDF, DOCX, HTML or plain text"
    )
    for mark, encoding in _BOM_ENCODINGS:
        if data.startswith(mark):
            try:
                return data.decode(encoding)
            except UnicodeDecodeError:
                raise binary from None
    if b"\x00" in data:
        raise binary
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        text = _decode_guessing(data, binary)
    if sum(map(text.count, _CONTROLS)) > len(text) // 100:
        raise binary
    return text


def _decode_guessing(data: bytes, failure: UnreadFormatError) -> str:
    from charset_normalizer import from_bytes

    data = data.removeprefix(codecs.BOM_UTF8)
    whole_lines = data.rfind(b"\n", 0, _SAMPLE) + 1 if len(data) > _SAMPLE else 0
    matches = from_bytes(data[: whole_lines or _SAMPLE])
    best = matches.best()
    if best is None:
        raise failure
    # among encodings that fit equally well, the Western one is by far the most common
    western = (it for it in matches if it.encoding == "cp1252")
    equal = (it for it in western if (it.chaos, it.coherence) == (best.chaos, best.coherence))
    try:
        return data.decode(next(equal, best).encoding)
    except UnicodeDecodeError:
        raise failure from None
