"""The service's pages in a real Chromium, and the command that starts it."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from memorag_graph.cli.main import app as command_line
from memorag_graph.cli.serve import require_free
from memorag_graph.errors import InputError
from tests.browser import NEEDS_CHROMIUM
from tests.servers import memorag_serve
from tests.test_serving import QUESTION, Service

LOCAL = re.compile(r"(http://127\.0\.0\.1|data:|blob:)")


@pytest.fixture(scope="module", autouse=True)
def _home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("MEMORAG_GRAPH_HOME", str(tmp_path_factory.mktemp("home")))
        yield


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.stop()


@pytest.fixture
def service_with_key() -> Iterator[Service]:
    service = Service(api_key="secret")
    yield service
    service.stop()


def outside(page: Any) -> list[str]:
    """Return a list that collects every request that leaves loopback."""
    left: list[str] = []
    page.on("request", lambda request: left.append(request.url) if not LOCAL.match(request.url) else None)
    return left


@NEEDS_CHROMIUM
def test_the_playground_answers(service: Service, page: Any) -> None:
    memory_id = service.memorize()
    left = outside(page)
    page.goto(f"{service.url}/memorag/playground/")
    page.get_by_text("Memory Id", exact=False).first.wait_for()
    boxes = page.locator("textarea, input[type=text]")
    labels = [page.locator("label").nth(index).inner_text() for index in range(page.locator("label").count())]
    assert boxes.count() >= 2, labels
    page.get_by_label("Query", exact=False).first.fill(QUESTION)
    page.get_by_label("Memory Id", exact=False).first.fill(memory_id)
    page.get_by_role("button", name="Start").click()
    page.get_by_text("proud of the harbour").first.wait_for(timeout=30_000)
    assert left == []


@NEEDS_CHROMIUM
def test_the_playground_asks_for_the_key(service_with_key: Service, browser: Any) -> None:
    refused = service_with_key.http.get("/memorag/playground/")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Basic realm="memorag-graph"')
    key = {"username": "me", "password": "secret"}
    with browser.new_context(http_credentials=key) as context:
        known = context.new_page()
        known.goto(f"{service_with_key.url}/memorag/playground/")
        known.get_by_text("Memory Id", exact=False).first.wait_for()
        known.get_by_label("Query", exact=False).first.fill(QUESTION)
        known.get_by_label("Memory Id", exact=False).first.fill("0" * 32)
        with known.expect_response("**/memorag/stream_log") as answer:
            known.get_by_role("button", name="Start").click()
        assert answer.value.status not in (401, 403)


@NEEDS_CHROMIUM
def test_the_documentation_needs_no_network(service: Service, page: Any) -> None:
    left = outside(page)
    page.goto(f"{service.url}/docs")
    page.get_by_text("/memorag/invoke", exact=True).wait_for()
    assert page.locator("h2").all_inner_texts() == ["Questions", "Memories", "Service"]
    entry = page.locator("details", has_text="/memories/upload")
    entry.locator("summary").click()
    assert entry.get_by_text("curl -X POST").is_visible()
    assert left == []


def test_the_command_serves(tmp_path: Path) -> None:
    with memorag_serve(tmp_path, {}, "--api-key", "secret") as url:
        assert httpx.get(f"{url}/memories").status_code == 401
        assert httpx.get(f"{url}/memories", headers={"X-API-Key": "secret"}).json() == []
        with pytest.raises(InputError, match="cannot be used"):
            require_free("127.0.0.1", int(url.rpartition(":")[2]))
    assert "secret" not in (tmp_path / "log").read_text()


def test_other_hosts_are_served_only_on_purpose() -> None:
    from typer.testing import CliRunner

    refused = CliRunner().invoke(command_line, ["serve", "--host", "0.0.0.0"])
    assert refused.exit_code != 0
    assert "give --api-key KEY" in str(refused.exception)
