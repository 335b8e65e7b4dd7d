"""The package's own pipeline, with all parts or some of them."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, cast, get_args

from langchain_core.runnables import RunnableConfig

from memorag_graph.clues.clue_filter import searchable
from memorag_graph.evaluation.clue_runs import ClueKind
from memorag_graph.evaluation.dataset import Span
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.pipelines.base import Pipeline
from memorag_graph.evaluation.pipelines.own_retrieval import RetrievalPart, index_of, retrieved
from memorag_graph.evaluation.workbench import Case, Workbench
from memorag_graph.generation.answer import Answer
from memorag_graph.retrieval.clue_weights import CAREFUL, ClueWeights
from memorag_graph.serialization import to_queries

if TYPE_CHECKING:
    from memorag_graph.state import GraphState

CLUES: tuple[ClueKind, ...] = get_args(ClueKind)
RETRIEVAL: tuple[RetrievalPart, ...] = get_args(RetrievalPart)
PARTS: tuple[str, ...] = (*CLUES, *RETRIEVAL)
"""All parts: clues from the memory, and parts of retrieval."""


class Memorag(Pipeline):
    """The package's own pipeline.

    Args:
        bench: Models and settings.
        name: Name of the pipeline.
        parts: Those of :data:`PARTS` that it uses; without clues it searches with the question only.
    """

    def __init__(self, bench: Workbench, name: str, parts: frozenset[str]) -> None:
        super().__init__(bench, name)
        self.parts = parts

    @property
    def recalls(self) -> frozenset[ClueKind]:
        """Kinds of clues that it uses."""
        return frozenset(kind for kind in CLUES if kind in self.parts)

    @property
    def uses_memory_model(self) -> bool:
        """True if the memory generates clues."""
        return bool(self.recalls)

    def search(self, case: Case, clues: Clues, budget: int) -> list[Span]:
        """Return the evidence for the question and all clues."""
        return self.search_with(case, clues, budget, self.clue_weights if clues.texts else CAREFUL)

    def search_with(self, case: Case, clues: Clues, budget: int, weights: ClueWeights) -> list[Span]:
        """Return the evidence where the clues count as much as given."""
        index, known = index_of(case, self.parts), case.prepared.keywords.share_known
        queries, _ = searchable(to_queries(self._state(case, clues)), known, index.nearness, weights.astray)
        return retrieved(self.bench, case, queries, budget, self.parts, weights)

    @property
    def clue_weights(self) -> ClueWeights:
        """How much the clues of the memory model count."""
        return self.bench.clue_weights

    def answer(self, case: Case, clues: Clues, passages: Sequence[Span] | None, config: RunnableConfig) -> Answer:
        """Answer from the evidence, in the order of the outline if there is one."""
        state = self._state(case, clues)
        inputs = self.generation_input(case, passages or (), state["task"])
        inputs |= {"outline": state["outline"], "draft": state["draft"]}
        inputs["clues"] = [*state["spans"], *state["surrogates"]]
        return self.bench.generator().invoke(inputs, config)

    def _state(self, case: Case, clues: Clues) -> "GraphState":
        """Return the clues as state of the graph."""
        outline = list(clues.texts.get("outline", ()))
        state = {
            "task": "summarize" if outline else "memorag",
            "question": case.question.query,
            "spans": list(clues.texts.get("spans", ())),
            "surrogates": list(clues.texts.get("surrogates", ())),
            "draft": next(iter(clues.texts.get("draft", ())), ""),
            "outline": outline,
        }
        return cast("GraphState", state)
