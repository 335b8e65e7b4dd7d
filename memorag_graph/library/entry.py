"""Entries of a library's catalogue: one for each version of a document."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from difflib import get_close_matches
from pathlib import PurePath

from memorag_graph.errors import UnknownDocumentError
from memorag_graph.kept_conversations import document_mark

Scalar = str | int | float | bool
Value = Scalar | Sequence[Scalar]
"""A value of a document's metadata: a text, number or truth value, or a list of these."""

Fields = Mapping[str, Value]

BUILT_IN = ("name", "suffix", "title", "language", "pages", "characters", "tokens", "version", "added")
"""Fields that every document has; metadata of the same name come before them."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A version of a document.

    Attributes:
        id: Number of the entry, by which the index knows it; never used again.
        name: Name of the document in the library, by which answers cite it.
        version: Number of the version, from 1 on.
        origin: Where its first version was read: the file's absolute path, or the source of a LangChain document.
        content_sha256: SHA-256 of the file, or of the text if there is none.
        text_sha256: SHA-256 of the text, by which it is stored.
        added: When it was taken in, ISO 8601 in UTC.
        replaced: When the next version was taken in; empty for the current one.
        language: ISO 639-1 code of its language.
        title: Its title, or its first heading; empty if it has none.
        characters: Length of its text.
        tokens: Estimated tokens of its text.
        chunks: Number of its chunks.
        pages: Number of its pages; 0 if it has none.
        metadata: What its loader and the caller say of it.
        notices: What a reader should know of how it was read.
    """

    id: int
    name: str
    version: int
    origin: str
    content_sha256: str
    text_sha256: str
    added: str
    replaced: str
    language: str
    title: str
    characters: int
    tokens: int
    chunks: int
    pages: int
    metadata: Fields = field(default_factory=dict)
    notices: tuple[str, ...] = ()

    @property
    def mark(self) -> str:
        """What tells it from documents of other names or texts, to conversations."""
        return document_mark(self.name, self.text_sha256)

    @property
    def fields(self) -> Fields:
        """All that a filter may ask of it: :data:`BUILT_IN` fields and its metadata."""
        built_in: dict[str, Value] = {name: getattr(self, name) for name in BUILT_IN if name != "suffix"}
        return {**built_in, "suffix": PurePath(self.name).suffix.lower(), **self.metadata}

    def is_visible(self, as_of: str = "") -> bool:
        """Return whether it is the version of a time in ISO 8601 (UTC); of now if that is empty."""
        if not as_of:
            return not self.replaced
        return self.added <= as_of and (not self.replaced or as_of < self.replaced)

    def to_dict(self) -> dict[str, object]:
        """Return the entry as plain values for people and programs."""
        shown = ("name", "version", "title", "language", "pages", "characters", "tokens", "chunks", "added", "replaced")
        values: dict[str, object] = {name: getattr(self, name) for name in shown}
        return {**values, "metadata": dict(self.metadata), "notices": list(self.notices), "origin": self.origin}


def versions_of(entries: Sequence[Entry], name: str) -> Sequence[Entry]:
    """Return the versions of a document, the current one last.

    Raises:
        UnknownDocumentError: If there is no such document.
    """
    if found := [entry for entry in entries if entry.name == name]:
        return found
    close = get_close_matches(name, {entry.name for entry in entries}, n=1)
    near = f"; did you mean {close[0]!r}?" if close else "; list shows the names"
    raise UnknownDocumentError("name", f"the library has no document {name!r}{near}")


@dataclass(slots=True)
class Report:
    """What a change of a library did; names of documents, each list in the order of the work.

    Attributes:
        added: New documents.
        replaced: Documents with a new version.
        unchanged: Documents that the library had already.
        removed: Documents that were removed.
        indexed: Documents whose rows of the index were made again.
        same_text: New documents whose text another one has, too, with the name of that one.
        renamed: Documents that share their file's name with another one: the name they were given, and the file.
        unreadable: Files that could not be taken in, each with the reason.
        remembered: Documents whose memory was made.
        not_remembered: Documents whose memory could not be made, each with the reason.
        chunks: Chunks that were indexed.
        seconds: Time it took.
    """

    added: list[str] = field(default_factory=list)
    replaced: list[str] = field(default_factory=list)
    unchanged: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    indexed: list[str] = field(default_factory=list)
    same_text: list[tuple[str, str]] = field(default_factory=list)
    renamed: list[tuple[str, str]] = field(default_factory=list)
    unreadable: list[tuple[str, str]] = field(default_factory=list)
    remembered: list[str] = field(default_factory=list)
    not_remembered: list[tuple[str, str]] = field(default_factory=list)
    chunks: int = 0
    seconds: float = 0.0

    @contextmanager
    def timed(self) -> Iterator[None]:
        """Add the time that something takes to :attr:`seconds`."""
        start = time.perf_counter()
        yield
        self.seconds = round(self.seconds + time.perf_counter() - start, 3)
