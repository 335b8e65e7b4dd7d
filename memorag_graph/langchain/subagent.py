"""A document or a library as a subagent of Deep Agents: it answers from its evidence alone."""

from pathlib import Path
from typing import Any, TypedDict

from langchain_core.messages import AIMessage
from langchain_core.runnables import Runnable, RunnableConfig, RunnableLambda

from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.asked_place import Filter, asked_place
from memorag_graph.langchain.given_options import Options
from memorag_graph.langchain.runnable import AnyGraph, MemoRAGRunnable
from memorag_graph.langchain.tool import for_agent
from memorag_graph.settings import TaskType


class Subagent(TypedDict):
    """A subagent in the form of ``deepagents.CompiledSubAgent``."""

    name: str
    description: str
    runnable: Runnable[Any, Any]


def memorag_subagent(
    memory_id: str = "",
    *,
    library: str | Path = "",
    where: Filter | None = None,
    as_of: str | None = None,
    name: str = "document-reader",
    description: str = "Answers questions about a long document from its text, with quotations and their places.",
    task_type: TaskType = "auto",
    graph: AnyGraph = default_graph,
    options: Options | None = None,
) -> Subagent:
    """Return a subagent for ``create_deep_agent(subagents=[...])``.

    Its reply is the answer with its citations.

    Args:
        memory_id: Id or directory of the memory; empty for a library.
        library: Directory or URL of a library to ask instead.
        where: Which documents of the library; see :mod:`memorag_graph.library.where`.
        as_of: The time whose versions of them are meant; None for now.
        name: Its name.
        description: What the document is about, so that the agent knows when to call it.
        task_type: How it answers.
        graph: The graph to run.
        options: Options of the runs.

    Raises:
        InputError: If both a memory and a library are named, or none, or an option is invalid.
    """
    runnable = MemoRAGRunnable(graph=graph, options=options)
    place = asked_place(memory_id, library, where, as_of)

    def given(state: dict[str, Any]) -> dict[str, Any]:
        return {**place, "messages": state["messages"], "task_type": task_type}

    def answer(state: dict[str, Any], config: RunnableConfig) -> dict[str, Any]:
        return _told(runnable.invoke(given(state), config))

    async def aanswer(state: dict[str, Any], config: RunnableConfig) -> dict[str, Any]:
        return _told(await runnable.ainvoke(given(state), config))

    return Subagent(name=name, description=description, runnable=RunnableLambda(answer, aanswer, name=name))


def _told(result: dict[str, Any]) -> dict[str, Any]:
    return {"messages": [AIMessage(for_agent(result)[0])]}
