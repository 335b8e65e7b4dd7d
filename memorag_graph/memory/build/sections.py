"""The sections of a memory's documents, each of which it holds a note of."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from memorag_graph.text.chunking import Section


@dataclass(frozen=True, slots=True)
class PlacedSection:
    """A section and where it belongs.

    Attributes:
        document: Position of its document in the memory's list of documents.
        key: Hash of its text and of all else that decides its note.
        section: Its place in the document's text, and its tokens.
    """

    document: int
    key: str
    section: Section


class Sections(Mapping[str, str]):
    """The texts of sections by key, in order, cut from their documents when asked for: a long text is held once."""

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
        """Return how many sections there are."""
        return len(self._sections)

    def add(self, key: str, text: str, section: Section) -> None:
        """Add a section of a document's text."""
        self._sections.setdefault(key, (text, section))

    def tokens(self, key: str) -> int:
        """Return the tokens of a section."""
        return self._sections[key][1].tokens
