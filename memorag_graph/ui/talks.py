"""Conversations, kept apart from the pages that show them, so that a reload finds its own again."""

import threading
from collections import OrderedDict
from typing import Any

MOST = 200
"""Conversations that are kept; the one that was not shown for the longest time is forgotten first."""

Turn = dict[str, Any]
"""``result``, what the graph gave, and ``plain``, what plain RAG gave, where it was asked, too."""


class Talks:
    """Conversations by name."""

    def __init__(self) -> None:
        self._talks: OrderedDict[str, list[Turn]] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, name: str) -> list[Turn]:
        """Return the turns of a conversation, to which more may be added."""
        with self._lock:
            turns = self._talks.setdefault(name, [])
            self._talks.move_to_end(name)
            if len(self._talks) > MOST:
                self._talks.popitem(last=False)
            return turns
