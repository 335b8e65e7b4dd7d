"""The web demo by keyboard, on a small screen, for several users, after a closed page, and with the largest files."""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from memorag_graph.documents import MOST_BYTES
from tests.browser import (
    NEEDS_CHROMIUM,
    PAGES,
    QUESTION,
    ask,
    choose_files,
    choose_task,
    demo_server,
    long_text,
    marked,
    memorized,
    new_page,
    report,
    show,
    summarizing,
    sync_api,
    upload,
    wait_until_memorized,
)  # fmt: skip
from tests.paced_demo import slowly

_MODELS = 900_000_000
"""Bytes that the process has at least once its models are loaded."""

LINE = 24
"""Pixels of a line of a passage."""

pytestmark = [NEEDS_CHROMIUM, pytest.mark.embedded]


def kept(home: Path) -> list[Path]:
    """Return the memories of the store; check that each is complete and that no temporary file is left."""
    directories = [path for path in (home / "memories").glob("*") if not path.name.startswith(".")]
    assert all((path / "manifest.json").exists() for path in directories)
    assert list((home / "tmp").glob("memorag-*")) == []
    return directories


def soon(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("the condition was not met within a minute")


def choose_memory(page: Any, title: str | re.Pattern[str]) -> None:
    page.get_by_role("combobox", name=re.compile("Memory")).click()
    page.get_by_role("option", name=title).click()


def memory_of(url: str) -> str:
    return re.search(r"memory=(\w+)", url)[1]  # type: ignore[index]


def tab_to(page: Any, target: Any) -> None:
    """Press Tab until an element has the focus, once the page is complete."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    has_focus = "it => it === document.activeElement || it.contains(document.activeElement)"
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.evaluate(has_focus):
            page.wait_for_timeout(300)  # a rerun of the page may take it away
            if target.evaluate(has_focus):
                return
    pytest.fail(f"{target} cannot be reached by keyboard")


def file_chooser_by_keyboard(page: Any) -> Any:
    """Press Enter on Upload; again where a rerun of the page took the focus away before the key came."""
    choosers: list[Any] = []
    page.on("filechooser", lambda chooser: choosers.append(chooser))
    for _ in range(10):
        tab_to(page, page.get_by_role("button", name="Upload", exact=True))
        page.keyboard.press("Enter")
        page.wait_for_timeout(2000)
        if choosers:
            return choosers[0]
    pytest.fail("Enter on Upload opens no file chooser")


def test_the_keyboard_suffices(demo: str, page: Any, tmp_path: Path) -> None:
    page.goto(demo)
    page.get_by_role("button", name="Memorize").wait_for()
    file_chooser_by_keyboard(page).set_files(report(tmp_path / "report.pdf"))
    button = page.get_by_role("button", name="Memorize")
    sync_api.expect(button).to_be_enabled()
    tab_to(page, button)
    page.keyboard.press("Enter")
    wait_until_memorized(page)
    box = page.get_by_placeholder("Ask the document")
    sync_api.expect(box).to_be_enabled()
    tab_to(page, box)
    page.keyboard.type(QUESTION)
    page.keyboard.press("Enter")
    page.get_by_text(re.compile("Confidence")).wait_for()
    tab_to(page, page.get_by_role("button", name=re.compile(r"\[\d+\] p\. 2")).first)
    page.keyboard.press("Enter")
    assert any(sentence in marked(page) for sentence in PAGES[1])


def test_a_narrow_window_shows_everything(report_url: str, browser: Any) -> None:
    page = new_page(browser, 390, 800)
    page.goto(report_url)
    ask(page, QUESTION)
    page.get_by_role("button", name=re.compile(r"\[\d+\] p\. 2")).first.click()
    mark = page.locator(".page mark").first.bounding_box()
    panel, conversation = (page.locator(f".st-key-{key}").bounding_box() for key in ("beside", "talk"))
    box = page.get_by_placeholder("Ask the document").bounding_box()
    assert mark["x"] >= 0
    assert mark["x"] + mark["width"] <= 390
    assert 0 < panel["y"] < mark["y"] < panel["y"] + panel["height"] - LINE
    assert panel["y"] + panel["height"] < conversation["y"] < box["y"] < 800
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_users_of_one_file_share_one_memory(demo: str, demo_home: Path, browser: Any, tmp_path: Path) -> None:
    before = len(kept(demo_home))
    file = long_text(tmp_path / "shared.txt", 60)
    first, second, third = (new_page(browser) for _ in range(3))
    buttons = []
    for page in (first, second, third):
        page.goto(demo)
        buttons.append(choose_files(page, file))
    with slowly(demo_home):
        for button in buttons:
            button.click()
        summarizing(third)
        third.get_by_role("button", name="Cancel").click()
        third.get_by_text("so the job continues").wait_for()
    wait_until_memorized(first)
    wait_until_memorized(second)
    assert len(kept(demo_home)) == before + 1
    choose_task(first, "lookup")
    ask(first, QUESTION)
    sync_api.expect(second.get_by_test_id("stChatMessage")).to_have_count(0)


def test_memories_of_one_text_have_distinct_titles_and_going_back_restores_the_conversation(
    demo: str, page: Any, tmp_path: Path
) -> None:
    file = long_text(tmp_path / "twice.txt", 12)
    memorized(page, demo, file)
    choose_task(page, "lookup")
    ask(page, QUESTION)
    first, marked = page.url, page.locator(".passage mark").inner_text()
    choose_memory(page, "New document")
    page.get_by_text("Settings", exact=True).click()
    page.get_by_test_id("stSlider").filter(has_text="Chunk size").get_by_role("slider").press("ArrowRight")
    upload(page, file)
    wait_until_memorized(page)
    second = page.url
    ask(page, "When was the company founded?")
    assert memory_of(page.url) != memory_of(first)
    show(page, "Evidence")
    page.get_by_text("Found by").first.wait_for()
    assert page.url == second
    choose_memory(page, re.compile(rf"^twice\.txt .* · {memory_of(first)[:6]}$"))
    page.wait_for_url(re.compile(memory_of(first)))
    sync_api.expect(page.get_by_test_id("stChatMessage")).to_have_count(0)
    page.go_back()
    page.wait_for_url(second)
    sync_api.expect(page.get_by_test_id("stChatMessage").first).to_contain_text("founded")
    page.goto(first)
    sync_api.expect(page.get_by_test_id("stChatMessage").first).to_contain_text(QUESTION)
    sync_api.expect(page.locator(".passage mark")).to_have_text(marked)


def test_memorizing_continues_after_the_browser_is_closed(
    demo: str, demo_home: Path, browser: Any, tmp_path: Path
) -> None:
    before = len(kept(demo_home))
    page = new_page(browser)
    page.goto(demo)
    with slowly(demo_home):
        upload(page, long_text(tmp_path / "closed.txt", 50))
        summarizing(page)
        page.context.close()
    soon(lambda: len(list((demo_home / "memories").glob("*/manifest.json"))) == before + 1)
    page = new_page(browser)
    page.goto(demo)
    choose_memory(page, re.compile(r"^closed\.txt"))
    wait_until_memorized(page)
    kept(demo_home)


def test_an_interrupted_upload_leaves_nothing(demo: str, demo_home: Path, browser: Any, tmp_path: Path) -> None:
    before = kept(demo_home)
    page = new_page(browser)
    page.goto(demo)
    page.get_by_test_id("stFileUploader").wait_for()
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    (tmp_path / "half.txt").write_text("It never arrives completely. " * 700_000)
    page.set_input_files("input[type=file]", tmp_path / "half.txt")
    page.get_by_text("half.txt").wait_for()
    page.wait_for_timeout(1500)
    sync_api.expect(page.get_by_role("button", name="Memorize")).to_be_disabled()
    page.context.close()
    assert kept(demo_home) == before
    memorized(new_page(browser), demo, report(tmp_path / "report.pdf"))


def process_of(port: str) -> Path:
    """Return where Linux tells of the demo's process."""
    (pid,) = {it.pid for it in psutil.net_connections("tcp") if it.status == "LISTEN" and it.laddr.port == int(port)}
    return Path(f"/proc/{pid}")


def peak_memory(process: Path) -> int:
    """Return the peak resident bytes of the demo's process."""
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", (process / "status").read_text())[1])  # type: ignore[index]


def with_models(process: Path) -> int:
    """Return the resident bytes of the demo once it has loaded the models.

    From then on its peak is that of what comes after.
    """
    before = 0
    while (now := peak_memory(process)) > before or now < _MODELS:
        before = now
        time.sleep(3)
    (process / "clear_refs").write_text("5")
    return peak_memory(process)


def test_a_text_takes_little_more_than_five_times_its_size(embedded_home: Path, browser: Any, tmp_path: Path) -> None:
    """Beside the models, whose size does not depend on the text, and before it is divided.

    The largest text that is taken has the size of three of these.
    """
    home, size = tmp_path / "demo", MOST_BYTES // 3
    home.mkdir()
    line = "The harbour’s log of the year continues, and so do the ferries.\n".encode()
    with (tmp_path / "log.txt").open("wb") as stream:
        stream.write(line * (size // len(line)))
    with demo_server(home, embedded_home) as url:
        page = new_page(browser)
        page.goto(url)
        process = process_of(url.rpartition(":")[2])
        loaded = with_models(process)
        upload(page, tmp_path / "log.txt")
        page.get_by_text(re.compile("Loading the models|Splitting")).first.wait_for()
        assert size < peak_memory(process) - loaded < 5.5 * size
        page.get_by_text(re.compile(r"Splitting the text: [1-9]")).wait_for()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Resume").wait_for()
        assert kept(home) == []
