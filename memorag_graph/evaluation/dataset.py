"""What an evaluation asks: documents, and questions with what is known to be right."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from memorag_graph.documents import Document

Span = tuple[int, int]
"""Characters of a document: the first, and one past the last."""

Kind = Literal["specific", "general", "retrieval", "unanswerable"]
"""``specific``: about a detail; ``general``: a summary of the whole; ``retrieval``: without an answer to compare with;
``unanswerable``: the document does not say."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one document.

    Attributes:
        id: Unique in its data set.
        document_id: The document it is asked about.
        query: The question.
        answers: Reference answers, each right by itself; empty where none is known.
        evidence: What the document says to it, as disjoint spans in order; empty where that is not known.
        kind: What kind of question it is.
    """

    id: str
    document_id: str
    query: str
    answers: tuple[str, ...]
    evidence: tuple[Span, ...]
    kind: Kind


@dataclass(frozen=True, slots=True)
class DataSet:
    """Questions about documents.

    Attributes:
        name: What it is called.
        documents: The documents by id, which is also their source name.
        questions: In the order of their file.
    """

    name: str
    documents: Mapping[str, Document]
    questions: tuple[Question, ...]

    @property
    def sha256(self) -> str:
        """Hash of all that is asked and of all that is known to be right."""
        texts = {key: document.sha256 for key, document in self.documents.items()}
        known = [texts, [asdict(question) for question in self.questions]]
        return hashlib.sha256(json.dumps(known, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Return the same characters as disjoint spans in order."""
    merged: list[Span] = []
    for start, end in sorted(spans):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return tuple(merged)


def length(spans: Sequence[Span]) -> int:
    """Return the number of characters of disjoint spans."""
    return sum(end - start for start, end in spans)


def shared(some: Sequence[Span], others: Sequence[Span]) -> int:
    """Return the number of characters that two lists of disjoint spans have in common."""
    return sum(
        max(0, min(end, other_end) - max(start, other_start))
        for start, end in some
        for other_start, other_end in others
    )
