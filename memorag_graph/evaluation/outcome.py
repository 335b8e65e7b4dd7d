"""The outcome of a question."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from memorag_graph.evaluation.dataset import Span
from memorag_graph.generation.answer import Citation


@dataclass(frozen=True, slots=True)
class Clues:
    """Clues that a language model generated for the search, with their cost.

    Attributes:
        texts: Texts by kind, for example ``"spans"``.
        seconds: Generation time.
        tokens_read: Input tokens.
        tokens_written: Output tokens.
    """

    texts: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    seconds: float = 0.0
    tokens_read: int = 0
    tokens_written: int = 0


@dataclass(frozen=True, slots=True)
class Outcome:
    """Evidence, answer and cost of one question to one pipeline.

    Attributes:
        passages: Evidence, best first; the generator numbers it in document order. None if the pipeline retrieves none.
        at: Evidence at other budgets, by number of tokens.
        answer: The answer; None if none was requested.
        citations: Citations of the answer.
        abstained: Whether the generator found no answer in the document.
        confidence: Confidence of the generator; None without an answer.
        notices: Warnings about the answer.
        clues: Clues used for the search, by kind.
        seconds: Time by stage: ``"clues"``, ``"retrieve"``, ``"generate"``.
        tokens_read: Input tokens of all models.
        tokens_written: Output tokens of all models.
        cost: Cost at the given prices; None without prices.
        error: Why the question failed; empty if it did not.
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
