"""Keep conversations outside the pages that show them, so that they survive a reload."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

MAX_CONVERSATIONS = 200
"""Conversations that are kept; the least recently shown is dropped first."""

Turn = dict[str, Any]
"""``result`` is the graph's output, ``plain`` that of plain RAG, if it was compared; ``where`` a library's filter."""


class ConversationStore:
    """Conversations by the id of their visit."""

    def __init__(self) -> None:
        self._conversations: OrderedDict[str, list[Turn]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, visit: str) -> Sequence[Turn]:
        """Return the turns of a conversation; empty if it is unknown or was dropped."""
        with self._lock:
            if visit in self._conversations:
                self._conversations.move_to_end(visit)
            return tuple(self._conversations.get(visit, ()))

    def add(self, visit: str, turn: Turn) -> None:
        """Add a turn to a conversation."""
        with self._lock:
            self._conversations.setdefault(visit, []).append(turn)
            self._conversations.move_to_end(visit)
            if len(self._conversations) > MAX_CONVERSATIONS:
                self._conversations.popitem(last=False)
