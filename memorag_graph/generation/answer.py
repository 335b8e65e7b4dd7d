"""Input and output of generators."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NotRequired, TypedDict

from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.list_matches import Reach
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.settings import TaskType

Fault = Literal[
    "cites_missing_passage",
    "cites_nothing",
    "false_citation",
    "unsupported_statement",
    "wrong_language",
    "conflicting_passages",
    "list_may_be_incomplete",
    "weak_evidence",
    "language_differs",
    "no_evidence",
    "generator_failed",
]
"""Codes of what can be wrong with an answer; the notices say the same in words."""


class GenerationInput(TypedDict):
    """Input of every generator.

    Attributes:
        question: The question, or the request for a summary.
        task_type: ``"memorag"`` or ``"summarize"``.
        evidence: Passages in document order; the first has number 1.
        outline: Points of the summary; empty for a question.
        draft: Answer drafted from memory; empty for none.
        instructions: What the system messages of the conversation say, for a chat model; missing or empty for nothing.
        prompts: The prompts of the document's language.
        clues: Recalled spans and surrogate questions.
        rarity: How rare each term of the question is in the document
            (:meth:`memorag_graph.retrieval.keyword_index.KeywordIndex.rarity`); missing terms weigh 1.
        max_tokens: Maximum tokens of a summary; 256 by default.
        reach: How much of what matches a question for a list the evidence holds; missing if that is not known.
        error: Why another generator failed, if this one replaces it.
    """

    question: str
    task_type: TaskType
    evidence: Sequence[Evidence]
    outline: Sequence[str]
    draft: str
    prompts: Prompts
    instructions: NotRequired[str]
    clues: NotRequired[Sequence[str]]
    rarity: NotRequired[Mapping[str, float]]
    max_tokens: NotRequired[int]
    reach: NotRequired[Reach]
    error: NotRequired[Exception]


@dataclass(frozen=True, slots=True)
class Citation:
    """A quotation for a statement: ``document.text[start:end] == quote``.

    Attributes:
        number: Number of the evidence passage, as in the answer's marks like ``[1]``.
        source: Name of the document.
        start: First character of the quotation in the document's text.
        end: One past the last character.
        quote: The characters between.
        page: Page of the document that it begins on; None if there are no pages.
        section: Heading of the section that it begins in; None if there is none.
        label: The document's own name of the place, for example a page's label "iv" or the time of a subtitle.
        header: Header of the table that it is a row of; None if there is none.
        speaker: Who says it, where the quotation itself does not name the speaker of the turn it is from.
        supported: Whether the passage supports the statement.
        ocr: True if its page is a picture whose text was read by OCR, so that it may contain errors; else None.
    """

    number: int
    source: str
    start: int
    end: int
    quote: str
    page: int | None = None
    section: str | None = None
    label: str | None = None
    header: str | None = None
    speaker: str | None = None
    supported: bool = True
    ocr: bool | None = None


@dataclass(frozen=True, slots=True)
class Unsupported:
    """A sentence of an answer that no cited passage supports: ``answer.text[start:end] == text``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Conflict:
    """Two sentences of the evidence that contradict each other.

    Attributes:
        stated: The one that the answer quotes.
        other: The other one.
    """

    stated: Citation
    other: Citation


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with its citations and checks.

    Attributes:
        text: The answer; marks like ``[1]`` name evidence passages.
        citations: In the order of the marks.
        notices: What a reader should know, for example that a cited passage does not exist.
        faults: The same as codes.
        unsupported: The sentences without support, in order.
        conflicts: Contradictions between what the answer quotes and the evidence.
        confidence: How likely it is that the document contains the answer and the answer comes from it, 0 to 1. With
            the fault ``language_differs`` it comes from meaning alone, and a low one says little.
        abstained: Whether the answer says that no passage matches the question well, or, where a chat model wrote it,
            that the passages do not contain the answer.
        new_tokens: Tokens that a model generated for it: 0 if none wrote it, 1 if it did not tell how many.
        message_id: Id of the chat model's message in the stream; None if no model wrote it.
    """

    text: str
    citations: tuple[Citation, ...]
    notices: tuple[str, ...] = ()
    faults: tuple[Fault, ...] = ()
    unsupported: tuple[Unsupported, ...] = ()
    conflicts: tuple[Conflict, ...] = ()
    confidence: float = 0.0
    abstained: bool = False
    new_tokens: int = 0
    message_id: str | None = None
