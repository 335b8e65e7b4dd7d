"""How much the clues of a memory model count in retrieval: more, the better the model remembers."""

from collections.abc import Mapping
from dataclasses import dataclass

from memorag_graph.retrieval.query import WEIGHTS
from memorag_graph.settings import QueryKind


@dataclass(frozen=True, slots=True)
class ClueWeights:
    """How much the clues of a memory model count.

    Attributes:
        span: Weight of recalled spans, divided among them, where the question's is 1.
        surrogate: Weight of surrogate questions.
        draft: Weight of the draft.
        question_share: Share of the evidence that the question selects alone, 0 to 1.
        astray: Least similarity of a clue with the question, as a share of the nearest passage's, 0 to 1: less similar
            ones are not searched for.
    """

    span: float
    surrogate: float
    draft: float
    question_share: float
    astray: float

    def of_kinds(self) -> dict[QueryKind, float]:
        """Return the weight of each kind of query."""
        return {**WEIGHTS, "span": self.span, "surrogate": self.surrogate, "draft": self.draft}


SILENT = ClueWeights(span=0.0, surrogate=0.0, draft=0.0, question_share=1.0, astray=1.0)
"""For a model whose clues lead astray."""

CAREFUL = ClueWeights(span=0.05, surrogate=0.25, draft=0.4, question_share=0.75, astray=0.9)
"""For a small model, which is often wrong; chosen for the embedded one (docs/experiments.md)."""

EVEN = ClueWeights(span=0.1, surrogate=0.5, draft=1.0, question_share=0.5, astray=0.6)
"""For a model that is right about as often as not."""

TRUSTING = ClueWeights(span=0.5, surrogate=1.0, draft=3.0, question_share=0.0, astray=0.0)
"""For a model that remembers well."""

LEVELS: Mapping[str, ClueWeights] = {
    "silent": SILENT,
    "careful": CAREFUL,
    "even": EVEN,
    "trusting": TRUSTING,
    "spans": ClueWeights(span=1.0, surrogate=0.0, draft=0.0, question_share=0.5, astray=0.6),
    "surrogates": ClueWeights(span=0.0, surrogate=1.0, draft=0.0, question_share=0.5, astray=0.6),
    "draft": ClueWeights(span=0.0, surrogate=0.0, draft=1.0, question_share=0.5, astray=0.6),
    "trusting the draft": ClueWeights(span=0.0, surrogate=0.0, draft=3.0, question_share=0.0, astray=0.0),
}
"""What :mod:`memorag_graph.evaluation.tune` chooses from, by name."""
