"""Nodes whose work ends when their run is cancelled.

A node computes in a thread. If the task that waits for it is cancelled (a run of a LangGraph server, ``aclose()`` of a
stream, ``asyncio.timeout``), Python ends the wait but not the thread, so the node is told through its
:class:`~memorag_graph.cancellation.Cancellation`, which it asks between the steps of its work.
"""

import asyncio
from collections.abc import Callable
from typing import Any

from langchain_core.runnables import Runnable, RunnableConfig
from langchain_core.runnables.config import run_in_executor
from langgraph.runtime import Runtime, get_runtime

from memorag_graph.cancellation import Cancellation
from memorag_graph.serialization import Update
from memorag_graph.state import GraphState


class Stoppable(Runnable[GraphState, Update]):
    """A node that stops when its run is cancelled; it adds no step of its own to traces.

    Args:
        node: Reads the state and returns the changed keys.
    """

    def __init__(self, node: Callable[[GraphState, Runtime[Any]], Update]) -> None:
        self._node = node
        self.name = node.__name__

    def invoke(
        self,
        input: GraphState,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Update:
        """Run the node."""
        return self._node(input, get_runtime())

    async def ainvoke(
        self,
        input: GraphState,
        config: RunnableConfig | None = None,
        **kwargs: Any,  # noqa: ANN401 - LangChain's interface
    ) -> Update:
        """Run the node in a thread; if the run is cancelled, the node ends at the next step of its work."""
        with Cancellation.within_current().bound() as cancellation:
            try:
                return await run_in_executor(config, self._node, input, get_runtime())
            except asyncio.CancelledError:
                cancellation.cancel()
                raise
