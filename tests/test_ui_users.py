"""The web demo for those who have no mouse or a small screen, are several, go away, or bring the largest files."""

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
    bring,
    demo_server,
    digesting,
    long_text,
    memorized,
    new_page,
    report,
    show,
    sync_api,
    upload,
    wait_until_memorized,
)  # fmt: skip

pytestmark = [NEEDS_CHROMIUM, pytest.mark.embedded]


def kept(home: Path) -> list[Path]:
    """Return the memories of the store, each with all its files; there is nothing else in it."""
    directories = [path for path in (home / "memories").iterdir() if not path.name.startswith(".")]
    assert all((path / "manifest.json").exists() for path in directories)
    assert list((home / "tmp").glob("memorag-*")) == []
    return directories


def soon(condition: Callable[[], bool]) -> None:
    for _ in range(600):
        if condition():
            return
        time.sleep(0.1)
    pytest.fail("this did not come about within a minute")


def choose_memory(page: Any, title: str | re.Pattern[str]) -> None:
    page.get_by_role("combobox", name=re.compile("Memory")).click()
    page.get_by_role("option", name=title).click()


def memory_of(url: str) -> str:
    return re.search(r"memory=(\w+)", url)[1]  # type: ignore[index]


def tab_to(page: Any, target: Any) -> None:
    """Press the tabulator until an element has the focus, once the page is complete."""
    page.locator("[data-testid=stApp][data-test-script-state=notRunning]").wait_for()
    has_focus = "it => it === document.activeElement || it.contains(document.activeElement)"
    for _ in range(80):
        page.keyboard.press("Tab")
        if target.evaluate(has_focus):
            page.wait_for_timeout(300)  # a page that is drawn anew may take it away
            if target.evaluate(has_focus):
                return
    pytest.fail(f"{target} is not reached by keyboard")


def test_all_is_done_by_keyboard(demo: str, page: Any, tmp_path: Path) -> None:
    page.goto(demo)
    page.get_by_role("button", name="Memorize").wait_for()
    tab_to(page, page.get_by_role("button", name="Upload", exact=True))
    with page.expect_file_chooser() as chooser:
        page.keyboard.press("Enter")
    chooser.value.set_files(report(tmp_path / "report.pdf"))
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
    assert any(sentence in page.locator(".passage mark").inner_text() for sentence in PAGES[1])


def test_a_narrow_window_shows_all(demo: str, browser: Any, tmp_path: Path) -> None:
    page = new_page(browser, 390, 800)
    page.goto(demo)
    upload(page, report(tmp_path / "report.pdf"))
    wait_until_memorized(page)
    ask(page, QUESTION)
    page.get_by_role("button", name=re.compile(r"\[\d+\] p\. 2")).first.click()
    place = page.locator(".passage mark").bounding_box()
    box = page.get_by_placeholder("Ask the document").bounding_box()
    assert place["x"] >= 0
    assert place["x"] + place["width"] <= 390
    assert 0 < place["y"] < page.get_by_test_id("stChatMessage").last.bounding_box()["y"] < box["y"] < 800
    assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")


def test_two_who_bring_one_file_get_one_memory(demo: str, demo_home: Path, browser: Any, tmp_path: Path) -> None:
    before = len(kept(demo_home))
    file = long_text(tmp_path / "shared.txt", 60)
    first, second, third = (new_page(browser) for _ in range(3))
    buttons = []
    for page in (first, second, third):
        page.goto(demo)
        buttons.append(bring(page, file))
    for button in buttons:
        button.click()
    digesting(third)
    third.get_by_role("button", name="Cancel").click()
    third.get_by_text("it goes on without you").wait_for()
    wait_until_memorized(first)
    wait_until_memorized(second)
    assert len(kept(demo_home)) == before + 1
    ask(first, QUESTION)
    sync_api.expect(second.get_by_test_id("stChatMessage")).to_have_count(0)


def test_memories_of_one_text_are_told_apart_and_the_way_back_leads_to_the_conversation(
    demo: str, page: Any, tmp_path: Path
) -> None:
    file = report(tmp_path / "twice.pdf")
    memorized(page, demo, file)
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
    choose_memory(page, re.compile(rf"^twice\.pdf .* · {memory_of(first)[:6]}$"))
    page.wait_for_url(re.compile(memory_of(first)))
    sync_api.expect(page.get_by_test_id("stChatMessage")).to_have_count(0)
    page.go_back()
    page.wait_for_url(second)
    sync_api.expect(page.get_by_test_id("stChatMessage").first).to_contain_text("founded")
    page.goto(first)
    sync_api.expect(page.get_by_test_id("stChatMessage").first).to_contain_text(QUESTION)
    sync_api.expect(page.locator(".passage mark")).to_have_text(marked)


def test_what_is_memorized_is_kept_though_the_browser_is_closed(
    demo: str, demo_home: Path, browser: Any, tmp_path: Path
) -> None:
    before = len(kept(demo_home))
    page = new_page(browser)
    page.goto(demo)
    upload(page, long_text(tmp_path / "closed.txt", 50))
    digesting(page)
    page.context.close()
    soon(lambda: len(list((demo_home / "memories").glob("*/manifest.json"))) == before + 1)
    page = new_page(browser)
    page.goto(demo)
    choose_memory(page, re.compile(r"^closed\.txt"))
    wait_until_memorized(page)
    kept(demo_home)


def test_an_upload_that_is_cut_off_leaves_nothing(demo: str, demo_home: Path, browser: Any, tmp_path: Path) -> None:
    before = kept(demo_home)
    page = new_page(browser)
    page.goto(demo)
    page.get_by_test_id("stFileUploader").wait_for()
    slow = {"offline": False, "latency": 0, "downloadThroughput": -1, "uploadThroughput": 500_000}
    page.context.new_cdp_session(page).send("Network.emulateNetworkConditions", slow)
    (tmp_path / "half.txt").write_text("It never arrives as a whole. " * 700_000)
    page.set_input_files("input[type=file]", tmp_path / "half.txt")
    page.get_by_text("half.txt").wait_for()
    page.wait_for_timeout(1500)
    sync_api.expect(page.get_by_role("button", name="Memorize")).to_be_disabled()
    page.context.close()
    assert kept(demo_home) == before
    memorized(new_page(browser), demo, report(tmp_path / "report.pdf"))


def most_memory(port: str) -> int:
    """Return the most bytes that the demo's process has held in RAM."""
    (process,) = [it for it in psutil.process_iter(["cmdline"]) if {"ui", port} <= set(it.info["cmdline"] or ())]
    status = Path(f"/proc/{process.pid}/status").read_text()
    return 1024 * int(re.search(r"VmHWM:\s+(\d+)", status)[1])  # type: ignore[index]


def test_a_text_of_200_megabytes_takes_less_than_a_gigabyte_and_a_half(
    embedded_home: Path, browser: Any, tmp_path: Path
) -> None:
    """Until the models are loaded: their size is theirs, whatever the text's."""
    home = tmp_path / "demo"
    home.mkdir()
    line = "The harbour’s log of the year goes on, and so do the ferries.\n".encode()
    with (tmp_path / "log.txt").open("wb") as stream:
        stream.write(line * (MOST_BYTES // len(line)))
    with demo_server(home, embedded_home) as url:
        page = new_page(browser)
        page.goto(url)
        upload(page, tmp_path / "log.txt")
        page.get_by_text("Loading the models").wait_for()
        assert most_memory(url.rpartition(":")[2]) < 1_500_000_000
        page.get_by_text(re.compile(r"Splitting the text: [1-9]")).wait_for()
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Resume").wait_for()
        assert kept(home) == []
