"""A document: its text, its name, and where its pages and sections begin.

Offsets everywhere in this package count characters of :attr:`Document.text`.
"""

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from memorag_graph.documents.page_map import NO_PAGES, PageMap
from memorag_graph.errors import InputError

if TYPE_CHECKING:
    from langchain_core.documents import Document as LangChainDocument

UNNAMED = "context"
"""Source name of a text that was handed over directly, not read from a file."""

_BYTE_ORDER_MARK = "\ufeff"
_SURROGATE = re.compile("[\ud800-\udfff]")
_BLANK_LINE = "\n\n"
_PIECE = 1 << 20
"""Characters that are encoded at once."""


@dataclass(frozen=True, slots=True)
class Document:
    """A text.

    Attributes:
        source: The name of where it came from.
        text: Its characters.
        page_map: Where its pages and sections begin.
    """

    source: str
    text: str
    page_map: PageMap = NO_PAGES

    @property
    def sha256(self) -> str:
        """Hash of the text alone."""
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
    """Make a document of a text.

    Raises:
        InputError: If the text is empty or only white space.
    """
    if not isinstance(text, str):
        raise InputError("context", f"must be a text, not {type(text).__name__}")
    text = clean_text(text)
    if not text or text.isspace():
        raise InputError("context", f"{source!r} holds no text; give a document with words in it")
    return Document(source, text)


def from_langchain(documents: "Iterable[LangChainDocument]") -> Sequence[Document]:
    """Make documents of what a LangChain loader gives.

    Those that share ``metadata["source"]``, such as the pages of one file, become one document: their texts in
    order, with a blank line in between. Those without a source are parts of one as well. Pages are known where
    ``metadata["page"]`` counts them from 0, as the loaders of PDF files do.

    Raises:
        InputError: If one of the documents holds no text, or is no document.
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
    return replace(from_text(_BLANK_LINE.join(texts), source), page_map=PageMap(pages=tuple(pages)))
