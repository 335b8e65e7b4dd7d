"""The commands ``library add``, ``remember``, ``ask``, ``list``, ``info``, ``replace``, ``remove`` and others."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer
from rich.markup import escape

from memorag_graph.cli import options as opt
from memorag_graph.cli.command_help import OptionsCommand
from memorag_graph.cli.library_changes import Directory, Ray, change, out, print_json
from memorag_graph.cli.library_rebuild import rebuild
from memorag_graph.errors import InputError
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.library.library import Library

library = typer.Typer(help="Ask many documents as one library.", no_args_is_help=True)

Name = Annotated[str, typer.Argument(help="The document's name, as shown by list.", metavar="NAME")]
Where = Annotated[
    list[str] | None,
    typer.Option(
        "--where",
        help="Only documents whose field fits, such as year=2021, 'pages>=10' or type!=8-K. Repeatable; all must hold.",
        metavar="CONDITION",
    ),
]
AsOf = Annotated[
    str | None,
    typer.Option("--as-of", help="The versions of a time, such as 2026-01-31 (its end, UTC).", metavar="TIME"),
]
Metadata = Annotated[
    list[str] | None,
    typer.Option(
        "--metadata", help="What to keep with the documents, such as year=2021. Repeatable.", metavar="KEY=VALUE"
    ),
]
Patterns = Annotated[
    list[str] | None,
    typer.Option(
        "--pattern", help="Only files of directories that fit, such as '*.pdf'. Repeatable.", metavar="PATTERN"
    ),
]
IndexAt = Annotated[
    str,
    typer.Option(
        "--index-at",
        help="Where a new library's index is kept, such as http://localhost:6333 for a Qdrant server (key: "
        "QDRANT_API_KEY) or s3://BUCKET/NAME for an object store. Default: with its texts.",
        metavar="URL",
    ),
]
Memory = Annotated[
    Literal["now", "never"],
    typer.Option("--memory", help="now: also make the memories; never: leave that to the command remember."),
]

_MEMORY_OPTIONS = (
    "model", "device", "dtype", "fast_paths", "kind", "beacon_ratio", "kv_storage", "kv_keep", "gist_chunk_size",
    "gist_tokens", "gist_writer", "prompts",
)  # fmt: skip


@opt.takes_options("embedding_model", "encoding", *_MEMORY_OPTIONS)
def add(
    paths: Annotated[list[str], typer.Argument(help="Files and directories.", metavar="PATH")],
    place: Directory,
    metadata: Metadata = None,
    patterns: Patterns = None,
    memory: Memory = "never",
    index_at: IndexAt = "",
    ray: Ray = "",
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Take in files, and all files of directories. Makes the library if there is none. Re-run to resume."""
    given = _metadata(metadata)
    opened = _open(place, options, create=True, index_at=index_at)
    change(
        lambda progress: opened.add(
            *paths,
            metadata=given,
            patterns=patterns or (),
            encoding=options.encoding,
            progress=progress,
            memory=memory,
            ray=ray,
        ),
        as_json,
    )
    if not as_json:
        out.print(f'To ask it: [green]memorag-graph library ask "..." --library {escape(place)}[/]', soft_wrap=True)


@opt.takes_options("embedding_model", *_MEMORY_OPTIONS)
def remember(
    place: Directory,
    names: Annotated[list[str] | None, typer.Argument(help="Documents; all if none is named.", metavar="NAME")] = None,
    limit: Annotated[int | None, typer.Option("--limit", help="Maximum memories to make.", min=1)] = None,
    ray: Ray = "",
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Make the memories that are missing, which ask --task memorag uses. Re-run to resume."""
    opened = _open(place, options)
    change(lambda progress: opened.remember(*names or (), limit=limit, progress=progress, ray=ray), as_json)


@opt.takes_options("embedding_model")
def sync(
    directory: Annotated[str, typer.Argument(help="The directory.", metavar="DIRECTORY")],
    place: Directory,
    metadata: Metadata = None,
    patterns: Patterns = None,
    ray: Ray = "",
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Bring the library to the state of a directory: take in new and changed files, remove what is gone."""
    given = _metadata(metadata)
    opened = _open(place, options, create=True)
    change(lambda progress: opened.sync(directory, given, patterns or (), progress, ray=ray), as_json)


@opt.takes_options("embedding_model", "encoding")
def replace(
    name: Name,
    file: Annotated[str, typer.Argument(help="The file with the new version.", metavar="FILE")],
    place: Directory,
    metadata: Metadata = None,
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Take in a new version of a document; the old one can be asked with --as-of."""
    given = _metadata(metadata) or None
    opened = _open(place, options)
    change(lambda _: opened.replace(name, file, given, options.encoding), as_json)


@opt.takes_options("embedding_model")
def remove(
    names: Annotated[list[str], typer.Argument(help="The documents' names, as shown by list.", metavar="NAME")],
    place: Directory,
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Remove documents with all their versions, so that nothing of them is left in the library."""
    opened = _open(place, options)
    change(lambda _: opened.remove(*names), as_json)


@opt.takes_options(
    "embedding_model", "generator", "hits", "evidence_tokens", "reranker", "max_new_tokens", "temperature", "prompts",
    "model", "device", "dtype", "fast_paths", "adapter", "use_memory_answer", "memories",
)  # fmt: skip
def ask(
    words: Annotated[
        list[str],
        typer.Argument(
            help="The question; the library before it if --library does not name it.", metavar="[LIBRARY] QUESTION"
        ),
    ],
    directory: Directory = "",
    where: Where = None,
    as_of: AsOf = None,
    task: Annotated[
        Literal["lookup", "memorag", "qa", "auto"],
        typer.Option(
            "--task",
            help="lookup: search; memorag: ask the memories of the best documents for clues first; qa: answer from the "
            "memory of the best one, unverified; auto: lookup or memorag, by the question.",
        ),
    ] = "lookup",
    memory: Annotated[
        Literal["when_asked", "never"],
        typer.Option("--memory", help="when_asked: first make the memories to ask that are missing; never: do not."),
    ] = "never",
    show_considered: Annotated[
        bool, typer.Option("--show-considered", help="Also show which documents were considered, and why.")
    ] = False,
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Ask the library a question."""
    from memorag_graph.cli.library_tables import show_considered as show
    from memorag_graph.cli.render import show_answer

    place, question = _asked(directory, words)
    answer = _open(place, options).ask(question, where or None, as_of, options, task=task, memory=memory)
    result = answer.to_dict()
    if as_json:
        print_json(result)
        return
    show_answer(out, result, clues=False)
    if show_considered:
        show(out, result["considered"])


def _asked(directory: str, words: list[str]) -> tuple[str, str]:
    """Return the library and the question that are named."""
    named = [directory, *words] if directory else words
    if len(named) != len(("library", "question")):
        raise typer.BadParameter(
            'name one library and one question, the question in quotes: memorag-graph library ask LIBRARY "QUESTION"'
        )
    return named[0], named[1]


@opt.takes_options("embedding_model")
def list_documents(
    place: Directory, where: Where = None, as_of: AsOf = None, *, options: RunOptions, as_json: opt.Json = False
) -> None:
    """List the documents."""
    from memorag_graph.cli.library_tables import show_documents

    entries = _open(place, options).list(where or None, as_of)
    if as_json:
        print_json([entry.to_dict() for entry in entries])
    else:
        show_documents(out, entries)


@opt.takes_options("embedding_model")
def info(name: Name, place: Directory, *, options: RunOptions, as_json: opt.Json = False) -> None:
    """Show what is known of a document: its fields, versions and notes."""
    from memorag_graph.cli.library_tables import show_document

    found = _open(place, options).info(name)
    if as_json:
        print_json(found)
    else:
        show_document(out, found)


@opt.takes_options("embedding_model")
def export(
    file: Annotated[str, typer.Argument(help="The file to write.", metavar="FILE")],
    place: Directory,
    *,
    options: RunOptions,
) -> None:
    """Write all versions of all documents, with their texts, as JSON lines."""
    lines = _open(place, options).export(file)
    out.print(f"Wrote {lines:,} documents to {file}.", soft_wrap=True, markup=False, highlight=False)


def _open(place: str, options: RunOptions, *, create: bool = False, index_at: str = "") -> "Library":
    from memorag_graph.cli.run_graph import new_registry
    from memorag_graph.library.library import Library
    from memorag_graph.models.loading import silence_libraries

    silence_libraries()
    return Library.open(
        place,
        new_registry(),
        embedding_model=options.embedding_model,
        create=create,
        memory="never",
        options=options,
        index_at=index_at,
    )


def _metadata(pairs: list[str] | None) -> Mapping[str, Any]:
    """Parse pairs like ``year=2021``; numbers and truth values are recognized."""
    from memorag_graph.library.where import literal

    found = {}
    for text in pairs or ():
        key, equals, value = text.partition("=")
        if not (equals and key.strip()):
            raise InputError("metadata", f"{text!r} is not of the form KEY=VALUE, for example year=2021")
        found[key.strip()] = literal(value.strip())
    return found


_COMMANDS: dict[str, Callable[..., None]] = {
    "add": add,
    "remember": remember,
    "ask": ask,
    "list": list_documents,
    "info": info,
    "replace": replace,
    "remove": remove,
    "sync": sync,
    "rebuild": rebuild,
    "export": export,
}
for _name, _command in _COMMANDS.items():
    library.command(_name, cls=OptionsCommand)(_command)
