"""Conversations, kept apart from the pages that show them, so that a reload finds its own again."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from typing import Any

MOST = 200
"""Conversations that are kept; the one that was not shown for the longest time is forgotten first."""

Turn = dict[str, Any]
"""``result``, what the graph gave, and ``plain``, what plain RAG gave, where it was asked, too."""


class ConversationStore:
    """Conversations by the name of a visit."""

    def __init__(self) -> None:
        self._talks: OrderedDict[str, list[Turn]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, visit: str) -> Sequence[Turn]:
        """Return the turns of a conversation; none where nothing was said, or it was forgotten."""
        with self._lock:
            if visit in self._talks:
                self._talks.move_to_end(visit)
            return tuple(self._talks.get(visit, ()))

    def add(self, visit: str, turn: Turn) -> None:
        """Add a turn to a conversation."""
        with self._lock:
            self._talks.setdefault(visit, []).append(turn)
            self._talks.move_to_end(visit)
            if len(self._talks) > MOST:
                self._talks.popitem(last=False)
