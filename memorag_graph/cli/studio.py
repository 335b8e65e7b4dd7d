"""The command ``studio``."""

from importlib.resources import files
from importlib.util import find_spec
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from memorag_graph.errors import InputError, MissingExtraError

out = Console()

_FILE = "langgraph.json"
_PACKAGES = ("langgraph_cli", "langgraph_api", "mcp")


def studio(
    directory: Annotated[Path, typer.Argument(help="Where to write langgraph.json.", metavar="DIRECTORY")] = Path(),
) -> None:
    """Write a langgraph.json for LangGraph Studio."""
    if any(find_spec(package) is None for package in _PACKAGES):
        raise MissingExtraError("LangGraph Studio", "studio")
    path = directory / _FILE
    template = files("memorag_graph.cli").joinpath("langgraph_template.json").read_text(encoding="utf-8")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        if path.exists() and path.read_text(encoding="utf-8") != template:
            raise InputError("directory", f"{path} exists and differs; remove it, or choose another directory")
        path.write_text(template, encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise InputError("directory", f"{path} cannot be written ({error})") from None
    command = "langgraph dev" if directory == Path() else f"langgraph dev --config {path}"
    out.print(f"Wrote {path}. Start LangGraph Studio with: {command}", soft_wrap=True, markup=False, highlight=False)
