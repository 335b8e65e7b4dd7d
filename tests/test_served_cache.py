"""A memory in the prefix cache of a server: it is found again, by its own tenant alone, and a miss is noticed."""

import json
import logging
import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.runnables import RunnableLambda

from memorag_graph import Agent, RemoteMemory
from memorag_graph.documents import Document
from memorag_graph.errors import DiskError, InputError
from memorag_graph.graph import build_graph
from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.providers.cache_salt import cache_salt, service_secret
from memorag_graph.registry import Registry
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions
from tests.conftest import HashEmbeddings
from tests.vllm_server import ANSWER, BLOCK, VllmServer, tokens_of

LETTERS = (Path(__file__).parent.parent / "examples" / "skerrow_letters.txt").read_text(encoding="utf-8")
TEXT, LONG = LETTERS[:12_000], LETTERS[:40_000]
QUESTION, ANOTHER = "Who was proud of the harbour at Thorle?", "What did the ferry carry?"
SECRET = "a secret of at least sixteen characters"
MOST_SHARED = 0.9


@pytest.fixture
def server() -> Iterator[VllmServer]:
    server = VllmServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_BASE_URL", "OPENAI_API_BASE", "MEMORAG_GRAPH_CACHE_SECRET"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("OPENAI_API_KEY", "none")
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)


def remote(server: VllmServer, api: dict[str, Any] | None = None, **changes: Any) -> RemoteMemory:
    given = {"api_key": "none", "base_url": f"{server.url}/v1", **(api or {})}
    return RemoteMemory("m", api_dict=given, **{"registry": Registry(), "secret": SECRET, **changes})


def shares(server: VllmServer) -> list[float]:
    """Return the share of each request's prompt that was cached."""
    return [it["cached"] / it["prompt_tokens"] for it in server.usages]


def salts(bodies: list[dict[str, Any]]) -> set[Any]:
    return {body.get("cache_salt") for body in bodies}


def wait_for(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_question_reads_the_memory_from_the_cache_of_its_own_tenant_alone(server: VllmServer, tmp_path: Path) -> None:
    mine = remote(server, tenant="mine")
    mine.memorize(TEXT, tmp_path / "memory")
    server.usages.clear()
    for memory, question in ((mine, QUESTION), (mine, ANOTHER), (remote(server, tenant="mine"), ANOTHER)):
        memory.load(tmp_path / "memory")
        memory.answer(question)
    assert min(shares(server)) >= MOST_SHARED
    server.usages.clear()
    strangers: list[dict[str, Any]] = [{"tenant": "other"}, {"tenant": "mine", "secret": "x" * 16}, {}]
    for whose in strangers:
        stranger = remote(server, warm_up=False, **whose)
        stranger.load(tmp_path / "memory")
        stranger.answer(ANOTHER)
        assert server.usages[0]["cached"] == 0
        server.usages.clear()


def test_a_salt_is_a_keyed_hash_of_the_tenant_and_in_every_request(server: VllmServer) -> None:
    memory = remote(server, tenant="acme")
    memory.memorize(LONG)
    memory.answer(QUESTION)
    memory.generate("Name a colour.")
    assert server.gists
    assert server.warm_ups
    assert server.questions
    assert salts([it.body for it in server.asked]) == {cache_salt(SECRET, "acme")}
    others = {cache_salt(SECRET, "acme"), cache_salt(SECRET, "acmf"), cache_salt(SECRET + "1", "acme")}
    assert len(others) == 3
    assert all(len(salt) == 43 and "acm" not in salt for salt in others)  # 256 bits


def test_without_a_tenant_no_salt_is_sent(server: VllmServer) -> None:
    memory = remote(server)
    memory.memorize(TEXT)
    memory.answer(QUESTION)
    assert salts([it.body for it in server.asked]) == {None}


def test_the_tenant_comes_from_the_credential_alone(server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    operator = Registry()
    operator.add_embeddings("hash", HashEmbeddings())
    tenants = Tenants(operator)
    options = RunOptions(model="openai:m", embedding_model="hash", generator="openai:m")
    seen = []
    for tenant in ("red", "blue"):
        registry = tenants.registry(tenant)
        opened = registry.memorize([Document("a.txt", TEXT)], options)
        given: Any = {"memory_id": opened.memory.id, "query": QUESTION, "task_type": "memorag"}
        result = build_graph(registry).invoke(given, context=options)
        assert str(result["answer"]).startswith(ANSWER[:-1])
        (salt,) = salts([it.body for it in server.asked])
        assert salt == cache_salt(service_secret(), tenant)
        library_models = registry.with_store(MemoryStore(registry.store.root / "another")).models
        assert library_models.memory_model("openai:m", options) is registry.models.memory_model("openai:m", options)
        seen.append(salt)
        server.asked.clear()
    assert len(set(seen)) == 2


def test_the_secret_of_a_service_is_made_once_and_readable_by_its_owner_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    made = service_secret()
    assert made == service_secret()
    (file,) = Path(os.environ["MEMORAG_GRAPH_HOME"]).glob("cache-secret")
    assert file.stat().st_mode & 0o777 == 0o600
    assert len(made) >= 43
    monkeypatch.setenv("MEMORAG_GRAPH_CACHE_SECRET", SECRET)
    assert service_secret() == SECRET
    monkeypatch.setenv("MEMORAG_GRAPH_CACHE_SECRET", "short")
    with pytest.raises(InputError, match="MEMORAG_GRAPH_CACHE_SECRET: must have at least 16 characters"):
        service_secret()


def test_a_secret_that_could_not_be_written_whole_is_not_used() -> None:
    service_secret()
    file = Path(os.environ["MEMORAG_GRAPH_HOME"]) / "cache-secret"
    file.write_text("")
    with pytest.raises(InputError, match="the file cache-secret: must have at least 16 characters"):
        service_secret()
    file.unlink()
    file.mkdir()
    with pytest.raises(DiskError, match="cache-secret cannot be read"):
        service_secret()


class Recorder(BaseCallbackHandler):
    """Keeps whatever callbacks are told."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def on_chat_model_start(self, *args: Any, **kwargs: Any) -> None:
        self.told.append(f"{args} {kwargs}")


def test_callbacks_files_and_reprs_show_no_salt_and_no_header(server: VllmServer, tmp_path: Path) -> None:
    memory = remote(server, {"default_headers": {"x-gateway": "sk-gateway"}, "extra_body": {"user_key": "sk-body"}},
                    tenant="acme")  # fmt: skip
    recorder = Recorder()

    def ask(text: str) -> str:
        memory.memorize(text, tmp_path / "memory")
        memory.agent.chat.invoke("Name a colour.")
        return memory.answer(QUESTION)

    RunnableLambda(ask).invoke(LONG, {"callbacks": [recorder]})
    salt = cache_salt(SECRET, "acme")
    assert recorder.told
    shown = " ".join([*recorder.told, repr(memory), repr(memory.agent.chat), repr(vars(memory))])
    for secret in (salt, SECRET, "sk-gateway", "sk-body"):
        assert secret not in shown
        assert not any(secret.encode() in file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())


def test_a_request_says_what_the_caller_adds_but_not_another_tenants_salt(server: VllmServer) -> None:
    api = {"extra_body": {"top_k": 5, "cache_salt": "another"}, "default_headers": {"x-route": "west"}}
    transfer = {"lmcache.skip_save": True}
    memory = remote(server, api, tenant="acme", kv_transfer_params=transfer)
    memory.memorize(TEXT)
    memory.answer(QUESTION)
    for asked in server.asked:
        assert asked.headers["x-route"] == "west"
        assert asked.body["top_k"] == 5
        assert asked.body["kv_transfer_params"] == transfer
        assert asked.body["cache_salt"] == cache_salt(SECRET, "acme")
    server.asked.clear()
    remote(server, api).generate("Name a colour.")
    assert salts([it.body for it in server.asked]) == {"another"}


@pytest.mark.parametrize(
    ("api", "changes", "message"),
    [
        ({"extra_body": "top_k"}, {}, r"api_dict\.extra_body: must be a dict with texts as keys"),
        ({"default_headers": {1: "a"}}, {}, r"api_dict\.default_headers: must be a dict with texts as keys"),
        ({"default_headers": {"a": 1}}, {}, r"api_dict\.default_headers: must have texts as values"),
        ({}, {"kv_transfer_params": "a"}, "kv_transfer_params: must be a dict, not str"),
        ({}, {"tenant": 7}, "tenant: must be a text, not int"),
        ({}, {"tenant": "a", "secret": "short"}, "secret: must have at least 16 characters"),
    ],
)
def test_additions_of_another_type_are_refused(
    server: VllmServer, api: dict[str, Any], changes: dict[str, Any], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        remote(server, api, **changes)


def test_salts_are_sent_while_a_server_restarts(server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = remote(server, tenant="acme", window=8192)
    memory.memorize(TEXT)
    nothing: dict[str, Any] = {"object": "list", "data": []}
    monkeypatch.setattr(server, "told", lambda path: nothing if path == "/v1/models" else None)
    memory.model.language_model.inference_server.ask_again()  # type: ignore[attr-defined]
    server.asked.clear()
    assert memory.answer(QUESTION) == ANSWER
    assert salts([it.body for it in server.asked]) == {cache_salt(SECRET, "acme")}


def test_a_generator_of_the_same_name_reads_the_tenants_cache(
    server: VllmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings())
    remote(server, tenant="acme", registry=registry)
    options = RunOptions(model="openai:m", embedding_model="hash", generator="openai:m")
    opened = registry.memorize([Document("a.txt", TEXT)], options)
    given: Any = {"memory_id": opened.memory.id, "query": QUESTION, "task_type": "memorag"}
    build_graph(registry).invoke(given, context=options)
    assert salts([it.body for it in server.asked]) == {cache_salt(SECRET, "acme")}


def test_a_session_is_a_memory_and_a_shard(server: VllmServer) -> None:
    memory = remote(server, kind="full", window=8192)
    memory.memorize(LONG)
    memory.recall(QUESTION)
    memory.recall(ANOTHER)
    opened = memory.session.opened().memory
    expected = {f"{opened.id}-{number}": shard.text for number, shard in enumerate(opened.shards)}
    assert len(expected) > 1
    found = {body["session_id"]: body["messages"][0]["content"] for body in server.questions}
    assert found == expected
    assert {body["session_id"] for body in server.warm_ups} == set(expected)
    memory.generate("Name a colour.")
    assert "session_id" not in server.questions[-1]


def test_questions_come_before_gists_where_the_server_schedules_by_priority(server: VllmServer) -> None:
    for number, by_priority in enumerate((True, False)):
        memory = remote(server, by_priority=by_priority)
        memory.memorize(LONG[number:])
        memory.answer(QUESTION)
        asked, gists = {it.get("priority") for it in server.questions}, {it.get("priority") for it in server.gists}
        assert (asked, gists) == (({0}, {1}) if by_priority else ({None}, {None}))
        server.asked.clear()


@pytest.mark.parametrize(("low_first", "later"), [(True, 1), (False, -1)])
def test_sglang_tells_its_priorities_itself(server: VllmServer, low_first: bool, later: int) -> None:
    server.engine = "sglang"
    server.info = {
        "version": "0.5.18", "enable_priority_scheduling": True, "schedule_low_priority_values_first": low_first,
        "enable_lmcache": False,
    }  # fmt: skip
    memory = remote(server)
    memory.memorize(LONG)
    memory.answer(QUESTION)
    assert {it["priority"] for it in server.questions} == {0}
    assert {it["priority"] for it in server.gists} == {later}


@pytest.mark.parametrize("warm_up", [True, False])
def test_a_memory_is_warm_after_memorizing(server: VllmServer, warm_up: bool) -> None:
    memory = remote(server, kind="full", window=8192, warm_up=warm_up)
    memory.memorize(LONG)
    shards = len(memory.session.opened().memory.shards)
    assert shards > 1
    assert len(server.warm_ups) == (shards if warm_up else 0)
    server.usages.clear()
    memory.recall(QUESTION)
    first = shares(server)[:shards]
    assert min(first) >= MOST_SHARED if warm_up else max(first) < 0.1  # the opening words are those of all shards


def test_a_memory_is_warmed_again_after_a_miss(server: VllmServer) -> None:
    memory = remote(server, kind="full", window=8192)
    memory.memorize(LONG)
    opened = memory.session.opened()
    server.restart()
    before = len(server.warm_ups)
    chat = opened.chat(RunOptions())
    assert chat.invoke(QUESTION).usage_metadata["input_token_details"]["cache_read"] == 0  # type: ignore[index]
    wait_for(lambda: len(server.warm_ups) == before + len(opened.memory.shards))
    time.sleep(0.05)
    server.usages.clear()
    chat.model_copy(update={"shard": 1}).invoke(QUESTION)
    assert shares(server)[0] >= MOST_SHARED


def test_a_server_that_keeps_nothing_is_told_and_not_warmed_for_ever(
    server: VllmServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.caches = False
    memory = remote(server, kind="full")
    memory.memorize(TEXT)
    for number in range(8):
        memory.answer(f"{QUESTION} {number}")
    wait_for(lambda: len(server.asked) >= 10)
    time.sleep(0.1)
    assert len(server.warm_ups) <= 3
    assert "read 0 % of the memory's" in caplog.text
    assert "check that prefix caching is on" in caplog.text


def test_only_a_memory_that_was_read_before_is_missed(
    server: VllmServer, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    memory = remote(server, kind="full", warm_up=False)
    memory.memorize(TEXT, tmp_path / "memory")
    for question in (QUESTION, ANOTHER):  # the first one is cold, the second one is not
        memory.answer(question)
    assert [it["cached"] > 0 for it in server.usages] == [False, True]
    assert "from the server's cache" not in caplog.text
    server.restart()
    memory.answer(QUESTION)
    assert caplog.text.count("from the server's cache") == 1


def test_a_server_that_does_not_tell_what_it_caches_is_noticed_once(
    server: VllmServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.tells_cached = False
    memory = remote(server)
    memory.memorize(TEXT)
    for _ in range(3):
        memory.answer(QUESTION)
    assert caplog.text.count("--enable-prompt-tokens-details") == 1
    assert len(server.warm_ups) == 1


def test_a_miss_is_noticed_where_the_server_leaves_out_a_zero(
    server: VllmServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    usage = server.usage

    def as_vllm(body: dict[str, Any]) -> dict[str, Any]:
        told = usage(body)
        if told["prompt_tokens_details"] == {"cached_tokens": 0}:
            del told["prompt_tokens_details"]
        return told

    monkeypatch.setattr(server, "usage", as_vllm)
    memory = remote(server, kind="full")
    memory.memorize(TEXT)
    memory.answer(QUESTION)
    assert "cache" not in caplog.text
    server.restart()
    memory.answer(QUESTION)
    assert "read 0 % of the memory's" in caplog.text
    assert "--enable-prompt-tokens-details" not in caplog.text
    wait_for(lambda: len(server.warm_ups) == 2)


def test_a_streamed_answer_is_watched_too(server: VllmServer, caplog: pytest.LogCaptureFixture) -> None:
    memory = remote(server, kind="full")
    memory.memorize(TEXT)
    chat: MemoryChat = memory.session.opened().chat(RunOptions())
    assert "".join(chunk.text for chunk in chat.stream(QUESTION)) == ANSWER
    assert "from the server's cache" not in caplog.text
    server.restart()
    assert "".join(chunk.text for chunk in chat.stream(QUESTION)) == ANSWER
    assert "from the server's cache" in caplog.text


def test_usage_shows_cached_tokens_and_their_price(server: VllmServer) -> None:
    api = {"api_key": "none", "base_url": f"{server.url}/v1"}
    agent = Agent("m", api_dict=api, prices=(10.0, 20.0, 1.0))
    memory = RemoteMemory(agent, kind="full", registry=Registry())
    memory.memorize(TEXT)
    memory.answer(QUESTION)
    read = sum(it["prompt_tokens"] for it in server.usages)
    cached = sum(it["cached"] for it in server.usages)
    written = 9 * len(server.usages)
    assert memory.usage.cached_tokens == cached > 0
    assert memory.usage.input_tokens == read
    assert memory.usage.cost == pytest.approx((10 * (read - cached) + cached + 20 * written) / 1e6)
    plain = Agent("m", api_dict=api, prices=(10.0, 20.0))
    plain.generate("Name a colour. " * BLOCK)
    plain.generate("Name a colour. " * BLOCK)
    assert plain.usage.cached_tokens > 0
    assert plain.usage.cost == pytest.approx((10 * plain.usage.input_tokens + 20 * plain.usage.output_tokens) / 1e6)


@pytest.mark.parametrize("info", [{"enable_lmcache": True}, {}, None])
def test_sglang_with_lmcache_is_refused_for_several_tenants_before_it_reads_a_word(
    server: VllmServer, info: dict[str, Any] | None
) -> None:
    server.engine, server.info = "sglang", info
    memory = remote(server, tenant="acme")
    with pytest.raises(InputError, match="LMCache, which ignores salts"):
        memory.memorize(TEXT)
    with pytest.raises(InputError, match="LMCache, which ignores salts"):
        memory.generate("Name a colour.")
    assert not server.asked
    alone = remote(server)
    alone.memorize(TEXT)
    assert alone.answer(QUESTION) == ANSWER


def test_sglang_without_lmcache_keeps_tenants_apart(server: VllmServer) -> None:
    server.engine, server.info = "sglang", {"enable_lmcache": False, "version": "0.5.18"}
    memory = remote(server, tenant="acme")
    memory.memorize(TEXT)
    assert salts([it.body for it in server.asked]) == {cache_salt(SECRET, "acme")}


def test_an_unknown_server_gets_no_fields_that_it_may_refuse(
    server: VllmServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.engine = "somebody"
    memory = remote(server, tenant="acme", by_priority=True, kv_transfer_params={"a": 1})
    memory.memorize(TEXT)
    memory.answer(QUESTION)
    known = {"model", "messages", "stream", "temperature", "max_completion_tokens", "max_tokens"}
    assert all(set(asked.body) <= known for asked in server.asked)
    assert not server.warm_ups
    assert caplog.text.count("its cache is shared by all tenants") == 1
    behind_a_gateway = remote(server, tenant="acme", engine="vllm")
    behind_a_gateway.memorize(TEXT[:5_000])
    assert server.warm_ups[-1]["cache_salt"] == cache_salt(SECRET, "acme")
    with pytest.raises(InputError, match="choose from vllm and sglang"):
        remote(server, engine="other")


def test_a_warm_up_that_fails_loses_no_memory(
    server: VllmServer, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    memory = remote(server, {"max_retries": 0}, kind="full")
    server.always = "500"
    with caplog.at_level(logging.WARNING):
        memory.memorize(TEXT)
    assert "the memory could not be warmed up" in caplog.text
    server.always = ""
    assert memory.answer(QUESTION) == ANSWER


def test_the_prefix_is_stable_and_nothing_comes_before_it(server: VllmServer) -> None:
    memory = remote(server, tenant="acme")
    memory.memorize(TEXT)
    server.asked.clear()
    for question in (QUESTION, ANOTHER):
        memory.answer(question)
    starts = {json.dumps(body["messages"][0]) for body in server.questions}
    assert len(starts) == 1
    assert len(tokens_of(starts.pop())) > 10 * BLOCK
