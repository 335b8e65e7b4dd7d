"""Data sets: documents, and questions with reference answers and evidence."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Literal, get_args

from memorag_graph.documents import Document

Span = tuple[int, int]
"""Character offsets in a document: start and end, end excluded."""

Kind = Literal["specific", "general", "retrieval", "unanswerable"]
"""``specific``: about a detail; ``general``: a summary of the whole; ``retrieval``: without a reference answer;
``unanswerable``: the document does not contain the answer."""

KINDS: tuple[Kind, ...] = get_args(Kind)


@dataclass(frozen=True, slots=True)
class Question:
    """A question about one document.

    Attributes:
        id: Unique in its data set.
        document_id: The document that the question is about.
        query: The question.
        answers: Alternative reference answers; empty if unknown.
        evidence: Spans of the document that answer it, disjoint and in order; empty if unknown.
        kind: The kind of question.
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
        name: Name of the data set.
        documents: Documents by id, which is also their source name.
        questions: Questions in file order.
    """

    name: str
    documents: Mapping[str, Document]
    questions: tuple[Question, ...]

    @property
    def sha256(self) -> str:
        """Hash of documents, questions, reference answers and evidence."""
        texts = {key: document.sha256 for key, document in self.documents.items()}
        known = [texts, [asdict(question) for question in self.questions]]
        return hashlib.sha256(json.dumps(known, ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def union(spans: Iterable[Span]) -> tuple[Span, ...]:
    """Merge spans into disjoint spans in order."""
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
