"""A question, a prompt or messages → the answer as a message."""

from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, BaseMessage, convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda
from langchain_core.runnables.utils import AddableDict

from memorag_graph.errors import InputError
from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.runnable import AnyGraph, MemoRAGRunnable
from memorag_graph.settings import RunOptions, TaskType

ChainInput = LanguageModelInput | Mapping[str, Any]


def memorag_chain(
    memory_id: str = "",
    *,
    graph: AnyGraph = default_graph,
    options: RunOptions | None = None,
    task_type: TaskType = "memorag",
) -> Runnable[ChainInput, AIMessageChunk]:
    """Return a chain that answers like a chat model, but from a memory, as in ``prompt | chain | parser``.

    It takes a question, a prompt, messages, or the graph's input as a dict, and gives a message whose
    ``response_metadata`` holds the citations and all else that the graph found. It streams the answer's tokens.

    Args:
        memory_id: Id or directory of the memory; empty where each input brings its own text.
        graph: The graph to run.
        options: Options of the runs; those named in ``config["configurable"]`` come first.
        task_type: What is asked for, where the input does not say.
    """
    chosen = options or RunOptions()
    if memory_id:
        chosen = chosen.model_copy(update={"memory_id": memory_id})

    def to_input(given: ChainInput) -> dict[str, Any]:
        return {"task_type": task_type, **_graph_input(given)}

    ask = MemoRAGRunnable(graph=graph, options=chosen)
    return RunnableLambda(to_input) | ask | RunnableGenerator(_messages, _amessages)


def _graph_input(given: ChainInput) -> dict[str, Any]:
    """Read a question; what system messages say comes before the last message of the user."""
    if isinstance(given, str):
        return {"query": given}
    if isinstance(given, Mapping):
        return dict(given)
    messages = given.to_messages() if isinstance(given, PromptValue) else convert_to_messages(given)
    if not messages or messages[-1].type != "human":
        raise InputError("messages", "the last message must be the user's question")
    return {"query": _text([*(it for it in messages if it.type == "system"), messages[-1]])}


def _text(messages: Sequence[BaseMessage]) -> str:
    return "\n\n".join(message.text for message in messages)


def _messages(pieces: Iterator[AddableDict]) -> Iterator[AIMessageChunk]:
    for piece in pieces:
        yield _message(piece)


async def _amessages(pieces: AsyncIterator[AddableDict]) -> AsyncIterator[AIMessageChunk]:
    async for piece in pieces:
        yield _message(piece)


def _message(piece: AddableDict) -> AIMessageChunk:
    found = {key: value for key, value in piece.items() if key not in ("answer", "messages")}
    return AIMessageChunk(content=piece["answer"], response_metadata=found)
