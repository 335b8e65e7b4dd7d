"""What a generator is given and what it gives."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NotRequired, TypedDict

from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.evidence import Evidence
from memorag_graph.settings import TaskType


class GenerationInput(TypedDict):
    """Input of every generator.

    Attributes:
        question: The question, or the request for a summary.
        task_type: ``"memorag"`` or ``"summarize"``.
        evidence: Passages in document order; the first has number 1.
        outline: Points of the summary; empty for a question.
        draft: Answer drafted from memory; empty where none is to be used.
        prompts: The prompts of the document's language.
        error: Why another generator failed, where this one stands in for it.
    """

    question: str
    task_type: TaskType
    evidence: Sequence[Evidence]
    outline: Sequence[str]
    draft: str
    prompts: Prompts
    error: NotRequired[Exception]


@dataclass(frozen=True, slots=True)
class Citation:
    """A quotation that bears out a statement: ``document.text[start:end] == quote``.

    Attributes:
        number: Number of the evidence passage, as the answer's marks like ``[1]`` have it.
        source: Name of the document.
        start: First character of the quotation in the document's text.
        end: One past the last character.
        quote: The characters between.
    """

    number: int
    source: str
    start: int
    end: int
    quote: str


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer with what bears it out.

    Attributes:
        text: The answer; marks like ``[1]`` name evidence passages.
        citations: In the order of the marks.
        notices: What a reader should know, such as a citation of a passage that does not exist.
        new_tokens: Tokens that a model wrote for it.
        message_id: Id of the chat model's message, by which a stream knows it; None where no model wrote it.
    """

    text: str
    citations: tuple[Citation, ...]
    notices: tuple[str, ...] = ()
    new_tokens: int = 0
    message_id: str | None = None
