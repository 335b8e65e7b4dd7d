"""The command ``eval``."""

import json
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console

from memorag_graph.cli import options as opt
from memorag_graph.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from memorag_graph.evaluation.results import Results
    from memorag_graph.providers.usage import Prices

out = Console()
err = Console(stderr=True)

DataSetPath = Annotated[
    str, typer.Argument(help="Folder of documents and questions, or LongBench's JSON lines.", metavar="DATASET")
]
Out = Annotated[str, typer.Option("--out", help="Where everything is kept; the same again goes on.", metavar="DIR")]
Pipelines = Annotated[
    str, typer.Option("--pipelines", help="Names with commas; memorag-spans is memorag without spans.")
]
Metrics = Annotated[str, typer.Option("--metrics", help="Metrics to report, with commas; by default all.")]
Baseline = Annotated[str, typer.Option("--baseline", help="Pipeline to compare with; by default dense, or the first.")]
Budget = Annotated[int, typer.Option("--budget", help="Tokens of evidence.")]
Limit = Annotated[int, typer.Option("--limit", help="Ask the first so many questions; 0 for all.")]
Answers = Annotated[bool, typer.Option("--answers/--no-answers", help="Also have answers written.")]
PriceOf = Annotated[
    str, typer.Option("--prices", help="Price of a million tokens read and written.", metavar="READ,WRITTEN")
]
Concurrency = Annotated[
    int, typer.Option("--concurrency", help="Questions asked at once; 0: as many as change no answer.", min=0)
]
Seed = Annotated[int, typer.Option("--seed", help="Of the resampling.", min=0)]
Fresh = Annotated[bool, typer.Option("--fresh", help="Remove what an earlier run left, and begin anew.")]


def evaluate(
    dataset: DataSetPath,
    directory: Out,
    pipelines: Pipelines = "dense,bm25,hybrid,memorag",
    metrics: Metrics = "",
    baseline: Baseline = "",
    model: opt.Model = "",
    embedding_model: opt.EmbeddingModel = "",
    generator: opt.GeneratorName = "",
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    budget: Budget = 1536,
    chunk_size: opt.ChunkSize = opt.DEFAULTS.retrieval_chunk_size,
    hits: opt.Hits = opt.DEFAULTS.hits,
    question_share: opt.QuestionShare = opt.DEFAULTS.question_share,
    query_weight: opt.QueryWeights = None,
    reranker: opt.Reranker = opt.DEFAULTS.reranker,
    kind: opt.Kind = opt.DEFAULTS.kind,
    beacon_ratio: opt.BeaconRatio = None,
    max_new_tokens: opt.MaxNewTokens = opt.DEFAULTS.max_new_tokens,
    prompt: opt.PromptOverrides = None,
    limit: Limit = 0,
    answers: Answers = True,
    prices: PriceOf = "",
    concurrency: Concurrency = 0,
    seed: Seed = 0,
    fresh: Fresh = False,
    as_json: opt.Json = False,
) -> None:
    """Compare pipelines on questions with known answers or evidence; the same command again goes on."""
    from memorag_graph.cli.render import show_results
    from memorag_graph.console import StageProgress

    options = opt.make_options(
        prompt,
        query_weight,
        model=model,
        embedding_model=embedding_model,
        generator=generator,
        device=device,
        dtype=dtype,
        evidence_tokens=budget,
        retrieval_chunk_size=chunk_size,
        hits=hits,
        question_share=question_share,
        reranker=reranker,
        kind=kind,
        beacon_ratio=beacon_ratio,
        max_new_tokens=max_new_tokens,
    )
    chosen = {"pipelines": _names(pipelines), "metrics": _names(metrics), "baseline": baseline, "answers": answers}
    chosen |= {"limit": limit, "prices": _prices(prices), "seed": seed, "concurrency": concurrency}
    with StageProgress(err) as bars:
        results = _run(dataset, Path(directory), {**chosen, "options": options}, fresh, bars.update)
    if as_json:
        typer.echo(json.dumps(results, ensure_ascii=False, indent=2))
        return
    show_results(out, results)
    out.print(f"Report: {Path(directory) / 'report.md'}", soft_wrap=True, markup=False)


def _run(
    dataset: str, directory: Path, chosen: dict[str, Any], fresh: bool, show: Callable[[dict[str, Any]], None]
) -> "Results":
    try:
        from memorag_graph.evaluation.evaluate import Plan
        from memorag_graph.evaluation.evaluate import evaluate as run_plan
        from memorag_graph.evaluation.formats.load_dataset import load_dataset
    except ImportError as error:
        raise MissingExtraError(f"eval ({error.name})", "eval") from None
    from memorag_graph.models.loading import silence_libraries
    from memorag_graph.registry import Registry

    data_set = load_dataset(dataset)
    silence_libraries()
    return run_plan(
        data_set, Plan(**chosen), directory, Registry(), fresh=fresh, report=lambda progress: show(asdict(progress))
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
        raise InputError("prices", f"{text!r} is not of the form READ,WRITTEN, such as 0.15,0.6") from None
    if not (0 <= read < float("inf") and 0 <= written < float("inf")):
        raise InputError("prices", f"must not be negative, not {text}")
    return Prices(read, written)
