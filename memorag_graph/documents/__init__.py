"""Read files and texts as documents with pages and sections."""

from memorag_graph.documents.document import UNNAMED, Document, clean_text, from_langchain, from_text
from memorag_graph.documents.file import MOST_BYTES
from memorag_graph.documents.formats import FORMATS, SUFFIXES, Format
from memorag_graph.documents.names import document_name, with_distinct_names
from memorag_graph.documents.offsets import Offsets
from memorag_graph.documents.page_map import NO_PAGES, PageMap
from memorag_graph.documents.reader import read_document, read_documents

__all__ = [
    "FORMATS",
    "MOST_BYTES",
    "NO_PAGES",
    "SUFFIXES",
    "UNNAMED",
    "Document",
    "Format",
    "Offsets",
    "PageMap",
    "clean_text",
    "document_name",
    "from_langchain",
    "from_text",
    "read_document",
    "read_documents",
    "with_distinct_names",
]
