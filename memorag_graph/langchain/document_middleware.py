"""A middleware for LangChain's agents: the model is told what a document says before it is called."""

from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, NotRequired

from langchain_core.messages import HumanMessage, SystemMessage

from memorag_graph.errors import MemoragError, MissingExtraError
from memorag_graph.generation.fence import Fence
from memorag_graph.graph import graph as default_graph
from memorag_graph.langchain.asked_place import Filter, asked_place
from memorag_graph.langchain.given_options import Options
from memorag_graph.langchain.runnable import AnyGraph, MemoRAGRunnable
from memorag_graph.langchain.tool import memorag_tool
from memorag_graph.prompts.en import ENGLISH

try:
    from langchain.agents.middleware import AgentMiddleware, AgentState, ModelRequest, ModelResponse
    from langchain.agents.middleware.types import PrivateStateAttr
except ImportError:
    raise MissingExtraError("DocumentMiddleware", "agents") from None


class DocumentState(AgentState[Any]):
    """The state of an agent, with what the document says to the last question."""

    document_passages: NotRequired[Annotated[str, PrivateStateAttr]]


class DocumentMiddleware(AgentMiddleware[DocumentState, Any, Any]):
    """Searches a document for the user's question before an agent's model is called, and puts the passages before it.

    The search asks no language model and takes a fraction of a second. The agent also gets the tool of
    :func:`~memorag_graph.langchain.tool.memorag_tool`, to ask further. If the document cannot be searched, the model is
    told that instead.

    Args:
        memory_id: Id or directory of the memory; empty for a library.
        library: Directory or URL of a library to search instead.
        where: Which documents of the library; see :mod:`memorag_graph.library.where`.
        as_of: The time whose versions of them are meant; None for now.
        description: What the document is about, so that the agent knows when to use the tool.
        graph: The graph to run.
        options: Options of the runs; ``evidence_tokens`` limits the passages.

    Raises:
        InputError: If both a memory and a library are named, or none, or an option is invalid.

    Example:
        >>> from langchain.agents import create_agent
        >>> agent = create_agent(model, middleware=[DocumentMiddleware(memory_id)])
    """

    state_schema = DocumentState

    def __init__(
        self,
        memory_id: str = "",
        *,
        library: str | Path = "",
        where: Filter | None = None,
        as_of: str | None = None,
        description: str = "Answers questions about a long document, with quotations from it.",
        graph: AnyGraph = default_graph,
        options: Options | None = None,
    ) -> None:
        super().__init__()
        self._place = asked_place(memory_id, library, where, as_of)
        self._search = MemoRAGRunnable(graph=graph, options=options)
        self.tools = [
            memorag_tool(
                memory_id,
                library=library,
                where=where,
                as_of=as_of,
                description=description,
                graph=graph,
                options=options,
            )
        ]

    def before_agent(self, state: DocumentState, runtime: Any) -> dict[str, Any]:  # noqa: ANN401 - not needed
        """Search for the last question."""
        question = _question(state["messages"])
        if not question:
            return {"document_passages": ""}
        try:
            return {"document_passages": _note(self._search.invoke(self._input(question)), question)}
        except MemoragError as error:
            return {"document_passages": _failed(error)}

    async def abefore_agent(self, state: DocumentState, runtime: Any) -> dict[str, Any]:  # noqa: ANN401 - not needed
        """Search for the last question."""
        question = _question(state["messages"])
        if not question:
            return {"document_passages": ""}
        try:
            return {"document_passages": _note(await self._search.ainvoke(self._input(question)), question)}
        except MemoragError as error:
            return {"document_passages": _failed(error)}

    def wrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], ModelResponse[Any]]
    ) -> ModelResponse[Any]:
        """Call the model with the passages behind its instructions."""
        return handler(_informed(request))

    async def awrap_model_call(
        self, request: ModelRequest[Any], handler: Callable[[ModelRequest[Any]], Awaitable[ModelResponse[Any]]]
    ) -> ModelResponse[Any]:
        """Call the model with the passages behind its instructions."""
        return await handler(_informed(request))

    def _input(self, question: str) -> dict[str, Any]:
        return {**self._place, "query": question, "task_type": "lookup"}


def _question(messages: Sequence[Any]) -> str:
    """Return the text of the last question; empty if there is none."""
    asked = [message for message in messages if isinstance(message, HumanMessage)]
    return str(asked[-1].text).strip() if asked else ""


def _note(result: dict[str, Any], question: str) -> str:
    """Return what the model is told of a search."""
    passages = [
        "{source}:{start}-{end}: {text}".format(**document.metadata, text=document.page_content)
        for document in result["evidence"]
    ]
    if not passages:
        return "A search of the document for the user's question found nothing."
    text = "\n\n".join(passages)
    fence = Fence.around(text, question)
    told = "A search of the document for the user's question found these passages. They may not answer it."
    return f"{told} {fence.explain(ENGLISH.quotation_note)}\n{fence.enclose(text)}"


def _failed(error: MemoragError) -> str:
    return f"The document could not be searched: {error}"


def _informed(request: ModelRequest[Any]) -> ModelRequest[Any]:
    passages = request.state.get("document_passages", "")
    if not passages:
        return request
    before = [request.system_message.text] if request.system_message else []
    return request.override(system_message=SystemMessage("\n\n".join([*before, str(passages)])))
