"""Search with the reference answer as draft: how much clues could gain at most."""

from langchain_core.runnables import RunnableConfig

from memorag_graph.evaluation.clue_runs import ClueKind
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.pipelines.memorag_pipeline import RETRIEVAL, Memorag
from memorag_graph.evaluation.workbench import Case, Workbench
from memorag_graph.retrieval.clue_weights import TRUSTING, ClueWeights


class Oracle(Memorag):
    """The package's pipeline with the first reference answer in the draft's place; no model writes anything.

    A question without a reference answer is searched for alone.
    """

    def __init__(self, bench: Workbench, name: str) -> None:
        super().__init__(bench, name, frozenset({"draft", *RETRIEVAL}))

    @property
    def recalls(self) -> frozenset[ClueKind]:
        """Nothing: the data set holds the draft."""
        return frozenset()

    @property
    def uses_memory_model(self) -> bool:
        """False: no model generates anything."""
        return False

    @property
    def clue_weights(self) -> ClueWeights:
        """What :mod:`memorag_graph.evaluation.tune` finds for a model that is always right."""
        return TRUSTING

    def expand(self, case: Case, config: RunnableConfig) -> Clues:
        """Return the reference answer as draft."""
        return Clues({"draft": case.question.answers[:1]})
