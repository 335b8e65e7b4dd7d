"""Read what a command names: files, all files of directories, and ``-`` for the standard input."""

import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

from memorag_graph.documents import Document, read_document
from memorag_graph.errors import InputError, MissingExtraError
from memorag_graph.library.found_files import file_candidates

STDIN = "-"


def read_given(paths: Sequence[str], encoding: str, warn: Callable[[str], None]) -> list[Document]:
    """Read files, directories and the standard input, in the order given.

    Hidden and temporary files of directories are left out, and those that cannot be read are told and left out.

    Args:
        paths: The files and directories; ``-`` is the standard input.
        encoding: Encoding of text files; empty to find it.
        warn: Called with what is left out, and why.

    Raises:
        InputError: If a named file cannot be read, or a directory holds no file that can.
    """
    documents: list[Document] = []
    for path in paths:
        if path == STDIN:
            documents.append(_read_stdin(encoding))
        elif Path(path).is_dir():
            documents += _read_directory(path, encoding, warn)
        else:
            documents.append(read_document(path, encoding=encoding or None))
    return documents


def question_of(argument: str) -> str:
    """Return a question: the argument, or the standard input if that is ``-``."""
    return sys.stdin.read() if argument == STDIN else argument


def _read_directory(path: str, encoding: str, warn: Callable[[str], None]) -> list[Document]:
    documents = []
    for candidate in file_candidates([path], encoding=encoding):
        try:
            documents.append(candidate.read(candidate.name))
        except (InputError, MissingExtraError) as error:
            warn(f"left out: {error}")
    if not documents:
        raise InputError("files", f"{path} holds no file that can be read")
    return documents


def _read_stdin(encoding: str) -> Document:
    with tempfile.NamedTemporaryFile(prefix="memorag-stdin-") as file:
        file.write(sys.stdin.buffer.read())
        file.flush()
        return read_document(file.name, name="stdin", encoding=encoding or None)
