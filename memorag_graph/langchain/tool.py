"""A memory as a tool of an agent."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from langchain_core.runnables import RunnableConfig
from langchain_core.tools import BaseTool, StructuredTool, ToolException
from pydantic import BaseModel, Field

from memorag_graph.errors import MemoragError
from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.runnable import AnyGraph, MemoRAGRunnable
from memorag_graph.settings import RunOptions, TaskType


class ToolInput(BaseModel):
    """What an agent gives the tool."""

    question: str = Field(description="The question, complete in itself; may be empty for a summary.")
    task_type: TaskType = Field(
        "memorag",
        description="memorag: an answer with citations from the document; summarize: a summary; qa: a quick answer "
        "recalled from memory, unverified.",
    )


def memorag_tool(
    memory_id: str,
    *,
    name: str = "ask_document",
    description: str = "Answers questions about a long document, with quotations from it.",
    graph: AnyGraph = default_graph,
    options: RunOptions | None = None,
) -> BaseTool:
    """Return a tool that asks a memory.

    Its content is the answer with its citations; its artifact is all that the graph found. What cannot be asked is
    told to the agent, so that it can ask better.

    Args:
        memory_id: Id or directory of the memory.
        name: The tool's name.
        description: What the document is, for the agent to know when to ask it.
        graph: The graph to run.
        options: Options of the runs.
    """
    runnable = MemoRAGRunnable(graph=graph, options=options or RunOptions())

    def given(question: str, task_type: TaskType) -> dict[str, Any]:
        return {"memory_id": memory_id, "query": question, "task_type": task_type}

    def ask(question: str, config: RunnableConfig, task_type: TaskType = "memorag") -> tuple[str, dict[str, Any]]:
        with _telling():
            return _told(runnable.invoke(given(question, task_type), config))

    async def aask(
        question: str, config: RunnableConfig, task_type: TaskType = "memorag"
    ) -> tuple[str, dict[str, Any]]:
        with _telling():
            return _told(await runnable.ainvoke(given(question, task_type), config))

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
    """Say which argument of the agent's call cannot be used."""
    first = error.errors()[0]
    return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"


@contextmanager
def _telling() -> Iterator[None]:
    """Have the agent told of what went wrong."""
    try:
        yield
    except MemoragError as error:
        raise ToolException(str(error)) from None


def _told(result: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the answer as an agent reads it, and all that was found."""
    lines = [result["answer"] or "No answer was found."]
    lines += [f"Note: {notice}" for notice in result["notices"]]
    lines += [f"[{it['number']}] {it['source']}:{it['start']}-{it['end']}: {it['quote']}" for it in result["citations"]]
    return "\n".join(lines), result
