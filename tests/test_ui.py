"""The web demo in a real Chromium with the real embedded models: from an upload to a passage that is marked."""

import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from reportlab.pdfgen.canvas import Canvas

from tests.servers import free_port, serving

pytest.importorskip("streamlit", reason="needs pip install 'memorag-graph[ui]'")
sync_api = pytest.importorskip("playwright.sync_api", reason="needs pip install playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium: apt-get install chromium"),
    pytest.mark.embedded,
]
_MINUTES = 60_000

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
        for line, sentence in enumerate(sentences * 12):
            canvas.drawString(40, 780 - 28 * line, f"{sentence} (Line {100 * number + line}.)")
        canvas.showPage()
    canvas.save()
    return path


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, embedded_home: Path) -> Iterator[str]:
    home = tmp_path_factory.mktemp("demo")
    (embedded_home / "models").mkdir(parents=True, exist_ok=True)
    (home / "models").symlink_to(embedded_home / "models")
    port = free_port()
    command = ["memorag-graph", "ui", "--port", str(port)]
    with serving(command, "/_stcore/health", home, {"MEMORAG_GRAPH_HOME": str(home)}, port) as url:
        yield url


@pytest.fixture
def page() -> Iterator[Any]:
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1400, "height": 900})
        page.set_default_timeout(2 * _MINUTES)
        yield page
        browser.close()


def upload(page: Any, *files: Path) -> None:
    page.get_by_test_id("stFileUploader").wait_for()
    page.set_input_files("input[type=file]", [str(file) for file in files])
    button = page.get_by_role("button", name="Memorize")
    sync_api.expect(button).to_be_enabled()
    button.click()


def memorized(page: Any, demo: str, file: Path) -> None:
    """Open the page with a memory of a file."""
    page.goto(demo)
    upload(page, file)
    page.wait_for_url(re.compile("memory="), timeout=4 * _MINUTES)


def ask(page: Any, question: str) -> None:
    before = page.get_by_test_id("stChatMessage").count()
    box = page.get_by_placeholder("Ask the document")
    sync_api.expect(box).to_be_enabled()
    box.fill(question)
    box.press("Enter")
    page.get_by_text(re.compile("Confidence")).nth(before // 2).wait_for()


def test_from_an_upload_to_a_marked_passage(demo: str, page: Any, tmp_path: Path) -> None:
    left: list[str] = []
    page.on(
        "request", lambda it: None if re.match(r"(http://127\.0\.0\.1|data:|blob:)", it.url) else left.append(it.url)
    )
    memorized(page, demo, report(tmp_path / "report.pdf"))
    ask(page, QUESTION)
    page.get_by_role("button", name=re.compile(r"\[\d+\] p\. 2")).first.click()
    marked = page.locator(".passage mark").inner_text()
    assert any(sentence in marked for sentence in PAGES[1])
    assert page.get_by_text(re.compile(r"report\.pdf, page 2")).count()
    for panel, shown in (("Evidence", "Found by"), ("Recalled", "Recalled from memory"), ("Path", "")):
        page.get_by_test_id("stButtonGroup").get_by_text(panel, exact=True).click()
        if shown:
            page.get_by_text(re.compile(shown)).first.wait_for()
    page.locator(".graphviz svg, [data-testid=stGraphVizChart] svg").first.wait_for()
    assert left == []


def test_a_reload_keeps_the_memory_and_the_conversation(demo: str, page: Any, tmp_path: Path) -> None:
    memorized(page, demo, report(tmp_path / "report.pdf"))
    ask(page, QUESTION)
    address, marked = page.url, page.locator(".passage mark").inner_text()
    page.reload()
    sync_api.expect(page.get_by_placeholder("Ask the document")).to_be_enabled()
    sync_api.expect(page.get_by_test_id("stChatMessage").first).to_contain_text(QUESTION)
    sync_api.expect(page.locator(".passage mark")).to_have_text(marked)
    assert page.url == address


def test_plain_rag_answers_beside_and_the_conversation_is_exported(demo: str, page: Any, tmp_path: Path) -> None:
    memorized(page, demo, report(tmp_path / "report.pdf"))
    page.get_by_text("Compare with plain RAG").click()
    ask(page, QUESTION)
    assert page.get_by_text("Plain RAG", exact=True).count()
    page.get_by_test_id("stButtonGroup").get_by_text("Recalled", exact=True).click()
    with page.expect_download() as download:
        page.get_by_role("button", name="Export conversation").click()
    assert QUESTION in download.value.path().read_text(encoding="utf-8")


def test_what_cannot_be_read_is_told(demo: str, page: Any, tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_text("Dear reader")
    page.goto(demo)
    upload(page, tmp_path / "a.pdf")
    page.get_by_text(re.compile("a.pdf is no PDF file")).wait_for()


def long_text(path: Path, entries: int = 130) -> Path:
    """Write a text that takes a while."""
    path.write_text(" ".join(f"Entry {number}: {PAGES[number % 3][number % 2]}" for number in range(entries)))
    return path


def digesting(page: Any) -> None:
    page.get_by_text(re.compile(r"Digesting sections: [1-9]")).wait_for()


def test_what_is_being_memorized_can_be_stopped_and_goes_on(demo: str, page: Any, tmp_path: Path) -> None:
    page.goto(demo)
    upload(page, long_text(tmp_path / "long.txt"))
    digesting(page)
    page.reload()
    digesting(page)
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Resume").click()
    page.wait_for_url(re.compile("memory="), timeout=4 * _MINUTES)
