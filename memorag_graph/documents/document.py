"""Documents: text, name, pages and sections.

Offsets everywhere in this package count characters of :attr:`Document.text`.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from memorag_graph.documents.numbered_headings import numbered_headings
from memorag_graph.documents.page_map import NO_PAGES, PageMap
from memorag_graph.documents.yearly_headings import yearly_headings
from memorag_graph.errors import InputError

if TYPE_CHECKING:
    from langchain_core.documents import Document as LangChainDocument

UNNAMED = "context"
"""Source name of a text that was passed directly, not read from a file."""

_BYTE_ORDER_MARK = "\ufeff"
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK_LINE = "\n\n"
_PIECE = 1 << 20
"""Characters encoded at once."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text with its source.

    Attributes:
        source: Name of its source, for example a path.
        text: The text.
        page_map: Where its pages, sections and tables are.
        notices: What a reader should know of how it was read, for example that a page is a picture.
    """

    source: str
    text: str
    page_map: PageMap = NO_PAGES
    notices: tuple[str, ...] = ()

    @property
    def sha256(self) -> str:
        """SHA-256 of the text in UTF-8."""
        digest = hashlib.sha256()
        for start in range(0, len(self.text), _PIECE):
            digest.update(self.text[start : start + _PIECE].encode())
        return digest.hexdigest()


def clean_text(text: str) -> str:
    """Return the text that offsets refer to.

    Byte order marks at its start are removed; they would hide the first heading. Each lone surrogate, which no encoder
    accepts, is replaced by U+FFFD.
    """
    if text.isascii():
        return text
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text.lstrip(_BYTE_ORDER_MARK))


def from_text(text: str, source: str = UNNAMED) -> Document:
    """Make a document from a text.

    Raises:
        InputError: If the text is empty or only white space.
    """
    if not isinstance(text, str):
        raise InputError("context", f"must be a text, not {type(text).__name__}")
    text = clean_text(text)
    if not text or text.isspace():
        raise InputError("context", f"{source!r} contains no text; give a document that does")
    sections = tuple(sorted((*numbered_headings(text), *yearly_headings(text))))
    return Document(source, text, PageMap(sections=sections) if sections else NO_PAGES)


def from_langchain(documents: "Iterable[LangChainDocument]") -> Sequence[Document]:
    """Make documents from LangChain documents.

    Those that share ``metadata["source"]``, for example the pages of a file, are joined with blank lines into one
    document, and so are those without a source. Pages are known if ``metadata["page"]`` counts them from 0, as PDF
    loaders do.

    Raises:
        InputError: If a joined document contains no text, or an item is not a LangChain document.
    """
    parts: dict[str, list[LangChainDocument]] = {}
    for document in documents:
        if not hasattr(document, "page_content"):
            raise InputError("documents", f"must be LangChain documents, not {type(document).__name__}")
        parts.setdefault(clean_text(str(document.metadata.get("source") or UNNAMED)), []).append(document)
    return [_joined(source, its_parts) for source, its_parts in parts.items()]


def _joined(source: str, parts: "Sequence[LangChainDocument]") -> Document:
    """Join the parts of a document; the white space of a single part is kept."""
    texts = [clean_text(part.page_content) for part in parts]
    pages, start = [], 0
    for part, text in zip(parts, texts, strict=True):
        page = part.metadata.get("page")
        if isinstance(page, int):
            pages.append((start, page + 1))
        start += len(text) + len(_BLANK_LINE)
    document = from_text(_BLANK_LINE.join(texts), source)
    return replace(document, page_map=replace(document.page_map, pages=tuple(pages)))
