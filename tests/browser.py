"""The web demo's server and a real Chromium, for the tests of its pages."""

import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.servers import free_port, serving

sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
pytest.importorskip("streamlit", reason="needs pip install 'memorag-graph[ui]'")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
NEEDS_CHROMIUM = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium: apt-get install chromium")
MINUTES = 60_000
"""Milliseconds."""

PAGES = (
    ("The company was founded in 1931 by two brothers from Inshay.", "It owned one ship, the Tarvay Star, for years."),
    ("In 1947 the company bought a second ship, the Skerrow Maid.", "She carried forty-one lorries at a time."),
    ("The pandemic emptied the passenger decks in 2020.", "Freight rose by a third, and nobody was dismissed."),
)
QUESTION = "How many lorries did the Skerrow Maid carry at a time?"


def report(path: Path) -> Path:
    """Write a PDF of three pages."""
    canvas = Canvas(str(path))
    for number, sentences in enumerate(PAGES):
        for line, sentence in enumerate(sentences * 6):
            canvas.drawString(40, 780 - 28 * line, f"{sentence} (Line {100 * number + line}.)")
        canvas.showPage()
    canvas.save()
    return path


def long_text(path: Path, entries: int = 130) -> Path:
    """Write a text that takes seconds to memorize."""
    path.write_text(" ".join(f"Entry {number}: {PAGES[number % 3][number % 2]}" for number in range(entries)))
    return path


@contextmanager
def demo_server(home: Path, models: Path) -> Iterator[str]:
    """Run ``memorag-graph ui`` in a new directory with the models of another; yield its address."""
    (models / "models").mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(models / "models")
    (home / "tmp").mkdir()
    (home / "memories").mkdir(mode=0o700)  # the example is not memorized
    port = free_port()
    command = ["python", "-m", "tests.paced_demo", "ui", "--port", str(port)]
    environment = {"MEMORAG_GRAPH_HOME": str(home), "TMPDIR": str(home / "tmp"), "MEMORAG_GRAPH_MEMORY": "now"}
    with serving(command, "/_stcore/health", home, environment, port) as url:
        yield url


@contextmanager
def chromium() -> Iterator[Any]:
    """Run a Chromium."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        browser.close()


def new_page(browser: Any, width: int = 1400, height: int = 900) -> Any:
    """Open a page as a new user."""
    page = browser.new_context(viewport={"width": width, "height": height}).new_page()
    page.set_default_timeout(2 * MINUTES)
    return page


def upload(page: Any, *files: Path) -> None:
    """Upload files and memorize them."""
    choose_files(page, *files).click()


def choose_files(page: Any, *files: Path) -> Any:
    """Upload files and return the button that memorizes them."""
    page.get_by_test_id("stFileUploader").wait_for()
    page.set_input_files("input[type=file]", [str(file) for file in files])
    button = page.get_by_role("button", name="Memorize")
    sync_api.expect(button).to_be_enabled(timeout=MINUTES)
    return button


def memorized(page: Any, demo: str, file: Path) -> None:
    """Open the page and memorize a file."""
    page.goto(demo)
    upload(page, file)
    wait_until_memorized(page)


def wait_until_memorized(page: Any) -> None:
    """Wait until the page shows the memory."""
    page.wait_for_url(re.compile("memory="), timeout=4 * MINUTES)


def summarizing(page: Any) -> None:
    """Wait until sections are being summarized."""
    page.get_by_text(re.compile(r"Summarizing sections: [1-9]")).wait_for()


def ask(page: Any, question: str) -> None:
    """Ask a question and wait for its answer."""
    page.locator('[data-test-script-state="notRunning"]').wait_for()  # else earlier answers may not be shown yet
    answers = page.get_by_text(re.compile("Confidence"))
    before = answers.count()
    box = page.get_by_placeholder("Ask the document")
    sync_api.expect(box).to_be_enabled()
    box.fill(question)
    box.press("Enter")
    answers.nth(before).wait_for()
    sync_api.expect(page.get_by_test_id("stChatMessage").last).to_contain_text("Confidence", timeout=MINUTES)


def show(page: Any, panel: str) -> None:
    """Choose the panel beside the conversation."""
    page.get_by_test_id("stButtonGroup").get_by_text(panel, exact=True).click()


def answer(page: Any) -> str:
    """Return the last answer."""
    return str(page.get_by_test_id("stChatMessage").last.get_by_test_id("stMarkdown").first.inner_text())


def picture(page: Any) -> Any:
    """Return the picture of the page of a PDF that is shown."""
    return page.locator(".page img").first


def marked(page: Any) -> str:
    """Return what is marked on the picture of the page of a PDF, as those who do not see it are told."""
    return str(picture(page).get_attribute("alt")).partition("Marked: ")[2]


def choose_task(page: Any, task: str) -> None:
    """Choose the task."""
    box = page.get_by_role("combobox", name=re.compile("Task"))
    box.click()
    page.get_by_role("option", name=re.compile(f"^{task}:")).click()


def serious(page: Any) -> list[str]:
    """What axe-core finds on a page, once it has faded in, that keeps people with disabilities from using it."""
    from axe_playwright_python.sync_playwright import Axe

    found: list[str] = []
    for _ in range(10):
        told = Axe().run(page).response["violations"]
        grave = [it for it in told if it["impact"] in ("serious", "critical")]
        found = [f"{it['id']}: {it['nodes'][0]['html'][:200]}" for it in grave]
        if not found:
            break
        page.wait_for_timeout(500)
    return found
