"""The graph for clients of a LangGraph server: it takes no paths and no names of models.

LangGraph Studio, the LangGraph SDK, MCP and A2A show the schemas of this module. What clients write beside them, such
as the state of a thread, is checked by :class:`memorag_graph.serving.client_scope.ClientScope`.
"""

import os
from pathlib import Path
from typing import Any

from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from memorag_graph.configuration import program_options, service_options
from memorag_graph.errors import ForbiddenError
from memorag_graph.graph import build
from memorag_graph.graph import registry as shared_registry
from memorag_graph.serving.client_options import chosen_options, client_options
from memorag_graph.serving.client_scope import ClientScope
from memorag_graph.serving.credentials import Credentials, Everybody, Principal, configured_credentials
from memorag_graph.serving.quotas import Quota
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions
from memorag_graph.state import ClientInput, FilesInput

ALLOW_FILES_VARIABLE = "MEMORAG_GRAPH_ALLOW_FILES"


def build_served_graph(
    tenants: Tenants, options: RunOptions, credentials: Credentials, allow_files: Path | None = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Build the graph for clients of a LangGraph server.

    Args:
        tenants: The models, and the memories of each tenant.
        options: The operator's options.
        credentials: How clients are recognised; unless everybody is let in, a run needs a user.
        allow_files: Folder whose files clients may memorize, named relative to it; None allows no file.
    """

    def scope_of(runtime: Runtime[Any]) -> ClientScope:
        principal = _principal(runtime, credentials)
        chosen = chosen_options(options, runtime.context)
        return tenants.scope(principal, chosen, allow_files)

    schema = ClientInput if allow_files is None else FilesInput
    return build(scope_of, schema, client_options(options)).compile(name="memorag")


def _principal(runtime: Runtime[Any], credentials: Credentials) -> Principal:
    """Return who sent a run, as :mod:`memorag_graph.serving.langgraph_auth` told the server."""
    user: Any = runtime.server_info.user if runtime.server_info else None
    if user is not None and "tenant" in user:
        return Principal(user["identity"], user["tenant"], user["role"])
    if isinstance(credentials, Everybody):
        return Principal()
    raise ForbiddenError("this run belongs to no user; send a key or token")


def _allowed_folder() -> Path | None:
    named = os.environ.get(ALLOW_FILES_VARIABLE)
    return Path(named).expanduser() if named else None


service = service_options({})
credentials = configured_credentials(service)
options = program_options({})
tenants = Tenants(shared_registry, Quota.of(service), options, service.libraries)
graph = build_served_graph(tenants, options, credentials, _allowed_folder())
"""The graph named in ``langgraph.json``."""
