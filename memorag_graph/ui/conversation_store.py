"""The conversations of a visitor, kept with what they are about, so that they can be opened again."""

import logging
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol, TypeVar

from memorag_graph.errors import DiskError
from memorag_graph.kept_conversations import KeptConversations
from memorag_graph.kept_turns import Conversation, KnownMarks
from memorag_graph.ui.turn_parts import Turn, divided, joined

Found = TypeVar("Found")

_log = logging.getLogger(__name__)


class Subjects(Protocol):
    """What conversations are about: memories by their ids, and libraries by their names."""

    def folder(self, subject: str) -> Path:
        """Return where what belongs to a memory or library is kept."""

    def marks(self, subject: str) -> Callable[[], KnownMarks]:
        """Return a function that returns the marks of the documents of a memory or library.

        Raises:
            MemoragError: If it is not there any more; by the function, too.
        """


class ConversationStore:
    """The conversations of a visitor by the id of their visit. Thread-safe.

    Args:
        visitor: Tells the visitor from others of the same tenant.
        subjects: What they may be about.
    """

    def __init__(self, visitor: str, subjects: Subjects) -> None:
        self._visitor = visitor
        self._subjects = subjects

    def get(self, subject: str, visit: str) -> Sequence[Turn]:
        """Return the turns of a conversation about a memory or library; empty if it is unknown or was dropped."""
        found = self._read(subject, lambda kept: kept.turns(self._visitor, visit))
        return tuple(map(joined, found))

    def about(self, subject: str) -> Sequence[Conversation]:
        """Return the conversations about a memory or library, the latest first."""
        return self._read(subject, lambda kept: kept.of(self._visitor))

    def add(self, subject: str, visit: str, turn: Turn) -> None:
        """Add a turn to a conversation about a memory or library.

        Raises:
            MemoragError: If the memory or library, or a document that the answer is drawn from, was removed meanwhile.
            DiskError: If it cannot be written.
        """
        known = self._subjects.marks(subject)
        KeptConversations(self._subjects.folder(subject)).add(self._visitor, visit, divided(turn), known)

    def delete(self, subject: str, visit: str) -> None:
        """Delete a conversation about a memory or library.

        Raises:
            DiskError: If it cannot be deleted.
        """
        KeptConversations(self._subjects.folder(subject)).delete(self._visitor, visit)

    def _read(self, subject: str, read: Callable[[KeptConversations], list[Found]]) -> list[Found]:
        """Read conversations; none, if the disk fails: the next question then tells what is wrong."""
        try:
            return read(KeptConversations(self._subjects.folder(subject)))
        except DiskError as error:
            _log.warning("conversations are not shown: %s", error)
            return []
