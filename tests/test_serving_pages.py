"""The service's pages in a real Chromium, and the command that starts it."""

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from memorag_graph.cli.main import app as command_line
from tests.servers import memorag_serve
from tests.test_serving import QUESTION, Service

sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
in_a_browser = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium: apt-get install chromium")


@pytest.fixture
def service() -> Iterator[Service]:
    service = Service()
    yield service
    service.stop()


@pytest.fixture
def service_with_key() -> Iterator[Service]:
    service = Service(api_key="secret")
    yield service
    service.stop()


@pytest.fixture
def page() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser.new_page()
        browser.close()


def outside(page: Any) -> list[str]:
    """Note every request that leaves loopback."""
    left: list[str] = []
    page.on(
        "request", lambda it: None if re.match(r"(http://127\.0\.0\.1|data:|blob:)", it.url) else left.append(it.url)
    )
    return left


@in_a_browser
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


@in_a_browser
def test_the_playground_asks_for_the_key(service_with_key: Service, page: Any) -> None:
    refused = service_with_key.http.get("/memorag/playground/")
    assert (refused.status_code, refused.headers["www-authenticate"]) == (401, 'Basic realm="memorag-graph"')
    key = {"username": "me", "password": "secret"}
    with page.context.browser.new_context(http_credentials=key) as context:
        known = context.new_page()
        known.goto(f"{service_with_key.url}/memorag/playground/")
        known.get_by_text("Memory Id", exact=False).first.wait_for()
        known.get_by_label("Query", exact=False).first.fill(QUESTION)
        known.get_by_label("Memory Id", exact=False).first.fill("0" * 32)
        with known.expect_response("**/memorag/stream_log") as answer:
            known.get_by_role("button", name="Start").click()
        assert answer.value.status not in (401, 403)


@in_a_browser
def test_the_description_is_readable_without_a_network(service: Service, page: Any) -> None:
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
        again = subprocess.run(
            [sys.executable, "-m", "memorag_graph", "serve", "--port", url.rpartition(":")[2]],
            capture_output=True,
            text=True,
            timeout=60,
        )
        assert again.returncode == 2
        assert "cannot be used" in again.stderr
    assert "secret" not in (tmp_path / "log").read_text()


def test_it_is_not_opened_to_others_by_accident() -> None:
    from typer.testing import CliRunner

    refused = CliRunner().invoke(command_line, ["serve", "--host", "0.0.0.0"])
    assert refused.exit_code != 0
    assert "give --api-key KEY" in str(refused.exception)
