"""The command ``eval``."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from memorag_graph.cli import options as opt
from memorag_graph.errors import InputError
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.evaluation.results import Results
    from memorag_graph.providers.usage import Prices

out = Console()
err = Console(stderr=True)

DataSetPath = Annotated[
    str, typer.Argument(help="Folder of documents and questions, or a LongBench JSON-lines file.", metavar="DATASET")
]
Out = Annotated[str, typer.Option("--out", help="Directory of the results; re-run to resume.", metavar="DIR")]
Pipelines = Annotated[
    str,
    typer.Option("--pipelines", help="Comma-separated names; memorag-spans is memorag without spans.", metavar="NAMES"),
]
Metrics = Annotated[
    str, typer.Option("--metrics", help="Comma-separated metrics to report. Default: all.", metavar="NAMES")
]
Baseline = Annotated[
    str,
    typer.Option("--baseline", help="Pipeline to compare with. Default: dense, else the first.", metavar="NAME"),
]
Limit = Annotated[int, typer.Option("--limit", help="Ask only the first N questions; 0 asks all.", metavar="N")]
Answers = Annotated[bool, typer.Option("--answers/--no-answers", help="Also generate and score answers.")]
TokenPrices = Annotated[
    str, typer.Option("--prices", help="Price of a million input and output tokens.", metavar="READ,WRITTEN")
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", help="Questions at once; 0: as many as leave the answers unchanged.", min=0)
]
Seed = Annotated[int, typer.Option("--seed", help="Seed of the bootstrap.", min=0)]
Fresh = Annotated[bool, typer.Option("--fresh", help="Delete the results of an earlier run first.")]


@opt.takes_options(
    *opt.MODELS, "adapter", "generator", "evidence_tokens", "retrieval_chunk_size", "hits", "question_share",
    "query_weights", "reranker", "kind", "gist_writer", "beacon_ratio", "max_new_tokens", "prompts",
    evidence_tokens="--budget",
)  # fmt: skip
def evaluate(
    dataset: DataSetPath,
    directory: Out,
    pipelines: Pipelines = "dense,bm25,hybrid,memorag",
    metrics: Metrics = "",
    baseline: Baseline = "",
    *,
    options: RunOptions,
    limit: Limit = 0,
    answers: Answers = True,
    prices: TokenPrices = "",
    concurrency: Concurrency = 0,
    seed: Seed = 0,
    fresh: Fresh = False,
    as_json: opt.Json = False,
) -> None:
    """Compare pipelines on questions with known answers. Re-run to resume."""
    from memorag_graph.cli.render import show_results
    from memorag_graph.console import StageProgress

    plan = {"pipelines": _names(pipelines), "metrics": _names(metrics), "baseline": baseline, "answers": answers}
    plan |= {"limit": limit, "prices": _prices(prices), "seed": seed, "concurrency": concurrency, "options": options}
    with StageProgress(err) as bars:
        results = _run(dataset, Path(directory), plan, fresh, bars.update)
    if as_json:
        typer.echo(json.dumps(results, ensure_ascii=False, indent=2))
        return
    show_results(out, results)
    out.print(f"Report: {Path(directory) / 'report.md'}", soft_wrap=True, markup=False)


@opt.takes_options(
    *opt.MODELS, "adapter", "evidence_tokens", "retrieval_chunk_size", "hits", "kind", "gist_writer", "beacon_ratio",
    "prompts", evidence_tokens="--budget",
)  # fmt: skip
def tune(
    dataset: DataSetPath,
    directory: Out,
    *,
    options: RunOptions,
    limit: Limit = 0,
    as_json: opt.Json = False,
) -> None:
    """Measure how far a memory model's clues can be trusted, and keep the weights that fit it. Re-run to resume."""
    from memorag_graph.cli.render import show_tuned
    from memorag_graph.console import StageProgress
    from memorag_graph.evaluation.formats.load_dataset import load_dataset
    from memorag_graph.evaluation.tune import tune as measure
    from memorag_graph.models.loading import silence_libraries
    from memorag_graph.registry import Registry

    data_set = load_dataset(dataset)
    silence_libraries()
    with StageProgress(err) as bars:
        tuned = measure(
            data_set,
            options,
            Path(directory),
            Registry(),
            limit=limit,
            report=lambda progress: bars.update(asdict(progress)),
        )
    if as_json:
        typer.echo(json.dumps(asdict(tuned), ensure_ascii=False, indent=2))
    else:
        show_tuned(out, tuned)


def _run(
    dataset: str, directory: Path, plan: dict[str, Any], fresh: bool, show: Callable[[dict[str, Any]], None]
) -> "Results":
    from memorag_graph.evaluation.evaluate import Plan
    from memorag_graph.evaluation.evaluate import evaluate as run_plan
    from memorag_graph.evaluation.formats.load_dataset import load_dataset
    from memorag_graph.models.loading import silence_libraries
    from memorag_graph.registry import Registry

    data_set = load_dataset(dataset)
    silence_libraries()
    return run_plan(
        data_set, Plan(**plan), directory, Registry(), fresh=fresh, report=lambda progress: show(asdict(progress))
    )


def _names(text: str) -> list[str]:
    return [name for name in (part.strip() for part in text.split(",")) if name]


def _prices(text: str) -> "Prices | None":
    from memorag_graph.providers.usage import Prices

    if not text:
        return None
    try:
        read, written = map(float, text.split(","))
    except ValueError:
        raise InputError("prices", f"{text!r} is not of the form READ,WRITTEN, for example 0.15,0.6") from None
    if not (0 <= read < float("inf") and 0 <= written < float("inf")):
        raise InputError("prices", f"must be two finite numbers, 0 or more, not {text!r}")
    return Prices(read, written)
