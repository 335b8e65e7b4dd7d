"""A run that is cancelled stops computing, and what it wrote of a memory is used by the next one."""

import asyncio
import io
import json
import os
import signal
import socket
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from langchain_core.messages import AIMessageChunk
from rich.console import Console

from memorag_graph.cancellation import Cancellation, check
from memorag_graph.cli.interrupt import INTERRUPTED, resumable, stops_threads
from memorag_graph.cli.run_graph import run_graph
from memorag_graph.documents import from_text
from memorag_graph.errors import CancelledRunError
from memorag_graph.graph import build_graph
from memorag_graph.models.gist_batch import GistBatch
from memorag_graph.models.request import Request
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY
from tests.test_serving import Service

ENDLESS = {"max_new_tokens": 1024}
LONG = "\n\n".join(TEXT.replace("ferry", f"ferry number {number}") for number in range(3))
SLOW = TINY.model_copy(update={"gist_chunk_size": 256, "gist_tokens": 64})


def soon(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end, "it did not come true"
        time.sleep(0.02)


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> list[Request]:
    """Let models write without an end; return what they are asked."""
    asked: list[Request] = []
    submit = Scheduler.submit

    def noted(self: Scheduler, *requests: Request) -> None:
        self._language_model.__dict__["stop_tokens"] = frozenset()
        asked.extend(requests)
        submit(self, *requests)

    monkeypatch.setattr(Scheduler, "submit", noted)
    return asked


def is_over(requests: list[Request]) -> bool:
    return all(request.cancelled and len(request.tokens) < ENDLESS["max_new_tokens"] for request in requests)


def test_a_cancelled_question_is_answered_no_further(registry: Registry, requests: list[Request]) -> None:
    memory_id = registry.memorize([from_text(TEXT)], TINY).memory.id
    graph, options = build_graph(registry), TINY.model_copy(update=ENDLESS)
    inputs: Any = {"memory_id": memory_id, "query": "Who was proud?", "task_type": "qa"}

    async def left() -> None:
        stream = graph.astream(inputs, context=options, stream_mode="messages")
        async for message, _ in stream:
            if isinstance(message, AIMessageChunk):
                break
        await stream.aclose()

    async def cancelled() -> None:
        task = asyncio.create_task(graph.ainvoke(inputs, context=options))
        while len(requests) < 2 and not task.done():
            await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    requests.clear()
    asyncio.run(left())
    asyncio.run(cancelled())
    soon(lambda: is_over(requests))


def test_a_cancelled_memory_is_not_finished_and_goes_on_where_it_was(
    registry: Registry, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    did: list[str] = []

    def note(name: str) -> None:
        method = getattr(GistBatch, name)

        def noted(*given: Any) -> Any:
            did.append(name)
            return method(*given)

        monkeypatch.setattr(GistBatch, name, noted)

    note("_begin")
    note("_next_tokens")
    graph = build_graph(registry)

    async def cancelled() -> None:
        notes = 0
        stream = graph.astream({"context": LONG, "query": "Who?"}, context=SLOW, stream_mode="custom")
        async for event in stream:
            notes += bool(event["progress"]["note"])
            if notes == 2:
                break
        await stream.aclose()

    asyncio.run(cancelled())
    assert registry.store.memories() == []
    cancelled_run = Counter(did)
    did.clear()
    finished = registry.memorize([from_text(LONG)], SLOW)
    resumed = Counter(did)
    did.clear()
    registry.forget(finished.memory.id)
    assert registry.memorize([from_text(LONG)], SLOW, tmp_path / "whole").memory.notes == finished.memory.notes
    whole = Counter(did)
    assert cancelled_run["_next_tokens"] < whole["_next_tokens"], "the cancelled run went on"
    assert resumed["_begin"] < whole["_begin"], "its notes were written again"


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service(options=TINY.model_copy(update=ENDLESS))
    yield service
    service.stop()


def test_the_service_stops_answering_a_client_that_left(service: Service, requests: list[Request]) -> None:
    asked = {"input": {"memory_id": service.memorize(), "query": "Who was proud?", "task_type": "qa"}}
    body = json.dumps(asked).encode()
    address = httpx.URL(service.url)
    head = f"POST /memorag/invoke HTTP/1.1\r\nHost: {address.netloc.decode()}\r\nContent-Type: application/json\r\n"
    requests.clear()
    with socket.create_connection((address.host, address.port)) as client:
        client.sendall(f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)
        soon(lambda: bool(requests and requests[0].tokens))
    soon(lambda: is_over(requests))


def test_ctrl_c_ends_an_answer_of_the_command_line(registry: Registry, requests: list[Request]) -> None:
    memory_id = registry.memorize([from_text(TEXT)], TINY).memory.id
    inputs = {"memory_id": memory_id, "query": "Who was proud?", "task_type": "qa"}
    requests.clear()

    def press() -> None:
        soon(lambda: bool(requests and requests[0].tokens))
        os.kill(os.getpid(), signal.SIGINT)

    user = threading.Thread(target=press)
    user.start()
    silent = Console(file=io.StringIO())
    with pytest.raises(KeyboardInterrupt):
        run_graph(build_graph(registry), inputs, TINY.model_copy(update=ENDLESS), silent, silent)
    user.join()
    soon(lambda: is_over(requests))


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_ctrl_c_while_an_object_is_finalized_is_not_lost() -> None:
    class Pressed:
        def __del__(self) -> None:
            signal.raise_signal(signal.SIGINT)  # Python drops the KeyboardInterrupt that it raises

    def pressed() -> None:
        with stops_threads():
            Pressed()
            check()

    with pytest.raises(KeyboardInterrupt):
        pressed()


def test_what_another_cancelled_is_not_taken_for_ctrl_c() -> None:
    def cancelled() -> None:
        with Cancellation().bound() as around, stops_threads():
            around.cancel()
            check()

    with pytest.raises(CancelledRunError):
        cancelled()


def test_ctrl_c_says_what_is_kept() -> None:
    told = io.StringIO()
    with pytest.raises(SystemExit) as ended, resumable(Console(file=told, width=200)):
        raise KeyboardInterrupt
    assert ended.value.code == INTERRUPTED
    assert "the same command goes on from there" in told.getvalue()
