"""The graph for clients of the service: who asks travels in the run's config."""

from typing import Any

from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.config import get_config
from langgraph.graph.state import CompiledStateGraph
from langgraph.runtime import Runtime

from memorag_graph.graph import build
from memorag_graph.serving.client_scope import ClientScope
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.tenants import Tenants

_CLIENT = "__memorag_client"  # LangChain copies no field with such a name into traces


def client_graph(
    tenants: Tenants, checkpointer: BaseCheckpointSaver[Any] | None = None
) -> CompiledStateGraph[Any, Any, Any, Any]:
    """Return the graph whose runs may use what the client of their config may.

    Args:
        tenants: The models, and the memories of each tenant.
        checkpointer: Stores conversations.
    """

    def scope_of(runtime: Runtime[Any]) -> ClientScope:
        return tenants.scope(get_config()["configurable"][_CLIENT], runtime.context)

    return build(scope_of).compile(checkpointer=checkpointer, name="memorag")


def run_of(client: Principal, configurable: dict[str, Any] | None = None) -> RunnableConfig:
    """Return the config of a client's run.

    Args:
        client: Who asks.
        configurable: What the client configures.
    """
    return {"configurable": {**(configurable or {}), _CLIENT: client}}
