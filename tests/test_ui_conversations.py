"""What a visitor of the web demo comes back to, in a real Chromium: conversations, other ways, names of memories."""

import re
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.ui.memory_list import MANY
from tests.browser import (
    NEEDS_CHROMIUM,
    QUESTION,
    ask,
    choose_task,
    memorized,
    report,
    serious,
    sync_api,
    wait_until_memorized,
)

pytestmark = [NEEDS_CHROMIUM, pytest.mark.embedded]

FOUNDED, LATER = "When was the company founded?", "What happened in 2020?"


def conversations(page: Any) -> Any:
    """Open the list of conversations and return it."""
    shown = page.locator(".st-key-conversations")
    if shown.get_by_role("button", name="New conversation").count() == 0:
        shown.get_by_text(re.compile("Conversations")).click()
    shown.get_by_role("button", name="New conversation").wait_for()
    return shown


def messages(page: Any) -> Any:
    return page.get_by_test_id("stChatMessage")


def test_past_conversations_are_listed_opened_again_and_deleted(report_url: str, page: Any) -> None:
    page.goto(report_url)
    choose_task(page, "lookup")
    ask(page, FOUNDED)
    first = page.url
    conversations(page).get_by_role("button", name="New conversation").click()
    page.get_by_text("Ask a question below").wait_for()
    assert page.url != first
    ask(page, LATER)
    sync_api.expect(messages(page)).to_have_count(2)
    shown = conversations(page)
    titles = [str(it) for it in shown.locator("[class*=st-key-open-]").all_inner_texts()]
    assert titles.index(LATER) < titles.index(FOUNDED)
    assert serious(page) == []
    shown.get_by_role("button", name=FOUNDED).first.click()
    page.wait_for_url(first)
    sync_api.expect(messages(page).first).to_contain_text(FOUNDED)
    shown = conversations(page)
    shown.get_by_role("button", name=f"Delete “{FOUNDED}”").first.click()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("Ask a question below").wait_for()
    page.goto(first)
    page.get_by_text("Ask a question below").wait_for()
    sync_api.expect(messages(page)).to_have_count(0)
    sync_api.expect(conversations(page).get_by_role("button", name=LATER).first).to_be_visible()


def test_a_question_is_asked_again_in_another_way(report_url: str, page: Any) -> None:
    page.goto(report_url)
    choose_task(page, "lookup")
    ask(page, QUESTION)
    page.get_by_text(re.compile("^By search alone · Confidence")).wait_for()
    page.get_by_role("button", name="Ask again").click()
    assert page.get_by_role("menuitem").all_inner_texts() == [
        "As chosen on the left",
        "From memory alone",
        "With clues from memory",
        "By search alone",
        "As a summary",
    ]
    page.get_by_role("menuitem", name="From memory alone").click()
    page.get_by_text(re.compile("^From memory alone · Confidence")).wait_for()
    page.get_by_role("button", name="Ask again").last.click()
    page.get_by_role("menuitem", name="As chosen on the left").click()
    sync_api.expect(page.get_by_text(re.compile("^By search alone · Confidence"))).to_have_count(2)
    sync_api.expect(messages(page).get_by_text(QUESTION, exact=True)).to_have_count(3)


def test_memories_are_renamed_and_searched_by_name_where_there_are_many(
    demo: str, demo_home: Path, page: Any, tmp_path: Path
) -> None:
    memorized(page, demo, report(tmp_path / "yearly.pdf"))
    page.get_by_role("button", name="Rename this memory").click()
    page.get_by_label("Name", exact=True).fill("The ferry’s years")
    page.get_by_role("button", name="Rename", exact=True).click()
    renamed = re.compile("^The ferry’s years \\(")
    sync_api.expect(page.get_by_role("combobox", name=re.compile("Memory"))).to_have_value(renamed)
    for number in range(MANY + 1 - len(list(demo_home.glob("memories/*/manifest.json")))):
        page.goto(demo)
        (tmp_path / f"note-{number}.txt").write_text(f"Note {number}: the pier is closed on Sundays.")
        page.set_input_files("input[type=file]", str(tmp_path / f"note-{number}.txt"))
        page.get_by_role("button", name="Memorize").click()
        wait_until_memorized(page)
    page.goto(demo)
    page.get_by_label("Search memories").fill("years FERRY")
    page.keyboard.press("Enter")
    found = page.locator("[class*=st-key-open-]")
    sync_api.expect(found).to_have_count(1)
    assert serious(page) == []
    page.get_by_label("Search memories").fill("no such name")
    page.keyboard.press("Enter")
    page.get_by_text("No memory has such a name.").wait_for()
    page.get_by_label("Search memories").fill("ferry")
    page.keyboard.press("Enter")
    page.get_by_role("button", name=renamed).click()
    sync_api.expect(page.get_by_placeholder("Ask the document")).to_be_enabled()
    page.get_by_role("button", name="Delete this memory").click()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("Or try an example").wait_for()
