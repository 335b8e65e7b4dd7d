"""Commands for the memories there are: list, info, verify, append, replace, remove, delete, gc."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from memorag_graph.cli import options as opt
from memorag_graph.documents import read_document, read_documents
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.memory.storage.manifest import find_memories, find_memory, read_info
from memorag_graph.memory.storage.manifest import verify as check_files
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.paths import memories_dir
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.memory.build.revision import Listed
    from memorag_graph.memory.kv_memory import Memory

out = Console()
err = Console(stderr=True)

Place = Annotated[str, typer.Argument(help="Directory or id of a memory.", metavar="SAVE_DIR")]
Source = Annotated[str, typer.Argument(help="The document's name, as info shows it.", metavar="DOCUMENT")]


def list_memories(
    directory: Annotated[str | None, typer.Argument(help="Where to look; by default the user's directory.")] = None,
    as_json: opt.Json = False,
) -> None:
    """List the memories of a directory."""
    from memorag_graph.cli.render import show_memories

    root = Path(directory) if directory else memories_dir()
    found = find_memories(root)
    if as_json:
        typer.echo(json.dumps(found, ensure_ascii=False, indent=2))
    elif found:
        show_memories(out, found)
    else:
        out.print(
            f"No memories in {escape(str(root))}. Make one: [green]memorag-graph memorize FILE[/]", soft_wrap=True
        )


def info(place: Place, as_json: opt.Json = False) -> None:
    """Show what a saved memory is and what it was made with."""
    from memorag_graph.cli.render import show_info

    directory = find_memory(place)
    manifest = read_info(directory)
    described = {
        "place": str(directory),
        **manifest,
        "tokens": sum(document["tokens"] for document in manifest["documents"]),
        "bytes": {name: file["bytes"] for name, file in manifest["files"].items()},
    }
    if as_json:
        typer.echo(json.dumps(described, ensure_ascii=False, indent=2))
    else:
        show_info(out, described)


def verify(place: Place) -> None:
    """Check every file of a memory by its SHA-256; exit code 1 names those that are damaged."""
    directory = find_memory(place)
    try:
        manifest = check_files(directory)
    except MemoryFileError as error:
        err.print(f"[red]Damaged:[/] {escape(str(error))}", highlight=False, soft_wrap=True)
        raise typer.Exit(1) from None
    size = sum(file["bytes"] for file in manifest["files"].values())
    out.print(
        f"{escape(str(directory))}: {len(manifest['files'])} files, {size:,} bytes, all as they were written",
        soft_wrap=True,
    )


def append(
    place: Place,
    files: Annotated[
        list[str], typer.Argument(help="Text, Markdown, HTML, PDF, DOCX or EPUB files.", metavar="FILE...")
    ],
    model: opt.Model = "",
    embedding_model: opt.EmbeddingModel = "",
    device: opt.Device = "auto",
    as_json: opt.Json = False,
) -> None:
    """Read more documents into a memory; what it holds is not read again."""
    from memorag_graph.memory.build.revision import appended

    documents = read_documents(files)
    options = opt.make_options((), model=model, embedding_model=embedding_model, device=device)
    _revise(place, lambda memory: appended(memory, documents), options, as_json)


def replace(
    place: Place,
    file: Annotated[str, typer.Argument(help="The changed file.", metavar="FILE")],
    source: Annotated[
        str | None, typer.Option("--document", help="The document's name in the memory; by default the file's.")
    ] = None,
    model: opt.Model = "",
    embedding_model: opt.EmbeddingModel = "",
    device: opt.Device = "auto",
    as_json: opt.Json = False,
) -> None:
    """Read a changed document in place of the one a memory holds; unchanged sections are not digested again."""
    from memorag_graph.memory.build.revision import replaced

    document = read_document(file)
    options = opt.make_options((), model=model, embedding_model=embedding_model, device=device)
    _revise(place, lambda memory: replaced(memory, source or document.source, document), options, as_json)


def remove(
    place: Place,
    source: Source,
    model: opt.Model = "",
    embedding_model: opt.EmbeddingModel = "",
    device: opt.Device = "auto",
    as_json: opt.Json = False,
) -> None:
    """Take a document out of a memory."""
    from memorag_graph.memory.build.revision import removed

    options = opt.make_options((), model=model, embedding_model=embedding_model, device=device)
    _revise(place, lambda memory: removed(memory, source), options, as_json)


def delete(memory_id: Annotated[str, typer.Argument(help="Id of a memory of the user's directory.")]) -> None:
    """Delete a memory of the user's directory; one that is in use is left alone."""
    MemoryStore().delete(memory_id)
    out.print(f"Deleted {memory_id}.", markup=False)


def gc(
    quota_mb: Annotated[
        int | None,
        typer.Option("--quota-mb", help="Delete the least recently used memories beyond so many MB."),
    ] = None,
) -> None:
    """Tidy the user's directory: remove what killed processes left, and what is over a quota."""
    if quota_mb is not None and quota_mb <= 0:
        raise InputError("quota_mb", f"must be a positive number, not {quota_mb}")
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
