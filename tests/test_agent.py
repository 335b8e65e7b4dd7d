"""Served chat models, against a server on loopback that fails in every way a server can."""

import logging
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from langchain_core.messages import AIMessageChunk

from memorag_graph import Agent, MemoRAGLite
from memorag_graph.errors import CostLimitError, InputError, ModelError
from memorag_graph.generation.faults import is_transient, reason
from memorag_graph.generation.usage import Usage
from memorag_graph.graph import build_graph
from memorag_graph.langchain.runnable import MemoRAGRunnable
from memorag_graph.nodes import GENERATE_RETRIES
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY
from tests.openai_server import REPLY, OpenAIServer

KEY = "sk-verysecret0123456789abcdef"
SOURCES = ["openai", "azure", "deepseek"]
QUESTION = "Who was proud of the harbour at Thorle?"
TRANSIENT = ["429", "500", "503", "slow", "truncated", "half"]
VARIABLES = {"openai": "OPENAI_API_KEY", "azure": "AZURE_OPENAI_API_KEY", "deepseek": "DEEPSEEK_API_KEY"}


@pytest.fixture
def server() -> Iterator[OpenAIServer]:
    server = OpenAIServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _no_keys_and_no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in (*VARIABLES.values(), "AZURE_OPENAI_ENDPOINT", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)


def make_agent(server: OpenAIServer, source: Any = "openai", **changes: Any) -> Agent:
    address = {"openai": "base_url", "azure": "azure_endpoint", "deepseek": "base_url"}[source]
    path = "" if source == "azure" else "/v1"
    return Agent(
        "m", source, {"api_key": KEY, address: server.url + path}, **{"timeout": 1.0, "max_retries": 2, **changes}
    )


@pytest.mark.parametrize("source", SOURCES)
def test_each_source_is_asked_at_its_address_in_its_way(server: OpenAIServer, source: str) -> None:
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


def test_answers_come_in_the_order_of_the_prompts_and_together(server: OpenAIServer) -> None:
    server.seconds = 0.1
    prompts = [f"Say {number}" for number in range(8)]
    assert make_agent(server).generate(prompts, batch_size=8) == [f"reply {number}" for number in range(8)]


@pytest.mark.parametrize("source", SOURCES)
@pytest.mark.parametrize("fault", ["429", "500", "503", "slow", "truncated"])
def test_what_may_pass_is_tried_again(server: OpenAIServer, source: str, fault: str) -> None:
    server.faults.append(fault)
    assert make_agent(server, source).generate("Who?") == [REPLY]
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    ("fault", "told", "requests"),
    [
        ("401", "HTTP 401: the API key was refused", 1),
        ("403", "may not use this model", 1),
        ("404", "check the model's name and base_url", 1),
        ("429", "HTTP 429: too many requests", 3),
        ("500", "HTTP 500: the server failed", 3),
        ("slow", "no answer came in time", 3),
        ("truncated", "the connection failed, or broke", 3),
        ("garbage", "gave no answer", 1),
    ],
)
@pytest.mark.parametrize("source", SOURCES)
def test_what_does_not_pass_is_told_without_the_key(
    server: OpenAIServer, source: str, fault: str, told: str, requests: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG, logger="memorag_graph")
    server.always = fault
    agent = make_agent(server, source, timeout=0.3)
    with pytest.raises(ModelError, match=told) as error:
        agent.generate("Who?")
    assert len(server.asked) == requests
    shown = f"{error.value} {error.value.__cause__} {agent!r} {agent} {vars(agent)} {agent.chat!r} {caplog.text}"
    assert KEY not in shown
    assert f"{source}:m" in str(error.value)


def test_an_address_where_nobody_answers() -> None:
    agent = Agent("m", "openai", {"api_key": KEY, "base_url": "http://127.0.0.1:9/v1"}, max_retries=0)
    with pytest.raises(ModelError, match="connection failed"):
        agent.generate("Who?")


def test_every_call_counts_however_it_is_made(server: OpenAIServer) -> None:
    agent = make_agent(server, prices=(2.0, 10.0))
    agent.generate(["one", "two"])
    assert agent.usage == Usage(2, 200, 40, pytest.approx(2 * (100 * 2 + 20 * 10) / 1e6))
    assert "".join(chunk.text for chunk in agent.chat.stream("three")) == REPLY
    assert agent.usage.calls == 3
    assert agent.usage.total_tokens == 360
    server.always = "401"
    with pytest.raises(ModelError):
        agent.generate("four")
    assert agent.usage.calls == 3


def test_the_cost_cap_holds_for_callers_at_once(server: OpenAIServer) -> None:
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


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"source": "other"}, "source"),
        ({"model": " "}, "model"),
        ({"temperature": 2.5}, "temperature"),
        ({"temperature": -1.0}, "temperature"),
        ({"api_dict": {"api_key": KEY, "bogus": 1}}, r"api_dict\.bogus"),
        ({"max_cost": 1.0}, "max_cost"),
        ({"max_cost": -1.0, "prices": (1, 1)}, "max_cost"),
        ({"prices": (-1, 1)}, "prices"),
        ({"max_new_tokens": 0}, "max_new_tokens"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: dict[str, Any], field: str) -> None:
    with pytest.raises(InputError, match=field):
        Agent(**{"model": "m", "api_dict": {"api_key": KEY}, **arguments})


@pytest.mark.parametrize("source", SOURCES)
def test_a_key_is_asked_for_at_once_and_read_from_the_environment(source: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ModelError, match=VARIABLES[source]):
        Agent("m", source)
    monkeypatch.setenv(VARIABLES[source], KEY)
    if source == "azure":
        with pytest.raises(ModelError, match="AZURE_OPENAI_ENDPOINT"):
            Agent("m", source)
        monkeypatch.setenv("AZURE_OPENAI_ENDPOINT", "http://127.0.0.1:9")
    assert KEY not in repr(Agent("m", source).chat)


@pytest.fixture
def served(server: OpenAIServer, monkeypatch: pytest.MonkeyPatch) -> OpenAIServer:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    monkeypatch.setattr("memorag_graph.generation.choose._RETRIES", 0)
    monkeypatch.setattr("memorag_graph.generation.choose._TIMEOUT", 0.3)
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
def test_the_graph_tries_again_what_may_pass(
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
    assert result["notices"] == []
    assert list(by_message.values())[-1] == REPLY
    assert len(served.asked) == 2


@pytest.mark.parametrize(("fault", "requests"), [("401", 1), ("404", 1), ("500", 2), ("half", 2), ("slow", 2)])
def test_the_graph_quotes_the_evidence_where_the_model_fails(
    served: OpenAIServer, registry: Registry, fault: str, requests: int
) -> None:
    served.always = fault
    options = TINY.model_copy(update={"generator": "openai:m"})
    ask = MemoRAGRunnable(graph=build_graph(registry), options=options)
    result = list(ask.stream({"context": TEXT, "query": QUESTION}))[-1]
    assert result["citations"]
    assert all(TEXT[it["start"] : it["end"]] == it["quote"] for it in result["citations"])
    (notice,) = result["notices"]
    assert notice.startswith("The generator failed (")
    assert KEY not in notice
    assert len(notice) < 250
    assert len(served.asked) == requests


def test_an_agent_is_a_pipelines_generator(server: OpenAIServer, registry: Registry) -> None:
    agent = make_agent(server, prices=(0.0, 1e6), max_cost=1500.0)
    pipe = MemoRAGLite(
        "tiny-llama", "hash", customized_gen_model=agent, registry=registry, gist_chunk_size=512, gist_tokens=64
    )
    assert pipe(QUESTION, TEXT) == REPLY
    assert agent.usage.calls == 1
    agent.generate("one more")
    for _ in range(25):
        pipe(QUESTION)
    assert agent.usage.cost <= 1500
    assert "max_cost" in pipe.result["notices"][0]


def test_faults_are_told_apart() -> None:
    assert is_transient(TimeoutError())
    assert is_transient(ConnectionResetError())
    assert not is_transient(ModelError("no"))
    assert not is_transient(ValueError("no"))
    assert KEY not in reason(ValueError(f"bad {KEY}"))
    assert reason(ModelError("say this")) == "say this"


def test_a_cancelled_caller_leaves_the_others_unharmed(server: OpenAIServer) -> None:
    agent = make_agent(server)
    stream = agent.chat.stream("Who?")
    next(stream)
    stream.close()
    assert agent.generate("Say 7") == ["reply 7"]
    assert threading.active_count() < 50
