"""The service and the tools beside a LangGraph server's own endpoints: ``http.app`` in ``langgraph.json``.

That server has tools of its own at the same path, which ``disable_mcp`` switches off: they return the graph's state as
Python writes it, and of an error only the name of its class.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.applications import Starlette
from starlette.routing import Route

from memorag_graph.errors import MissingExtraError
from memorag_graph.serving import served_graph as served
from memorag_graph.serving.app import MAX_BODY
from memorag_graph.serving.app import app as service

try:
    from memorag_graph.mcp_server.http_app import MCP_PATH, create_mcp_app
except ImportError as error:
    raise MissingExtraError(f"the tools at /mcp ({error.name})", "studio") from None


def with_tools(app: Starlette, tools: Starlette) -> Starlette:
    """Let an app serve the tools, too, from its start to its end, and return it.

    Args:
        app: The app.
        tools: What :func:`~memorag_graph.mcp_server.http_app.create_mcp_app` returns.
    """
    run = app.router.lifespan_context

    @asynccontextmanager
    async def run_both(running: Any) -> AsyncIterator[Any]:  # noqa: ANN401 - the app, and what its lifespan yields
        async with run(running) as state, tools.router.lifespan_context(tools):
            yield state

    app.router.lifespan_context = run_both
    app.router.routes.append(Route(MCP_PATH, endpoint=tools, include_in_schema=False))
    return app


app = with_tools(
    service,
    create_mcp_app(served.tenants, served.options, served.credentials, max_body=MAX_BODY, allow_memorize=True),
)
"""Clients may memorize texts with a tool, as they may by the graph's input."""
