"""What a pipeline gives for a question."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from memorag_graph.evaluation.dataset import Span
from memorag_graph.generation.answer import Citation


@dataclass(frozen=True, slots=True)
class Clues:
    """What a language model wrote to search with, and at what cost.

    Attributes:
        texts: By their kind, such as ``"span"``.
        seconds: Time it took.
        tokens_read: Tokens read for it.
        tokens_written: Tokens written.
    """

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: float = 0.0
    tokens_read: int = 0
    tokens_written: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a pipeline gave for a question.

    Attributes:
        passages: Evidence, best first; the generator numbers it in document order. None where none was looked for.
        at: Evidence at other budgets, by the number of tokens.
        answer: The answer; None where none was asked for.
        citations: The answer's citations.
        abstained: Whether the generator says that the document does not contain the answer.
        confidence: How sure the generator is; None without an answer.
        notices: What a reader should know about it.
        clues: What was searched with.
        seconds: By stage: ``"clues"``, ``"retrieve"``, ``"generate"``.
        tokens_read: Tokens that models read.
        tokens_written: Tokens that models wrote.
        cost: By the prices given; None without.
        error: Why there is no outcome; empty where there is one.
    """

    passages: tuple[Span, ...] | None = None
    at: Mapping[int, tuple[Span, ...]] = field(default_factory=dict)
    answer: str | None = None
    citations: tuple[Citation, ...] = ()
    abstained: bool = False
    confidence: float | None = None
    notices: tuple[str, ...] = ()
    clues: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    tokens_read: int = 0
    tokens_written: int = 0
    cost: float | None = None
    error: str = ""
