"""The command ``serve``."""

import logging
import socket
from typing import Annotated

import typer

from memorag_graph.cli import options as opt
from memorag_graph.errors import InputError, MissingExtraError
from memorag_graph.service_settings import LOOPBACK, ServiceOptions
from memorag_graph.serving.credentials import Credentials, Everybody, configured_credentials
from memorag_graph.settings import RunOptions

_MB = 1024**2


@opt.takes_options(*opt.MODELS, "adapter", "generator", "copies_mb")
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
    time_limit: Annotated[float, typer.Option("--time-limit", help="Most seconds of one request.", min=1)] = 600,
    stop_limit: Annotated[
        int, typer.Option("--stop-limit", help="Most seconds that running requests get when the service stops.", min=0)
    ] = 30,
    running: Annotated[int, typer.Option("--running", help="Most requests computing at once.", min=1)] = 32,
    queued: Annotated[int, typer.Option("--queued", help="Most waiting requests; more are refused.", min=0)] = 128,
    allow_origin: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-origin", help="Another site whose pages may use the service. Repeatable.", metavar="https://SITE"
        ),
    ] = None,
    preload: Annotated[
        bool, typer.Option("--preload", help="Load the models before the first request, not with it.")
    ] = False,
    *,
    service: ServiceOptions,
    options: RunOptions,
) -> None:
    """Serve questions and memories over HTTP.

    Offers LangServe endpoints with a playground, and an API for memories.
    """
    credentials = configured_credentials(service, api_key)
    require_key(host, credentials, insecure=insecure)
    try:
        import uvicorn

        from memorag_graph.graph import registry
        from memorag_graph.serving.app import create_app
        from memorag_graph.serving.limits import Limits
        from memorag_graph.serving.quotas import Quota
    except ImportError as error:
        raise MissingExtraError(f"serve ({error.name})", "serve") from None
    require_free(host, port)
    limits = Limits(seconds=time_limit, running=running, queued=queued)
    app = create_app(
        options=options,
        credentials=credentials,
        max_body=max_body_mb * _MB,
        limits=limits,
        quota=Quota.of(service),
        libraries_at=service.libraries,
        hosts=LOOPBACK if host in LOOPBACK else None,
        origins=allow_origin or (),
    )
    if preload:
        registry.models.preload(options)
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    uvicorn.run(app, host=host, port=port, log_level="info", access_log=False, timeout_graceful_shutdown=stop_limit)


def require_key(host: str, credentials: Credentials, *, insecure: bool) -> None:
    """Check that other machines cannot connect without a key, unless that is wanted.

    Raises:
        InputError: If they can.
    """
    if host not in LOOPBACK and isinstance(credentials, Everybody) and not insecure:
        raise InputError(
            "api_key",
            f"{host} is open to other machines; give --api-key KEY or --oidc-issuer URL, make keys with memorag-graph "
            "keys add, or give --insecure to serve without a key",
        )


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
