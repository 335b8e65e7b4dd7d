"""The command ``serve``."""

import socket
from typing import Annotated

import typer

from memorag_graph.cli import options as opt
from memorag_graph.errors import InputError, MissingExtraError

LOOPBACK = ("127.0.0.1", "::1", "localhost")
_MB = 1024**2


def serve(
    host: Annotated[str, typer.Option("--host", help="Address to listen on.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on.", min=1, max=65535)] = 8000,
    api_key: Annotated[
        str, typer.Option("--api-key", envvar="MEMORAG_GRAPH_API_KEY", help="Key that clients have to show.")
    ] = "",
    insecure: Annotated[bool, typer.Option("--insecure", help="Serve beyond this machine without a key.")] = False,
    max_body_mb: Annotated[int, typer.Option("--max-body-mb", help="Largest request in MB.", min=1)] = 200,
    model: opt.Model = "",
    embedding_model: opt.EmbeddingModel = "",
    generator: opt.GeneratorName = "",
    device: opt.Device = "auto",
    dtype: opt.Dtype = "auto",
) -> None:
    """Serve questions and memories over HTTP: LangServe's endpoints, a playground, an API for memories."""
    if host not in LOOPBACK and not api_key and not insecure:
        raise InputError("api_key", f"{host} lets others in; give --api-key KEY, or --insecure if you mean it")
    options = opt.make_options(
        (), model=model, embedding_model=embedding_model, generator=generator, device=device, dtype=dtype
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
    """Refuse a port that is taken.

    Raises:
        InputError: If it cannot be listened on.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with socket.socket(family) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            raise InputError("port", f"{host}:{port} cannot be used ({error.strerror}); choose another one") from None
