"""What a visitor of the web demo comes back to, in a real Chromium: conversations, other ways, memories that change."""

import re
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.ui.memory_list import MANY
from tests.browser import (
    NEEDS_CHROMIUM,
    QUESTION,
    answer,
    ask,
    choose_task,
    long_text,
    memorized,
    report,
    serious,
    summarizing,
    sync_api,
    wait_until_memorized,
)
from tests.paced_demo import slowly

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
    sync_api.expect(shown.get_by_role("button", name=LATER).first).to_be_visible()  # listed after the answer is shown
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


def change(page: Any, *files: Path, without: str = "") -> None:
    """Add files to the memory that is shown, and take a document away."""
    page.get_by_role("button", name="Change its documents").click()
    page.set_input_files("input[type=file]", [str(file) for file in files])
    if without:
        page.get_by_role("combobox", name=re.compile("Documents to take away")).click()
        page.get_by_role("option", name=without).click()
        page.keyboard.press("Tab")  # closes the list
    page.get_by_role("button", name="Change the memory").click()


def test_a_memory_whose_documents_are_changed_keeps_its_name_and_conversation_about_those_that_stay(
    demo: str, demo_home: Path, page: Any, tmp_path: Path
) -> None:
    memorized(page, demo, report(tmp_path / "fleet.pdf"))
    page.get_by_role("button", name="Rename this memory").click()
    page.get_by_label("Name", exact=True).fill("The fleet")
    page.get_by_role("button", name="Rename", exact=True).click()
    title = page.get_by_role("combobox", name=re.compile("Memory"))
    sync_api.expect(title).to_have_value(re.compile("^The fleet \\("))
    choose_task(page, "lookup")
    ask(page, QUESTION)
    before = page.url
    page.get_by_role("button", name="Change its documents").click()
    page.get_by_test_id("stFileUploader").wait_for()
    assert serious(page) == []
    page.keyboard.press("Escape")
    with slowly(demo_home):
        change(page, long_text(tmp_path / "log.txt"))
        page.get_by_text("Changing The fleet").wait_for()
        summarizing(page)
        page.get_by_role("button", name="Cancel").click()
        page.get_by_role("button", name="Resume").wait_for()
        page.get_by_role("button", name="Back to the memory").click()
        page.wait_for_url(before)
    (tmp_path / "note.txt").write_text("The Skerrow Maid is painted blue. The pier is closed on Sundays.")
    change(page, tmp_path / "note.txt")
    page.wait_for_url(re.compile(f"memory=(?!{memory_in(before)})"))
    sync_api.expect(title).to_have_value(re.compile("^The fleet \\("))
    sync_api.expect(messages(page).first).to_contain_text(QUESTION)
    ask(page, "What colour is the Skerrow Maid?")
    assert "blue" in answer(page)
    page.goto(before)  # as another visitor, whose page still shows what the memory was
    page.wait_for_url(re.compile(f"memory=(?!{memory_in(before)})"))
    both = page.url
    change(page, without="fleet.pdf")
    page.wait_for_url(re.compile(f"memory=(?!{memory_in(both)})"))
    page.get_by_text("Ask a question below").wait_for()  # what was answered from it is gone, too
    sync_api.expect(messages(page)).to_have_count(0)
    assert len([it for it in demo_home.glob("memories/*/name.txt") if it.read_text() == "The fleet"]) == 1


def memory_in(url: str) -> str:
    found = re.search("memory=([0-9a-f]+)", url)
    assert found
    return found[1]
