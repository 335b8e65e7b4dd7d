"""A chain that takes a question, a prompt or messages and returns the answer as a message."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableLambda
from langchain_core.runnables.utils import AddableDict

from memorag_graph.errors import InputError
from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.memory_place import absolute_place
from memorag_graph.langchain.runnable import AnyGraph, MemoRAGRunnable
from memorag_graph.settings import RunOptions, TaskType

ChainInput = LanguageModelInput | Mapping[str, Any]


def memorag_chain(
    memory_id: str = "",
    *,
    graph: AnyGraph = default_graph,
    options: RunOptions | None = None,
    task_type: TaskType = "auto",
) -> Runnable[ChainInput, AIMessageChunk]:
    """Return a chain that replaces a chat model and answers from a memory, as in ``prompt | chain | parser``.

    It takes a question, a prompt, messages, or the graph's input as a dict, and returns a message whose
    ``response_metadata`` holds the rest of the graph's output, e.g. the citations. It streams the answer's tokens.

    Args:
        memory_id: Id or directory of the memory; empty if each input brings its own text.
        graph: The graph to run.
        options: Options of the runs; ``config["configurable"]`` takes precedence.
        task_type: Task for inputs that name none.

    Example:
        >>> chain = memorag_chain(memory_id, task_type="lookup")
        >>> message = chain.invoke("Who rebuilt the lighthouse?")
        >>> "Captain Petrie rebuilt it in stone. [1]" in message.text
        True
        >>> message.response_metadata["citations"][0]["source"]
        'context'
    """
    chosen = options or RunOptions()
    if memory_id:
        chosen = chosen.model_copy(update={"memory_id": absolute_place(memory_id)})

    def to_input(chain_input: ChainInput) -> dict[str, Any]:
        return {"task_type": task_type, **_graph_input(chain_input)}

    ask = MemoRAGRunnable(graph=graph, options=chosen)
    return RunnableLambda(to_input) | ask | RunnableGenerator(_messages, _amessages)


def _graph_input(chain_input: ChainInput) -> dict[str, Any]:
    """Convert input to the graph's; earlier messages are the conversation that the question goes on from."""
    if isinstance(chain_input, str):
        return {"query": chain_input}
    if isinstance(chain_input, Mapping):
        return dict(chain_input)
    messages = chain_input.to_messages() if isinstance(chain_input, PromptValue) else convert_to_messages(chain_input)
    if not messages or messages[-1].type != "human":
        raise InputError("messages", "the last message must be the user's question")
    return {"messages": messages}


def _messages(pieces: Iterator[AddableDict]) -> Iterator[AIMessageChunk]:
    for piece in pieces:
        yield _message(piece)


async def _amessages(pieces: AsyncIterator[AddableDict]) -> AsyncIterator[AIMessageChunk]:
    async for piece in pieces:
        yield _message(piece)


def _message(piece: AddableDict) -> AIMessageChunk:
    metadata = {key: value for key, value in piece.items() if key not in ("answer", "messages")}
    return AIMessageChunk(content=piece["answer"], response_metadata=metadata)
