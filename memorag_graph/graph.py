"""State machine: memorize, recall clues, retrieve evidence, generate an answer."""

from collections.abc import Sequence
from typing import Any, Literal

from langgraph.cache.base import BaseCache
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import END, START, StateGraph
from langgraph.graph.state import CompiledStateGraph
from langgraph.store.base import BaseStore
from langgraph.types import CachePolicy
from pydantic import BaseModel

from memorag_graph.clue_cache import CACHED_CLUES
from memorag_graph.context_options import ContextOptions
from memorag_graph.nodes import GENERATE_RETRIES, Nodes
from memorag_graph.querying import CLUES, QUERYING
from memorag_graph.registry import Registry
from memorag_graph.run_scope import ScopeOf, program_scope
from memorag_graph.settings import RunOptions
from memorag_graph.state import MEMORIZE, GraphInput, GraphOutput, GraphState
from memorag_graph.stoppable import Stoppable

MemoragGraph = CompiledStateGraph[GraphState, RunOptions, GraphInput, GraphOutput]


def after_draft(state: GraphState) -> Literal["retrieve", "__end__"]:
    """End if the draft is the answer (``qa``), else search with it."""
    return "__end__" if state["task"] == "qa" else "retrieve"


def after_retrieve(state: GraphState) -> Literal["assess", "generate"]:
    """Assess the evidence of a question, not of a summary, while another round of retrieval is allowed.

    A library is asked in one round.
    """
    is_question = state["task"] in ("memorag", "lookup")
    return "assess" if is_question and state.get("rounds_left", 0) > 0 else "generate"


def after_assess(state: GraphState) -> Literal["retrieve_more", "generate"]:
    """Retrieve once more if the evidence lacks something."""
    return "retrieve_more" if state["missing"] else "generate"


def build(
    scope_of: ScopeOf,
    input_schema: type[BaseModel] = GraphInput,
    context_schema: type[BaseModel] = ContextOptions,
    cached: CachePolicy[Any] | None = None,
) -> StateGraph[Any, Any, Any, Any]:
    """Wire the graph without compiling it.

    Args:
        scope_of: Returns what a run may use.
        input_schema: What callers may put in.
        context_schema: Options that callers may set.
        cached: How the clues of a memory are kept in a cache; None for clients, who can write the state.
    """
    nodes = Nodes(scope_of)
    builder = StateGraph(
        GraphState, input_schema=input_schema, output_schema=GraphOutput, context_schema=context_schema
    )
    builder.add_node(MEMORIZE, Stoppable(nodes.memorize))
    builder.add_node("contextualize", Stoppable(nodes.contextualize))
    builder.add_node("route", Stoppable(nodes.library.route))
    builder.add_node("ask_memory", Stoppable(nodes.library.ask_memory))
    builder.add_node("look_up", Stoppable(nodes.look_up))
    builder.add_node("recall", Stoppable(nodes.recall), cache_policy=cached)
    builder.add_node("rewrite", Stoppable(nodes.rewrite), cache_policy=cached)
    builder.add_node("draft_answer", Stoppable(nodes.draft_answer))
    builder.add_node("outline", Stoppable(nodes.outline))
    builder.add_node("retrieve", Stoppable(nodes.retrieve), defer=True)  # wait for all running branches
    builder.add_node("assess", Stoppable(nodes.assess))
    builder.add_node("retrieve_more", Stoppable(nodes.retrieve_more))
    builder.add_node("generate", Stoppable(nodes.generate), retry_policy=GENERATE_RETRIES)
    builder.add_edge(START, MEMORIZE)
    builder.add_conditional_edges(MEMORIZE, nodes.after_memorize, ["contextualize", *QUERYING])
    builder.add_conditional_edges("contextualize", nodes.by_task, list(QUERYING))
    builder.add_conditional_edges("look_up", nodes.after_look_up, [*CLUES, "generate"])
    builder.add_conditional_edges("route", nodes.library.after_route, ["ask_memory", "draft_answer", "retrieve"])
    builder.add_edge("ask_memory", "retrieve")
    builder.add_edge("recall", "retrieve")
    builder.add_edge("rewrite", "retrieve")
    builder.add_conditional_edges("draft_answer", after_draft, ["retrieve", END])
    builder.add_edge("outline", "retrieve")
    builder.add_conditional_edges("retrieve", after_retrieve, ["assess", "generate"])
    builder.add_conditional_edges("assess", after_assess, ["retrieve_more", "generate"])
    builder.add_conditional_edges("retrieve_more", after_retrieve, ["assess", "generate"])
    builder.add_edge("generate", END)
    return builder


def build_graph(
    registry: Registry | None = None,
    *,
    checkpointer: BaseCheckpointSaver[Any] | None = None,
    store: BaseStore | None = None,
    cache: BaseCache[Any] | None = None,
    interrupt_before: Sequence[str] = (),
    name: str = "memorag",
) -> MemoragGraph:
    """Build the graph.

    Args:
        registry: Keeps models and memories; by default a new one for this graph.
        checkpointer: Saves the state of threads, so that conversations and failed runs can be resumed.
        store: For models of your own that call ``langgraph.config.get_store``; a parent graph's comes first.
        cache: Keeps what the nodes ``recall`` and ``rewrite`` return for a memory, a question and options, also inside
            a parent graph. What is returned again has the ``tokens`` and ``timings`` of the first time. A cache is not
            emptied when a memory is deleted: call the graph's ``clear_cache``.
        interrupt_before: Nodes to stop before, e.g. ``"generate"`` to edit the evidence.
        name: Name in traces and streams, and of the node where a parent graph takes it as one.
    """
    return build(program_scope(registry or Registry()), cached=CACHED_CLUES).compile(
        checkpointer=checkpointer, store=store, cache=cache, interrupt_before=list(interrupt_before), name=name
    )


registry = Registry()
"""Models and memories of the default graph in this process."""

graph = build_graph(registry)
"""The default graph; nothing is loaded until it runs."""
