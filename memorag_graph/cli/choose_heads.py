"""The command that chooses the attention heads by which a model's memories point at evidence."""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from memorag_graph.cli import options as opt
from memorag_graph.errors import InputError
from memorag_graph.models.embedded import EMBEDDED

out = Console()
err = Console(stderr=True)


def choose_heads(
    dataset: Annotated[str, typer.Argument(help="Folder with documents.jsonl and questions.jsonl.", metavar="DATASET")],
    model: opt.Model = EMBEDDED,
    heads: Annotated[int, typer.Option("--heads", help="How many heads are chosen.")] = 16,
    limit: Annotated[int | None, typer.Option("--limit", help="Most documents to read; by default all.", min=1)] = None,
    file: Annotated[
        str | None, typer.Option("--out", help="Where to write them; by default where the model looks for them.")
    ] = None,
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    as_json: opt.Json = False,
) -> None:
    """Choose the attention heads by which a model's full memories point at evidence (once for each model)."""
    from memorag_graph.cli.render import StageProgress
    from memorag_graph.cli.run import quiet
    from memorag_graph.languages import detect_language
    from memorag_graph.memory.choosing import choose_heads as choose
    from memorag_graph.memory.choosing import read_labelled
    from memorag_graph.memory.heads import user_heads_file, write_heads
    from memorag_graph.memory.local import LocalMemoryModel
    from memorag_graph.prompts import Prompts
    from memorag_graph.registry import Registry

    quiet()
    labelled = read_labelled(Path(dataset), limit)
    memory_model = Registry().memory_model(model, opt.make_options(None, device=device, dtype=dtype))
    if not isinstance(memory_model, LocalMemoryModel):
        raise InputError("model", f"{model} is held by a server, which shows no attention; use a model that runs here")
    prompts = Prompts(detect_language(labelled[0].document.text))
    with StageProgress(err) as bars:
        choice = choose(
            memory_model,
            labelled,
            prompts,
            heads,
            dataset=Path(dataset).name,
            report=lambda it: bars.update(asdict(it)),
        )
    path = Path(file) if file else user_heads_file(memory_model.language_model)
    write_heads(choice, path)
    if as_json:
        typer.echo(json.dumps(choice.model_dump(mode="json"), ensure_ascii=False, indent=2))
    else:
        shown = ", ".join(f"{layer}.{head}" for layer, head in choice.heads)
        out.print(f"Heads (layer.head), best first: {shown}\nWritten to {escape(str(path))}", soft_wrap=True)
