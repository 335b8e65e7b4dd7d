"""The web demo in a real Chromium with the embedded models: from an upload to a marked passage."""

import re
from pathlib import Path
from typing import Any

import pytest

from tests.browser import (
    NEEDS_CHROMIUM,
    PAGES,
    QUESTION,
    answer,
    ask,
    choose_task,
    long_text,
    memorized,
    picture,
    report,
    show,
    summarizing,
    sync_api,
    upload,
    wait_until_memorized,
)  # fmt: skip
from tests.paced_demo import slowly

LOCAL = re.compile(r"(http://127\.0\.0\.1|data:|blob:)")

pytestmark = [NEEDS_CHROMIUM, pytest.mark.embedded]


def test_from_an_upload_to_a_marked_passage(demo: str, page: Any, tmp_path: Path) -> None:
    left: list[str] = []
    page.on("request", lambda request: left.append(request.url) if not LOCAL.match(request.url) else None)
    memorized(page, demo, report(tmp_path / "report.pdf"))
    choose_task(page, "memorag")
    ask(page, QUESTION)
    links = page.get_by_role("link", name=re.compile(r"^\[\d+\]$"))
    titles = [str(link.get_attribute("title")) for link in links.all()]
    links.nth(next(at for at, title in enumerate(titles) if "carried forty-one lorries" in title)).click()
    shown = page.get_by_role("img", name=re.compile("Page 2 of report.pdf. Marked: “.*carried forty-one lorries"))
    assert shown.evaluate("it => it.complete && it.naturalWidth > 1000 && it.naturalHeight > 1000")
    mark, sheet = page.locator(".page mark").first.bounding_box(), page.locator(".page").bounding_box()
    assert sheet["y"] < mark["y"] < mark["y"] + mark["height"] < sheet["y"] + sheet["height"]
    page.get_by_text("The passage as text").click()
    assert any(sentence in page.locator(".passage mark").inner_text() for sentence in PAGES[1])
    page.get_by_role("button", name="Enlarge").click()
    page.get_by_role("dialog").get_by_role("img").wait_for()
    page.keyboard.press("Escape")
    assert page.get_by_text(re.compile(r"report\.pdf, page 2")).count()
    for panel, shown in (("Evidence", "Found by"), ("Recalled", "Recalled from memory"), ("Path", "")):
        show(page, panel)
        if shown:
            page.get_by_text(re.compile(shown)).first.wait_for()
    page.locator(".graphviz svg, [data-testid=stGraphVizChart] svg").first.wait_for()
    assert left == []


def test_a_first_visitor_asks_with_one_click_and_deletes_the_memory(demo: str, demo_home: Path, page: Any) -> None:
    page.goto(demo)
    page.get_by_role("button", name=re.compile("Garrow Bridge reopen")).wait_for()
    page.get_by_role("button", name=re.compile("Garrow Bridge reopen")).click()
    wait_until_memorized(page)
    page.get_by_text("Making the memory").wait_for()
    page.get_by_text(re.compile("Confidence")).wait_for()
    assert "26 October" in answer(page)
    assert "26 October" in page.locator(".passage mark").inner_text()
    page.get_by_role("button", name="Delete this memory").click()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("Or try an example").wait_for()
    assert not any("skerrow" in path.read_text() for path in demo_home.glob("memories/*/manifest.json"))


def test_a_reload_keeps_the_memory_and_the_conversation(report_url: str, page: Any) -> None:
    page.goto(report_url)
    choose_task(page, "lookup")
    ask(page, QUESTION)
    address, told = page.url, picture(page).get_attribute("alt")
    page.reload()
    sync_api.expect(page.get_by_placeholder("Ask the document")).to_be_enabled()
    sync_api.expect(page.get_by_test_id("stChatMessage").first).to_contain_text(QUESTION)
    sync_api.expect(picture(page)).to_have_attribute("alt", told)
    assert page.url == address


def test_a_missing_memory_is_reported(demo: str, page: Any) -> None:
    page.goto(f"{demo}/?memory={'0' * 32}")
    page.get_by_text("This memory does not exist").wait_for()
    page.get_by_test_id("stFileUploader").wait_for()


def test_plain_rag_answers_side_by_side_and_the_conversation_is_exported(report_url: str, page: Any) -> None:
    page.goto(report_url)
    choose_task(page, "qa")
    page.get_by_text("Compare with plain RAG").click()
    ask(page, QUESTION)
    assert page.get_by_text("Plain RAG", exact=True).count()
    show(page, "Recalled")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export conversation").click()
    assert QUESTION in download.value.path().read_text(encoding="utf-8")


def test_an_answer_is_shown_while_it_is_written(report_url: str, demo_home: Path, page: Any) -> None:
    page.goto(report_url)
    choose_task(page, "qa")
    page.evaluate("""() => {
        window.seen = new Set();
        const look = () => document.querySelectorAll("[data-testid=stChatMessage]").forEach((message, at) => {
            if (at === 1) message.innerText.split("\\n").forEach(line => window.seen.add(line.trim()));
        });
        new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
    }""")
    with slowly(demo_home):
        ask(page, "Tell the history of the company.")
    first_line = answer(page).split("\n")[0].strip()
    seen = page.evaluate("Array.from(window.seen)")
    assert any(10 < len(line) < len(first_line) and first_line.startswith(line) for line in seen), (first_line, seen)


def test_settings_change_the_answer(report_url: str, page: Any) -> None:
    page.goto(report_url)
    choose_task(page, "qa")
    page.get_by_text("Settings", exact=True).click()
    answers = []
    for setting, keys in (
        ("Max new tokens", ["Home"]),
        ("Max new tokens", ["ArrowRight"] * 10),
        ("Temperature", ["End"]),
    ):
        slider = page.get_by_test_id("stSlider").filter(has_text=setting).get_by_role("slider")
        for key in keys:
            slider.press(key)
        ask(page, "What happened in 1947 and in 2020?")
        answers.append(answer(page))
    assert len(answers[0].split()) < len(answers[1].split())
    assert len(answers[0].split()) <= 10
    assert answers[2] != answers[1]
    choose_task(page, "memorag")
    page.get_by_text("Draft an answer from memory").click()
    ask(page, QUESTION)
    show(page, "Recalled")
    page.get_by_text("Draft", exact=True).wait_for()


def test_an_unreadable_file_is_reported(demo: str, page: Any, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_text("Dear reader")
    page.goto(demo)
    upload(page, tmp_path / "a.pdf")
    page.get_by_text(re.compile("a.pdf is not a PDF file")).wait_for()


def test_memorizing_can_be_stopped_and_resumed(demo: str, demo_home: Path, page: Any, tmp_path: Path) -> None:
    page.goto(demo)
    with slowly(demo_home):
        upload(page, long_text(tmp_path / "long.txt"))
        summarizing(page)
        page.reload()
        summarizing(page)
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Resume").wait_for()
    page.get_by_role("button", name="Resume").click()
    wait_until_memorized(page)


def test_an_answer_can_be_stopped_and_asked_for_again_while_others_wait(
    report_url: str, demo_home: Path, page: Any
) -> None:
    page.goto(report_url)
    choose_task(page, "qa")
    page.get_by_text("Settings", exact=True).click()
    slider = page.get_by_test_id("stSlider").filter(has_text="Max new tokens").get_by_role("slider")
    slider.press("End")
    box = page.get_by_placeholder("Ask the document")
    with slowly(demo_home):
        for question in ("Tell the whole history of the company.", QUESTION):
            sync_api.expect(box).to_be_enabled()
            box.fill(question)
            box.press("Enter")
            page.get_by_test_id("stChatMessage").get_by_text(question, exact=True).wait_for()
        page.get_by_text("Waits for the answer before").wait_for()
        page.get_by_role("button", name="Stop").click()
        page.get_by_text("Stopped.").wait_for()
    page.get_by_text(re.compile("Confidence")).wait_for()
    page.get_by_role("button", name="Remove").click()
    sync_api.expect(page.get_by_text("Stopped.")).to_have_count(0)
    page.get_by_role("button", name="Ask again").click()
    page.get_by_role("menuitem", name="By search alone").click()
    sync_api.expect(page.get_by_text(re.compile("Confidence"))).to_have_count(2)
