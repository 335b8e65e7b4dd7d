"""Evaluate pipelines on a data set; write results, a report and plots to a directory."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from memorag_graph.clue_trust import trust_fingerprint
from memorag_graph.errors import InputError
from memorag_graph.evaluation.dataset import DataSet
from memorag_graph.evaluation.jsonl_log import replace_text
from memorag_graph.evaluation.metrics.score import choose_metrics
from memorag_graph.evaluation.pipelines.base import Pipeline
from memorag_graph.evaluation.pipelines.choose_pipelines import choose_pipelines
from memorag_graph.evaluation.plots import draw
from memorag_graph.evaluation.report import write_report
from memorag_graph.evaluation.results import Results, summarize
from memorag_graph.evaluation.run_config import INDEXES, PLOTS, REPORT, RESULTS, store_or_check
from memorag_graph.evaluation.runner import Evaluation, locked
from memorag_graph.evaluation.workbench import Workbench
from memorag_graph.generation.choose_generator import EXTRACTIVE
from memorag_graph.progress import ReportProgress, ignore_progress
from memorag_graph.providers.usage import Prices
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from memorag_graph.version import __version__

_CONCURRENCY = 8
"""Concurrent questions where batching changes no answer; a batch takes little longer than one question."""

_BUDGET_SHARES = (0.25, 0.5, 2.0)


@dataclass(frozen=True)
class Plan:
    """Pipelines and settings of an evaluation.

    Attributes:
        pipelines: Names of the pipelines.
        options: Models and settings; ``evidence_tokens`` is the budget, ``retrieval_chunk_size`` the chunk size.
        metrics: Metrics to report; empty means all.
        baseline: Pipeline that the others are compared with; empty means ``dense`` if present, else the first.
        answers: Whether to generate answers, or only retrieve evidence.
        limit: Maximum number of questions, from the first on; 0 means all.
        prices: Token prices; None leaves the cost unknown.
        seed: Seed of the resampling.
        concurrency: Questions asked at once; 0 means as many as change no answer.
    """

    pipelines: Sequence[str]
    options: RunOptions
    metrics: Sequence[str] = ()
    baseline: str = ""
    answers: bool = True
    limit: int = 0
    prices: Prices | None = None
    seed: int = 0
    concurrency: int = 0


def evaluate(
    data_set: DataSet,
    plan: Plan,
    directory: Path,
    registry: Registry,
    *,
    fresh: bool = False,
    report: ReportProgress = ignore_progress,
) -> Results:
    """Run the pipelines of a plan, resuming an interrupted run, and write the results.

    Args:
        data_set: Documents and questions.
        plan: Pipelines and settings.
        directory: Output directory: ``config.json``, ``items/``, ``results.json``, ``report.md``, ``plots/``.
        registry: Provides models and memories.
        fresh: Delete the results of an earlier run first.
        report: Called with progress.

    Raises:
        InputError: If a name or value cannot be used, or the directory holds another evaluation.
        ModelError: If a model cannot be loaded.
    """
    metrics = choose_metrics(plan.metrics)
    bench = Workbench(registry, plan.options, directory / INDEXES, plan.prices)
    pipelines = choose_pipelines(plan.pipelines, bench)
    baseline = _baseline(plan)
    data_set, sha256 = _first(data_set, plan.limit), data_set.sha256
    _check_sizes(plan.options)
    with locked(directory):
        config = _config(plan, data_set, sha256, pipelines, bench)
        store_or_check(directory, config, fresh=fresh)
        lines = Evaluation(
            data_set,
            pipelines,
            bench,
            directory,
            plan.answers,
            config["fixed"]["budgets"],
            config["free"]["concurrency"],
            report,
        ).run()
        results = summarize(lines, metrics, baseline, plan.seed)
        plots = draw(results, plan.options.evidence_tokens, directory / PLOTS)
        replace_text(directory / RESULTS, json.dumps(results, ensure_ascii=False, indent=1) + "\n")
        replace_text(directory / REPORT, write_report(results, lines, config, plots))
    return results


def _first(data_set: DataSet, limit: int) -> DataSet:
    if limit < 0:
        raise InputError("limit", f"must be a number of questions, or 0 for all, not {limit}")
    return replace(data_set, questions=data_set.questions[:limit]) if limit else data_set


def _baseline(plan: Plan) -> str:
    if plan.baseline and plan.baseline not in plan.pipelines:
        raise InputError("baseline", f"{plan.baseline!r} is not among the pipelines {', '.join(plan.pipelines)}")
    return plan.baseline or ("dense" if "dense" in plan.pipelines else plan.pipelines[0])


def _check_sizes(options: RunOptions) -> None:
    if options.evidence_tokens < options.retrieval_chunk_size:
        raise InputError(
            "budget",
            f"{options.evidence_tokens} tokens are fewer than a chunk of {options.retrieval_chunk_size}; "
            "raise the budget or reduce the chunk size",
        )


def _config(
    plan: Plan, data_set: DataSet, sha256: str, pipelines: Sequence[Pipeline], bench: Workbench
) -> dict[str, Any]:
    """Resolve all settings that determine the results; load the models that will be needed."""
    options = plan.options
    fixed: dict[str, Any] = {
        "version": __version__,
        "data_set_sha256": sha256,
        "answers": plan.answers,
        "budgets": sorted(
            {max(options.retrieval_chunk_size, int(options.evidence_tokens * share)) for share in _BUDGET_SHARES}
        ),
        "options": {
            **options.model_dump(),
            "model": bench.model_name,
            "embedding_model": bench.embedding_model,
            "generator": bench.generator_name,
        },
        "prices": [] if plan.prices is None else [plan.prices.input, plan.prices.output],
        "fingerprint": None,
        "dtype": None,
    }
    if (
        any(pipeline.uses_memory_model for pipeline in pipelines)
        and bench.registry.models.added_chat_model(bench.model_name) is None
    ):
        model = bench.memory_model
        fixed |= {"fingerprint": trust_fingerprint(model), "dtype": model.language_model.dtype}
    if plan.answers and bench.generator_name != EXTRACTIVE:
        bench.writer()  # fail now if the model is missing, not at every question
    free = {
        "data_set": data_set.name,
        "documents": len({question.document_id for question in data_set.questions}),
        "questions": len(data_set.questions),
        "pipelines": list(plan.pipelines),
        "metrics": list(plan.metrics),
        "baseline": _baseline(plan),
        "seed": plan.seed,
        "concurrency": plan.concurrency or (1 if fixed["dtype"] == "float32" else _CONCURRENCY),
    }
    return {"fixed": fixed, "free": free}
