"""Memories on a server: what requests begin with, what is stored, and what happens if the server fails."""

import asyncio
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from langchain_core.callbacks import get_usage_metadata_callback
from langchain_core.language_models import FakeListChatModel, FakeMessagesListChatModel
from langchain_core.messages import AIMessage, HumanMessage
from langchain_core.runnables import RunnableLambda

from memorag_graph import Agent, MemoRAGLite, Model, RemoteMemory
from memorag_graph.documents import Document
from memorag_graph.errors import CostLimitError, InputError, MemoryFileError, MemoryMismatchError, ModelError
from memorag_graph.graph import build_graph
from memorag_graph.memory.backends.served import served_memory_model
from memorag_graph.memory.build.revision import appended
from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.models.served_language_model import ServedLanguageModel
from memorag_graph.providers.usage import Prices, UsageMeter
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TINY, HashEmbeddings, build
from tests.openai_server import OpenAIServer
from tests.servers import transformers_serve

KEY = "sk-verysecret0123456789abcdef"
LETTERS = (Path(__file__).parent.parent / "examples" / "skerrow_letters.txt").read_text(encoding="utf-8")
TEXT = LETTERS[:40_000]
OTHER = LETTERS[40_000:60_000]
QUESTION = "Who was proud of the harbour at Thorle?"
ANSWER = "Captain Struan was proud of the harbour at Thorle."
CACHED = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
          "prompt_tokens_details": {"cached_tokens": 64}}  # fmt: skip


class Quiet(FakeMessagesListChatModel):
    """A chat model that cannot stream."""


class MemoryServer(OpenAIServer):
    """Writes gists by quoting the first words, and gives every question the same answer."""

    def reply(self, body: dict[str, Any]) -> str:
        prompt = str(body["messages"][-1]["content"])
        return " ".join(prompt.split()[:60]) if is_gist(body) else ANSWER

    @property
    def gists(self) -> list[dict[str, Any]]:
        return [asked.body for asked in self.asked if is_gist(asked.body)]

    @property
    def questions(self) -> list[dict[str, Any]]:
        return [asked.body for asked in self.asked if not is_gist(asked.body)]


def is_gist(body: dict[str, Any]) -> bool:
    return "Summarize the text above" in str(body["messages"][-1]["content"])


@pytest.fixture
def server() -> Iterator[MemoryServer]:
    server = MemoryServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _no_keys_and_no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("OPENAI_API_KEY", "OPENAI_BASE_URL", "OPENAI_API_BASE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)


def remote(server: OpenAIServer, window: int = 8192, **changes: Any) -> RemoteMemory:
    return RemoteMemory("m", "openai", {"api_key": KEY, "base_url": f"{server.url}/v1"}, window=window, **changes)


def registry_in_float32() -> Registry:
    """Return a registry whose embedded model computes in the server's precision."""
    registry = Registry()
    registry.add_memory_model("embedded", registry.models.memory_model("embedded", RunOptions(dtype="float32")))
    return registry


def prefixes(bodies: list[dict[str, Any]]) -> set[str]:
    """Return the distinct system messages with which the requests begin."""
    assert all(body["messages"][0]["role"] == "system" for body in bodies)
    return {str(body["messages"][0]["content"]) for body in bodies}


def ask_everything(memory: RemoteMemory) -> None:
    memory.answer(QUESTION)
    memory.recall("What did the harbour cost?", max_new_tokens=50)
    memory.rewrite(QUESTION)
    memory.summarize()
    memory.generate_w_memory(["Name the {question}.", "Name a ship."], "captain", temperature=0.7, do_sample=True)


@pytest.mark.parametrize("kind", ["gist", "full"])
def test_every_question_begins_with_the_same_notes(server: MemoryServer, kind: Any, tmp_path: Path) -> None:
    memory = remote(server, window=32_768, kind=kind)
    memory.memorize(TEXT, tmp_path / "memory")
    ask_everything(memory)
    again = remote(server, window=32_768, kind=kind)
    again.load(tmp_path / "memory")
    ask_everything(again)
    (prefix,) = prefixes(server.questions)
    places = [prefix.find(note.text) for note in memory.session.opened().memory.notes]
    assert len(places) > 2
    assert -1 not in places
    assert places == sorted(places)
    assert len({body["messages"][-1]["content"] for body in server.questions}) == 6
    assert all([message["role"] for message in body["messages"]] == ["system", "user"] for body in server.questions)


def test_each_section_is_sent_once_for_its_gist(server: MemoryServer) -> None:
    memory = remote(server)
    memory.memorize(TEXT)
    asked = [str(body["messages"][-1]["content"]) for body in server.gists]
    notes = memory.session.opened().memory.notes
    digested = [note for note in notes if note.end - note.start > 2_000]
    assert len(asked) == len(digested) > 2
    for note in digested:
        assert sum(TEXT[note.start : note.end].strip() in prompt for prompt in asked) == 1
    memory.memorize(TEXT)
    remote(server).memorize(TEXT)
    assert len(server.gists) == len(asked)


def test_gists_of_a_server_must_be_grounded_in_their_section(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    invented = "The emperor of Atlantis bought all of the ships for ninety million ducats."
    monkeypatch.setattr(server, "reply", lambda body: invented)
    memory = remote(server)
    memory.memorize(TEXT)
    notes = memory.session.opened().memory.notes
    assert server.gists
    assert not any("Atlantis" in note.text for note in notes)
    assert all(note.text for note in notes)


def test_memorizing_resumes_after_a_failure_of_the_server(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    refused = threading.Event()
    answered: list[str] = []

    def next_fault() -> str:
        fault = OpenAIServer.next_fault(server)
        if fault:
            refused.set()
        return fault

    def reply(body: dict[str, Any]) -> str:
        refused.wait(30)  # successful answers come after the failed one
        answered.append(json.dumps(body))
        return MemoryServer.reply(server, body)

    monkeypatch.setattr(server, "next_fault", next_fault)
    monkeypatch.setattr(server, "reply", reply)
    server.faults.extend(["", "", ""])
    server.always = "401"
    with pytest.raises(ModelError, match=r"api_dict\['api_key'\]") as error:
        remote(server).memorize(TEXT)
    assert KEY not in str(error.value)
    kept = set(answered)
    assert len(kept) == 3
    server.always = ""
    before = len(server.asked)
    memory = remote(server)
    memory.memorize(TEXT)
    again = {json.dumps(body) for body in server.gists[before:]}
    before = len(server.asked)
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(tmp_path / "elsewhere"))
    uninterrupted = remote(server, registry=Registry())
    uninterrupted.memorize(TEXT)
    everything = {json.dumps(body) for body in server.gists[before:]}
    assert again == everything - kept
    assert uninterrupted.session.opened().memory.notes == memory.session.opened().memory.notes


@pytest.mark.parametrize("fault", ["429", "500", "slow", "truncated"])
def test_temporary_failures_are_retried(server: MemoryServer, fault: str) -> None:
    agent = Agent("m", "openai", {"api_key": KEY, "base_url": f"{server.url}/v1"}, timeout=1.0)
    memory = RemoteMemory(agent, window=8192)
    server.faults.append(fault)
    memory.memorize(TEXT)
    server.faults.append(fault)
    assert memory.answer(QUESTION) == ANSWER


def test_a_failed_question_leaves_the_memory_unchanged(server: MemoryServer) -> None:
    memory = remote(server)
    memory.memorize(TEXT)
    server.always = "401"
    with pytest.raises(ModelError):
        memory.answer(QUESTION)
    server.always = ""
    assert memory.answer(QUESTION) == ANSWER
    assert len(prefixes(server.questions)) == 1


def test_the_key_is_in_no_file_and_no_text(server: MemoryServer, tmp_path: Path) -> None:
    memory = remote(server)
    memory.memorize(TEXT, tmp_path / "memory")
    assert "m" in repr(memory)
    assert KEY not in f"{memory!r} {vars(memory)} {memory.model!r} {memory.chat!r}"
    for file in tmp_path.rglob("*"):
        assert not file.is_file() or KEY.encode() not in file.read_bytes(), file


def test_a_memory_too_long_for_the_window_is_asked_shard_by_shard(server: MemoryServer) -> None:
    memory = remote(server, window=8_192, kind="full")
    memory.memorize(LETTERS)
    count = len(memory.session.opened().memory.shards)
    assert count > 1
    memory.recall(QUESTION)
    memory.rewrite("What did the harbour cost?")
    found = [str(body["messages"][0]["content"]) for body in server.questions]
    assert len(set(found)) == count
    assert all(found.count(prefix) == 2 for prefix in found)
    model = memory.model.language_model
    assert all(model.count(message["content"]) < 8_192 for asked in server.asked for message in asked.body["messages"])


def test_appending_requests_gists_only_for_new_text(server: MemoryServer) -> None:
    model = served_memory_model("openai:m", remote(server).agent.chat, 8192)
    registry = Registry()
    registry.add_memory_model("openai:m", model)
    options = RunOptions(model="openai:m", index="none")
    opened = registry.memorize([Document("a.txt", TEXT)], options)
    first = len(server.gists)
    changed = registry.revise(
        opened.memory.id, lambda memory: appended(memory, [Document("b.txt", OTHER)]), options
    ).memory
    new = [str(body["messages"][-1]["content"]) for body in server.gists[first:]]
    assert new
    assert all(prompt[:200] in OTHER for prompt in new)
    scratch = build(
        model, [Document("a.txt", TEXT), Document("b.txt", OTHER)], changed.prompts, options.memory_settings
    )
    assert changed.notes == scratch.notes
    assert [shard.text for shard in changed.shards] == [shard.text for shard in scratch.shards]
    assert changed.id == scratch.id


def test_a_memory_of_another_model_is_refused(server: MemoryServer, tmp_path: Path) -> None:
    remote(server).memorize(TEXT, tmp_path / "memory")
    other = RemoteMemory("other", "openai", {"api_key": KEY, "base_url": f"{server.url}/v1"})
    with pytest.raises(MemoryMismatchError, match="openai:m → openai:other"):
        other.load(tmp_path / "memory")


def test_a_local_model_names_the_server_of_a_served_memory(
    server: MemoryServer, registry: Registry, tmp_path: Path
) -> None:
    remote(server).memorize(TEXT, tmp_path / "memory")
    with pytest.raises(MemoryMismatchError, match="made with openai:m, a served model; use it, not embedded"):
        registry.open(tmp_path / "memory", RunOptions(model="embedded"))


def test_a_damaged_text_is_detected(server: MemoryServer, tmp_path: Path) -> None:
    remote(server).memorize(TEXT, tmp_path / "memory")
    file = tmp_path / "memory" / "memory.bin"
    data = bytearray(file.read_bytes())
    data[-100] ^= 1
    file.write_bytes(data)
    with pytest.raises(MemoryFileError, match=r"memory\.bin"):
        remote(server).load(tmp_path / "memory")


def test_usage_includes_cached_tokens_and_every_call(server: MemoryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.openai_server.USAGE", CACHED)
    memory = remote(server)
    memory.memorize(TEXT)
    with get_usage_metadata_callback():
        reply = memory.session.opened().chat(RunOptions()).invoke(QUESTION)
    assert reply.usage_metadata is not None
    assert reply.usage_metadata["input_tokens"] == 100
    assert reply.usage_metadata["input_token_details"]["cache_read"] == 64
    assert memory.usage.calls == len(server.asked)


def test_a_callers_callbacks_count_every_call_once(server: MemoryServer) -> None:
    memory = remote(server)
    meter = UsageMeter(Prices(0.0, 0.0), None, 64)

    def memorize_and_ask(text: str) -> str:
        memory.memorize(text)
        return memory.session.opened().chat(RunOptions()).invoke(QUESTION).text

    assert RunnableLambda(memorize_and_ask).invoke(TEXT, {"callbacks": [meter]}) == ANSWER
    assert len(server.gists) > 1
    assert meter.usage.calls == memory.usage.calls == len(server.asked)
    assert meter.usage.total_tokens == memory.usage.total_tokens > 0


def test_the_cost_limit_holds_while_memorizing(server: MemoryServer) -> None:
    api = {"api_key": KEY, "base_url": f"{server.url}/v1"}
    agent = Agent("m", "openai", api, prices=(1.0, 1.0), max_cost=0.02, max_new_tokens=64)
    memory = RemoteMemory(agent, window=8192)
    server.seconds = 0.3
    with pytest.raises(CostLimitError):
        memory.memorize(LETTERS)
    assert 0 < agent.usage.cost <= 0.02
    assert len(server.asked) < 20


def test_the_whole_pipeline_runs_over_a_served_memory(server: MemoryServer) -> None:
    memory = remote(server, registry=Registry())
    memory.registry.add_embeddings("hash", HashEmbeddings())
    pipe = MemoRAGLite(memory.model_name_or_path, "hash", registry=memory.registry)
    pipe.memorize(TEXT)
    assert pipe(QUESTION).startswith(ANSWER[:-1])
    assert {message["role"] for body in server.questions for message in body["messages"]} == {"system", "user"}
    with_memory = [body for body in server.questions if body["messages"][0]["role"] == "system"]
    assert len(with_memory) == 2  # spans and surrogates; the answer is written from the evidence
    assert len(prefixes(with_memory)) == 1
    assert pipe(QUESTION, task_type="qa") == ANSWER


def test_tokens_stream_once_and_drafts_stay_hidden(server: MemoryServer) -> None:
    memory = remote(server, registry=Registry())
    memory.registry.add_embeddings("hash", HashEmbeddings())
    graph = build_graph(memory.registry)
    options = TINY.model_copy(update={"model": memory.model_name_or_path, "generator": "local", "max_new_tokens": 64})
    memory_id = memory.registry.memorize([Document("a.txt", TEXT)], options).memory.id
    for task in ("qa", "memorag"):
        given: Any = {"memory_id": memory_id, "query": QUESTION, "task_type": task}
        pieces = [
            message.text
            for message, _ in graph.stream(given, context=options, stream_mode="messages")
            if message.type == "AIMessageChunk"
        ]
        assert len([piece for piece in pieces if piece]) > 3
        assert "".join(pieces) == ANSWER


def test_a_memory_is_laid_out_for_its_window(server: MemoryServer, tmp_path: Path) -> None:
    large = remote(server, window=32_768, kind="full")
    large.memorize(TEXT, tmp_path / "memory")
    with pytest.raises(MemoryMismatchError, match="window: 32,768 → 8,192"):
        remote(server, window=8_192, kind="full").load(tmp_path / "memory")
    small = remote(server, window=8_192, kind="full")
    small.memorize(TEXT)
    assert small.answer(QUESTION)
    assert len(small.session.opened().memory.shards) > len(large.session.opened().memory.shards)


def test_each_key_has_a_registry_of_its_own(server: MemoryServer) -> None:
    one = remote(server)
    with pytest.raises(InputError, match="registry: already has a model 'openai:m'"):
        remote(server, registry=one.registry)
    two = RemoteMemory("m", "openai", {"api_key": "sk-other", "base_url": f"{server.url}/v1"}, window=8192)
    for memory in (one, two):
        memory.memorize(TEXT)
    server.asked.clear()
    for memory in (one, two, one):
        memory.answer(QUESTION)
    assert [asked.headers["authorization"].split()[-1] for asked in server.asked] == [KEY, "sk-other", KEY]
    assert two.usage.calls == 1


def test_a_chat_model_that_cannot_stream_gives_one_chunk() -> None:
    chat = Quiet(responses=[AIMessage(ANSWER)])
    model = served_memory_model("quiet", chat, 8192)
    assert "".join(chunk.text for chunk in MemoryChat(memory_model=model).stream(QUESTION)) == ANSWER
    assert MemoryChat(memory_model=model).invoke(QUESTION).text == ANSWER


def test_events_report_an_answer_once(server: MemoryServer) -> None:
    asyncio.run(report_events_of_one_answer(server))


async def report_events_of_one_answer(server: MemoryServer) -> None:
    memory = remote(server)
    memory.memorize(TEXT)
    chat = memory.session.opened().chat(RunOptions())
    pieces = [
        event["data"]["chunk"].text
        async for event in RunnableLambda(chat.invoke).astream_events(QUESTION)
        if event["event"] == "on_chat_model_stream"
    ]
    assert "".join(pieces) == ANSWER
    assert (await chat.ainvoke(QUESTION)).text == ANSWER
    assert "".join([chunk.text async for chunk in chat.astream(QUESTION)]) == ANSWER


def test_streamed_clues_are_counted(server: MemoryServer) -> None:
    memory = remote(server)
    memory.memorize(TEXT)
    before = memory.usage.calls
    chat = memory.session.opened().chat(RunOptions()).model_copy(update={"max_lines": 1})
    assert [*chat.stream(QUESTION)]
    assert memory.usage.calls == before + 1


@pytest.mark.parametrize("window", [0, 1023, True, "8192"])
def test_an_invalid_window_is_refused(server: MemoryServer, window: Any) -> None:
    with pytest.raises(InputError, match="window: must be a whole number"):
        remote(server, window=window)


def test_features_of_local_models_are_refused(server: MemoryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    memory = remote(server)
    for name, value in (("kv_storage", "int8"), ("kv_keep", 0.5)):
        options = RunOptions(model="openai:m", index="none", kind="full", **{name: value})
        with pytest.raises(InputError, match=f"{name}: the server holds the keys and values"):
            memory.registry.memorize([Document("a.txt", TEXT)], options)
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with pytest.raises(InputError, match="load_in_4bit"):
        Registry().models.memory_model("openai:m", RunOptions(load_in_4bit=True))
    memory.memorize(TEXT)
    with pytest.raises(InputError, match="end with the user's message"):
        memory.session.opened().chat(RunOptions()).invoke([HumanMessage("Name a ship."), AIMessage("The ship")])
    with pytest.raises(InputError, match="raise window"):
        memory.answer("why " * 9_000)


def test_a_name_with_its_source_is_served_wherever_a_memory_model_is_named(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", f"{server.url}/v1")
    opened = Registry().memorize([Document("a.txt", TEXT)], RunOptions(model="openai:m", index="none"))
    assert opened.chat(RunOptions()).invoke(QUESTION).text == ANSWER
    (prefix,) = prefixes(server.questions)
    assert all(note.text in prefix for note in opened.memory.notes)


@pytest.mark.embedded
def test_estimated_tokens_are_rather_too_high_than_too_low(
    embedded_home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import AutoTokenizer

    from memorag_graph.models.embedded import language_model_dir

    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(embedded_home))
    tokenizer = AutoTokenizer.from_pretrained(language_model_dir())
    model = ServedLanguageModel("m", FakeListChatModel(responses=[""]), 8192)
    for text in (LETTERS, Path(__file__).read_text(encoding="utf-8")):
        assert 1 <= model.count(text) / len(tokenizer(text)["input_ids"]) < 1.4


@pytest.mark.embedded
def test_a_real_server_gives_the_local_models_answer(
    embedded_home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memorag_graph.models.embedded import language_model_dir

    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(embedded_home))
    name = str(language_model_dir())
    question = "What is the capital of France?"
    here = Model("embedded", registry=registry_in_float32()).generate(question, max_new_tokens=24)
    with transformers_serve(tmp_path, name) as url:
        agent = Agent(name, "openai", {"api_key": "none", "base_url": f"{url}/v1"}, timeout=300)
        assert agent.generate(question, max_new_tokens=24) == here
        assert "Paris" in here[0]
        memory = RemoteMemory(agent, window=8192)
        memory.memorize(LETTERS[:2_000], tmp_path / "memory")
        assert memory.answer(QUESTION, max_new_tokens=24)
        assert agent.usage.calls >= 3
