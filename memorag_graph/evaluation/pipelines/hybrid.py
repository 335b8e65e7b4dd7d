"""The package's own retrieval, without a memory."""

from memorag_graph.evaluation.bench import Case
from memorag_graph.evaluation.data import Span
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.pipelines.own import retrieved
from memorag_graph.evaluation.pipelines.pipeline import Pipeline
from memorag_graph.retrieval.query import Query


class Hybrid(Pipeline):
    """What memorag finds when it searches with the question alone."""

    def search(self, case: Case, clues: Clues, budget: int) -> list[Span]:
        """Return the evidence for the question."""
        return retrieved(self.bench, case, [Query("question", case.question.query)], budget)
