"""Quotas of tenants: requests a minute, jobs, tokens a day, documents and bytes."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from fastapi.testclient import TestClient

from memorag_graph.errors import QuotaError
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from memorag_graph.serving.credentials import KeyFile
from memorag_graph.serving.quotas import Quota, Usage
from tests.conftest import TEXT, TINY
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


def test_a_job_is_counted_until_it_ends(tmp_path: Path) -> None:
    usage = Usage(Quota(jobs=1), tmp_path)
    with usage.job("acme"), usage.job("globex"), pytest.raises(QuotaError, match="1 jobs at once"), usage.job("acme"):
        pass
    with pytest.raises(ZeroDivisionError), usage.job("acme"):
        1 / 0  # noqa: B018
    with usage.job("acme"):
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


@pytest.mark.parametrize("service", [Quota(bytes=10)], indirect=True)
def test_bytes_beyond_the_quota_are_refused(service: tuple[TestClient, Any, Any]) -> None:
    _, acme, _ = service
    memorize(acme)
    refused = acme("POST", "/memorag/invoke", json={"input": {"context": TEXT[:500], "query": "Who?"}})
    assert refused.status_code == 507
    assert "delete a memory first" in refused.json()["error"]["message"]


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
