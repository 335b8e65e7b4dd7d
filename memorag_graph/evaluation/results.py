"""Summarize stored outcomes: metrics per pipeline, with intervals and differences."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from memorag_graph.evaluation.jsonl_log import Line
from memorag_graph.evaluation.metrics.score import AT
from memorag_graph.evaluation.oracle_gain import SHARE, gains
from memorag_graph.evaluation.significance import difference, interval

Results = dict[str, dict[str, dict[str, Any]]]
"""Pipeline → metric → ``mean``, ``low``, ``high``, ``n``, and ``difference`` from the baseline with its ``p``."""


def summarize(lines: Mapping[str, Sequence[Line]], metrics: Sequence[str], baseline: str, seed: int) -> Results:
    """Return mean and interval of each metric that is defined for at least one question of a pipeline.

    With the pipelines ``hybrid`` and ``oracle``, the others that use clues have their share of the oracle's gain, too.

    Args:
        lines: Outcomes by pipeline, for the same questions in the same order.
        metrics: Metrics to report; ``evidence_recall`` includes recall at other budgets.
        baseline: Pipeline that the others are compared with, on questions for which both have the metric.
        seed: Seed of the resampling.
    """
    results: Results = {}
    for name, own in lines.items():
        results[name] = {}
        for metric in _metrics(own, metrics):
            values = _values(own, metric)
            known = [value for value in values if value is not None]
            if known:
                found: dict[str, Any] = asdict(interval(known, seed))
                if name != baseline and (pairs := _pairs(values, _values(lines[baseline], metric))):
                    compared = difference([own for own, _ in pairs], [other for _, other in pairs], seed)
                    found["difference"] = {"baseline": baseline, **asdict(compared)}
                results[name][metric] = found
    for name, share in gains(lines, seed).items():
        results[name][SHARE] = asdict(share)
    return results


def _metrics(lines: Sequence[Line], wanted: Sequence[str]) -> list[str]:
    extra = dict.fromkeys(name for line in lines for name in line["metrics"] if name.startswith(AT))
    return [*wanted, *(extra if "evidence_recall" in wanted else ())]


def _values(lines: Sequence[Line], metric: str) -> list[float | None]:
    return [line["metrics"].get(metric) for line in lines]


def _pairs(values: Sequence[float | None], others: Sequence[float | None]) -> list[tuple[float, float]]:
    return [
        (value, other) for value, other in zip(values, others, strict=True) if value is not None and other is not None
    ]
