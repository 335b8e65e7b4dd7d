"""Commands for existing memories: list, info, verify, append, replace, remove, delete, gc."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape
from rich.text import Text

from memorag_graph.cli import options as opt
from memorag_graph.documents import read_document
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.memory.storage.manifest import find_memories, find_memory, last_written, read_info
from memorag_graph.memory.storage.manifest import verify as check_files
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.paths import memories_dir
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.memory.build.revision import Listed
    from memorag_graph.memory.kv_memory import Memory

out = Console()
err = Console(stderr=True)

_OPTIONS = ("model", "embedding_model", "device", "fast_paths")


def list_memories(
    directory: Annotated[
        str | None, typer.Argument(help="Where to look. Default: the memory store.", metavar="DIRECTORY")
    ] = None,
    as_json: opt.Json = False,
) -> None:
    """List the memories in a directory."""
    from memorag_graph.cli.render import show_memories

    root = Path(directory) if directory else memories_dir()
    memories = sorted(find_memories(root), key=lambda it: -last_written(Path(it["place"])))
    if as_json:
        typer.echo(json.dumps(memories, ensure_ascii=False, indent=2))
    elif memories:
        show_memories(out, memories)
    else:
        out.print(
            f"No memories in {escape(str(root))}. Make one: [green]memorag-graph memorize FILE[/]", soft_wrap=True
        )


def info(place: opt.Place, as_json: opt.Json = False) -> None:
    """Show what a memory holds and how it was built."""
    from memorag_graph.cli.render import show_info

    directory = find_memory(place)
    manifest = read_info(directory)
    shown = {
        "place": str(directory),
        **manifest,
        "tokens": sum(document["tokens"] for document in manifest["documents"]),
        "bytes": {name: file["bytes"] for name, file in manifest["files"].items()},
    }
    if as_json:
        typer.echo(json.dumps(shown, ensure_ascii=False, indent=2))
    else:
        show_info(out, shown)


def verify(place: opt.Place) -> None:
    """Check every file of a memory by its SHA-256. Exits with code 1 if any is damaged."""
    directory = find_memory(place)
    try:
        manifest = check_files(directory)
    except MemoryFileError as error:
        err.print(f"[red]Damaged:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    size = sum(file["bytes"] for file in manifest["files"].values())
    out.print(
        f"{escape(str(directory))}: {len(manifest['files'])} files, {size:,} bytes, all intact",
        soft_wrap=True,
    )


@opt.takes_options(*_OPTIONS)
def remember(place: opt.Place, options: RunOptions) -> None:
    """Make a memory that was only begun (--memory background, when_asked or never). Re-run to resume."""
    from memorag_graph.cli.run_graph import make_whole

    memory_id = make_whole(place, options, err)
    out.print(f"The memory {memory_id} is made.", markup=False, soft_wrap=True)


@opt.takes_options(*_OPTIONS, "encoding")
def append(
    place: opt.Place,
    files: opt.Files,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Add documents to a memory without rereading the others."""
    from memorag_graph.cli.given_files import read_given
    from memorag_graph.memory.build.revision import appended

    documents = read_given(files, options.encoding, lambda told: err.print(Text(told, style="yellow")))
    _revise(place, lambda memory: appended(memory, documents), options, as_json)


@opt.takes_options(*_OPTIONS, "encoding")
def replace(
    place: opt.Place,
    file: Annotated[str, typer.Argument(help="The changed file.", metavar="FILE")],
    source: Annotated[
        str | None, typer.Option("--document", help="The document's name in the memory. Default: the file's name.")
    ] = None,
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Replace a document of a memory. Unchanged sections are not summarized again."""
    from memorag_graph.memory.build.revision import replaced

    document = read_document(file, encoding=options.encoding or None)
    _revise(place, lambda memory: replaced(memory, source or document.source, document), options, as_json)


@opt.takes_options(*_OPTIONS)
def remove(
    place: opt.Place,
    source: Annotated[str, typer.Argument(help="The document's name, as shown by info.", metavar="DOCUMENT")],
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Remove a document from a memory."""
    from memorag_graph.memory.build.revision import removed

    _revise(place, lambda memory: removed(memory, source), options, as_json)


def delete(
    place: opt.Place,
) -> None:
    """Delete a memory from the store. Fails if it is in use."""
    MemoryStore().delete(place)
    out.print(f"Deleted {place}.", markup=False)


def gc(
    quota_mb: Annotated[
        int | None,
        typer.Option("--quota-mb", help="Delete the least recently used memories above this total.", metavar="MB"),
    ] = None,
) -> None:
    """Clean the memory store.

    Removes leftovers of killed processes, and memories above a quota. The store is in the user's cache directory, or
    in MEMORAG_GRAPH_HOME.
    """
    if quota_mb is not None and quota_mb <= 0:
        raise InputError("quota_mb", f"must be a positive integer, not {quota_mb}")
    freed = MemoryStore(quota=quota_mb * 1_000_000 if quota_mb else None).gc()
    out.print(f"Freed {freed:,} bytes in {memories_dir()}.", soft_wrap=True, markup=False)


def _revise(place: str, change: "Callable[[Memory], Listed]", options: RunOptions, as_json: bool) -> None:
    from memorag_graph.cli import run_graph
    from memorag_graph.cli.render import show_stats

    result = run_graph.revise(place, change, options, err)
    if as_json:
        typer.echo(json.dumps(result, ensure_ascii=False, indent=2))
        return
    show_stats(out, result)
    out.print(f"Documents: {', '.join(result['documents'])}", soft_wrap=True, markup=False)
