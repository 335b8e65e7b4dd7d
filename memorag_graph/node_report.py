"""Report what each node of the graph did: seconds, tokens, a span of tracing."""

import time
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import asdict
from functools import wraps
from typing import Any, Protocol, TypeVar, cast

from langgraph.config import get_stream_writer
from langgraph.runtime import Runtime

from memorag_graph.cancellation import check
from memorag_graph.progress import Progress, ReportProgress
from memorag_graph.registry import Registry
from memorag_graph.run_scope import ScopeOf
from memorag_graph.serialization import Update
from memorag_graph.spans import span
from memorag_graph.state import MEMORIZE, GraphState

Node = TypeVar("Node", bound=Callable[..., Update])


class HasScope(Protocol):
    """The object whose methods are nodes."""

    @property
    def scope(self) -> ScopeOf:
        """Returns what a run may use."""


def progress_writer() -> ReportProgress:
    """Return what streams progress in the mode ``"custom"`` of the run that the calling node belongs to."""
    write = get_stream_writer()

    def report(progress: Progress) -> None:
        write({"progress": asdict(progress)})

    return report


def reported(node: Node) -> Node:
    """Add the memory's id and the node's seconds to its update."""

    @wraps(node)
    def run(self: HasScope, state: GraphState, runtime: Runtime[Any]) -> Update:
        check()
        start = time.perf_counter()
        scope = self.scope(runtime)
        telling = scope.telling(state.get("library") or state.get("thread_library") or "")
        with span(f"memorag.{node.__name__}") as told, _resting(scope.registry, node.__name__), telling:
            update = node(self, state, runtime)
            tokens = sum(update.get("tokens", {}).values())
            told.attributes = {"tokens": tokens, **_figures(state, update)}
        scope.spend(tokens)
        seconds = {node.__name__: round(time.perf_counter() - start, 3)}
        return {"memory_id": state.get("thread_memory_id") or None, **update, "timings": seconds}

    return cast("Node", run)


def _resting(registry: Registry, node: str) -> AbstractContextManager[None]:
    """Let the making of memories rest, but where a node may wait for one."""
    return nullcontext() if node == MEMORIZE else registry.behind.worker.resting()


def _figures(state: GraphState, update: Update) -> dict[str, str | int]:
    """Return what a span tells of a node's work."""
    named = {key: {**state, **update}.get(key) for key in ("memory_id", "task")}
    counted = {key: len(update[key]) for key in ("spans", "surrogates", "evidence", "citations") if update.get(key)}
    return {**{key: str(value) for key, value in named.items() if value}, **counted}
