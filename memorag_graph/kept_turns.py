"""What is kept of a conversation, and of which documents it may hold text."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

Sources = Collection[str] | None
"""Names of documents of a memory or library; None for all of it, whichever they are."""

KnownMarks = Mapping[str, Collection[str]]
"""The marks of the documents that are there, by their names: one for each version.

See :func:`memorag_graph.kept_conversations.document_mark`.
"""


@dataclass(frozen=True)
class Conversation:
    """A conversation, without what was said.

    Attributes:
        visit: Id of the visit in which it is held.
        title: Its first question.
        questions: How many were asked.
        changed: When the last turn came (seconds since the epoch).
    """

    visit: str
    title: str
    questions: int
    changed: float


@dataclass(frozen=True)
class Beside:
    """What is kept beside an answer.

    Attributes:
        sources: The documents that it may hold text of.
        content: What is kept, as text.
    """

    sources: Sources
    content: str


@dataclass(frozen=True)
class NewTurn:
    """A question and its answer.

    Attributes:
        asked: The question.
        content: What is kept of the answer, as text.
        sources: The documents that the answer is drawn from.
        beside: What is kept beside it, as long as its own documents are there.
    """

    asked: str
    content: str
    sources: Sources
    beside: Sequence[Beside] = ()


@dataclass(frozen=True)
class KeptTurn:
    """What is left of a turn.

    Attributes:
        content: As it was given.
        beside: The contents of what is left beside it, in order.
    """

    content: str
    beside: Sequence[str] = ()
