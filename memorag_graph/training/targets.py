"""Choose what is to be learned: the candidates with which retrieval finds most of the evidence."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from memorag_graph.evaluation.clue_runs import ClueKind
from memorag_graph.evaluation.dataset import Question
from memorag_graph.evaluation.metrics.evidence_metrics import recall
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.pipelines.memorag_pipeline import PARTS, Memorag
from memorag_graph.evaluation.workbench import Case, Prepared, Workbench
from memorag_graph.retrieval.clue_weights import LEVELS
from memorag_graph.training.candidates import drafts, spans, surrogates

CLUE_TOKENS = 48
"""Maximum tokens of a learned reply."""

_MARGIN = 0.05
"""How much more evidence a later candidate must find to be preferred over an earlier one."""

_LEVEL: Mapping[ClueKind, str] = {"spans": "spans", "surrogates": "surrogates", "draft": "draft"}


@dataclass(frozen=True, slots=True)
class Target:
    """What a model is to write for a question.

    Attributes:
        question: Id of the question.
        kind: Kind of clue.
        items: The clues, or the one draft.
        recall: Evidence recall with them.
        alone: Evidence recall of the question alone.
    """

    question: str
    kind: ClueKind
    items: tuple[str, ...]
    recall: float
    alone: float


def reply(target: Target) -> str:
    """Return what the model is to write; a list begins after its first number, with which the prompt ends."""
    if target.kind == "draft":
        return target.items[0]
    first, *others = target.items
    return "\n".join([f" {first}", *(f"{number}. {item}" for number, item in enumerate(others, start=2))])


class TargetChooser:
    """Chooses targets by the evidence recall of the package's own retrieval (rejection sampling).

    Args:
        bench: Models, chunks and indexes.
    """

    def __init__(self, bench: Workbench) -> None:
        self._bench = bench
        self._pipeline = Memorag(bench, "memorag+draft", frozenset(PARTS) - {"outline"})

    def choose(
        self, question: Question, prepared: Prepared, notes: Sequence[str], kinds: Collection[ClueKind]
    ) -> Iterator[Target]:
        """Yield the best target of each kind, unless it finds less evidence than the question alone.

        Args:
            question: A question with evidence.
            prepared: Its document.
            notes: The notes of the document's memory.
            kinds: Kinds of clue.
        """
        case = Case(question, prepared)
        alone = self._recall(case, Clues({}), "silent")
        for kind in kinds:
            best: Target | None = None
            for items in self._candidates(question, prepared, notes, kind):
                found = self._recall(case, Clues({kind: items}), _LEVEL[kind])
                if best is None or found > best.recall + _MARGIN:
                    best = Target(question.id, kind, items, found, alone)
            if best is not None and best.recall >= alone:
                yield best

    def _candidates(
        self, question: Question, prepared: Prepared, notes: Sequence[str], kind: ClueKind
    ) -> list[tuple[str, ...]]:
        text, code = prepared.document.text, prepared.language.code
        if kind == "surrogates":
            return surrogates(question, text, code, self._fits)
        if kind == "spans":
            return spans(question, text, notes, code, self._fits)
        return [(draft,) for draft in drafts(question, text, code, self._fits)]

    def _fits(self, items: Sequence[str]) -> bool:
        listed = "\n".join(f"{number}. {item}" for number, item in enumerate(items, start=2))
        return self._bench.memory_model.language_model.count(listed) < CLUE_TOKENS

    def _recall(self, case: Case, clues: Clues, level: str) -> float:
        budget = self._bench.options.evidence_tokens
        found = self._pipeline.search_with(case, clues, budget, LEVELS[level])
        return recall(found, case.question.evidence) or 0.0
