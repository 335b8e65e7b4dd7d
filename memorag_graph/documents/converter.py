"""Read files of further formats by a converter that the caller has, such as MarkItDown or Docling."""

from collections.abc import Callable
from pathlib import Path

from memorag_graph.documents.document import Document
from memorag_graph.documents.file import File
from memorag_graph.documents.markdown import markdown_document
from memorag_graph.errors import InputError

Converter = Callable[[Path], str]
"""A function that returns a file's content as Markdown; what it raises reaches the caller of ``read_document``."""


def convert(file: File, converter: Converter) -> Document:
    """Read a file by a converter.

    Raises:
        InputError: If it returns no text.
    """
    text = converter(file.path)
    if not isinstance(text, str):
        raise InputError("converter", f"must return the Markdown of {file.name} as a text, not {type(text).__name__}")
    return markdown_document(text, file.name)
