"""The service's pages in a real Chromium, and the command that starts it."""

import gc
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from memorag_graph.cli.main import app as command_line
from memorag_graph.cli.serve import require_free
from memorag_graph.errors import InputError
from memorag_graph.registry import Registry
from memorag_graph.serving.app import create_app
from tests.browser import NEEDS_CHROMIUM
from tests.conftest import TINY
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
    headings = page.locator("h2").all_inner_texts()
    assert headings == ["Questions", "Memories", "Libraries", "OpenAI's protocol", "Service"]
    entry = page.locator("details", has_text="/memories/upload")
    entry.locator("summary").click()
    assert entry.get_by_text("curl -X POST").is_visible()
    assert left == []


@NEEDS_CHROMIUM
def test_endpoints_can_be_tried_out_in_the_documentation(service_with_key: Service, page: Any, tmp_path: Path) -> None:
    (tmp_path / "pier.txt").write_text("The pier of Thorle is ninety metres long.")
    page.goto(f"{service_with_key.url}/")  # a browser gets the documentation

    def sent(path: str, method: str, fill: Any) -> str:
        entry = page.locator("details").filter(has=page.get_by_text(path, exact=True)).filter(has_text=method).first
        entry.locator("summary").click()
        fill(entry)
        entry.get_by_role("button", name="Send").click()
        reply = entry.locator("pre").last
        reply.filter(has_text=re.compile(r"^\d{3} ")).wait_for(timeout=30_000)
        return str(reply.inner_text())

    def named(entry: Any) -> None:
        entry.get_by_label("name").fill("coast")

    page.get_by_label("API key").fill("wrong")
    assert sent("/libraries/{name}", "PUT", named).startswith("401 ")
    page.reload()
    page.get_by_label("API key").fill("secret")
    assert sent("/libraries/{name}", "PUT", named).startswith("200 ")

    def with_file(entry: Any) -> None:
        named(entry)
        entry.locator("input[type=file]").set_input_files(tmp_path / "pier.txt")

    assert "pier.txt" in sent("/libraries/{name}/documents/upload", "POST", with_file)

    def with_question(entry: Any) -> None:
        named(entry)
        entry.locator("textarea").fill('{"query": "How long is the pier of Thorle?"}')

    assert "ninety metres" in sent("/libraries/{name}/ask", "POST", with_question)


def test_the_start_says_what_is_where(service: Service) -> None:
    found = service.http.get("/", headers={"Accept": "application/json"}).json()
    assert found["name"] == "memorag-graph"
    known = service.http.get("/openapi.json").json()["paths"]
    for place in found["endpoints"]:
        assert any(path.startswith(place) for path in [*known, "/docs", "/openapi.json"]), place


def test_pages_of_allowed_sites_may_use_the_service() -> None:
    service = Service(origins=["https://app.example"])
    for origin, status in (("https://app.example", 200), ("https://other.example", 403)):
        reply = service.http.get("/memories", headers={"Origin": origin})
        told = reply.headers.get("access-control-allow-origin")
        assert (reply.status_code, told) == (status, origin if status == 200 else None)
    asks = {"Origin": "https://app.example", "Access-Control-Request-Method": "POST"}
    asks["Access-Control-Request-Headers"] = "X-API-Key, Content-Type"
    allowed = service.http.options("/memorag/invoke", headers=asks)
    assert (allowed.status_code, "POST" in allowed.headers["access-control-allow-methods"]) == (200, True)
    service.stop()
    for fault in ("*", "app.example", "https://app.example/", "https://app.example/page"):
        with pytest.raises(InputError, match="one site without a path"):
            create_app(origins=[fault])


def test_models_are_loaded_before_the_first_request(registry: Registry) -> None:
    loaded: list[str] = []
    registry.models.memory_model = lambda name, options: loaded.append(name)  # type: ignore[assignment, method-assign]
    try:
        registry.models.preload(TINY)
        assert gc.get_freeze_count()
    finally:
        gc.unfreeze()
    assert loaded == [TINY.model]
    assert "hash" in registry.models.loaded_models()


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
