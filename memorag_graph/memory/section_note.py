"""The note that a memory holds of a section."""

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class SectionNote:
    """The note of one section.

    Attributes:
        document: Position of the document in the memory's list of documents.
        start: First character of the section in the document's text.
        end: One past its last character.
        key: Hash of the section's text and of everything else that decides the note.
        text: The note: a gist, or the section itself.
    """

    document: int
    start: int
    end: int
    key: str
    text: str

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as plain values."""
        return asdict(self)
