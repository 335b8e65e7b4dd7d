"""Write the report in Markdown."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memorag_graph.evaluation.jsonl_log import Line
from memorag_graph.evaluation.metrics.score import AT, METRICS, Group
from memorag_graph.evaluation.oracle_gain import ALONE, ORACLE, SHARE
from memorag_graph.evaluation.results import Results

_TITLES: Mapping[Group, str] = {
    "evidence": "Evidence",
    "answers": "Answers",
    "citations": "Citations",
    "refusals": "Refusals",
    "faults": "Faults",
    "costs": "Costs",
}
_NAMED = 10
"""Questions listed per fault; the items list them all."""


def write_report(
    results: Results, lines: Mapping[str, Sequence[Line]], config: Mapping[str, Any], plots: Sequence[Path]
) -> str:
    """Return the report: a table per group of metrics, differences, questions with faults, plots."""
    free, baseline = config["free"], config["free"]["baseline"]
    parts = [f"# Evaluation of {', '.join(results)}", _setting(config)]
    for group, title in _TITLES.items():
        names = _present(results, [name for name, (of, _) in METRICS.items() if of == group])
        if names:
            parts += [f"## {title}", table(results, names), "\n".join(f"- `{it}`: {METRICS[it][1]}" for it in names)]
        if group == "evidence" and (at := _budgets(results)):
            parts += ["### Evidence recall at other budgets", table(results, at)]
    if len(results) > 1 and (differences := _differences(results, baseline)):
        parts += [f"## Differences from {baseline}", _ABOUT_DIFFERENCES, differences]
    if shares := {name: metrics[SHARE] for name, metrics in results.items() if SHARE in metrics}:
        parts += ["## Share of the oracle's gain", _ABOUT_SHARES, _shares(shares)]
    if named := _faults(lines):
        parts += ["## Questions with faults", named]
    parts += [f"![{path.stem}]({path.parent.name}/{path.name})" for path in plots]
    parts.append(f"Seed {free['seed']}, {free['concurrency']} questions at once.")
    return "\n\n".join(parts) + "\n"


_ABOUT_DIFFERENCES = (
    "Mean difference on the questions for which both have the metric, with its 95 % interval and the p-value of a "
    "randomization test (not corrected for the number of comparisons)."
)


_ABOUT_SHARES = (
    f"How much of the evidence recall that the reference answer adds to the question (`{ORACLE}` against `{ALONE}`) "
    "the clues add: 1 is all of it, below 0 is worse than the question alone. 95 % interval over questions."
)


def _shares(shares: Mapping[str, Mapping[str, Any]]) -> str:
    rows = []
    for name, found in shares.items():
        interval = "–" if found["low"] is None else f"[{found['low']:+.2f}, {found['high']:+.2f}]"
        rows.append([name, f"{found['mean']:+.2f}", interval, str(found["n"])])
    return _markdown(["pipeline", "share", "interval", "n"], rows)


def table(results: Results, names: Sequence[str]) -> str:
    """Return a Markdown table of metrics: mean [interval], and the number of questions unless all have the metric."""
    asked = max((found["n"] for metrics in results.values() for found in metrics.values()), default=0)
    rows = [
        [name, *(cell(metric, metrics.get(metric), asked) for metric in names)] for name, metrics in results.items()
    ]
    return _markdown(["pipeline", *names], rows)


def _setting(config: Mapping[str, Any]) -> str:
    fixed, free = config["fixed"], config["free"]
    options = fixed["options"]
    return (
        f"{free['questions']} questions about {free['documents']} documents of {free['data_set']}; "
        f"{options['evidence_tokens']:,} tokens of evidence in chunks of {options['retrieval_chunk_size']}; "
        f"embedding model {options['embedding_model']}, memory model {options['model']}, "
        f"{'generator ' + options['generator'] if fixed['answers'] else 'no answers'}; "
        f"memorag-graph {fixed['version']}. Mean [95 % interval]; (n) if not all questions have the metric."
    )


def cell(metric: str, found: Mapping[str, Any] | None, asked: int) -> str:
    """Return a mean with its interval (for faults, their count), and the number of questions unless it is ``asked``."""
    if found is None:
        return "–"
    if _group(metric) == "faults":
        return f"{found['mean'] * found['n']:.0f} of {found['n']}"
    count = "" if found["n"] == asked else f" ({found['n']})"
    digits = 0 if "tokens" in metric else 3
    mean, low, high = ("" if it is None else f"{it:,.{digits}f}" for it in (found["mean"], found["low"], found["high"]))
    return f"{mean} [{low}, {high}]{count}" if low else f"{mean}{count}"


def _group(metric: str) -> Group:
    return METRICS[metric][0] if metric in METRICS else "evidence"


def _differences(results: Results, baseline: str) -> str:
    rows = []
    for name, metrics in results.items():
        for metric, found in metrics.items():
            if (change := found.get("difference")) and _group(metric) not in ("costs", "faults"):
                interval = "–" if change["low"] is None else f"[{change['low']:+.3f}, {change['high']:+.3f}]"
                p = "–" if change["p"] is None else f"{change['p']:.4f}"
                rows.append([name, metric, f"{change['mean']:+.3f}", interval, p, str(change["n"])])
    return _markdown(["pipeline", "metric", "difference", "interval", "p", "n"], rows) if rows else ""


def _faults(lines: Mapping[str, Sequence[Line]]) -> str:
    """List the questions with faults."""
    found = []
    for pipeline, own in lines.items():
        for name in (name for name, (group, _) in METRICS.items() if group == "faults"):
            questions = [line["question"] for line in own if line["metrics"].get(name)]
            if questions:
                more = f", and {len(questions) - _NAMED} more" if len(questions) > _NAMED else ""
                why = f" ({next(line['error'] for line in own if line['error'])})" if name == "failed" else ""
                found.append(f"- {pipeline}, {name}: {len(questions)}{why}: {', '.join(questions[:_NAMED])}{more}")
    return "\n".join(found)


def _present(results: Results, names: Sequence[str]) -> list[str]:
    return [name for name in names if any(name in metrics for metrics in results.values())]


def _budgets(results: Results) -> list[str]:
    found = {name for metrics in results.values() for name in metrics if name.startswith(AT)}
    return sorted(found, key=lambda name: int(name.removeprefix(AT)))


def _markdown(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(cells)} |" for cells in lines)
