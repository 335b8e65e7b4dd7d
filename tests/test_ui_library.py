"""Libraries in the web demo in a real Chromium: many files dropped at once, asked, filtered and removed again."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.browser import (
    MINUTES,
    NEEDS_CHROMIUM,
    PAGES,
    QUESTION,
    answer,
    ask,
    marked,
    new_page,
    picture,
    serious,
    show,
    sync_api,
)

pytestmark = [NEEDS_CHROMIUM, pytest.mark.embedded]

ISLANDS = ("Inshay", "Tarvay", "Orway", "Stroma")
COST = "How much does a ticket to Orway cost?"
BOX = "Ask the documents"


def costs(number: int, island: str) -> str:
    return f"A ticket to {island} costs {number + 11} pounds."


def files(folder: Path) -> list[Path]:
    """Write a text about each island, three pages about a ship, and a file that is not what its name says."""
    for number, island in enumerate(ISLANDS):
        text = f"The ferry to {island} leaves at seven. {costs(number, island)} It takes lorries, too, and mail."
        (folder / f"{island.lower()}.txt").write_text(text)
    canvas = Canvas(str(folder / "ship.pdf"))
    for sentences in PAGES:
        canvas.drawString(40, 780, " ".join(sentences))
        canvas.showPage()
    canvas.save()
    (folder / "broken.pdf").write_text("Dear reader")
    return sorted(folder.iterdir())


def make_library(page: Any, demo: str, name: str, given: list[Path]) -> None:
    """Make a library of files, and wait until they are taken in."""
    page.goto(demo)
    page.get_by_text("A library of many").click()
    page.get_by_label("Name of the library").fill(name)
    page.set_input_files("input[type=file]", [str(file) for file in given])
    page.get_by_role("button", name="Make the library").click()  # waits until they are uploaded
    page.wait_for_url(re.compile(f"library={name}"))
    page.get_by_text(re.compile("documents added")).wait_for()


def apply_filter(page: Any, conditions: str) -> None:
    box = page.get_by_role("textbox", name="Filter", exact=True)
    box.fill(conditions)
    box.press("Enter")


def listed(page: Any, *names: str) -> None:
    """Check which documents the table shows."""
    for name in names:
        page.get_by_role("cell", name=name).wait_for()
    page.get_by_text(re.compile(f"^{len(names)} documents? ·")).wait_for()


@pytest.fixture(scope="module")
def islands(demo: str, browser: Any, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a library of the islands' files."""
    page = new_page(browser)
    make_library(page, demo, "islands", files(tmp_path_factory.mktemp("islands")))
    page.get_by_text("broken.pdf is not a PDF file").wait_for()
    listed(page, "ship.pdf", *(f"{island.lower()}.txt" for island in ISLANDS))
    yield page.url.partition("&")[0]
    page.context.close()


def test_many_files_are_asked_as_one_and_a_reload_keeps_the_page(islands: str, page: Any) -> None:
    page.goto(islands)
    ask(page, QUESTION)
    page.get_by_role("button", name=re.compile(r"\[\d+\] ship\.pdf · p\. 2")).first.click()
    page.get_by_text(re.compile(r"^ship\.pdf, page 2")).wait_for()
    assert any(sentence in marked(page) for sentence in PAGES[1])
    ask(page, COST)
    assert costs(2, "Orway") in answer(page)
    sync_api.expect(page.locator(".passage mark")).to_have_text(costs(2, "Orway"), timeout=MINUTES)
    show(page, "Path")
    page.get_by_text(re.compile("orway.txt · cited")).wait_for()
    address = page.url
    page.reload()
    sync_api.expect(page.locator(".passage mark")).to_have_text(costs(2, "Orway"), timeout=MINUTES)
    sync_api.expect(page.get_by_test_id("stChatMessage").first).to_contain_text(QUESTION)
    assert page.url == address


def test_a_filter_limits_questions_and_a_wrong_one_is_told(islands: str, page: Any) -> None:
    page.goto(islands)
    apply_filter(page, "pages>=3")
    listed(page, "ship.pdf")
    ask(page, COST)
    assert "Orway costs" not in answer(page)
    page.reload()
    sync_api.expect(page.get_by_role("textbox", name="Filter", exact=True)).to_have_value("pages>=3", timeout=MINUTES)
    page.get_by_text(re.compile("Confidence")).wait_for()
    apply_filter(page, "depth>=3")
    page.get_by_text(re.compile("no document has this field; the fields are .*pages")).wait_for()
    page.get_by_placeholder("No document fits the filter").wait_for()
    sync_api.expect(page.get_by_placeholder(BOX)).to_have_count(0, timeout=MINUTES)
    apply_filter(page, "suffix=.txt, name!=inshay.txt")
    ask(page, COST)
    assert costs(2, "Orway") in answer(page)


def test_added_files_have_fields_and_what_was_removed_is_not_answered_from(
    demo: str, page: Any, tmp_path: Path
) -> None:
    given = files(tmp_path)
    make_library(page, demo, "changing", [it for it in given if it.stem in ("inshay", "tarvay")])
    page.get_by_role("button", name="OK").click()
    page.get_by_role("button", name="Add files").click()
    page.get_by_placeholder("year=2021, type=report").fill("year=1931")
    page.set_input_files("input[type=file]", [str(it) for it in given if it.stem in ("orway", "stroma")])
    page.get_by_role("button", name="Take in").click()
    page.get_by_text("2 documents added").wait_for()
    apply_filter(page, "year=1931")
    listed(page, "orway.txt", "stroma.txt")
    apply_filter(page, "")
    ask(page, COST)
    assert costs(2, "Orway") in answer(page)
    show(page, "Documents")
    page.get_by_role("button", name="Remove").click()
    page.get_by_role("combobox", name=re.compile("Documents to remove")).click()
    page.get_by_role("option", name="orway.txt").click()
    page.keyboard.press("Tab")  # closes the list
    page.get_by_role("button", name="Remove 1 document for good").click()
    page.get_by_text("1 document removed").wait_for()
    listed(page, "inshay.txt", "stroma.txt", "tarvay.txt")
    sync_api.expect(page.get_by_test_id("stChatMessage")).to_have_count(0)  # what was answered from it is gone, too
    ask(page, COST)
    assert "Orway costs" not in answer(page)
    page.get_by_role("button", name="Delete this library").click()
    page.get_by_role("button", name="Delete for good").click()
    page.get_by_text("Or try an example").wait_for()


def rename_to(page: Any, name: str) -> None:
    field = page.get_by_label("New name", exact=True)
    field.fill(name)
    field.press("Enter")  # so that the hint below the field, with which the button moves, is gone before the click
    page.get_by_role("button", name="Rename", exact=True).click()


def test_a_library_is_renamed_with_its_conversations(demo: str, islands: str, page: Any, tmp_path: Path) -> None:
    make_library(page, demo, "old-name", [it for it in files(tmp_path) if it.stem in ("orway", "stroma")])
    ask(page, COST)
    before = page.url
    page.get_by_role("button", name="Rename this library").click()
    for given, told in (("islands", "the name 'islands' is taken"), ("two words", "cannot be the name of a library")):
        rename_to(page, given)
        page.get_by_text(re.compile(told)).wait_for()
    assert serious(page) == []
    rename_to(page, "new-name")
    page.wait_for_url(re.compile("library=new-name"))
    sync_api.expect(page.get_by_test_id("stChatMessage").first).to_contain_text(COST)
    page.get_by_role("button", name=re.compile("orway.txt")).first.click()
    sync_api.expect(page.locator(".passage mark")).to_have_text(costs(2, "Orway"), timeout=MINUTES)
    page.goto(before)  # as another visitor, whose page still shows the old name
    page.wait_for_url(re.compile("library=new-name"))
    page.get_by_text(re.compile("Confidence")).wait_for()  # of the earlier answer
    ask(page, COST)
    assert costs(2, "Orway") in answer(page)


def test_memories_appear_behind_the_answers(islands: str, page: Any) -> None:
    page.goto(islands)
    page.get_by_role("cell", name="memory ready").first.wait_for()


def test_what_is_no_library_is_told(islands: str, demo: str, page: Any, tmp_path: Path) -> None:
    page.goto(f"{demo}/?library=unknown")
    page.get_by_text("There is no such library").wait_for()
    page.get_by_text("A library of many").click()
    name = page.get_by_label("Name of the library")
    name.wait_for()  # and so the place for its files
    page.set_input_files("input[type=file]", str(files(tmp_path)[-1]))
    for given, told in (("two words", "cannot be the name of a library"), ("islands", "There is a library 'islands'")):
        name.fill(given)
        page.get_by_role("button", name="Make the library").click()
        page.get_by_text(re.compile(told)).wait_for()
    page.get_by_role("button", name="islands").click()
    sync_api.expect(page.get_by_placeholder(BOX)).to_be_enabled(timeout=MINUTES)


def test_people_with_disabilities_can_use_the_pages(demo: str, islands: str, page: Any) -> None:
    page.goto(demo)
    page.get_by_text("Or try an example").wait_for()
    assert serious(page) == []
    page.get_by_text("A library of many").click()
    page.get_by_label("Name of the library").wait_for()
    assert serious(page) == []
    page.goto(islands)
    page.get_by_role("cell", name="orway.txt").wait_for()
    assert serious(page) == []
    ask(page, COST)
    page.locator(".passage mark").first.wait_for()
    assert serious(page) == []
    ask(page, QUESTION)
    page.get_by_role("button", name=re.compile(r"\[\d+\] ship\.pdf · p\. 2")).first.click()
    picture(page).wait_for()
    assert serious(page) == []
