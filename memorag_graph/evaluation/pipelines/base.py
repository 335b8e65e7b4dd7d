"""Base class of pipelines."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from itertools import accumulate

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableConfig

from memorag_graph.evaluation.chunks import count_tokens
from memorag_graph.evaluation.clue_runs import ClueKind
from memorag_graph.evaluation.dataset import Span
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.workbench import Case, Workbench
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.retrieval.chunk_index import Hit
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.settings import TaskType


class Pipeline(ABC):
    """One way to answer questions.

    Args:
        bench: Models and settings.
        name: Name of the pipeline.
    """

    keeps_to_budget = True
    """Whether its evidence is limited to the token budget."""

    def __init__(self, bench: Workbench, name: str) -> None:
        self.bench = bench
        self.name = name

    @property
    def recalls(self) -> frozenset[ClueKind]:
        """Kinds of clues from the document's memory that it searches with."""
        return frozenset()

    @property
    def writes(self) -> bool:
        """Whether a language model without the memory generates its queries."""
        return type(self).expand is not Pipeline.expand

    @property
    def uses_memory_model(self) -> bool:
        """Whether it needs the memory model regardless of the generator."""
        return bool(self.recalls) or self.writes

    def expand(self, case: Case, config: RunnableConfig) -> Clues:
        """Generate queries with a language model."""
        return Clues()

    @abstractmethod
    def search(self, case: Case, clues: Clues, budget: int) -> list[Span] | None:
        """Return evidence of at most ``budget`` tokens, best first; None if the pipeline retrieves none."""

    def answer(self, case: Case, clues: Clues, passages: Sequence[Span] | None, config: RunnableConfig) -> Answer:
        """Answer from the evidence."""
        return self.bench.generator().invoke(self.generation_input(case, passages or (), "memorag"), config)

    def generation_input(self, case: Case, passages: Sequence[Span], task: TaskType) -> GenerationInput:
        """Return the input of a generator: the question, with the evidence in document order."""
        document, question = case.prepared.document, case.question.query
        return {
            "question": question,
            "task_type": task,
            "evidence": [
                Evidence(document.source, start, end, document.text[start:end], 0.0) for start, end in sorted(passages)
            ],
            "outline": [],
            "draft": "",
            "prompts": self.bench.prompts(case.prepared),
            "rarity": case.prepared.keywords.rarity(question),
        }


def best_chunks(case: Case, hits: Sequence[Hit], budget: int, size: int) -> list[Span]:
    """Return the spans of the first ``budget // size`` hits, or of fewer if larger chunks use up the budget."""
    chosen = [case.prepared.chunks[hit.chunk] for hit in hits[: budget // size]]
    used = accumulate(count_tokens(chunk.text) for chunk in chosen)
    return [(chunk.start, chunk.end) for chunk, tokens in zip(chosen, used, strict=True) if tokens <= budget]


def watched_by(handler: BaseCallbackHandler) -> RunnableConfig:
    """Return a config whose calls a handler observes."""
    return {"callbacks": [handler], "tags": ["nostream"]}
