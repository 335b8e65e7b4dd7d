"""What a client of the Model Context Protocol does, at any of its servers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
import pytest
from mcp import Client
from mcp.client.streamable_http import streamable_http_client
from mcp.shared.exceptions import MCPError
from mcp_types import CallToolResult, Resource, TextContent

from tests.conftest import TEXT

QUESTION = "Who was proud of the harbour at Thorle?"
SHORT = TEXT[:1500]
LETTERS = {"name": "my letters.txt", "text": SHORT}
READING = {"list_memories", "search", "ask", "summarize"}


async def called(client: Client, tool: str, **arguments: Any) -> dict[str, Any]:
    """The structured result of a tool that succeeds."""
    result = await client.call_tool(tool, arguments)
    assert not result.is_error, result
    assert result.structured_content is not None
    return result.structured_content


def text_of(result: CallToolResult) -> str:
    return "".join(it.text for it in result.content if isinstance(it, TextContent))


async def letters_of(client: Client) -> Resource:
    """The letters as a resource."""
    (found,) = [it for it in (await client.list_resources()).resources if it.name == LETTERS["name"]]
    return found


@asynccontextmanager
async def connected(url: str, key: str = "") -> AsyncIterator[Client]:
    """A client over streamable HTTP."""
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    async with (
        httpx2.AsyncClient(headers=headers, timeout=60) as http,
        Client(streamable_http_client(url, http_client=http)) as client,
    ):
        yield client


async def use_everything(client: Client) -> None:
    """Memorize, list, search, ask, summarize and read, as one session of a client."""
    tools = {tool.name: tool for tool in (await client.list_tools()).tools}
    assert set(tools) == READING | {"memorize"}
    assert tools["ask"].annotations.read_only_hint  # type: ignore[union-attr]
    assert "citations" in tools["ask"].output_schema["properties"]  # type: ignore[index]
    assert all(field["description"] for field in tools["search"].input_schema["properties"].values())
    stages: list[str | None] = []

    async def progressed(done: float, total: float | None, stage: str | None) -> None:
        stages.append(stage)

    made = await client.call_tool("memorize", {"documents": [LETTERS]}, progress_callback=progressed)
    assert made.structured_content, made
    memory_id = made.structured_content["memory_id"]
    assert "gists" in stages
    memories = (await called(client, "list_memories"))["memories"]
    (listed,) = [it for it in memories if it["memory_id"] == memory_id]
    assert listed["name"] == "my letters.txt"
    for memory in (memory_id, "my letters.txt"):
        answer = await called(client, "ask", memory=memory, question=QUESTION, task_type="lookup")
        assert "was proud of the harbour at Thorle. [" in answer["answer"]
        for cited in answer["citations"]:
            assert SHORT[cited["start"] : cited["end"]] == cited["quote"]
    shown = text_of(await client.call_tool("ask", {"memory": memory_id, "question": QUESTION, "task_type": "lookup"}))
    assert answer["answer"] in shown
    assert "my letters.txt, characters " in shown
    found = (await called(client, "search", memory=memory_id, question=QUESTION, k=3))["passages"]
    assert len(found) == 3
    assert [it["score"] for it in found] == sorted((it["score"] for it in found), reverse=True)
    assert all(SHORT[it["start"] : it["end"]] == it["text"] for it in found)
    summary = await called(client, "summarize", memory=memory_id, length="short")
    assert summary["citations"]
    resource = await letters_of(client)
    assert resource.uri == listed["documents"][0]["uri"] == f"memorag://{memory_id}/my%20letters.txt"
    (read,) = (await client.read_resource(resource.uri)).contents
    assert read.text == SHORT  # type: ignore[union-attr]


async def be_refused(client: Client) -> None:
    """Send what is wrong, and get it back in words."""
    for tool, arguments, reason in (
        ("ask", {"memory": "nothing", "question": "Who?"}, "there is no memory with the id or name 'nothing'"),
        ("ask", {"memory": "../..", "question": "Who?"}, "there is no memory"),
        ("ask", {"memory": "my letters.txt", "question": " "}, "query: a question is needed"),
        ("ask", {"memory": "my letters.txt"}, "question"),
        ("search", {"memory": "my letters.txt", "question": "Who?", "k": 0}, "greater than or equal to 1"),
        ("summarize", {"memory": "my letters.txt", "length": "huge"}, "'short'"),
        ("memorize", {"documents": [LETTERS, LETTERS]}, "two documents have the same name"),
    ):
        result = await client.call_tool(tool, arguments)
        assert result.is_error
        assert reason in text_of(result)
    resource = await letters_of(client)
    with pytest.raises(MCPError, match="no document of that name"):
        await client.read_resource(resource.uri.replace("my%20letters.txt", "..%2F..%2Fetc%2Fpasswd"))
    with pytest.raises(MCPError, match="there is no memory"):
        await client.read_resource(f"memorag://{'0' * 32}/letters.txt")
