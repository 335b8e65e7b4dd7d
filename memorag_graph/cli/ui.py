"""The command ``ui``."""

from typing import Annotated

import typer

from memorag_graph.cli import options as opt
from memorag_graph.errors import InputError, MissingExtraError
from memorag_graph.service_settings import LOOPBACK
from memorag_graph.settings import RunOptions


@opt.takes_options(*opt.MODELS, "memory", "adapter", "generator")
def ui(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.", min=1, max=65535)] = 8501,
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow other machines to connect; the demo has no access control.")
    ] = False,
    *,
    options: RunOptions,
) -> None:
    """Open the web demo: upload documents, ask, follow citations."""
    from memorag_graph.cli.serve import require_free

    if host not in LOOPBACK and not insecure:
        raise InputError(
            "host",
            f"{host} is open to other machines and the demo has no access control; give --insecure to serve it anyway",
        )
    try:
        from memorag_graph.ui.launch import launch
    except ImportError as error:
        raise MissingExtraError(f"ui ({error.name})", "ui") from None
    require_free(host, port)
    if "memory" not in options.model_fields_set:  # visitors do not wait
        options = options.model_copy(update={"memory": "background"})
    launch(options, host, port)
