"""Read files as documents."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from memorag_graph.documents.converter import Converter, convert
from memorag_graph.documents.document import Document
from memorag_graph.documents.document_builder import Builder
from memorag_graph.documents.file import open_file
from memorag_graph.documents.formats import format_of
from memorag_graph.documents.numbered_headings import with_numbered
from memorag_graph.documents.pdf.ocr import Ocr
from memorag_graph.documents.plain_text import require_text_encoding
from memorag_graph.documents.yearly_headings import yearly_headings
from memorag_graph.errors import UnreadFormatError


def read_document(
    path: str | Path,
    *,
    name: str | None = None,
    ocr: Ocr | None = None,
    encoding: str | None = None,
    converter: Converter | None = None,
) -> Document:
    """Read a file of any format of :data:`~memorag_graph.documents.formats.FORMATS`; the content decides which.

    Plain text and Markdown keep the text that ``Path(file).read_text(encoding)`` returns for the detected encoding,
    without byte order marks, front matter, and the comments and hidden elements of Markdown. For other formats the text
    is built from pages, headings, paragraphs, lists and records.

    Args:
        path: The file.
        name: Name of the document; by default the path.
        ocr: Reads the text of page images, for scanned PDFs.
        encoding: Encoding of the file if it is text and does not begin with a byte order mark; by default it is found.
            Formats that state their encoding themselves, such as DOCX, ignore it.
        converter: Returns the Markdown of a file; called for files of formats that are not read otherwise.

    Raises:
        InputError: If the file is missing, unreadable, damaged, protected, empty or too large, its format is not read,
            or the encoding is unknown or does not fit.
        MissingExtraError: If its format needs the extra ``documents``.
    """
    if encoding is not None:
        require_text_encoding(encoding)
    file = open_file(path, name, encoding, ocr)
    try:
        found = format_of(file).read(file)
    except UnreadFormatError:
        if converter is None:
            raise
        found = convert(file, converter)
    return _with_more_headings(found.build() if isinstance(found, Builder) else found)


def _with_more_headings(document: Document) -> Document:
    """Return a document with the headings that its words alone tell: those with years only where it has no others."""
    known = document.page_map.sections or tuple(yearly_headings(document.text))
    sections = with_numbered(document.text, known)
    return replace(document, page_map=replace(document.page_map, sections=sections))


def read_documents(paths: Iterable[str | Path], *, encoding: str | None = None) -> Sequence[Document]:
    """Read several files, in order; see :func:`read_document`."""
    return [read_document(path, encoding=encoding) for path in paths]
