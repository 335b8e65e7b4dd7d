"""Sections of documents; a memory holds one note per section."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from memorag_graph.text.chunking import Section


@dataclass(frozen=True, slots=True)
class PlacedSection:
    """A section and its document.

    Attributes:
        document: Position of its document in the memory's list of documents.
        key: Hash of its text and of everything else that decides its note.
        section: Its offsets in the document's text, and its number of tokens.
    """

    document: int
    key: str
    section: Section


class Sections(Mapping[str, str]):
    """Texts of sections by key, in order; each is cut from its document on access, so a long text is held once."""

    def __init__(self) -> None:
        self._sections: dict[str, tuple[str, Section]] = {}

    def __getitem__(self, key: str) -> str:
        """Return a section's text."""
        text, section = self._sections[key]
        return text[section.start : section.end]

    def __iter__(self) -> Iterator[str]:
        """Yield the keys in order."""
        return iter(self._sections)

    def __len__(self) -> int:
        """Return the number of sections."""
        return len(self._sections)

    def add(self, key: str, text: str, section: Section) -> None:
        """Add a section of a document's text."""
        self._sections.setdefault(key, (text, section))

    def tokens(self, key: str) -> int:
        """Return the number of tokens of a section."""
        return self._sections[key][1].tokens
