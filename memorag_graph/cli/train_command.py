"""The command ``train``."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, cast

import typer
from rich.console import Console

from memorag_graph.cli import options as opt
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.evaluation.clue_runs import ClueKind

out = Console()
err = Console(stderr=True)

Model = Annotated[str, typer.Argument(help="Memory model to train for.", metavar="MEMORY_MODEL")]
DataSetPath = Annotated[
    str, typer.Argument(help="Folder of documents and questions with known evidence.", metavar="DATASET")
]
Out = Annotated[
    str,
    typer.Option("--out", help="Directory of the adapter, the log and the report; re-run to resume.", metavar="DIR"),
]
Kinds = Annotated[
    str,
    typer.Option("--clues", help="Kinds to learn, separated by commas: draft, surrogates, spans.", metavar="NAMES"),
]
Steps = Annotated[int, typer.Option("--steps", help="Steps of up to eight questions each.", min=1, metavar="N")]
Rank = Annotated[int, typer.Option("--rank", help="Rank of the updates.", min=1, max=256, metavar="N")]


@opt.takes_options(
    "embedding_model", "device", "dtype", "evidence_tokens", "retrieval_chunk_size", "hits", "gist_writer", "prompts",
    evidence_tokens="--budget",
)  # fmt: skip
def train(
    memory_model: Model,
    dataset: DataSetPath,
    directory: Out,
    kinds: Kinds = "draft",
    steps: Steps = 400,
    rank: Rank = 8,
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Train an adapter with which a memory model writes better clues. Re-run to resume."""
    from memorag_graph.cli.render import show_trained
    from memorag_graph.console import StageProgress
    from memorag_graph.evaluation.formats.load_dataset import load_dataset
    from memorag_graph.models.loading import silence_libraries
    from memorag_graph.registry import Registry
    from memorag_graph.training.train import Plan
    from memorag_graph.training.train import train as learn

    data_set = load_dataset(dataset)
    silence_libraries()
    named = cast("list[ClueKind]", [name.strip() for name in kinds.split(",") if name.strip()])
    plan = Plan(options.model_copy(update={"model": memory_model}), named, steps, rank)
    with StageProgress(err) as bars:
        trained = learn(
            data_set, plan, Path(directory), Registry(), report=lambda progress: bars.update(asdict(progress))
        )
    if as_json:
        typer.echo(json.dumps(asdict(trained), ensure_ascii=False, indent=2))
    else:
        show_trained(out, trained)
