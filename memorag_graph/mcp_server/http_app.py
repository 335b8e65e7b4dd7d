"""The server over streamable HTTP, with the service's keys, tenants, quotas and limits."""

from collections.abc import Collection
from typing import Any

from mcp.server.transport_security import TransportSecuritySettings
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from memorag_graph.mcp_server.memory_server import create_mcp_server
from memorag_graph.serving.credentials import Credentials, Principal
from memorag_graph.serving.limits import LimitRequests, Limits
from memorag_graph.serving.origin import OwnOrigin
from memorag_graph.serving.recognise_clients import RecogniseClients
from memorag_graph.serving.request_log import LogRequests
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions

MCP_PATH = "/mcp"
_HEALTH = "/health"


def create_mcp_app(
    tenants: Tenants,
    options: RunOptions,
    credentials: Credentials,
    *,
    limits: Limits | None = None,
    max_body: int,
    hosts: Collection[str] | None = None,
    allow_memorize: bool = False,
) -> Starlette:
    """Return the app; it keeps no sessions, so that several processes can serve one address.

    Args:
        tenants: The models, and the memories of each tenant.
        options: The operator's options.
        credentials: Recognises clients.
        limits: Limits of time and of requests at once; by default those of :class:`Limits`.
        max_body: Maximum bytes of a request's body.
        hosts: Names under which clients may reach the server; None allows all.
        allow_memorize: Whether clients may memorize texts; keys need the role of a writer.
    """
    limits = limits or Limits()
    server = create_mcp_server(tenants, options, _client_of, allow_memorize=allow_memorize, seconds=limits.seconds)

    async def health(_: Request) -> Response:
        return JSONResponse({"status": "ok"})

    server.custom_route(_HEALTH, methods=["GET"])(health)
    app = server.streamable_http_app(
        streamable_http_path=MCP_PATH,
        stateless_http=True,
        max_request_body_size=max_body,
        transport_security=TransportSecuritySettings(enable_dns_rebinding_protection=False),  # OwnOrigin checks it
    )
    count = tenants.usage.count_request
    app.add_middleware(LimitRequests, limits=limits)
    app.add_middleware(RecogniseClients, credentials=credentials, count_request=count, public=frozenset({_HEALTH}))
    app.add_middleware(LogRequests)
    app.add_middleware(OwnOrigin, hosts=hosts)
    return app


def _client_of(context: Any) -> Principal:  # noqa: ANN401 - the context of a request, in either of the SDK's forms
    """Return who sent the request, as :class:`RecogniseClients` found."""
    inner = getattr(context, "request_context", context)
    client: Principal = inner.request.state.client
    return client
