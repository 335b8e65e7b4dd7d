"""The command ``mcp``."""

import logging
from typing import Annotated

import typer

from memorag_graph.cli import options as opt
from memorag_graph.cli.serve import require_free, require_key
from memorag_graph.errors import MissingExtraError
from memorag_graph.service_settings import LOOPBACK, ServiceOptions
from memorag_graph.serving.credentials import Principal, configured_credentials
from memorag_graph.settings import RunOptions

_MB = 1024**2


@opt.takes_options(*opt.MODELS, "adapter", "generator", "evidence_tokens", "max_new_tokens", "copies_mb")
def mcp(
    http: Annotated[bool, typer.Option("--http", help="Serve streamable HTTP instead of stdin and stdout.")] = False,
    host: Annotated[str, typer.Option("--host", help="Address to listen on, with --http.")] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", help="Port to listen on, with --http.", min=1, max=65535)] = 8001,
    api_key: Annotated[
        str, typer.Option("--api-key", envvar="MEMORAG_GRAPH_API_KEY", help="Key that clients must send, with --http.")
    ] = "",
    insecure: Annotated[
        bool, typer.Option("--insecure", help="Allow other machines to connect without a key.")
    ] = False,
    allow_memorize: Annotated[
        bool, typer.Option("--allow-memorize", help="Offer the tool that memorizes texts.")
    ] = False,
    max_body_mb: Annotated[int, typer.Option("--max-body-mb", help="Largest request in MB, with --http.", min=1)] = 20,
    time_limit: Annotated[float, typer.Option("--time-limit", help="Most seconds of one call.", min=1)] = 600,
    *,
    service: ServiceOptions,
    options: RunOptions,
) -> None:
    """Offer memories to agents over the Model Context Protocol.

    Tools: list_memories, search, ask, summarize; documents are resources.
    """
    try:
        from memorag_graph.graph import registry
        from memorag_graph.mcp_server.http_app import create_mcp_app
        from memorag_graph.mcp_server.memory_server import create_mcp_server
        from memorag_graph.serving.limits import Limits
        from memorag_graph.serving.quotas import Quota
        from memorag_graph.serving.tenants import Tenants
    except ImportError as error:
        raise MissingExtraError(f"mcp ({error.name})", "mcp") from None
    tenants = Tenants(registry, Quota.of(service), options, service.libraries)
    if not http:
        user = Principal("stdio")
        server = create_mcp_server(tenants, options, lambda _: user, allow_memorize=allow_memorize, seconds=time_limit)
        server.run("stdio")
        tenants.close()
        return
    import uvicorn

    credentials = configured_credentials(service, api_key)
    require_key(host, credentials, insecure=insecure)
    require_free(host, port)
    app = create_mcp_app(
        tenants,
        options,
        credentials,
        limits=Limits(seconds=time_limit),
        max_body=max_body_mb * _MB,
        hosts=LOOPBACK if host in LOOPBACK else None,
        allow_memorize=allow_memorize,
    )
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    uvicorn.run(app, host=host, port=port, log_level="info", access_log=False)
    tenants.close()
