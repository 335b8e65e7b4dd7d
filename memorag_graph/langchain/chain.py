"""A chain that takes a question, a prompt or messages and returns the answer as a message."""

from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessageChunk, convert_to_messages
from langchain_core.prompt_values import PromptValue
from langchain_core.runnables import Runnable, RunnableGenerator
from langchain_core.runnables.utils import AddableDict

from memorag_graph.citation_annotations import PROVIDER
from memorag_graph.errors import InputError
from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.given_options import Options, given_options
from memorag_graph.langchain.memory_place import absolute_place
from memorag_graph.langchain.runnable import AnyGraph, MemoRAGRunnable
from memorag_graph.settings import TaskType

ChainInput = LanguageModelInput | Mapping[str, Any]


def memorag_chain(
    memory_id: str = "",
    *,
    graph: AnyGraph = default_graph,
    options: Options | None = None,
    task_type: TaskType = "auto",
) -> Runnable[ChainInput, AIMessageChunk]:
    """Return a chain that replaces a chat model and answers from a memory, as in ``prompt | chain | parser``.

    It takes a question, a prompt, messages, or the graph's input as a dict, and returns a message whose
    ``response_metadata`` holds the rest of the graph's output, e.g. the citations, which are also the annotations of
    its ``content_blocks``. It streams the answer's tokens. ``max_tokens``, ``temperature`` and ``stop`` may be given
    with a call or bound, as in ``chain.bind(stop=["###"])``.

    Args:
        memory_id: Id or directory of the memory; empty if each input brings its own text.
        graph: The graph to run.
        options: Options of the runs; ``config["configurable"]`` takes precedence.
        task_type: Task for inputs that name none.

    Raises:
        InputError: If an option is invalid.

    Example:
        >>> chain = memorag_chain(memory_id, task_type="lookup")
        >>> message = chain.invoke("Who rebuilt the lighthouse?")
        >>> "Captain Petrie rebuilt it in stone. [1]" in message.text
        True
        >>> message.response_metadata["citations"][0]["source"]
        'context'
    """
    chosen = given_options(options)
    if memory_id:
        chosen = chosen.model_copy(update={"memory_id": absolute_place(memory_id)})

    ask = _ConversationRunnable(graph=graph, options=chosen, task_type=task_type)
    chain: Runnable[Any, AIMessageChunk] = ask | RunnableGenerator(_messages, _amessages)
    return chain


class _ConversationRunnable(MemoRAGRunnable):
    """The graph for what chat models take. As the first of the chain, it gets the options of ``chain.bind``."""

    task_type: TaskType

    def graph_input(self, given: ChainInput) -> dict[str, Any]:
        """Return the graph's input for a question, a prompt or messages."""
        return {"task_type": self.task_type, **_of_conversation(given)}


def _of_conversation(chain_input: ChainInput) -> dict[str, Any]:
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
    if "citations" in metadata:
        metadata["model_provider"] = PROVIDER
    return AIMessageChunk(content=piece["answer"], response_metadata=metadata)
