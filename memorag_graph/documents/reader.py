"""Files → documents. What a file is, its content says; its name says only what it should be."""

from collections.abc import Iterable, Sequence
from pathlib import Path, PurePath
from typing import Literal

from memorag_graph.documents.archive import open_archive
from memorag_graph.documents.document import Document, clean_text
from memorag_graph.documents.docx import read_docx
from memorag_graph.documents.epub import read_epub
from memorag_graph.documents.html import declared_charset, read_html
from memorag_graph.documents.markdown import markdown_page_map
from memorag_graph.documents.page_map import NO_PAGES
from memorag_graph.documents.pdf import Ocr, read_pdf
from memorag_graph.documents.plain_text import decode
from memorag_graph.errors import InputError

MOST_BYTES = 200 * 1000 * 1000
"""Bytes of a file."""

SUFFIXES = (".txt", ".md", ".markdown", ".html", ".htm", ".xhtml", ".pdf", ".docx", ".epub")
"""Names of files that are known to be readable end in one of these; any other file is read as plain text."""

Format = Literal["pdf", "docx", "epub", "html", "markdown", "text"]

_BY_SUFFIX: dict[str, Format] = {
    ".pdf": "pdf", ".docx": "docx", ".epub": "epub", ".html": "html", ".htm": "html", ".xhtml": "html",
    ".md": "markdown", ".markdown": "markdown",
}  # fmt: skip
_BINARY: tuple[Format, ...] = ("pdf", "docx", "epub")
_HEAD = 1024
_OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
_HTML_STARTS = (b"<!doctype html", b"<html")
_PARTS: dict[str, Format] = {"word/document.xml": "docx", "META-INF/container.xml": "epub"}


def read_document(path: str | Path, *, name: str | None = None, ocr: Ocr | None = None) -> Document:
    """Read a file: plain text, Markdown, HTML, PDF, DOCX or EPUB.

    Of plain text and Markdown the text is kept as ``Path(file).read_text(encoding)`` gives it, for the encoding
    that is detected. Of the others it is put together from pages, headings, paragraphs, lists and tables.

    Args:
        path: The file.
        name: What to call the document; by default the path.
        ocr: Reads the text of a page's picture, for scanned PDFs.

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
        raise InputError("file", f"{name} has {size:,} bytes, of which {MOST_BYTES:,} are read; split it")
    what = format_of(path, head, name)
    if what == "pdf":
        text, page_map = read_pdf(path, name, ocr).build()
    elif what == "docx":
        text, page_map = read_docx(path, name).build()
    elif what == "epub":
        text, page_map = read_epub(path, name).build()
    elif what == "html":
        text, page_map = read_html(decode(path.read_bytes(), name, declared_charset(head)), name).build()
    else:
        text = decode(path.read_bytes(), name)
        page_map = markdown_page_map(text) if what == "markdown" else NO_PAGES
    if not text or text.isspace():
        raise InputError("file", f"{name} holds no text; give a document with words in it")
    return Document(clean_text(name), clean_text(text), page_map)


def read_documents(paths: Iterable[str | Path]) -> Sequence[Document]:
    """Read several files, in order; see :func:`read_document`."""
    return [read_document(path) for path in paths]


def format_of(path: Path, head: bytes, name: str) -> Format:
    """Tell what a file holds.

    Args:
        path: The file.
        head: Its first bytes.
        name: What it is called.

    Raises:
        InputError: If it is of no format that is read, or not what its name says.
    """
    named = _BY_SUFFIX.get(PurePath(name).suffix.lower(), "text")
    found: Format = named
    if b"%PDF-" in head:
        found = "pdf"
    elif head.startswith(b"PK"):
        found = _archived(path, name)
    elif head.startswith(_OLE):
        raise InputError(
            "file", f"{name} is protected by a password or of an old Office format; save it as DOCX without a password"
        )
    elif head.lstrip(b"\xef\xbb\xbf \t\r\n").lower().startswith(_HTML_STARTS):
        found = "html"
    elif named in _BINARY:
        raise InputError(
            "file", f"{name} is no {named.upper()} file, whatever its name says; save it again, or rename it"
        )
    return found


def _archived(path: Path, name: str) -> Format:
    with open_archive(path, name) as archive:
        names = set(archive.namelist())
    for part, what in _PARTS.items():
        if part in names:
            return what
    raise InputError("file", f"{name} is an archive that holds no document; unpack it and give the files in it")
