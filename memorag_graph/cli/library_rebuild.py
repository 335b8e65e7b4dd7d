"""The command ``library rebuild``."""

from typing import Annotated

import typer

from memorag_graph.cli import options as opt
from memorag_graph.cli.library_changes import Directory, Ray, change
from memorag_graph.settings import RunOptions


@opt.takes_options("embedding_model")
def rebuild(
    place: Directory,
    index_at: Annotated[
        str | None,
        typer.Option(
            "--index-at",
            help="Where the index is kept from now on, such as http://localhost:6333 for a Qdrant server, "
            "s3://BUCKET/NAME for an object store, or '' for with the texts. Default: where it is.",
            metavar="URL",
        ),
    ] = None,
    ray: Ray = "",
    *,
    options: RunOptions,
    as_json: opt.Json = False,
) -> None:
    """Make the index again from the texts, also with another embedding model. Memories stay. Re-run to resume."""
    from memorag_graph.cli.run_graph import new_registry
    from memorag_graph.library.library import Library
    from memorag_graph.models.loading import silence_libraries

    silence_libraries()
    model = options.embedding_model
    change(
        lambda progress: Library.rebuild(
            place, new_registry(), embedding_model=model, index_at=index_at, ray=ray, progress=progress
        ),
        as_json,
    )
