"""The commands ``keys add``, ``keys list`` and ``keys revoke``."""

from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from memorag_graph.serving.credentials import KeyFile, Role

out = Console()

keys = typer.Typer(help="Make, list and revoke the keys of a service's clients.", no_args_is_help=True)


@keys.command()
def add(
    name: Annotated[str, typer.Argument(help="Name of the key, as logs show it.", metavar="NAME")],
    tenant: Annotated[str, typer.Option("--tenant", help="Tenant whose memories the key opens.")],
    role: Annotated[
        Role, typer.Option("--role", help="reader: ask; writer: also memorize and delete; admin: also see figures.")
    ] = "writer",
) -> None:
    """Make a key and print it; only its digest is kept."""
    out.print(KeyFile().add(name, tenant, role), soft_wrap=True, markup=False, highlight=False)


@keys.command("list")
def list_keys() -> None:
    """List the keys."""
    table = Table("name", "tenant", "role", "created", "revoked")
    for key in KeyFile().read():
        table.add_row(key.name, key.tenant, key.role, key.created, key.revoked)
    out.print(table)


@keys.command()
def revoke(name: Annotated[str, typer.Argument(help="Name of the key.", metavar="NAME")]) -> None:
    """Revoke a key; requests with it are refused from now on."""
    KeyFile().revoke(name)
    out.print(f"Revoked {name}.", markup=False, highlight=False)
