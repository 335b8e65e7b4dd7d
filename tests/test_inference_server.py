"""What a server tells about itself: tokens, window, the model it serves; and what happens when that changes."""

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from memorag_graph import RemoteMemory
from memorag_graph.cancellation import Cancellation
from memorag_graph.errors import (
    CancelledRunError,
    InputError,
    MemoryMismatchError,
    ModelError,
    ModelUnavailableError,
)
from memorag_graph.memory.backends.request_slots import RequestSlots
from memorag_graph.models.token_estimate import estimate_tokens
from memorag_graph.providers.inference_server import InferenceServer
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.servers import free_port
from tests.vllm_server import ANSWER, VllmServer, tokens_of

LETTERS = (Path(__file__).parent.parent / "examples" / "skerrow_letters.txt").read_text(encoding="utf-8")
TEXT = LETTERS[:12_000]
QUESTION = "Who was proud of the harbour at Thorle?"


@pytest.fixture
def server() -> Iterator[VllmServer]:
    server = VllmServer()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def _quick_and_always_fresh(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("openai._base_client.INITIAL_RETRY_DELAY", 0.01)
    monkeypatch.setattr("openai._base_client.MAX_RETRY_DELAY", 0.01)


def remote(server: VllmServer, **changes: Any) -> RemoteMemory:
    api = {"api_key": "none", "base_url": f"{server.url}/v1"}
    return RemoteMemory("m", api_dict=api, **{"registry": Registry(), **changes})


def test_tokens_are_counted_by_the_served_models_tokenizer_once(server: VllmServer) -> None:
    model = remote(server).model.language_model
    assert model.count(TEXT) == len(tokens_of(TEXT)) != estimate_tokens(TEXT)
    asked = server.tokenized
    assert model.count(TEXT) == len(tokens_of(TEXT))
    assert server.tokenized == asked


def test_tokens_are_estimated_where_the_server_does_not_count_them(server: VllmServer) -> None:
    server.has_tokenizer = False
    model = remote(server).model.language_model
    assert model.count(TEXT) == model.count(TEXT) == estimate_tokens(TEXT)
    assert server.tokenized == 1


@pytest.mark.parametrize(
    "told",
    [
        {"data": 5},
        {"data": "m"},
        {"data": [1, {"id": "m", "owned_by": ["vllm"], "max_model_len": 99}]},
        {"data": [{"id": "m", "owned_by": "vllm", "max_model_len": "many"}]},
    ],
)
def test_what_a_server_tells_in_another_form_is_left_out(
    server: VllmServer, monkeypatch: pytest.MonkeyPatch, told: dict[str, Any]
) -> None:
    monkeypatch.setattr(server, "told", lambda path: told if path == "/v1/models" else None)
    model = remote(server).model.language_model
    assert model.window == 32_768
    assert model.count(TEXT) > 0


def test_a_server_that_stops_counting_is_not_asked_for_each_text(
    server: VllmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = remote(server).model.language_model
    model.count(TEXT)
    asked = []

    def down(*args: Any) -> list[int]:
        asked.append(args)
        raise ModelUnavailableError("down", 503)

    monkeypatch.setattr(InferenceServer, "_tokens", down)
    for number in range(20):
        assert model.count(f"{TEXT}{number}") == estimate_tokens(f"{TEXT}{number}")
    assert len(asked) == 1


def test_a_server_that_is_busy_for_a_moment_serves_no_other_model(
    server: VllmServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory = remote(server, kind="full")
    memory.memorize(TEXT)
    tokens = InferenceServer._tokens

    def busy(self: InferenceServer, request: Any) -> list[int]:
        if "messages" in request:
            raise ModelUnavailableError("busy", 503)
        return tokens(self, request)

    monkeypatch.setattr(InferenceServer, "_tokens", busy)
    memory.model.language_model.inference_server.ask_again()  # type: ignore[attr-defined]
    assert memory.answer(QUESTION) == ANSWER


def test_tokens_are_estimated_while_the_server_cannot_be_reached(server: VllmServer) -> None:
    server.shutdown()
    server.server_close()
    model = remote(server).model.language_model
    assert model.count(TEXT) == estimate_tokens(TEXT)
    begun = time.monotonic()
    assert all(model.count(f"{TEXT}{number}") for number in range(20))
    assert time.monotonic() - begun < 1  # it is not asked again at once


def test_a_gateway_may_serve_under_a_path(server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    told = server.told
    monkeypatch.setattr(server, "told", lambda path: told(path.removeprefix("/team/a")))
    memory = RemoteMemory("m", api_dict={"api_key": "none", "base_url": f"{server.url}/team/a/v1"}, registry=Registry())
    assert memory.model.language_model.server == "vllm 0.32.0"


def test_the_window_is_the_servers(server: VllmServer) -> None:
    server.window = 4096
    memory = remote(server, kind="full")
    assert memory.model.language_model.window == 4096
    memory.memorize(LETTERS)
    assert len(memory.session.opened().memory.shards) > 1
    assert memory.answer(QUESTION) == ANSWER
    assert max(it["prompt_tokens"] for it in server.usages) < 4096
    with pytest.raises(InputError, match=r"window: the server's is 4,096 tokens, less than 8,192; give window=4096"):
        remote(server, window=8192).memorize(TEXT)
    server.window = 1 << 20
    assert remote(server).model.language_model.window == 32_768


@pytest.mark.parametrize("change", [{"root": "org/model-2b"}, {"vocabulary": 7}])
def test_a_memory_is_refused_when_the_server_serves_another_model(
    server: VllmServer, tmp_path: Path, change: dict[str, Any]
) -> None:
    remote(server).memorize(TEXT, tmp_path / "memory")
    for name, value in change.items():
        setattr(server, name, value)
    with pytest.raises(MemoryMismatchError, match=r"served model: org/model-1b \(tokenizer \w+\) → org/model-"):
        remote(server).load(tmp_path / "memory")


def test_a_change_of_the_model_is_noticed_after_a_restart(server: VllmServer) -> None:
    memory = remote(server, kind="full")
    memory.memorize(TEXT)
    assert memory.answer(QUESTION) == ANSWER
    server.restart()
    server.root = "org/model-2b"
    chat = memory.session.opened().chat(RunOptions())
    chat.invoke(QUESTION)  # nothing is in the cache, so the server is asked what it serves
    with pytest.raises(MemoryMismatchError, match="the server now serves another model"):
        chat.invoke(QUESTION)
    with pytest.raises(MemoryMismatchError, match="served model: org/model-1b"):
        memory.answer(QUESTION)
    server.root = "org/model-1b"
    server.asked.clear()
    memory.model.language_model.inference_server.ask_again()  # type: ignore[attr-defined]
    assert memory.answer(QUESTION) == ANSWER


def test_another_version_of_the_server_is_told_but_not_refused(
    server: VllmServer, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first = remote(server)
    first.memorize(TEXT, tmp_path / "memory")
    assert first.session.opened().memory.identity.server == "vllm 0.32.0"
    again = remote(server)
    again.load(tmp_path / "memory")
    assert "made with vllm" not in caplog.text
    server.version = "0.33.0"
    newer = remote(server)
    newer.load(tmp_path / "memory")
    assert newer.answer(QUESTION) == ANSWER
    assert "a memory made with vllm 0.32.0 is used with vllm 0.33.0" in caplog.text
    newer.memorize(TEXT)
    assert newer.session.opened().memory.id == first.session.opened().memory.id


def test_a_memory_made_before_servers_told_anything_can_be_used(server: VllmServer, tmp_path: Path) -> None:
    server.engine, server.root = "somebody", ""
    old = remote(server, window=8192)
    old.memorize(TEXT, tmp_path / "memory")
    assert "served" not in old.session.opened().memory.identity.to_dict()
    server.engine, server.root = "vllm", "org/model-1b"
    new = remote(server, window=8192)
    new.load(tmp_path / "memory")
    assert new.answer(QUESTION) == ANSWER


def test_a_server_that_is_down_is_told_by_the_question(server: VllmServer, tmp_path: Path) -> None:
    remote(server, window=8192).memorize(TEXT, tmp_path / "memory")
    nowhere = {"api_key": "none", "base_url": f"http://127.0.0.1:{free_port()}/v1"}
    memory = RemoteMemory("m", api_dict=nowhere, window=8192, tenant="acme", registry=Registry())
    memory.load(tmp_path / "memory")
    with pytest.raises(ModelUnavailableError, match="cannot be reached; check that it runs"):
        memory.answer(QUESTION)


def test_a_memory_laid_out_for_the_servers_window_needs_the_server(server: VllmServer, tmp_path: Path) -> None:
    remote(server).memorize(TEXT, tmp_path / "memory")
    nowhere = {"api_key": "none", "base_url": f"http://127.0.0.1:{free_port()}/v1"}
    memory = RemoteMemory("m", api_dict=nowhere, registry=Registry())
    with pytest.raises(ModelUnavailableError, match="cannot be reached; check that it runs"):
        memory.load(tmp_path / "memory")


def test_facts_are_asked_for_once(server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    told = server.told

    def noted(path: str) -> dict[str, Any] | None:
        asked.append(path)
        return told(path)

    monkeypatch.setattr(server, "told", noted)
    memory = remote(server)
    memory.memorize(TEXT)
    for _ in range(3):
        memory.answer(QUESTION)
    assert sorted(asked) == ["/v1/models", "/version"]


def most_at_once(server: VllmServer, monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Have the server note how many requests it answers at once."""
    running, seen, guard = [0], [0], threading.Lock()
    reply = server.reply

    def counted(body: dict[str, Any]) -> str:
        with guard:
            running[0] += 1
            seen.append(running[0])
        time.sleep(0.02)
        with guard:
            running[0] -= 1
        return reply(body)

    monkeypatch.setattr(server, "reply", counted)
    return seen


@pytest.mark.parametrize("at_once", [1, 3])
def test_no_more_requests_run_at_once_than_asked_for(
    server: VllmServer, monkeypatch: pytest.MonkeyPatch, at_once: int
) -> None:
    seen = most_at_once(server, monkeypatch)
    memory = remote(server, at_once=at_once)
    memory.memorize(LETTERS)
    assert max(seen) == at_once
    chat = memory.session.opened().chat(RunOptions())
    askers = [threading.Thread(target=chat.invoke, args=(f"{QUESTION} {number}",)) for number in range(8)]
    for asker in askers:
        asker.start()
    for asker in askers:
        asker.join()
    assert max(seen) == at_once


def test_a_question_waits_for_no_gist_that_has_not_begun() -> None:
    slots, order, guard = RequestSlots(1), [], threading.Lock()

    def request(name: str, *, later: bool) -> None:
        with slots.taken(later=later), guard:
            order.append(name)

    with slots.taken():
        gists = [threading.Thread(target=request, args=("gist",), kwargs={"later": True}) for _ in range(3)]
        questions = [threading.Thread(target=request, args=("question",), kwargs={"later": False}) for _ in range(2)]
        for thread in [*gists, *questions]:
            thread.start()
        time.sleep(0.1)
    for thread in [*gists, *questions]:
        thread.join(5)
    assert order == ["question"] * 2 + ["gist"] * 3


def test_a_cancelled_request_does_not_wait_for_a_place() -> None:
    slots, cancellation, ended = RequestSlots(1), Cancellation(), []

    def wait() -> None:
        with cancellation.bound():
            try:
                with slots.taken():
                    ended.append("sent")
            except CancelledRunError:
                ended.append("cancelled")

    with slots.taken():
        waiting = threading.Thread(target=wait, daemon=True)
        waiting.start()
        time.sleep(0.1)
        cancellation.cancel()
        waiting.join(5)
        assert ended == ["cancelled"]
    with slots.taken(later=True):  # no question waits any more
        pass


def test_a_busy_server_gets_fewer_requests_until_it_answers_again() -> None:
    slots = RequestSlots(8)

    def refused(status: int | None) -> None:
        with pytest.raises(ModelError), slots.taken():
            raise ModelUnavailableError("busy", status)

    rooms = []
    for status in (429, 503, 429, 429, 500, None):
        refused(status)
        rooms.append(slots.room)
    assert rooms == [4, 2, 1, 1, 1, 1]
    for _ in range(100):
        with slots.taken():
            pass
    assert slots.room == 8


def test_too_many_waiting_requests_are_refused() -> None:
    slots, done = RequestSlots(1), threading.Event()

    def wait() -> None:
        with slots.taken():
            done.wait(5)

    threads = [threading.Thread(target=wait) for _ in range(33)]  # one runs, 32 wait
    for thread in threads:
        thread.start()
    time.sleep(0.2)
    with pytest.raises(ModelUnavailableError, match="32 requests wait for the server already"), slots.taken():
        pass
    done.set()
    for thread in threads:
        thread.join(5)
    with slots.taken():
        pass


@pytest.mark.parametrize("at_once", [0, True, 1.5])
def test_an_invalid_limit_is_refused(server: VllmServer, at_once: Any) -> None:
    with pytest.raises(InputError, match="at_once: must be a whole number from 1 up"):
        remote(server, at_once=at_once)
