"""Limits of the service: time, requests at once, stalled bodies, other sites' pages."""

import asyncio
import contextvars
import json
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
from fastapi.testclient import TestClient

from memorag_graph.cancellation import Cancellation, check, checking, detached
from memorag_graph.errors import CancelledRunError, InputError, TimeLimitError
from memorag_graph.models.request import Request
from memorag_graph.models.sampling import Sampling
from memorag_graph.models.scheduler import Scheduler
from memorag_graph.progress import Progress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.limits import LimitRequests, Limits
from tests.conftest import TEXT, TINY, tiny_model
from tests.test_serving import Service

PROGRESS = Progress("gists", 0, 1, "tokens")


def test_work_checks_the_cancellation_of_its_context_in_any_thread() -> None:
    check()  # no cancellation, no limit
    with Cancellation().bound() as cancellation:
        check()
        context, report = contextvars.copy_context(), checking(ignore_progress)
        later = detached()
        with ThreadPoolExecutor(1) as other:
            other.submit(context.run, check).result()
            other.submit(report, PROGRESS).result()
            cancellation.cancel()
            with pytest.raises(CancelledRunError):
                other.submit(context.run, check).result()
            with pytest.raises(CancelledRunError):
                other.submit(report, PROGRESS).result()
        later.check()
    check()


def test_a_time_limit_is_kept_by_what_is_detached() -> None:
    with Cancellation(0.0).bound():
        time.sleep(0.01)
        with pytest.raises(TimeLimitError, match="longer than its limit of 0 s"):
            check()
        with pytest.raises(TimeLimitError):
            detached().check()


def test_an_answer_ends_when_its_run_is_cancelled() -> None:
    model = tiny_model("llama")
    model.__dict__["stop_tokens"] = frozenset()
    scheduler = Scheduler(model)
    request = Request([5, 6, 7], sampling=Sampling(max_new_tokens=4000))
    with Cancellation().bound() as cancellation:
        scheduler.submit(request)
        tokens = iter(request)
        next(tokens)
        cancellation.cancel()
        with pytest.raises(CancelledRunError):
            list(tokens)
    assert request.cancelled
    scheduler.call(lambda: None)
    written = len(request.tokens)
    scheduler.call(lambda: None)
    assert len(request.tokens) == written < 4000, "the row stayed in the batch"


def test_memorizing_ends_at_the_time_limit(registry: Registry) -> None:
    with TestClient(create_app(registry, TINY, limits=Limits(seconds=0.001))) as client:
        answer = client.post("/memories", json={"documents": [{"text": TEXT}]})
        assert answer.status_code == 504
        assert "longer than its limit" in answer.json()["error"]["message"]
        assert client.get("/memories").json() == []
        asked = {"input": {"context": TEXT, "query": "Who was proud?"}}
        assert client.post("/memorag/invoke", json=asked).status_code == 504


def scope(path: str = "/") -> dict[str, Any]:
    return {"type": "http", "method": "POST", "path": path, "headers": []}


async def served(app: LimitRequests) -> int:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    await app(scope(), receive, send)
    return int(sent[0]["status"])


def test_requests_wait_for_their_turn_and_too_many_are_refused_at_once() -> None:
    most = running = 0

    async def main() -> list[int]:
        gate = asyncio.Event()

        async def inner(_: Any, receive: Any, send: Any) -> None:
            nonlocal most, running
            running += 1
            most = max(most, running)
            await gate.wait()
            running -= 1
            await send({"type": "http.response.start", "status": 200, "headers": []})

        app = LimitRequests(inner, Limits(running=2, queued=3))
        tasks = [asyncio.create_task(served(app)) for _ in range(7)]
        await asyncio.sleep(0.05)
        refused = [task.result() for task in tasks if task.done()]
        gate.set()
        done = await asyncio.gather(*tasks)
        assert refused == [503, 503]
        return [*done, await served(app)]

    assert sorted(asyncio.run(main())) == [200] * 6 + [503] * 2
    assert most == 2


def test_a_handler_that_never_ends_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memorag_graph.serving.limits._GRACE_SECONDS", 0.01)

    async def stuck(*_: Any) -> None:
        await asyncio.Event().wait()

    assert asyncio.run(served(LimitRequests(stuck, Limits(seconds=0.01)))) == 504


@pytest.mark.parametrize("bad", [{"seconds": 0}, {"seconds": float("inf")}, {"running": 0}, {"queued": -1}])
def test_impossible_limits_are_refused(bad: dict[str, Any]) -> None:
    with pytest.raises(InputError):
        Limits(**bad)


@pytest.fixture
def stalled() -> Iterator[Service]:
    service = Service(limits=Limits(body_seconds=0.2))
    yield service
    service.stop()


def test_a_stalled_body_ends(stalled: Service) -> None:
    stop = threading.Event()

    def body() -> Iterator[bytes]:
        yield b'{"documents": ['
        stop.wait(10)

    try:
        answer = httpx.post(f"{stalled.url}/memories", content=body(), timeout=10)
        assert answer.status_code == 408
    except httpx.HTTPError:  # the answer came while the client was still sending
        pass
    finally:
        stop.set()
    assert stalled.http.get("/health").status_code == 200


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 200),
        ({"Host": "localhost:8000"}, 200),
        ({"Host": "[::1]:8000"}, 200),
        ({"Host": "rebound.example"}, 403),
        ({"Host": "127.0.0.1.example"}, 403),
        ({"Host": "["}, 403),
        ({"Origin": "http://127.0.0.1"}, 200),
        ({"Origin": "http://elsewhere.example"}, 403),
        ({"Origin": "null"}, 403),
    ],
)
def test_pages_of_other_sites_are_refused(registry: Registry, headers: dict[str, str], status: int) -> None:
    app = create_app(registry, TINY, hosts=("127.0.0.1", "::1", "localhost"))
    with TestClient(app, base_url="http://127.0.0.1") as client:
        assert client.get("/memories", headers=headers).status_code == status


def test_only_the_operator_sees_figures(registry: Registry) -> None:
    with TestClient(create_app(registry, TINY, api_key="secret")) as client:
        assert client.get("/metrics").status_code == 401
        key = {"X-API-Key": "secret"}
        client.get(f"/memories/{'0' * 32}", headers=key)
        shown = client.get("/metrics", headers=key).text
    assert 'memorag_requests_total{endpoint="/memories/{memory_id}",status="404"} 1.0' in shown
    assert "0" * 32 not in shown


def test_the_log_tells_who_and_what_but_no_text_and_no_key(
    registry: Registry, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    with TestClient(create_app(registry, TINY, api_key="a-secret-key")) as client:
        key = {"X-API-Key": "a-secret-key"}
        made = client.post("/memories", json={"documents": [{"text": TEXT}]}, headers=key)
        asks = {"memory_id": made.json()["memory_id"], "query": "Who was proud of it?", "task_type": "lookup"}
        asked = client.post("/memorag/invoke", json={"input": asks}, headers=key)
        client.get("/memories", headers={"X-API-Key": "a-wrong-key"})
    lines = [json.loads(record.message) for record in caplog.records if record.name == "memorag_graph.requests"]
    assert [(line["endpoint"], line["status"], line["key"]) for line in lines] == [
        ("/memories", 201, "api-key"),
        ("/invoke", 200, "api-key"),
        ("/memories", 401, None),
    ]
    assert lines[1]["request"] == asked.headers["X-Request-Id"]
    everything = caplog.text
    for secret in ("a-secret-key", "a-wrong-key", "proud", "harbour", made.json()["memory_id"]):
        assert secret not in everything
