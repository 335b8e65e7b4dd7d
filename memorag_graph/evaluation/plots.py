"""Plot recall against budget and quality against latency."""

from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from memorag_graph.evaluation.metrics.score import AT
from memorag_graph.evaluation.results import Results

_SIZE = (6.4, 4.2)
_QUALITY = ("answer_f1", "rougeL", "evidence_recall")


def draw(results: Results, budget: int, directory: Path) -> list[Path]:
    """Draw the plots that the results have data for; return the files."""
    drawn = []
    if any(_recall_at(metrics, budget) for metrics in results.values()):
        drawn.append(_recall_by_budget(results, budget, directory / "recall_by_budget.png"))
    known = [metric for metric in _QUALITY if any({metric, "seconds"} <= set(metrics) for metrics in results.values())]
    return drawn + [_quality_by_latency(results, metric, directory / f"{metric}_by_latency.png") for metric in known]


def _recall_by_budget(results: Results, budget: int, path: Path) -> Path:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    for name, metrics in results.items():
        if points := _recall_at(metrics, budget):
            means = [found["mean"] for _, found in points]
            axes.errorbar([tokens for tokens, _ in points], means, _bars(points), marker="o", capsize=2, label=name)
    axes.set_xscale("log", base=2)
    budgets = sorted({tokens for metrics in results.values() for tokens, _ in _recall_at(metrics, budget)})
    axes.set_xticks(budgets, [f"{tokens:,}" for tokens in budgets])
    axes.minorticks_off()
    axes.set_xlabel("evidence budget (tokens)")
    axes.set_ylabel("evidence recall (95 % interval)")
    axes.legend(fontsize="small")
    return _save(figure, path)


def _quality_by_latency(results: Results, metric: str, path: Path) -> Path:
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    for name, metrics in results.items():
        if metric in metrics and "seconds" in metrics:
            seconds, quality = metrics["seconds"], metrics[metric]
            axes.errorbar(seconds["mean"], quality["mean"], _bars([(0, quality)]), marker="o", capsize=2, label=name)
    axes.set_xscale("log")
    axes.set_xlabel("seconds per question")
    axes.set_ylabel(f"{metric} (95 % interval)")
    axes.legend(fontsize="small")
    return _save(figure, path)


def _recall_at(metrics: dict[str, Any], budget: int) -> list[tuple[int, Any]]:
    points = {int(name.removeprefix(AT)): found for name, found in metrics.items() if name.startswith(AT)}
    if points and "evidence_recall" in metrics:
        points[budget] = metrics["evidence_recall"]
    return sorted(points.items())


def _bars(points: list[tuple[int, Any]]) -> list[list[float]]:
    """Return the distances of the interval ends below and above the means."""
    intervals = [interval for _, interval in points]
    return [
        [each["mean"] - (each["mean"] if each["low"] is None else each["low"]) for each in intervals],
        [(each["mean"] if each["high"] is None else each["high"]) - each["mean"] for each in intervals],
    ]


def _save(figure: Figure, path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=150)
    return path
