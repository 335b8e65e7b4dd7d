"""Measure how far the clues of a memory model can be trusted, and keep the weights that fit it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np

from memorag_graph.clue_trust import keep, trust_fingerprint, untuned_level
from memorag_graph.errors import InputError
from memorag_graph.evaluation.clue_runs import merged
from memorag_graph.evaluation.dataset import DataSet, Question
from memorag_graph.evaluation.evaluate import Plan, evaluate
from memorag_graph.evaluation.jsonl_log import JournalFile
from memorag_graph.evaluation.metrics.evidence_metrics import recall
from memorag_graph.evaluation.outcome import Clues
from memorag_graph.evaluation.pipelines.memorag_pipeline import PARTS, Memorag
from memorag_graph.evaluation.run_config import CLUES, INDEXES
from memorag_graph.evaluation.significance import Difference, difference
from memorag_graph.evaluation.workbench import Case, Workbench
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.retrieval.clue_weights import LEVELS, SILENT
from memorag_graph.settings import RunOptions

HARMLESS = -0.005
"""Least lower end of the interval of the gain in evidence recall that chosen weights may have."""

FEWEST = 10
"""Fewer questions do not tell which weights are harmless."""

_ALONE, _WITH_CLUES = "hybrid", "memorag+draft"


@dataclass(frozen=True, slots=True)
class Tuned:
    """What was measured.

    Attributes:
        chosen: Name of the chosen level of :data:`~memorag_graph.retrieval.clue_weights.LEVELS`.
        alone: Mean evidence recall of the question alone.
        gains: What each level gains over that.
        questions: Number of questions with evidence.
    """

    chosen: str
    alone: float
    gains: Mapping[str, Difference]
    questions: int


def tune(
    data_set: DataSet,
    options: RunOptions,
    directory: Path,
    registry: Registry,
    *,
    limit: int = 0,
    report: ReportProgress = ignore_progress,
) -> Tuned:
    """Generate clues for questions with known evidence, choose the weights that find most of it, and keep them.

    Weights are only chosen if they cannot lose more than half a point against the question alone. Where none of these
    gain, as with too few questions to tell, those of a model that was not tuned stay as long as they gain on average;
    else the model's clues are not searched for. The weights hold from then on wherever the same model is the memory
    model.

    Args:
        data_set: Documents, and questions with evidence.
        options: Models and settings.
        directory: Working directory; re-run to resume.
        registry: Provides models and memories.
        limit: Maximum number of questions, from the first on; 0 means all.
        report: Called with progress.

    Raises:
        InputError: If fewer than ten questions have evidence.
        ModelError: If a model cannot be loaded.
    """
    known = tuple(question for question in data_set.questions if question.evidence)[: limit or None]
    if len(known) < FEWEST:
        raise InputError("dataset", f"{len(known)} questions have evidence; tuning needs at least {FEWEST}")
    data_set = replace(data_set, questions=known)
    evaluate(
        data_set,
        Plan((_ALONE, _WITH_CLUES), options, baseline=_ALONE, answers=False),
        directory,
        registry,
        report=report,
    )
    bench = Workbench(registry, options, directory / INDEXES)
    untuned = untuned_level(bench.memory_model)
    found = chosen_of(recalls(data_set, _stored(directory, known), bench, report), len(known), untuned)
    measured = {"model": bench.model_name, "level": found.chosen, "data_set": data_set.name, "questions": len(known)}
    keep(trust_fingerprint(bench.memory_model), LEVELS[found.chosen], measured)
    return found


def chosen_of(of_levels: Mapping[str, Sequence[float]], questions: int, untuned: str = "silent") -> Tuned:
    """Choose the level that gains most among the harmless ones, or else the untuned one if that gains on average.

    Args:
        of_levels: Evidence recall of each question by level; that of ``"silent"`` is the question's alone.
        questions: Number of questions.
        untuned: Level of a model that was not tuned, which stays where it gains on average.
    """
    alone = of_levels["silent"]
    gains = {name: difference(values, alone, 0) for name, values in of_levels.items()}
    harmless = [name for name, gain in gains.items() if (gain.mean if gain.low is None else gain.low) >= HARMLESS]
    best = max(harmless, key=lambda name: gains[name].mean, default="silent")
    if best == "silent" and gains[untuned].mean > 0:
        best = untuned
    return Tuned(best, float(np.mean(alone)), gains, questions)


def _stored(directory: Path, questions: Sequence[Question]) -> dict[str, Clues]:
    """Return the clues of each question that the evaluation stored."""
    found: dict[str, list[Clues]] = {question.id: [] for question in questions}
    for line in JournalFile(directory / CLUES).lines:
        if line["question"] in found:
            found[line["question"]].append(Clues(**{key: line[key] for key in asdict(Clues())}))
    return {name: merged(clues) for name, clues in found.items()}


def recalls(
    data_set: DataSet, clues: Mapping[str, Clues], bench: Workbench, report: ReportProgress
) -> dict[str, list[float]]:
    """Return the evidence recall of each question with the weights of each level.

    Args:
        data_set: Documents, and questions with evidence.
        clues: The clues of each question, by its id.
        bench: Models, chunks and indexes.
        report: Called with progress.
    """
    pipeline = Memorag(bench, _WITH_CLUES, frozenset(PARTS) - {"outline"})
    found: dict[str, list[float]] = {name: [] for name in LEVELS}
    for done, question in enumerate(data_set.questions, start=1):
        case = Case(question, bench.prepare(data_set.documents[question.document_id]))
        for name, weights in LEVELS.items():
            own = Clues({}) if weights is SILENT else clues[question.id]
            spans = pipeline.search_with(case, own, bench.options.evidence_tokens, weights)
            found[name].append(recall(spans, question.evidence) or 0.0)
        report(Progress("weights", done, len(data_set.questions), "questions"))
    return found
