"""Tools and schemas of a chat with a memory: through the generator, which reads the memory's notes."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from langchain_core.language_models.fake_chat_models import GenericFakeChatModel
from langchain_core.messages import AIMessage, HumanMessage, SystemMessage
from langchain_core.tools import tool
from langchain_openai import ChatOpenAI
from pydantic import BaseModel

from memorag_graph.documents import Document
from memorag_graph.errors import InputError
from memorag_graph.langchain.chat_model import memory_chat
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.backends.served import served_memory_model
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, TINY, tiny_model
from tests.openai_server import REPLY, Handler, OpenAIServer

QUESTION = "Who was proud of the harbour at Thorle?"
PORT = {"captain": "Struan", "harbour": "Thorle"}


class Port(BaseModel):
    """A harbour and who is proud of it."""

    captain: str
    harbour: str


@tool
def harbour_dues(harbour: str) -> str:
    """Return what a ship pays at a harbour."""
    return f"{harbour}: 7 pounds"


class ToolHandler(Handler):
    """Calls the first tool once, and fills in every schema alike."""

    def _completion(self, body: dict[str, Any]) -> dict[str, Any]:
        completion = super()._completion(body)
        message: dict[str, Any] = completion["choices"][0]["message"]
        if "response_format" in body:
            message["content"] = json.dumps(PORT)
        elif "tools" in body and body["messages"][-1]["role"] != "tool":
            called = {"name": body["tools"][0]["function"]["name"], "arguments": '{"harbour": "Thorle"}'}
            message["tool_calls"] = [{"id": "1", "type": "function", "function": called}]
        return completion


class ToolServer(OpenAIServer):
    handler = ToolHandler


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ToolServer]:
    server = ToolServer()
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test")
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def registry(registry: Registry, server: ToolServer) -> Registry:
    chat = ChatOpenAI(model="served", api_key="sk-test", base_url=f"{server.url}/v1")
    registry.add_memory_model("served", served_memory_model("served", chat, window=8192))
    registry.add_memory_model("narrow", LocalMemoryModel(tiny_model("llama", max_position_embeddings=1024)))
    registry.add_chat_model("writer", GenericFakeChatModel(messages=iter([])))
    return registry


def options(**changes: Any) -> RunOptions:
    return TINY.model_copy(update={"gist_writer": "extractive", **changes})


LOCAL = options(generator="openai:gpt-4o")
SERVED = options(model="served", generator="local")


def memorized(registry: Registry, chosen: RunOptions, text: str = TEXT) -> Any:
    opened = registry.memorize([Document("letters.txt", text)], chosen)
    return memory_chat(opened.memory.id, shard=0, registry=registry, options=chosen)


@pytest.mark.parametrize("chosen", [LOCAL, SERVED], ids=["local", "served"])
def test_the_generator_calls_tools_and_knows_the_notes(
    registry: Registry, server: ToolServer, chosen: RunOptions
) -> None:
    chat = memorized(registry, chosen)
    conversation = [SystemMessage("Be brief."), HumanMessage(QUESTION)]
    reply = chat.bind_tools([harbour_dues]).invoke(conversation)
    assert [(it["name"], it["args"]) for it in reply.tool_calls] == [("harbour_dues", {"harbour": "Thorle"})]
    body = server.asked[-1].body
    assert [it["role"] for it in body["messages"]] == ["system", "user"]
    told = body["messages"][0]["content"]
    places = [told.find(note.text) for note in chat.memory.notes]
    assert -1 not in places
    assert places == sorted(places)
    assert told.endswith("Be brief.")


@pytest.mark.parametrize("chosen", [LOCAL, SERVED], ids=["local", "served"])
async def test_the_generator_fills_in_a_schema(registry: Registry, server: ToolServer, chosen: RunOptions) -> None:
    structured = memorized(registry, chosen).with_structured_output(Port)
    assert structured.invoke(QUESTION) == await structured.ainvoke(QUESTION) == Port(**PORT)
    assert "captain" in json.dumps(server.asked[-1].body["response_format"])
    whole = memorized(registry, chosen).with_structured_output(Port, include_raw=True).invoke(QUESTION)
    assert (whole["parsed"], whole["raw"].type) == (Port(**PORT), "ai")


def test_a_server_reads_the_same_notes_with_tools_as_without(registry: Registry, server: ToolServer) -> None:
    """So that its cache of prefixes serves both."""
    chat = memorized(registry, SERVED)
    chat.invoke(QUESTION)
    chat.bind_tools([harbour_dues]).invoke(QUESTION)
    plain, with_tools = (it.body["messages"][0] for it in server.asked[-2:])
    assert plain == with_tools


def test_an_agent_of_langchain_takes_the_chat_as_its_model(registry: Registry, server: ToolServer) -> None:
    agents = pytest.importorskip("langchain.agents", reason="needs pip install 'memorag-graph[agents]'")
    agent = agents.create_agent(memorized(registry, LOCAL), tools=[harbour_dues], system_prompt="Be brief.")
    messages = agent.invoke({"messages": [HumanMessage(QUESTION)]})["messages"]
    assert [it.type for it in messages] == ["human", "ai", "tool", "ai"]
    assert (messages[2].text, messages[3].text) == ("Thorle: 7 pounds", REPLY)
    assert [it["role"] for it in server.asked[-1].body["messages"]] == ["system", "user", "assistant", "tool"]


@pytest.mark.parametrize(
    ("generator", "named"),
    [("extractive", "tiny-llama"), ("local", "tiny-llama"), ("tiny-llama", "tiny-llama"), ("writer", "FakeChatModel")],
)
def test_what_no_generator_does_is_refused_with_what_to_do(registry: Registry, generator: str, named: str) -> None:
    chat = memorized(registry, options(generator=generator))
    for ask in (lambda: chat.bind_tools([harbour_dues]), lambda: chat.with_structured_output(Port)):
        with pytest.raises(InputError, match=rf"{named} calls no tools .*generator='openai:NAME'") as refused:
            ask()
        assert refused.value.field == "generator"
    assert isinstance(chat.invoke(QUESTION), AIMessage), "without tools it answers"


def test_a_memory_of_several_shards_is_refused(registry: Registry) -> None:
    chat = memorized(registry, options(model="narrow", generator="openai:gpt-4o"), TEXT * 3)
    assert len(chat.memory.shards) > 1
    with pytest.raises(InputError, match="of one shard only; give an agent memorag_tool"):
        chat.bind_tools([harbour_dues])
