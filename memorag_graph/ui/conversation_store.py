"""The conversations of a visitor, kept with what they are about, so that they can be opened again."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Before:
    """What there is when a question is asked.

    Attributes:
        turns: The turns of its conversation.
        marks: The marks of the documents.
    """

    turns: Sequence[Turn]
    marks: KnownMarks

    def left_in(self, now: KnownMarks) -> KnownMarks:
        """Return the documents that are there now, without those whose name another text has got since."""
        return {name: marks for name, marks in now.items() if set(self.marks.get(name, ())) <= set(marks)}


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

    def before(self, subject: str, visit: str) -> Before:
        """Return what there is when a question is asked about a memory or library.

        Raises:
            MemoragError: If the memory or library is not there.
        """
        return Before(self.get(subject, visit), self._subjects.marks(subject)())

    def add(
        self, subject: str, visit: str, turn: Turn, before: Before, check: Callable[[], None] = lambda: None
    ) -> None:
        """Add a turn to a conversation about a memory or library.

        Args:
            subject: The memory or library.
            visit: Id of the visit.
            turn: The turn.
            before: What there was when the question was asked.
            check: Called while the conversation cannot be deleted; may refuse the turn by an error.

        Raises:
            MemoragError: If the memory or library, a document that the answer is drawn from, or a turn before it was
                removed meanwhile.
            DiskError: If it cannot be written.
        """
        known = self._subjects.marks(subject)

        def known_still() -> KnownMarks:
            check()
            return before.left_in(known())

        kept = KeptConversations(self._subjects.folder(subject))
        kept.add(self._visitor, visit, divided(turn), known_still, after=len(before.turns))

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
