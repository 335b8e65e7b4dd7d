"""Keep conversations outside the pages that show them, so that they survive a reload and can be opened again."""

import threading
import time
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

MAX_CONVERSATIONS = 200
"""Conversations of a visitor that are kept; the least recently shown is dropped first."""

Turn = dict[str, Any]
"""``result`` is the graph's output, ``plain`` that of plain RAG, if it was compared; ``where`` a library's filter."""


@dataclass
class Conversation:
    """A conversation.

    Attributes:
        visit: Id of the visit in which it is held.
        subject: The memory's id or the library's name.
        turns: Its turns, in order.
        changed: When the last turn came (seconds since the epoch).
    """

    visit: str
    subject: str
    turns: list[Turn] = field(default_factory=list)
    changed: float = 0.0

    @property
    def title(self) -> str:
        """Its first question."""
        return str(self.turns[0]["result"]["asked"])


class ConversationStore:
    """The conversations of a visitor by the id of their visit. Thread-safe."""

    def __init__(self) -> None:
        self._conversations: OrderedDict[str, Conversation] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, visit: str) -> Sequence[Turn]:
        """Return the turns of a conversation; empty if it is unknown or was dropped."""
        with self._lock:
            if visit not in self._conversations:
                return ()
            self._conversations.move_to_end(visit)
            return tuple(self._conversations[visit].turns)

    def about(self, subject: str) -> Sequence[Conversation]:
        """Return the conversations about a memory or library, the latest first."""
        with self._lock:
            found = [it for it in self._conversations.values() if it.subject == subject]
        return sorted(found, key=lambda it: it.changed, reverse=True)

    def add(self, visit: str, subject: str, turn: Turn) -> None:
        """Add a turn to a conversation about a memory or library."""
        with self._lock:
            conversation = self._conversations.setdefault(visit, Conversation(visit, subject))
            conversation.turns.append(turn)
            conversation.changed = time.time()
            self._conversations.move_to_end(visit)
            if len(self._conversations) > MAX_CONVERSATIONS:
                self._conversations.popitem(last=False)

    def move(self, subject: str, to: str) -> None:
        """Let the conversations about a memory or library be about what it became."""
        with self._lock:
            for conversation in self._conversations.values():
                if conversation.subject == subject:
                    conversation.subject = to

    def delete(self, visit: str) -> None:
        """Delete a conversation."""
        with self._lock:
            self._conversations.pop(visit, None)

    def delete_about(self, subject: str) -> None:
        """Delete all conversations about a memory or library."""
        with self._lock:
            for visit in [it.visit for it in self._conversations.values() if it.subject == subject]:
                del self._conversations[visit]
