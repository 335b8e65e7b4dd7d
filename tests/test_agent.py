"""Served chat models, tested against a local server that fails in every way."""

import asyncio
import base64
import logging
import sys
import threading
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from memorag_graph import Agent, MemoRAGLite
from memorag_graph.errors import CostLimitError, InputError, MissingExtraError, ModelError, ModelUnavailableError
from memorag_graph.graph import build_graph
from memorag_graph.langchain.runnable import MemoRAGRunnable
from memorag_graph.nodes import GENERATE_RETRIES
from memorag_graph.providers.provider_errors import is_transient, reason
from memorag_graph.providers.usage import Usage
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY
from tests.openai_server import REPLY, OpenAIServer

KEY = "sk-verysecret0123456789abcdef"
SOURCES = ["openai", "azure", "deepseek"]
QUESTION = "Who was proud of the harbour at Thorle?"
TRANSIENT = ["429", "500", "503", "slow", "truncated", "half"]
VARIABLES = {"openai": "OPENAI_API_KEY", "azure": "AZURE_OPENAI_API_KEY", "deepseek": "DEEPSEEK_API_KEY"}


@pytest.fixture
def server(openai_server: OpenAIServer) -> OpenAIServer:
    return openai_server


@pytest.fixture(autouse=True)
def _no_keys_and_no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*VARIABLES.values(), "AZURE_OPENAI_ENDPOINT", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)
    quick = GENERATE_RETRIES._replace(initial_interval=0.01, jitter=False)
    monkeypatch.setattr("memorag_graph.graph.GENERATE_RETRIES", quick)


def make_agent(server: OpenAIServer, source: Any = "openai", **changes: Any) -> Agent:
    address = {"openai": "base_url", "azure": "azure_endpoint", "deepseek": "base_url"}[source]
    path = "" if source == "azure" else "/v1"
    return Agent(
        "m", source, {"api_key": KEY, address: server.url + path}, **{"timeout": 1.0, "max_retries": 2, **changes}
    )


@pytest.mark.parametrize("source", SOURCES)
def test_each_provider_gets_requests_in_its_own_format(server: OpenAIServer, source: str) -> None:
    agent = make_agent(server, source, temperature=0.5)
    assert agent.generate("Who?", max_new_tokens=77) == [REPLY]
    (asked,) = server.asked
    path = {"openai": "/v1/chat/completions", "azure": "/openai/deployments/m/chat/completions?api-version=2024-10-21",
            "deepseek": "/v1/chat/completions"}  # fmt: skip
    assert asked.path == path[source]
    key = asked.headers["api-key"] if source == "azure" else asked.headers["authorization"]
    assert key == (KEY if source == "azure" else f"Bearer {KEY}")
    limit = "max_tokens" if source == "deepseek" else "max_completion_tokens"
    assert (asked.body[limit], asked.body["temperature"]) == (77, 0.5)
    assert asked.body["messages"] == [{"role": "user", "content": "Who?"}]


def test_batched_answers_keep_the_order_of_the_prompts(server: OpenAIServer) -> None:
    server.seconds = 0.1
    prompts = [f"Say {number}" for number in range(8)]
    assert make_agent(server).generate(prompts, batch_size=8) == [f"reply {number}" for number in range(8)]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("fault", ["429", "500", "503", "slow", "truncated"])
def test_temporary_failures_are_retried(server: OpenAIServer, source: str, fault: str) -> None:
    server.faults.append(fault)
    assert make_agent(server, source, timeout=0.3).generate("Who?") == [REPLY]
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("fault", "message", "requests"),
    [
        ("401", "HTTP 401: the API key was refused", 1),
        ("403", "may not use this model", 1),
        ("404", "check the model's name and the address", 1),
        ("429", "HTTP 429: too many requests", 3),
        ("500", "HTTP 500: the server failed", 3),
        ("slow", "the request timed out", 3),
        ("truncated", "the connection failed, or the reply", 3),
        ("garbage", "the connection failed, or the reply", 1),
    ],
)
@pytest.mark.parametrize("source", SOURCES)
def test_permanent_failures_are_reported_without_the_key(
    server: OpenAIServer, source: str, fault: str, message: str, requests: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="memorag_graph")
    server.always = fault
    agent = make_agent(server, source, timeout=0.3)
    with pytest.raises(ModelError, match=message) as error:
        agent.generate("Who?")
    assert len(server.asked) == requests
    shown = f"{error.value} {error.value.__cause__} {agent!r} {agent} {vars(agent)} {agent.chat!r} {caplog.text}"
    assert KEY not in shown
    assert f"{source}:m" in str(error.value)
    if fault in ("401", "403"):
        assert f"api_dict['api_key'] or {VARIABLES[source]}" in str(error.value)
    if fault in ("404", "truncated"):
        assert f"at {server.url}/" in str(error.value)
        assert ("azure_endpoint" if source == "azure" else "base_url") in str(error.value)


async def _called_both_ways(chat: Any) -> list[Any]:
    return await asyncio.gather(chat.ainvoke("Who?"), anext(chat.astream("Who?")), return_exceptions=True)


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize(("fault", "kind"), [("401", ModelError), ("500", ModelUnavailableError)])
def test_no_kind_of_call_shows_the_servers_reply_in_its_error(
    server: OpenAIServer, source: str, fault: str, kind: type[ModelError]
) -> None:
    server.always = fault
    chat = make_agent(server, source, max_retries=0).chat
    errors: list[Any] = asyncio.run(_called_both_ways(chat))
    for call in (chat.invoke, lambda prompt: next(chat.stream(prompt))):
        with pytest.raises(kind) as raised:
            call("Who?")
        errors.append(raised.value)
    assert len(errors) == len(server.asked) == 4
    for error in errors:
        assert type(error) is kind
        assert error.status_code == int(fault)
        assert str(error).startswith(f"{source}:m gave no answer: HTTP {fault}")
        assert KEY not in "".join(traceback.format_exception(error))


def test_credentials_in_an_address_are_not_shown(server: OpenAIServer) -> None:
    server.always = "404"
    address = server.url.replace("//", "//user:hidden@") + "/v1"
    with pytest.raises(ModelError, match=f"at {server.url}/v1,") as error:
        Agent("m", "openai", {"api_key": KEY, "base_url": address}).generate("Who?")
    assert "hidden" not in str(error.value)


@pytest.mark.parametrize("source", SOURCES)
def test_credentials_in_an_address_are_sent(server: OpenAIServer, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    name = {"openai": "base_url", "azure": "azure_endpoint", "deepseek": "base_url"}[source]
    variable = {"openai": "OPENAI_BASE_URL", "azure": "AZURE_OPENAI_ENDPOINT", "deepseek": "DEEPSEEK_API_BASE"}[source]
    address = server.url.replace("//", "//user:pass%20word@") + ("" if source == "azure" else "/v1")
    assert Agent("m", source, {"api_key": KEY, name: address}).generate("Who?") == [REPLY]  # type: ignore[arg-type]
    monkeypatch.setenv(variable, address)
    agent = Agent("m", source, {"api_key": KEY})  # type: ignore[arg-type]
    assert agent.generate("Who?") == [REPLY]
    assert asyncio.run(agent.chat.ainvoke("Who?")).content == REPLY
    sent = {base64.b64decode(asked.headers["authorization"].removeprefix("Basic ")) for asked in server.asked}
    assert (len(server.asked), sent) == (3, {b"user:pass word"})


def test_an_unreachable_address_is_reported() -> None:
    agent = Agent("m", "openai", {"api_key": KEY, "base_url": "http://127.0.0.1:9/v1"}, max_retries=0)
    with pytest.raises(ModelError, match="connection failed"):
        agent.generate("Who?")


def test_every_kind_of_call_is_counted(server: OpenAIServer) -> None:
    agent = make_agent(server, prices=(2.0, 10.0))
    agent.generate(["one", "two"])
    assert agent.usage == Usage(2, 200, 40, pytest.approx(2 * (100 * 2 + 20 * 10) / 1e6))
    assert "".join(chunk.text for chunk in agent.chat.stream("three")) == REPLY
    assert agent.usage.calls == 3
    assert agent.usage.total_tokens == 360
    asyncio.run(agent.chat.ainvoke("four"))
    assert agent.usage.calls == 4
    server.always = "401"
    cost = agent.usage.cost
    with pytest.raises(ModelError):
        agent.generate("five")
    assert (agent.usage.calls, agent.usage.cost) == (4, cost)


def test_the_cost_limit_holds_for_concurrent_callers(server: OpenAIServer) -> None:
    server.seconds = 0.05
    agent = make_agent(server, prices=(0.0, 1e6), max_cost=100.0, max_new_tokens=20)
    outcomes = []

    def ask(number: int) -> None:
        try:
            outcomes.append(agent.generate(f"Say {number}")[0])
        except CostLimitError as error:
            outcomes.append(str(error))

    with ThreadPoolExecutor(12) as pool:
        list(pool.map(ask, range(12)))
    answered = [outcome for outcome in outcomes if outcome.startswith("reply")]
    assert 1 <= len(answered) <= 5
    assert agent.usage.cost == pytest.approx(20.0 * len(answered))
    while agent.usage.cost + 20 <= 100:
        agent.generate("Say 1")
    sent = len(server.asked)
    with pytest.raises(CostLimitError, match="raise max_cost"):
        agent.generate("Say 1")
    assert len(server.asked) == sent
    with pytest.raises(CostLimitError):
        next(agent.chat.stream("Say 1"))


def _abandon(agent: Agent) -> None:
    stream = agent.chat.stream("Who?")
    next(stream)
    stream.close()


def _lose(agent: Agent) -> None:
    with pytest.raises(ModelUnavailableError):
        list(agent.chat.stream("Who?"))


@pytest.mark.parametrize(("fault", "call"), [("", _abandon), ("half", _lose), ("slow", _lose)])
def test_answers_not_read_to_the_end_count_towards_the_cost_limit(
    server: OpenAIServer, fault: str, call: Callable[[Agent], None]
) -> None:
    server.always = fault
    agent = make_agent(
        server, prices=(0.0, 1e6), max_cost=100.0, max_new_tokens=40, timeout=0.2 if fault else 2.0, max_retries=0
    )
    call(agent)
    call(agent)
    with pytest.raises(CostLimitError):
        call(agent)
    assert agent.usage.cost == pytest.approx(80.0)
    assert len(server.asked) == 2


def test_a_prompt_with_a_token_per_byte_stays_below_the_cost_limit(server: OpenAIServer) -> None:
    agent = make_agent(server, prices=(1e6, 0.0), max_cost=99.0)
    with pytest.raises(CostLimitError):
        agent.generate("#" * 100)
    assert server.asked == []


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"source": "other"}, "source"),
        ({"model": " "}, "model"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"temperature": "hot"}, "temperature"),
        ({"timeout": -1.0}, "timeout"),
        ({"max_retries": -1}, "max_retries"),
        ({"max_retries": 1.5}, "max_retries"),
        ({"api_dict": [KEY]}, "api_dict"),
        ({"api_dict": {"api_key": f"{KEY} {KEY}"}}, "api_key"),
        ({"api_dict": {"api_key": 5}}, r"api_dict\.api_key"),
        ({"api_dict": {"api_key": KEY, "base_url": "nonsense"}}, r"api_dict\.base_url"),
        ({"api_dict": {"api_key": KEY, "timeout": "soon"}}, r"api_dict\.timeout"),
        ({"api_dict": {"api_key": KEY, "bogus": 1}}, r"api_dict\.bogus"),
        ({"max_cost": 1.0}, "max_cost"),
        ({"max_cost": -1.0, "prices": (1, 1)}, "max_cost"),
        ({"max_cost": float("nan"), "prices": (1, 1)}, "max_cost"),
        ({"prices": (-1, 1)}, "prices"),
        ({"prices": (float("nan"), 1)}, "prices"),
        ({"prices": (1,)}, "prices"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
    ],
)
def test_errors_name_bad_arguments(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field) as error:
        Agent(**{"model": "m", "api_dict": {"api_key": KEY}, **arguments})
    assert KEY not in str(error.value)


@pytest.mark.parametrize("arguments", [{"temperature": 5.0}, {"max_new_tokens": 0}, {"batch_size": 0}])
def test_bad_arguments_of_a_call_are_refused_before_any_request(
    server: OpenAIServer, arguments: dict[str, Any]
) -> None:
    with pytest.raises(InputError, match=next(iter(arguments))):
        make_agent(server).generate("Who?", **arguments)
    assert server.asked == []


@pytest.mark.parametrize("source", SOURCES)
def test_a_missing_key_is_reported_at_once_and_keys_are_read_from_the_environment(
    source: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ModelError, match=VARIABLES[source]):
        Agent("m", source)
    monkeypatch.setenv(VARIABLES[source], KEY)
    if source == "azure":
        with pytest.raises(ModelError, match="AZURE_OPENAI_ENDPOINT"):
            Agent("m", source)
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:9")
    assert KEY not in repr(Agent("m", source).chat)


def test_a_missing_extra_is_reported_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_deepseek", None)
    with pytest.raises(MissingExtraError, match=r"memorag-graph\[deepseek\]"):
        Agent("m", "deepseek", {"api_key": KEY})


@pytest.mark.parametrize("source", ["openai", "azure"])
def test_a_missing_package_is_named_with_its_command(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "langchain_openai", None)
    with pytest.raises(ModelError, match="pip install langchain-openai"):
        Agent("m", source, {"api_key": KEY, **({"endpoint": "http://127.0.0.1:9"} if source == "azure" else {})})


@pytest.fixture
def served(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setattr("memorag_graph.providers.provider_models._RETRIES", 0)
    monkeypatch.setattr("memorag_graph.providers.provider_models._TIMEOUT", 0.3)
    return server


def ask(registry: Registry, **changes: Any) -> dict[str, Any]:
    options = TINY.model_copy(update={"generator": "openai:m", **changes})
    return build_graph(registry).invoke({"context": TEXT, "query": QUESTION}, context=options)  # type: ignore[call-overload]


def test_the_graph_answers_with_a_served_model(served: OpenAIServer, registry: Registry) -> None:
    result = ask(registry)
    assert result["answer"] == REPLY
    assert [citation["number"] for citation in result["citations"]] == [1]
    assert result["tokens"]["generate"] == 20
    assert "harbour at" in served.asked[0].body["messages"][0]["content"]


@pytest.mark.parametrize("fault", TRANSIENT)
def test_the_graph_retries_temporary_failures(
    served: OpenAIServer, registry: Registry, fault: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert GENERATE_RETRIES.max_attempts == 2
    served.faults.append(fault)
    given: Any = {"context": TEXT, "query": QUESTION}
    options = TINY.model_copy(update={"generator": "openai:m"})
    result: dict[str, Any] = {}
    by_message: dict[str | None, str] = {}
    for mode, event in build_graph(registry).stream(given, context=options, stream_mode=["messages", "values"]):
        if mode == "values":
            result = event  # type: ignore[assignment]
        elif isinstance(event[0], AIMessageChunk):
            by_message[event[0].id] = by_message.get(event[0].id, "") + event[0].text
    assert result["answer"] == REPLY
    assert "generator_failed" not in result["faults"]
    assert list(by_message.values())[-1] == REPLY
    assert len(served.asked) == 2


@pytest.mark.parametrize(("fault", "requests"), [("401", 1), ("404", 1), ("500", 2), ("half", 2), ("slow", 2)])
def test_the_graph_quotes_the_evidence_if_the_model_fails(
    served: OpenAIServer, registry: Registry, fault: str, requests: int
) -> None:
    served.always = fault
    options = TINY.model_copy(update={"generator": "openai:m"})
    ask = MemoRAGRunnable(graph=build_graph(registry), options=options)
    result = list(ask.stream({"context": TEXT, "query": QUESTION}))[-1]
    assert result["citations"]
    assert all(TEXT[cited["start"] : cited["end"]] == cited["quote"] for cited in result["citations"])
    (notice,) = result["notices"]
    assert notice.startswith("The generator failed (")
    assert KEY not in notice
    assert len(notice) < 250
    assert len(served.asked) == requests


@pytest.mark.parametrize("is_added", [False, True])
def test_no_logger_of_any_library_gets_the_key(
    served: OpenAIServer, registry: Registry, is_added: bool, caplog: pytest.LogCaptureFixture
) -> None:
    from langchain_openai import ChatOpenAI

    caplog.set_level(logging.DEBUG)
    registry.add_chat_model("added", ChatOpenAI(model="m", max_retries=0))
    served.always = "500"
    result = ask(registry, generator="added" if is_added else "openai:m")
    assert "HTTP 500" in result["notices"][0]
    assert "Retrying task generate" in caplog.text  # LangGraph says why, with the traceback
    assert KEY not in caplog.text


def test_a_stopped_run_does_not_affect_the_next_one(served: OpenAIServer, registry: Registry) -> None:
    options = TINY.model_copy(update={"generator": "openai:m"})
    given: Any = {"context": TEXT, "query": QUESTION}
    stream = build_graph(registry).stream(given, context=options, stream_mode="messages")
    next(event for event in stream if isinstance(event[0], AIMessageChunk) and event[0].text)
    stream.close()
    assert ask(registry)["answer"] == REPLY


def test_an_agent_can_be_a_pipelines_generator(server: OpenAIServer, registry: Registry) -> None:
    agent = make_agent(server, prices=(0.0, 1e6), max_cost=1100.0)
    pipe = MemoRAGLite(
        "tiny-llama", "hash", customized_gen_model=agent, registry=registry, gist_chunk_size=512, gist_tokens=64
    )
    assert pipe(QUESTION, TEXT) == REPLY
    assert agent.usage.calls == 1
    agent.generate("one more")
    for _ in range(5):
        pipe(QUESTION)
    assert agent.usage.cost <= 1100
    assert "max_cost" in pipe.result["notices"][0]


def test_temporary_and_permanent_failures_are_distinguished() -> None:
    assert is_transient(TimeoutError())
    assert is_transient(ConnectionResetError())
    assert not is_transient(ModelError("no"))
    assert not is_transient(ValueError("no"))
    assert KEY not in reason(ValueError(f"bad {KEY}"))
    assert reason(ModelError("say this")) == "say this"


def test_a_cancelled_caller_does_not_affect_the_others(server: OpenAIServer) -> None:
    agent = make_agent(server)
    before = threading.active_count()
    for _ in range(20):
        stream = agent.chat.stream("Who?")
        next(stream)
        stream.close()
    assert agent.generate("Say 7") == ["reply 7"]
    assert threading.active_count() < before + 20
