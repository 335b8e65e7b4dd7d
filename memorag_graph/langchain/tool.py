"""A memory or a library as a tool for an agent."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from memorag_graph.errors import MemoragError
from memorag_graph.generation.fence import Fence
from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.asked_place import Filter, asked_place
from memorag_graph.langchain.given_options import Options
from memorag_graph.langchain.runnable import AnyGraph, MemoRAGRunnable
from memorag_graph.prompts.en import ENGLISH
from memorag_graph.settings import TaskType


class ToolInput(BaseModel):
    """Arguments of the tool."""

    question: str = Field(description="The question, complete in itself; may be empty for a summary.")
    task_type: TaskType = Field(
        "memorag",
        description="memorag: an answer with citations from the document; summarize: a summary; qa: a quick answer "
        "recalled from memory, unverified.",
    )


def memorag_tool(
    memory_id: str = "",
    *,
    library: str | Path = "",
    where: Filter | None = None,
    as_of: str | None = None,
    name: str = "ask_document",
    description: str = "Answers questions about a long document, with quotations from it.",
    graph: AnyGraph = default_graph,
    options: Options | None = None,
) -> BaseTool:
    """Return a tool that answers questions from a memory or a library.

    Its content is the answer with its citations; its artifact is the graph's output. Errors are messages to the agent.

    Args:
        memory_id: Id or directory of the memory; empty for a library.
        library: Directory or URL of a library to ask instead.
        where: Which documents of the library; see :mod:`memorag_graph.library.where`.
        as_of: The time whose versions of them are meant; None for now.
        name: The tool's name.
        description: What the document is about, so that the agent knows when to use the tool.
        graph: The graph to run.
        options: Options of the runs.

    Raises:
        InputError: If both a memory and a library are named, or none, or an option is invalid.

    Example:
        >>> tool = memorag_tool(memory_id, description="Answers questions about the island.")
        >>> content = tool.invoke({"question": "Who rebuilt the lighthouse?", "task_type": "lookup"})
        >>> "Captain Petrie rebuilt it in stone. [1]" in content
        True
    """
    runnable = MemoRAGRunnable(graph=graph, options=options)
    place = asked_place(memory_id, library, where, as_of)

    def graph_input(question: str, task_type: TaskType) -> dict[str, Any]:
        return {**place, "query": question, "task_type": task_type}

    def ask(question: str, config: RunnableConfig, task_type: TaskType = "memorag") -> tuple[str, dict[str, Any]]:
        with _as_tool_errors():
            return for_agent(runnable.invoke(graph_input(question, task_type), config))

    async def aask(
        question: str, config: RunnableConfig, task_type: TaskType = "memorag"
    ) -> tuple[str, dict[str, Any]]:
        with _as_tool_errors():
            return for_agent(await runnable.ainvoke(graph_input(question, task_type), config))

    return StructuredTool.from_function(
        ask,
        aask,
        name=name,
        description=description,
        args_schema=ToolInput,
        response_format="content_and_artifact",
        handle_tool_error=True,
        handle_validation_error=_refusal,
    )


def _refusal(error: Any) -> str:  # noqa: ANN401 - the validation error of Pydantic's old or new interface
    """Return a message that names the invalid argument of the agent's call."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


@contextmanager
def _as_tool_errors() -> Iterator[None]:
    """Report the package's errors to the agent."""
    try:
        yield
    except MemoragError as error:
        raise ToolException(str(error)) from None


def for_agent(result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the answer with its citations as text, and the whole result."""
    lines = [result["answer"] or "No answer was found."]
    lines += [f"Note: {notice}" for notice in result["notices"]]
    lines += ["[{number}] {source}:{start}-{end}: {quote}".format(**citation) for citation in result["citations"]]
    text = "\n".join(lines)
    fence = Fence.around(text)
    return f"{fence.explain(ENGLISH.quotation_note)}\n{fence.enclose(text)}", result
