"""Read files as documents; the content decides the format, not the name."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Literal

from memorag_graph.documents.archive import open_archive
from memorag_graph.documents.document import Document, clean_text
from memorag_graph.documents.docx import read_docx
from memorag_graph.documents.email_message import read_email
from memorag_graph.documents.epub import read_epub
from memorag_graph.documents.html import declared_charset, read_html
from memorag_graph.documents.markdown import markdown_page_map
from memorag_graph.documents.numbered_headings import with_numbered
from memorag_graph.documents.page_map import NO_PAGES
from memorag_graph.documents.pdf import Ocr, read_pdf
from memorag_graph.documents.plain_text import decode
from memorag_graph.errors import InputError

MOST_BYTES = 200 * 1000 * 1000
"""Maximum bytes of a file."""

SUFFIXES = (".txt", ".md", ".markdown", ".html", ".htm", ".xhtml", ".pdf", ".docx", ".epub", ".eml")
"""Suffixes of supported formats; any other file is read as plain text."""

Format = Literal["pdf", "docx", "epub", "html", "email", "markdown", "text"]

_BY_SUFFIX: dict[str, Format] = {
    ".pdf": "pdf", ".docx": "docx", ".epub": "epub", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".md": "markdown", ".markdown": "markdown", ".eml": "email",
}  # fmt: skip
_BINARY: tuple[Format, ...] = ("pdf", "docx", "epub")
_HEAD = 1024
_PDF = b"%PDF-"
_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")
_SPACE = b"\xef\xbb\xbf \t\r\n"
"""White space and the bytes of a UTF-8 byte order mark."""

_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML_STARTS = (b"<!doctype html", b"<html")
_PARTS: dict[str, Format] = {"word/document.xml": "docx", "META-INF/container.xml": "epub"}


def read_document(path: str | Path, *, name: str | None = None, ocr: Ocr | None = None) -> Document:
    """Read a file: plain text, Markdown, HTML, PDF, DOCX, EPUB or e-mail.

    Plain text and Markdown keep the text that ``Path(file).read_text(encoding)`` returns for the detected encoding,
    without byte order marks. For other formats the text is built from pages, headings, paragraphs, lists and tables.

    Args:
        path: The file.
        name: Name of the document; by default the path.
        ocr: Reads the text of page images, for scanned PDFs.

    Raises:
        InputError: If the file is missing, unreadable, damaged, protected, empty or too large.
        MissingExtraError: If its format needs the extra ``documents``.
    """
    path = Path(path)
    name = str(path) if name is None else name
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except FileNotFoundError:
        raise InputError("file", f"{name} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        raise InputError("file", f"{name} cannot be read ({error}); give a readable file") from None
    if size > MOST_BYTES:
        raise InputError("file", f"{name} has {size:,} bytes; the limit is {MOST_BYTES:,}; split it")
    what = format_of(path, head, name)
    if what == "pdf":
        return read_pdf(path, name, ocr).build()
    if what == "docx":
        return read_docx(path, name).build()
    if what == "epub":
        return read_epub(path, name).build()
    if what == "html":
        return read_html(decode(path.read_bytes(), name, declared_charset(head)), name).build()
    if what == "email":
        return read_email(path.read_bytes(), name).build()
    text = decode(path.read_bytes(), name)
    if not text or text.isspace():
        raise InputError("file", f"{name} contains no text; give a document that does")
    page_map = markdown_page_map(text) if what == "markdown" else NO_PAGES
    sections = with_numbered(text, page_map.sections)
    return Document(clean_text(name), text, replace(page_map, sections=sections) if sections else page_map)


def read_documents(paths: Iterable[str | Path]) -> Sequence[Document]:
    """Read several files, in order; see :func:`read_document`."""
    return [read_document(path) for path in paths]


def format_of(path: Path, head: bytes, name: str) -> Format:
    """Return the format of a file.

    Args:
        path: The file.
        head: Its first bytes.
        name: Its name.

    Raises:
        InputError: If the format is not supported, or contradicts the name.
    """
    named = _BY_SUFFIX.get(PurePath(name).suffix.lower(), "text")
    found: Format = named
    start = head.lstrip(_SPACE)
    if start.startswith(_PDF) or (named == "pdf" and _PDF in head):
        found = "pdf"
    elif head.startswith(_ZIP):
        found = _archived(path, name)
    elif head.startswith(_OLE):
        raise InputError(
            "file", f"{name} is password-protected or in an old Office format; save it as DOCX without a password"
        )
    elif start.lower().startswith(_HTML_STARTS):
        found = "html"
    elif named in _BINARY:
        raise InputError("file", f"{name} is not a {named.upper()} file despite its name; save it again, or rename it")
    return found


def _archived(path: Path, name: str) -> Format:
    with open_archive(path, name) as archive:
        names = set(archive.namelist())
    for part, what in _PARTS.items():
        if part in names:
            return what
    raise InputError("file", f"{name} is an archive without a document; unpack it and give its files")
