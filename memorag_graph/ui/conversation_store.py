"""The conversations of a visitor, kept with what they are about, so that they can be opened again."""

import json
import logging
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

from langchain_core.documents import Document

from memorag_graph.errors import DiskError
from memorag_graph.kept_conversations import Conversation, KeptConversations, NewTurn

Turn = dict[str, Any]
"""``result`` is the graph's output, ``plain`` that of plain RAG, if it was compared; ``where`` a library's filter."""

Found = TypeVar("Found")

_RECALLED = ("spans", "surrogates", "draft", "outline")

_log = logging.getLogger(__name__)


class Subjects(Protocol):
    """What conversations are about: memories by their ids, and libraries by their names."""

    def folder(self, subject: str) -> Path:
        """Return where what belongs to a memory or library is kept."""

    def marks(self, subject: str, names: Collection[str] | None) -> Callable[[], Collection[str] | None]:
        """Return a function that returns the marks of documents of a memory or library, None for all of a memory.

        Raises:
            MemoragError: If it is not there any more, with all of them; by the function, too.
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
        return tuple(map(_turn_of, found))

    def about(self, subject: str) -> Sequence[Conversation]:
        """Return the conversations about a memory or library, the latest first."""
        return self._read(subject, lambda kept: kept.of(self._visitor))

    def add(self, subject: str, visit: str, turn: Turn) -> None:
        """Add a turn to a conversation about a memory or library.

        Raises:
            MemoragError: If a document that it was drawn from, or all of it, was removed meanwhile.
            DiskError: If it cannot be written.
        """
        new = NewTurn(str(turn["result"]["asked"]), _written(turn))
        drawn_from = self._subjects.marks(subject, sources_of(turn))
        KeptConversations(self._subjects.folder(subject)).add(self._visitor, visit, new, drawn_from)

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


def sources_of(turn: Turn) -> Collection[str] | None:
    """Return the names of the documents that a turn may hold text of; None for all of a memory, which was asked."""
    results = [turn["result"], *([turn["plain"]] if "plain" in turn else [])]
    found: set[str] = set()
    for result in results:
        considered = result.get("considered", [])
        if not considered and (result.get("basis") == "memory" or any(result.get(key) for key in _RECALLED)):
            return None
        conflicting = [it[side] for it in result.get("conflicts", []) for side in ("stated", "other")]
        found |= {it["source"] for it in [*result.get("citations", []), *conflicting]}
        found |= {it.metadata["source"] for it in result.get("evidence", [])}
        found |= {it["name"] for it in considered}
        found |= {it["document"] for it in result.get("document_clues", [])}
    return found


def _written(turn: Turn) -> str:
    """Return a turn as text, without its messages, which repeat it."""
    answers = {key: _without_messages(turn[key]) for key in ("result", "plain") if key in turn}
    return json.dumps({**turn, **answers}, default=_fields)


def _without_messages(result: Mapping[str, Any]) -> Turn:
    return {key: value for key, value in result.items() if key != "messages"}


def _fields(passage: Document) -> dict[str, Any]:
    return {"page_content": passage.page_content, "metadata": passage.metadata}


def _turn_of(content: str) -> Turn:
    turn: Turn = json.loads(content)
    for key in ("result", "plain"):
        if "evidence" in turn.get(key, ()):
            turn[key]["evidence"] = [Document(**it) for it in turn[key]["evidence"]]
    return turn
