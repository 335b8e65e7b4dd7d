"""What the commands that change a library share: its directory, the progress, and the report."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

if TYPE_CHECKING:
    from memorag_graph.library.entry import Report
    from memorag_graph.progress import ReportProgress

out = Console()
err = Console(stderr=True)

Directory = Annotated[
    str,
    typer.Option(
        "--library",
        help="Directory of the library, or its URL on an object store, such as s3://BUCKET/NAME.",
        metavar="DIR",
    ),
]

Ray = Annotated[
    str,
    typer.Option(
        "--ray",
        help="Share the work out to Ray: auto (this machine, or what RAY_ADDRESS names), or HOST:PORT of a cluster. "
        "Default: this process does it.",
        metavar="auto|HOST:PORT",
    ),
]


def change(work: "Callable[[ReportProgress], Report]", as_json: bool) -> None:
    """Change a library, show the progress, and tell what was done."""
    from memorag_graph.cli.library_tables import show_report
    from memorag_graph.console import StageProgress

    with StageProgress(err) as bars:
        report = work(lambda event: bars.update(asdict(event)))
    if as_json:
        print_json(asdict(report))
    else:
        show_report(out, report)


def print_json(value: object) -> None:
    """Write a value for programs."""
    typer.echo(json.dumps(value, ensure_ascii=False, indent=2))
