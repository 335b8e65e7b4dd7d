"""Find the files that a library is to take in, and what LangChain documents say of themselves."""

import hashlib
import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorag_graph.documents import UNNAMED, Document, clean_text, from_langchain, from_text, read_document
from memorag_graph.errors import InputError
from memorag_graph.library.entry import Fields, Scalar, Value

if TYPE_CHECKING:
    from langchain_core.documents import Document as LangChainDocument

_TEMPORARY = ("~$*", "*~", "*.tmp", "*.temp", "*.part", "*.crdownload", "*.swp", "*.lock", "thumbs.db", "desktop.ini")
_OF_PARTS = ("source", "page", "page_label", "start_index")
"""Metadata of pages and pieces, which say nothing of the document."""

UPLOADED = "upload:"
"""How the origins of what clients and visitors send begin."""

Metadata = Mapping[str, Any] | Callable[[str], Mapping[str, Any]]
"""Metadata of all documents, or a function that returns those of a document by its name."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to take in.

    Attributes:
        name: Its name in the library, unless another document has it.
        origin: Where it is from: an absolute path, the source of a LangChain document, or ``upload:NAME``.
        digest: Returns the SHA-256 of its content.
        read: Reads it under a name.
        metadata: What its loader says of it.
        kept: A file of which a copy is to be kept, so that its pages can be shown; None to keep its text alone.
    """

    name: str
    origin: str
    digest: Callable[[], str]
    read: Callable[[str], Document]
    metadata: Fields
    kept: Path | None = None


def file_candidates(
    paths: Iterable[str | Path], patterns: Sequence[str] = (), leave_out: Path | None = None, encoding: str = ""
) -> list[Candidate]:
    """Return the files at some paths; those of directories in the order of their names.

    Args:
        paths: Files and directories.
        patterns: If given, only files in directories whose name or path in the directory fits one, like ``*.pdf``.
        leave_out: A directory whose files are left out, such as the library's own.
        encoding: Encoding of text files; empty to find it.

    Raises:
        InputError: If a path does not exist, or the directories hold no such file.
    """
    found: dict[str, Candidate] = {}
    for given in paths:
        path = Path(given)
        if path.is_dir():
            inside = list(_walk(path, patterns, leave_out))
            if not inside:
                fitting = f" that fits {', '.join(patterns)}" if patterns else ""
                raise InputError("paths", f"{path} holds no file{fitting}; hidden and temporary files do not count")
            named = [(it.relative_to(path).as_posix(), it) for it in inside]
        elif path.exists():
            named = [(path.name, path)]
        else:
            raise InputError("paths", f"{path} does not exist; check the path")
        for name, file in named:
            origin = os.path.abspath(file)
            found.setdefault(origin, _file(clean_text(name), origin, file, encoding))
    return list(found.values())


def all_candidates(
    given: "Iterable[str | Path | Candidate | LangChainDocument]",
    patterns: Sequence[str],
    leave_out: Path,
    encoding: str,
) -> Sequence[Candidate]:
    """Return files, those of directories, candidates as they are, and LangChain documents; see :func:`file_candidates`.

    Raises:
        InputError: If nothing is given, or as of the two other functions.
    """
    paths: list[str | Path] = []
    candidates: list[Candidate] = []
    documents: list[LangChainDocument] = []
    for one in given:
        if isinstance(one, str | Path):
            paths.append(one)
        elif isinstance(one, Candidate):
            candidates.append(one)
        else:
            documents.append(one)
    if not (paths or candidates or documents):
        raise InputError("paths", "nothing to take in; give files, directories or LangChain documents")
    files = file_candidates(paths, patterns, leave_out, encoding)
    return [*files, *candidates, *document_candidates(documents)]


def uploaded_file(path: Path, name: str, encoding: str = "", *, keep: bool = False) -> Candidate:
    """Return a file that somebody sent: another file sent under its name is a new version of the same document.

    Args:
        path: Where it lies for now.
        name: Its name.
        encoding: Encoding of a text file; empty to find it.
        keep: Whether the library keeps a copy if it is a PDF, until the document is removed.
    """
    return replace(_file(name, f"{UPLOADED}{name}", path, encoding), kept=path if keep else None)


def uploaded_text(text: str, name: str, metadata: Mapping[str, Any]) -> Candidate:
    """Return a text that somebody sent; see :func:`uploaded_file`.

    Raises:
        InputError: If its metadata cannot be used.
    """
    return replace(_text(from_text(text, name), checked_metadata(metadata)), origin=f"{UPLOADED}{name}")


def document_candidates(documents: "Iterable[LangChainDocument]") -> list[Candidate]:
    """Return LangChain documents; those of one source are parts of one document.

    Raises:
        InputError: If an item is not a LangChain document, or a joined document contains no text.
    """
    given = list(documents)
    joined = from_langchain(given)
    metadata = {it.source: [part.metadata for part in given if _source(part) == it.source] for it in joined}
    return [_text(it, common_metadata(metadata[it.source])) for it in joined]


def common_metadata(parts: Sequence[Mapping[str, Any]]) -> Fields:
    """Return the metadata that all parts of a document share; what filters cannot use becomes text."""
    first = parts[0] if parts else {}
    shared = {key: value for key, value in first.items() if all(part.get(key) == value for part in parts)}
    return {key: value for key, value in _flat(shared) if key not in _OF_PARTS}


def checked_metadata(given: Mapping[str, Any]) -> Fields:
    """Return metadata of the caller; dates become text in ISO 8601.

    Raises:
        InputError: If a value is neither a text, a number, a truth value, a date nor a list of these.
    """
    for key, value in given.items():
        for one in value if isinstance(value, list | tuple | set) else (value,):
            if not (isinstance(one, str | int | float | bool) or one is None or hasattr(one, "isoformat")):
                allowed = "a text, number, truth value, date, or a list of these"
                raise InputError(f"metadata.{key}", f"must be {allowed}, not {type(one).__name__}")
    return dict(_flat(given))


def _flat(given: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    for key, value in given.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        elif isinstance(value, list | tuple | set):
            yield f"{prefix}{key}", [_scalar(one) for one in value]
        elif value is not None:
            yield f"{prefix}{key}", _scalar(value)


def _scalar(value: object) -> Scalar:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, bool | int | float):
        return value
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def _walk(directory: Path, patterns: Sequence[str], leave_out: Path | None) -> Iterator[Path]:
    own = leave_out.resolve() if leave_out else None
    for place, folders, files in os.walk(directory):
        here = Path(place)
        folders[:] = sorted(it for it in folders if not it.startswith(".") and (here / it).resolve() != own)
        for name in sorted(files):
            path = here / name
            inside = path.relative_to(directory).as_posix()
            fits = not patterns or any(fnmatch(it, pattern) for it in (name, inside) for pattern in patterns)
            if fits and not _is_left_out(name) and path.is_file():
                yield path


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or any(fnmatch(name.lower(), pattern) for pattern in _TEMPORARY)


def _file(name: str, origin: str, path: Path, encoding: str) -> Candidate:
    def digest() -> str:
        try:
            with path.open("rb") as stream:
                return hashlib.file_digest(stream, "sha256").hexdigest()
        except FileNotFoundError:
            raise InputError("file", f"{name} is gone; it was removed meanwhile") from None
        except OSError as error:
            raise InputError("file", f"{name} cannot be read ({error}); give a readable file") from None

    def read(as_name: str) -> Document:
        return replace(read_document(path, name=name, encoding=encoding or None), source=as_name)

    return Candidate(name, origin, digest, read, {})


def _text(document: Document, metadata: Fields) -> Candidate:
    return Candidate(
        document.source,
        document.source,
        lambda: document.sha256,
        lambda name: replace(document, source=name),
        metadata,
    )


def _source(document: "LangChainDocument") -> str:
    return clean_text(str(document.metadata.get("source") or UNNAMED))
