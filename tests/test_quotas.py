"""Quotas of tenants: requests a minute, jobs, tokens a day, documents and bytes."""

import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, closing, suppress
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient
from typer.testing import CliRunner

from memorag_graph.cli import main as cli
from memorag_graph.configuration import service_options
from memorag_graph.documents import from_text
from memorag_graph.errors import QuotaError, StorageQuotaError
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.open_memory import OpenMemory
from memorag_graph.progress import ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import KeyFile, Principal
from memorag_graph.serving.quotas import USAGE_FILE, Quota, Usage
from memorag_graph.serving.tenants import Tenants
from tests.conftest import TEXT, TINY
from tests.servers import free_port
from tests.test_tenants import as_key, memorize, question

DAY = 86_400


class Clock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.now = 1_000.0 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def store(tmp_path: Path) -> MemoryStore:
    return MemoryStore(tmp_path / "store")


def test_requests_are_counted_in_any_minute(tmp_path: Path, clock: Clock) -> None:
    usage = Usage(Quota(requests_per_minute=3), tmp_path, timer=clock)
    for _ in range(3):
        usage.count_request("acme")
        clock.now += 10
    with pytest.raises(QuotaError) as refused:
        usage.count_request("acme")
    assert refused.value.retry_seconds == 30
    usage.count_request("globex")
    clock.now += refused.value.retry_seconds
    usage.count_request("acme")
    for _ in range(9):
        usage.count_request("")  # the operator


@pytest.mark.parametrize("jump", [-3 * DAY, -3600, 3600, 3 * DAY])
def test_a_clock_that_jumps_locks_nobody_out_of_the_next_minute(tmp_path: Path, clock: Clock, jump: float) -> None:
    timer = Clock()
    usage = Usage(Quota(requests_per_minute=1, tokens_per_day=100), tmp_path, clock, timer)
    usage.count_request("acme")
    clock.now += jump
    with pytest.raises(QuotaError) as refused:
        usage.count_request("acme")
    assert refused.value.retry_seconds == 60
    timer.now += 60
    usage.count_request("acme")


def test_tokens_are_counted_by_day_and_across_restarts(tmp_path: Path, clock: Clock) -> None:
    quota = Quota(tokens_per_day=100)
    Usage(quota, tmp_path, clock).add_tokens("acme", 60)
    usage = Usage(quota, tmp_path, clock)
    usage.count_request("acme")
    usage.add_tokens("acme", 40)
    clock.now += DAY / 4
    with pytest.raises(QuotaError) as refused:
        usage.count_request("acme")
    assert refused.value.retry_seconds == 3 * DAY / 4
    usage.count_request("globex")
    clock.now += refused.value.retry_seconds
    usage.count_request("acme")


def test_a_job_is_counted_until_it_ends(tmp_path: Path, store: MemoryStore) -> None:
    usage = Usage(Quota(jobs=1), tmp_path)

    def job(tenant: str, memory_id: str = "a") -> AbstractContextManager[None]:
        return usage.job(tenant, store, memory_id, 1)

    with job("acme"), job("globex"), pytest.raises(QuotaError, match="1 jobs at once"), job("acme", "b"):
        pass
    with pytest.raises(ZeroDivisionError), job("acme"):
        1 / 0  # noqa: B018
    with job("acme"):
        pass
    with job(""), job("", "b"):  # the operator
        pass


def test_jobs_at_once_do_not_exceed_the_documents_together(tmp_path: Path, store: MemoryStore) -> None:
    usage = Usage(Quota(documents=3), tmp_path)
    with usage.job("acme", store, "a", 2):
        with usage.job("acme", store, "a", 2), usage.job("globex", store, "b", 3):  # one memory, and another tenant
            pass
        with pytest.raises(StorageQuotaError, match="2 of 3 documents"), usage.job("acme", store, "b", 2):
            pass
        with usage.job("acme", store, "c", 1):
            pass
    with usage.job("acme", store, "b", 2):
        pass


@pytest.fixture
def service(
    registry: Registry, tmp_path: Path, request: pytest.FixtureRequest
) -> Iterator[tuple[TestClient, Any, Any]]:
    keys = KeyFile(tmp_path / "keys.json")
    with TestClient(create_app(registry, TINY, credentials=keys, quota=request.param)) as client:
        yield (client, *(as_key(client, keys.add(name, name, "writer")) for name in ("acme", "globex")))


@pytest.mark.parametrize("service", [Quota(documents=1)], indirect=True)
def test_documents_beyond_the_quota_are_refused(service: tuple[TestClient, Any, Any]) -> None:
    _, acme, globex = service
    memory_id = memorize(acme)
    refused = acme("POST", "/memories", json={"documents": [{"text": TEXT[:500]}]})
    assert refused.status_code == 507
    assert "1 of 1 documents are kept" in refused.json()["error"]["message"]
    memorize(globex)
    assert acme("DELETE", f"/memories/{memory_id}").status_code == 204
    memorize(acme)


@pytest.mark.parametrize("service", [Quota(documents=1, bytes=1024**3, tokens_per_day=10_000, jobs=1)], indirect=True)
def test_what_is_kept_is_memorized_again_without_counting(service: tuple[TestClient, Any, Any], home: Path) -> None:
    _, acme, _ = service
    memory_id = memorize(acme)
    used = tokens_used(home)
    assert used > 0
    for _ in range(3):
        assert memorize(acme) == memory_id
    assert acme("POST", "/memorag/invoke", json={"input": {"context": TEXT, "query": "Who?"}}).status_code == 507
    assert len(acme("GET", "/memories").json()) == 1, "under another name it is another memory"
    assert tokens_used(home) == used


def tokens_used(home: Path) -> int:
    with closing(sqlite3.connect(home / "tenants" / USAGE_FILE)) as database:
        return int(database.execute("SELECT sum(tokens) FROM used").fetchone()[0])


@pytest.mark.parametrize("service", [Quota(bytes=10)], indirect=True)
def test_a_memory_that_does_not_fit_is_refused_and_leaves_nothing(
    service: tuple[TestClient, Any, Any], home: Path
) -> None:
    _, acme, _ = service
    for call in (
        lambda: acme("POST", "/memories", json={"documents": [{"text": TEXT}]}),
        lambda: acme("POST", "/memorag/invoke", json={"input": {"context": TEXT[:500], "query": "Who?"}}),
    ):
        refused = call()
        assert refused.status_code == 507
        assert "of 10 bytes would be used" in refused.json()["error"]["message"]
        assert acme("GET", "/memories").json() == []
        assert not list((home / "tenants" / "acme").glob("[0-9a-f]*"))


def test_memories_made_at_once_do_not_exceed_the_bytes_together(registry: Registry) -> None:
    texts = [TEXT.replace("ferry", name) for name in ("railway", "tramway", "airship")]
    alone = Tenants(registry).scope(Principal("o", "operator-like", "writer"), TINY)
    one = bytes_of(alone.memorize([from_text(texts[0])], None, ignore_progress), alone.registry.store)
    tenants = Tenants(registry, Quota(bytes=int(1.5 * one)))
    scope = tenants.scope(Principal("a", "acme", "writer"), TINY)

    def memorize_one(text: str) -> str:
        try:
            return scope.memorize([from_text(text)], None, ignore_progress).memory.id
        except StorageQuotaError:
            return ""

    with ThreadPoolExecutor(3) as pool:
        made = [it for it in pool.map(memorize_one, texts) if it]
    assert len(made) == 1
    assert [memory["memory_id"] for memory in scope.registry.store.memories()] == made


def test_of_two_memories_that_fit_alone_one_stays(tmp_path: Path, store: MemoryStore) -> None:
    usage, kept, start = Usage(Quota(bytes=15), tmp_path), {"a", "b"}, threading.Barrier(2)
    store.memories = lambda: [{"memory_id": it, "files": {"f": {"bytes": 10}}} for it in kept]  # type: ignore[method-assign]

    def finish(memory_id: str) -> None:
        def discard() -> None:
            time.sleep(0.2)  # long enough for the other to look
            kept.remove(memory_id)

        start.wait()
        with suppress(StorageQuotaError):
            usage.require_fit("acme", store, discard)

    with ThreadPoolExecutor(2) as pool:
        list(pool.map(finish, ("a", "b")))
    assert len(kept) == 1


def bytes_of(opened: OpenMemory, store: MemoryStore) -> int:
    (info,) = [it for it in store.memories() if it["memory_id"] == opened.memory.id]
    return sum(file["bytes"] for file in info["files"].values())


@pytest.mark.parametrize("service", [Quota(bytes=1)], indirect=True)
def test_bytes_that_are_used_up_are_refused_before_the_work(
    service: tuple[TestClient, Any, Any], registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, acme, _ = service
    Tenants(registry).scope(Principal("a", "acme", "writer"), TINY).memorize([from_text(TEXT)], None, ignore_progress)
    monkeypatch.setattr(Registry, "memorize", lambda *_: pytest.fail("this is work"))
    refused = acme("POST", "/memories", json={"documents": [{"text": TEXT[:500]}]})
    assert refused.status_code == 507
    assert "delete something first" in refused.json()["error"]["message"]


def test_one_definition_configures_the_quotas_of_all_doors(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(("REQUESTS", "JOBS", "TOKENS", "DOCUMENTS", "MB"), 1):
        monkeypatch.setenv(f"MEMORAG_GRAPH_TENANT_{name}", str(number))
    assert Quota.of(service_options({})) == Quota(1, 2, 3, 4, 5 * 1024**2)
    served: list[Any] = []
    monkeypatch.setattr("memorag_graph.serving.app.create_app", lambda **given: served.append(given["quota"]))
    monkeypatch.setattr("uvicorn.run", lambda *_, **__: None)
    command = ["serve", "--port", str(free_port()), "--tenant-jobs", "7", "--model", "embedded"]
    result = CliRunner().invoke(cli.app, command)
    assert result.exit_code == 0, result.output
    assert served == [Quota(1, 7, 3, 4, 5 * 1024**2)]
    code = "from memorag_graph.serving.served_graph import tenants; print(tenants.usage.quota.jobs)"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert shown.stdout.strip() == "2"


@pytest.mark.parametrize("service", [Quota(requests_per_minute=2)], indirect=True)
def test_too_many_requests_are_told_when_to_come_again(service: tuple[TestClient, Any, Any]) -> None:
    client, acme, globex = service
    assert [acme("GET", "/memories").status_code for _ in range(3)] == [200, 200, 429]
    later = int(acme("GET", "/memories").headers["Retry-After"])
    assert 0 < later <= 60
    assert globex("GET", "/memories").status_code == 200
    assert client.get("/health").status_code == 200


@pytest.mark.parametrize("service", [Quota(tokens_per_day=50)], indirect=True)
def test_tokens_of_memorizing_and_answering_count(service: tuple[TestClient, Any, Any]) -> None:
    _, acme, globex = service
    memory_id = memorize(acme)
    assert acme("POST", "/memorag/invoke", json=question(memory_id)).status_code == 429
    assert globex("GET", "/memories").status_code == 200
