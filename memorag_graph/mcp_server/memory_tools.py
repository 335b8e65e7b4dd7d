"""The tools: list memories, search, ask, summarize, and memorize where the operator allows it."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

from langchain_core.documents import Document
from mcp.server.mcpserver import Context
from mcp.server.mcpserver.exceptions import ToolError
from mcp_types import CallToolResult
from pydantic import BaseModel, ConfigDict, Field

from memorag_graph.cancellation import Cancellation
from memorag_graph.documents import document_name, from_text
from memorag_graph.errors import InputError, MemoragError
from memorag_graph.langchain.retriever import best_first
from memorag_graph.mcp_server.tool_results import (
    CitedAnswer,
    FoundPassages,
    KnownMemories,
    Memorized,
    answer_text,
    cited_answer,
    found_passages,
    known_library,
    known_memory,
    passages_text,
    tool_result,
)
from memorag_graph.progress import Progress
from memorag_graph.serving.asked_source import asked_source
from memorag_graph.serving.client_graph import client_graph, run_of
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.tenants import Tenants
from memorag_graph.serving.told_errors import of_each, told_to_client
from memorag_graph.settings import TASKS, RunOptions, SummaryLength, TaskType, run_options

ClientOf = Callable[[Any], Principal]
"""Returns who sent the request of a context."""

_MOST_PASSAGES = 50

MemoryName = Annotated[
    str, Field(description="Id or name of the memory, or name of the library; list_memories shows them.")
]
Where = Annotated[
    list[str], Field(description="Of a library only documents that fit, such as year>=2020; all conditions must hold.")
]


class NewText(BaseModel):
    """A text to memorize."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(description="Name of the document, as citations show it.")
    text: str = Field(min_length=1, description="The whole text.")


class MemoryTools:
    """The tools of one server.

    Args:
        tenants: The models, and the memories of each tenant.
        options: The operator's options.
        client_of: Tells who calls.
        seconds: Longest computation of one call; None means no limit.
    """

    def __init__(
        self, tenants: Tenants, options: RunOptions, client_of: ClientOf, seconds: float | None = None
    ) -> None:
        self._tenants = tenants
        self._options = options
        self._client_of = client_of
        self._seconds = seconds
        self._graph = client_graph(tenants)

    async def list_memories(self, ctx: Context) -> KnownMemories:
        """List the memories and libraries that can be asked."""

        def known() -> KnownMemories:
            tenant = self._client_of(ctx).tenant
            libraries, store = self._tenants.libraries(tenant), self._tenants.registry(tenant).store
            return KnownMemories(
                memories=[known_memory(store, it) for it in store.memories()],
                libraries=of_each(libraries, lambda name, library: known_library(name, library.list())),
            )

        with _in_words():
            return await asyncio.to_thread(known)

    async def search(
        self,
        ctx: Context,
        memory: MemoryName,
        question: Annotated[str, Field(description="What to look for, complete in itself.")],
        k: Annotated[int, Field(ge=1, le=_MOST_PASSAGES, description="Number of passages.")] = 5,
        where: Where = [],  # noqa: B006 - the schema shows it; never changed
    ) -> Annotated[CallToolResult, FoundPassages]:
        """Find the passages of a memory or library that match a question best, without writing an answer."""
        given = {"query": question, "task_type": "lookup", "where": where}
        place, result = await self._run(ctx, memory, given, {}, stop_before=["generate"])
        evidence: list[Document] = result["evidence"]
        found = found_passages(place, best_first(evidence, k))
        return tool_result(passages_text(found), found)

    async def ask(
        self,
        ctx: Context,
        memory: MemoryName,
        question: Annotated[str, Field(description="The question, complete in itself.")],
        task_type: Annotated[TaskType, Field(description=TASKS)] = "auto",
        where: Where = [],  # noqa: B006 - the schema shows it; never changed
    ) -> Annotated[CallToolResult, CitedAnswer]:
        """Answer a question from a memory or library, with quotations from its documents."""
        given = {"query": question, "task_type": task_type, "where": where}
        answer = cited_answer(*await self._run(ctx, memory, given, {}))
        return tool_result(answer_text(answer), answer)

    async def summarize(
        self,
        ctx: Context,
        memory: MemoryName,
        about: Annotated[str, Field(description="What the summary is about; empty for everything.")] = "",
        length: SummaryLength = "auto",
    ) -> Annotated[CallToolResult, CitedAnswer]:
        """Summarize the documents of a memory, with citations."""
        given = {"query": about, "task_type": "summarize"}
        answer = cited_answer(*await self._run(ctx, memory, given, {"length": length}))
        return tool_result(answer_text(answer), answer)

    async def memorize(self, ctx: Context, documents: Annotated[list[NewText], Field(min_length=1)]) -> Memorized:
        """Read texts once and keep them as a memory that can be asked. May take minutes; a call again resumes."""
        loop = asyncio.get_running_loop()

        def report(progress: Progress) -> None:
            shown = ctx.report_progress(progress.done, progress.total, progress.stage)
            asyncio.run_coroutine_threadsafe(shown, loop)

        with _in_words(), self._cancellable():
            texts = [from_text(it.text, document_name(it.name)) for it in documents]
            names = [it.source for it in texts]
            if len(set(names)) < len(names):
                raise InputError("documents", "two documents have the same name; give each a unique one")
            scope = self._tenants.scope(self._client_of(ctx), self._options)
            opened = await asyncio.to_thread(scope.memorize, texts, None, report)
        memory = opened.memory
        notices = list(memory.reading_notices)
        return Memorized(memory_id=memory.id, documents=names, tokens=memory.context_tokens, notices=notices)

    async def _run(
        self,
        ctx: Context,
        memory: str,
        given: Mapping[str, Any],
        changes: Mapping[str, Any],
        stop_before: Sequence[str] = (),
    ) -> tuple[str, dict[str, Any]]:
        """Run the graph; return under what the addresses of the documents stand, and the output."""
        client = self._client_of(ctx)
        with _in_words(), self._cancellable():
            source = await asyncio.to_thread(asked_source, self._tenants, client.tenant, memory, "memory")
            result: dict[str, Any] = await self._graph.ainvoke(
                {**given, **source.given},
                run_of(client),
                context=run_options({**self._options.model_dump(), **changes}),
                interrupt_before=list(stop_before),
            )
            return source.place, result

    @contextmanager
    def _cancellable(self) -> Iterator[None]:
        """End what a call started in threads when the call ends, also because the client cancelled it."""
        with Cancellation(self._seconds).bound() as running:
            try:
                yield
            finally:
                running.cancel()


@contextmanager
def _in_words() -> Iterator[None]:
    """Tell the client's model what is wrong; other exceptions stay on the server."""
    try:
        yield
    except MemoragError as error:
        raise ToolError(told_to_client(error)) from None
