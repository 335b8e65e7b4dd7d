"""Decode plain text: detect the encoding, normalize line ends."""

import codecs

from memorag_graph.documents.document import clean_text
from memorag_graph.errors import InputError

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

_SAMPLE = 1 << 20
"""Bytes used to guess the encoding."""


def decode(data: bytes, name: str, declared: str | None = None) -> str:
    """Return the text of a file's bytes.

    Args:
        data: The bytes.
        name: Name of the file, for messages.
        declared: Encoding that the file declares; used if it fits.

    Raises:
        InputError: If the data is binary.
    """
    text = _as_declared(data, declared) or _decode(data, name)
    if "\r" in text:
        text = text.replace("\r\n", "\n").replace("\r", "\n")
    return clean_text(text)


def _as_declared(data: bytes, declared: str | None) -> str | None:
    if declared is None or data.startswith((codecs.BOM_UTF8, *(mark for mark, _ in _BOM_ENCODINGS))):
        return None
    try:
        codec = codecs.lookup(declared).name
        return None if codec in _REFUSED_CODECS or codec.startswith(_WIDE_CODECS) else data.decode(declared)
    except (LookupError, ValueError):
        return None


def _decode(data: bytes, name: str) -> str:
    binary = InputError(
        "file",
        f"{name} is not a text file, nor a PDF, DOCX, EPUB, HTML or e-mail file; convert it to one of these first",
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


def _decode_guessing(data: bytes, failure: InputError) -> str:
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
