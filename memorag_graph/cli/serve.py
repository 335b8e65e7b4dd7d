"""The command ``serve``."""

import socket
from typing import Annotated

import typer

from memorag_graph.cli import options as opt
from memorag_graph.errors import InputError, MissingExtraError
from memorag_graph.settings import RunOptions

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MB = 1024**2


@opt.takes_options(*opt.MODELS, "generator")
def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.", min=1, max=65535)] = 8000,
    api_key: Annotated[
        str, typer.Option("--api-key", envvar="MEMORAG_GRAPH_API_KEY", help="Key that clients must send.")
    ] = "",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow other machines to connect without a key.")
    ] = False,
    max_body_mb: Annotated[int, typer.Option("--max-body-mb", help="Largest request in MB.", min=1)] = 200,
    *,
    options: RunOptions,
) -> None:
    """Serve questions and memories over HTTP.

    Offers LangServe endpoints with a playground, and an API for memories.
    """
    if host not in LOOPBACK and not api_key and not insecure:
        raise InputError(
            "api_key", f"{host} is open to other machines; give --api-key KEY, or --insecure to serve without a key"
        )
    try:
        import uvicorn

        from memorag_graph.serving.app import create_app
    except ImportError as error:
        raise MissingExtraError(f"serve ({error.name})", "serve") from None
    require_free(host, port)
    app = create_app(options=options, api_key=api_key or None, max_body=max_body_mb * _MB)
    uvicorn.run(app, host=host, port=port, log_level="info")


def require_free(host: str, port: int) -> None:
    """Check that a port is free.

    Raises:
        InputError: If the port cannot be bound.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError("port", f"{host}:{port} cannot be used ({error.strerror}); choose another port") from None
