"""Who gets into the web demo, in a real Chromium and over HTTP: keys, tokens of an issuer, and nobody else's things."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from websockets.exceptions import InvalidStatus
from websockets.sync.client import connect

from tests.browser import (
    MINUTES,
    NEEDS_CHROMIUM,
    QUESTION,
    ask,
    choose_task,
    memorized,
    new_page,
    report,
    serious,
    sync_api,
)
from tests.oidc_issuer import AUDIENCE, Issuer
from tests.servers import free_port, serving
from tests.test_ui_library import ISLANDS, files, make_library
from tests.warm_process import run_warm

pytestmark = [NEEDS_CHROMIUM, pytest.mark.embedded]

OPERATOR_KEY = "the-operators-own-key"
OPENED = re.compile("Ask questions about long documents")


@contextmanager
def demo_with(home: Path, models: Path, *arguments: str) -> Iterator[str]:
    """Run the demo with the keys of a directory; yield its address."""
    (models / "models").mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(models / "models")
    port = free_port()
    command = ["python", "-m", "memorag_graph", "ui", "--port", str(port), *arguments]
    with serving(command, "/_stcore/health", home, {"MEMORAG_GRAPH_HOME": str(home)}, port) as url:
        yield url


def keys(home: Path, *arguments: str) -> str:
    """Run ``memorag-graph keys`` and return what it prints."""
    told = run_warm(
        ["-m", "memorag_graph", "keys", *arguments], environment={**os.environ, "MEMORAG_GRAPH_HOME": str(home)}
    )
    assert told.returncode == 0, told.stderr
    return told.stdout.strip()


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("demo-of-tenants")


@pytest.fixture(scope="module")
def key_of(home: Path) -> dict[str, str]:
    """Keys of two tenants by their names: two of one tenant, one of which may only ask."""
    roles = {"alice": ("acme", "writer"), "rita": ("acme", "reader"), "bob": ("bobs", "writer")}
    return {name: keys(home, "add", name, "--tenant", its, "--role", role) for name, (its, role) in roles.items()}


@pytest.fixture(scope="module")
def shared_demo(home: Path, key_of: dict[str, str], embedded_home: Path) -> Iterator[str]:
    """The address of a demo with keys."""
    with demo_with(home, embedded_home, "--api-key", OPERATOR_KEY) as url:
        yield url


def log_in(page: Any, address: str, key: str) -> None:
    page.goto(address)
    page.get_by_label("Your key").fill(key)
    page.get_by_role("button", name="Log in").click()


def known(page: Any) -> list[str]:
    """Return the memories and libraries that the list offers."""
    page.get_by_role("combobox", name=re.compile("Memory or library")).click()
    page.get_by_role("option").first.wait_for()
    return [str(it) for it in page.get_by_role("option").all_inner_texts()]


@pytest.fixture(scope="module")
def of_alice(shared_demo: str, key_of: dict[str, str], browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A page of Alice, who has memorized a report, asked about it, and made a library: addresses of both."""
    page = new_page(browser)
    log_in(page, shared_demo, key_of["alice"])
    page.get_by_text(OPENED).wait_for()
    memorized(page, shared_demo, report(tmp_path_factory.mktemp("report") / "report.pdf"))
    choose_task(page, "lookup")
    ask(page, QUESTION)
    memory = page.url
    make_library(page, shared_demo, "islands", files(tmp_path_factory.mktemp("islands"))[1:3])
    yield memory, page.url
    page.context.close()


def test_only_a_known_key_opens_the_demo_and_the_address_is_kept(
    shared_demo: str, key_of: dict[str, str], page: Any
) -> None:
    page.goto(f"{shared_demo}/?memory={'0' * 32}")
    assert serious(page) == []
    for wrong in ("mg_wrong", "", " "):
        page.get_by_label("Your key").fill(wrong or "x")
        page.get_by_role("button", name="Log in").click()
        page.get_by_role("alert").get_by_text("not known here").wait_for()
    assert serious(page) == []
    assert page.url == f"{shared_demo}/login?memory={'0' * 32}"
    page.get_by_label("Your key").fill(key_of["bob"])
    page.keyboard.press("Enter")
    page.get_by_text("This memory does not exist").wait_for()
    page.get_by_text("bob · bobs").wait_for()
    page.reload()
    page.get_by_text("bob · bobs").wait_for()
    (cookie,) = [it for it in page.context.cookies() if it["name"] == "memorag_graph_session"]
    assert (cookie["httpOnly"], cookie["sameSite"], key_of["bob"] in str(page.context.cookies())) == (
        True,
        "Lax",
        False,
    )
    page.get_by_role("button", name="Log out").click()
    page.get_by_label("Your key").wait_for()
    page.go_back()
    page.get_by_label("Your key").wait_for()


def test_nobody_sees_what_belongs_to_another_tenant_also_by_a_copied_address(
    of_alice: tuple[str, str], shared_demo: str, key_of: dict[str, str], browser: Any, home: Path, tmp_path: Path
) -> None:
    memory, library = of_alice
    for key in (key_of["bob"], OPERATOR_KEY):
        page = new_page(browser)
        log_in(page, memory, key)
        page.get_by_text("This memory does not exist").wait_for()
        assert known(page) == ["New document or library"]
        page.goto(library)
        page.get_by_text("There is no such library").wait_for()
        page.get_by_text("A library of many").click()
        sync_api.expect(page.get_by_role("button", name="islands")).to_have_count(0)
        page.context.close()
    page = new_page(browser)  # the same text has the same id, but is another memory without that conversation
    log_in(page, shared_demo, key_of["bob"])
    page.get_by_text(OPENED).wait_for()
    memorized(page, shared_demo, report(tmp_path / "report.pdf"))
    assert page.url.partition("&")[0] == memory.partition("&")[0]
    page.goto(memory)
    page.get_by_text("Ask a question below").wait_for()
    sync_api.expect(page.get_by_text(QUESTION)).to_have_count(0)
    sync_api.expect(page.get_by_text(re.compile(r"Conversations"))).to_have_count(0)
    page.get_by_role("button", name="Delete this memory").click()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("Or try an example").wait_for()
    page.context.close()
    assert len(list((home / "tenants" / "acme").glob("*/manifest.json"))) == 1


def test_another_key_of_the_tenant_sees_the_memory_but_not_the_conversation_and_a_reader_changes_nothing(
    of_alice: tuple[str, str], key_of: dict[str, str], page: Any
) -> None:
    memory, library = of_alice
    log_in(page, memory, key_of["rita"])
    page.get_by_text("Ask a question below").wait_for()
    page.get_by_text("rita · acme · may only ask").wait_for()
    sync_api.expect(page.get_by_text(QUESTION)).to_have_count(0)
    ask(page, "When was the company founded?")
    for name in ("Delete this memory", "Rename this memory"):
        sync_api.expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.get_by_text("Settings", exact=True).click()
    page.get_by_text("Max new tokens").wait_for()
    sync_api.expect(page.get_by_text("Generation model")).to_have_count(0)
    page.goto(library)
    page.get_by_role("cell", name=f"{ISLANDS[0].lower()}.txt").wait_for()
    for name in ("Add files", "Remove", "Delete this library"):
        sync_api.expect(page.get_by_role("button", name=name)).to_have_count(0)
    page.goto(memory.partition("?")[0])
    page.get_by_text("may ask, but not memorize").wait_for()
    sync_api.expect(page.get_by_test_id("stFileUploader")).to_have_count(0)


def test_a_visit_ends_when_its_key_is_revoked(shared_demo: str, home: Path, page: Any) -> None:
    key = keys(home, "add", "temporary", "--tenant", "acme")
    log_in(page, shared_demo, key)
    page.get_by_text("temporary · acme").wait_for()
    keys(home, "revoke", "temporary")
    page.get_by_text("A library of many").click()
    page.wait_for_timeout(1000)
    sync_api.expect(page.get_by_label("Name of the library")).to_have_count(0)
    page.reload()
    page.get_by_label("Your key").wait_for()


def test_nothing_is_served_without_a_key(shared_demo: str, key_of: dict[str, str]) -> None:
    for path in (
        "/",
        "/_stcore/host-config",
        "/media/x",
        "/static/index.html",
        "//",
        "/login/../",
        "/_stcore/health/x",
    ):
        response = httpx.get(f"{shared_demo}{path}", headers={"Accept": "*/*"})
        assert (path, response.status_code) == (path, 401)
    assert httpx.put(f"{shared_demo}/_stcore/upload_file/a/b", content=b"x").status_code == 401
    stream = shared_demo.replace("http", "ws", 1) + "/_stcore/stream"
    for headers in ({}, {"Cookie": "memorag_graph_session=x"}, {"X-API-Key": "x"}, {"Authorization": "Basic eDp4"}):
        with pytest.raises(InvalidStatus), connect(stream, additional_headers=headers):
            pass
    with connect(stream, additional_headers={"X-API-Key": key_of["bob"]}):
        pass
    entered = httpx.post(f"{shared_demo}/login", data={"key": key_of["bob"]}, headers={"Sec-Fetch-Site": "cross-site"})
    assert entered.status_code == 403
    assert "set-cookie" not in entered.headers
    entered = httpx.post(
        f"{shared_demo}/login", data={"key": key_of["bob"]}, headers={"Origin": "http://other.example"}
    )
    assert entered.status_code == 403
    assert httpx.post(f"{shared_demo}/login", data={"key": "x" * 30_000}).status_code == 413
    for by, is_secure in (("https", True), ("http", False)):
        entered = httpx.post(f"{shared_demo}/login", data={"key": key_of["bob"]}, headers={"X-Forwarded-Proto": by})
        assert ("secure" in entered.headers["set-cookie"].lower()) == is_secure
    assert httpx.get(f"{shared_demo}/_stcore/health").status_code == 200


def test_a_proxy_that_sends_tokens_logs_its_users_in(tmp_path: Path, embedded_home: Path, browser: Any) -> None:
    issuer = Issuer()
    try:
        arguments = ("--oidc-issuer", issuer.url, "--oidc-audience", AUDIENCE)
        with demo_with(tmp_path, embedded_home, *arguments) as url:
            for claims, shown in (
                ({"sub": "ann@example.com", "tenant": "north", "role": "writer"}, "ann@example.com · north"),
                ({"sub": "ben", "tenant": "south"}, "ben · south · may only ask"),
            ):
                token = issuer.token(**claims)
                page = browser.new_context(extra_http_headers={"Authorization": f"Bearer {token}"}).new_page()
                page.goto(url)
                page.get_by_text(shown).wait_for(timeout=MINUTES)  # the first page loads the demo's code
                sync_api.expect(page.get_by_role("button", name="Log out")).to_have_count(0)
                page.context.close()
            for headers, status in (
                ({"Authorization": f"Bearer {issuer.token(sub='eve', tenant='')}"}, 403),
                ({"Authorization": "Bearer a.b.c"}, 401),
                ({"X-Forwarded-User": "ann@example.com", "X-Forwarded-Email": "ann@example.com"}, 401),
            ):
                assert httpx.get(url, headers=headers).status_code == status
    finally:
        issuer.stop()
