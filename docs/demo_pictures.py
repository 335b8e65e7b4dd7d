"""Take the pictures of the web demo, and the walk through it, from the demo itself.

python docs/demo_pictures.py

It needs the extras ``ui`` and ``dev``, the embedded models and a Chromium. The pictures are ``docs/demo*.png``, and
the walk is ``docs/demo-walk.gif``.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright
from reportlab.lib.styles import getSampleStyleSheet
from reportlab.platypus import Flowable, PageBreak, Paragraph, SimpleDocTemplate

PLACE = Path(__file__).parent
LETTERS = PLACE.parent / "examples" / "skerrow_letters.txt"
URL = "http://127.0.0.1:8791"
WIDE, NARROW = {"width": 1280, "height": 800}, {"width": 390, "height": 800}
EXAMPLE, ASKED = "When did the Garrow Bridge reopen?", "How many passengers did the company carry in 2018?"
COLOURS = 128
WALK_WIDTH = 900
READING = 8_000
"""Milliseconds for which a visitor reads the first page."""
MINUTES = 60_000


@contextmanager
def served(home: Path, *arguments: str) -> Iterator[None]:
    """Run the demo until the block ends."""
    command = [sys.executable, "-m", "memorag_graph", "ui", "--port", URL.rpartition(":")[2], *arguments]
    environment = {**os.environ, "MEMORAG_GRAPH_HOME": str(home)}
    with subprocess.Popen(command, env=environment, cwd=home, stdout=subprocess.DEVNULL) as process:  # noqa: S603 - own command
        try:
            yield
        finally:
            process.terminate()


class Walk:
    """A visit that is photographed.

    Args:
        page: The browser's page.
    """

    def __init__(self, page: Page) -> None:
        self.page = page
        self._frames: list[tuple[Image.Image, int]] = []

    def frame(self, seconds: float, name: str = "") -> None:
        """Photograph the page for the walk, and as a picture of its own if it gets a name."""
        self.page.wait_for_timeout(700)  # what moves comes to rest
        shown = picture(self.page)
        self._frames.append((shown, int(1000 * seconds)))
        if name:
            save(shown, name)

    def write(self) -> None:
        """Write the walk."""
        height = WALK_WIDTH * WIDE["height"] // WIDE["width"]
        shown = [it.resize((WALK_WIDTH, height)).quantize(COLOURS // 2) for it, _ in self._frames]
        durations = [it for _, it in self._frames]
        shown[0].save(
            PLACE / "demo-walk.gif", save_all=True, append_images=shown[1:], duration=durations, loop=0, optimize=True
        )


def picture(page: Page) -> Image.Image:
    """Return a photograph of what a page shows."""
    return Image.open(BytesIO(page.screenshot())).convert("RGB")


def save(shown: Image.Image, name: str) -> None:
    """Write a picture, with few colours so that it is small."""
    shown.quantize(COLOURS).save(PLACE / f"{name}.png", optimize=True)


def reach(page: Page) -> None:
    """Open the demo, once the server answers."""
    for _ in range(120):
        try:
            page.goto(URL)
            break
        except Exception as error:  # noqa: BLE001 - the server is starting
            last = error
            time.sleep(0.5)
    else:
        raise SystemExit(f"the demo does not start: {last}")


def start(page: Page) -> None:
    """Open the first page, once the example can be asked."""
    reach(page)
    for _ in range(60):
        page.get_by_text("Or try an example").wait_for(timeout=2 * MINUTES)
        if page.get_by_text("Or open a memory").is_visible():
            return
        page.wait_for_timeout(2000)
        page.reload()
    raise SystemExit("the demo does not memorize the example")


def ask(page: Page, placeholder: str, question: str) -> None:
    """Ask a question, and wait for the answer."""
    box = page.get_by_placeholder(placeholder)
    box.fill(question)
    box.press("Enter")
    answered(page)


def answered(page: Page) -> None:
    """Wait for an answer with its passage."""
    page.get_by_role("button", name="Ask again").first.wait_for(timeout=3 * MINUTES)
    page.locator(".passage mark").first.wait_for(timeout=MINUTES)


def letters(folder: Path) -> list[str]:
    """Write each letter of the example as a file; return the paths."""
    texts = re.split(r"(?=^Letter to shareholders)", LETTERS.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for text in filter(None, texts):
        year = text.partition("\n")[0][-4:]
        (folder / f"letter for {year}.txt").write_text(text, encoding="utf-8")
    return [str(it) for it in sorted(folder.iterdir())]


def walk(browser: Browser, files: list[str]) -> str:
    """Visit the demo; return the address of the answer to the example's question."""
    page = browser.new_page(viewport=WIDE)  # type: ignore[arg-type]
    taken = Walk(page)
    start(page)
    page.wait_for_timeout(READING)
    taken.frame(2.5, "demo-start")
    page.get_by_role("button", name=EXAMPLE).click()
    taken.frame(1.5)
    answered(page)
    taken.frame(3.5, "demo")
    address = page.url
    page.goto(URL)
    page.get_by_text("A library of many").click()
    page.get_by_label("Name of the library").fill("letters")
    page.set_input_files("input[type=file]", files)
    taken.frame(2.0)
    page.get_by_role("button", name="Make the library").click()
    page.wait_for_url(re.compile("library=letters"), timeout=MINUTES)
    page.get_by_role("cell", name=re.compile("2023")).first.wait_for(timeout=2 * MINUTES)
    taken.frame(2.5)
    ask(page, "Ask the documents", ASKED)
    taken.frame(3.5)
    page.get_by_text("Documents", exact=True).first.click()
    page.get_by_text("memory ready").first.wait_for(timeout=5 * MINUTES)
    taken.frame(3.0, "demo-library")
    taken.write()
    return address


def letters_as_pdf(path: Path) -> Path:
    """Write the example as a PDF, each letter on pages of its own."""
    styles, parts = getSampleStyleSheet(), list[Flowable]()
    for paragraph in LETTERS.read_text(encoding="utf-8").split("\n\n"):
        is_heading = paragraph.startswith("Letter to shareholders")
        if is_heading and parts:
            parts.append(PageBreak())
        parts.append(Paragraph(paragraph, styles["Heading1" if is_heading else "BodyText"]))
    SimpleDocTemplate(str(path)).build(parts)
    return path


def page_of_pdf(browser: Browser, file: Path) -> None:
    """Photograph the page of a PDF that an answer cites."""
    page = browser.new_page(viewport={"width": 1400, "height": 800})
    start(page)
    page.set_input_files("input[type=file]", [str(file)])
    page.get_by_role("button", name="Memorize").click()
    page.wait_for_url(re.compile("memory="), timeout=5 * MINUTES)
    box = page.get_by_placeholder("Ask the document")
    box.fill(ASKED)
    box.press("Enter")
    page.locator(".page mark").first.wait_for(timeout=3 * MINUTES)
    page.wait_for_timeout(1500)
    save(picture(page), "demo-page")


def other_forms(browser: Browser, address: str) -> None:
    """Photograph an answer in the dark and on a phone."""
    for name, settings in {
        "demo-dark": {"viewport": WIDE, "color_scheme": "dark"},
        "demo-narrow": {"viewport": NARROW},
    }.items():
        given: Any = settings
        page = browser.new_page(**given)
        page.goto(address)
        answered(page)
        page.wait_for_timeout(1500)
        save(picture(page), name)


def login(browser: Browser) -> None:
    """Photograph the page to log in."""
    page = browser.new_page(viewport={"width": 1000, "height": 600})
    reach(page)
    page.get_by_label("Your key").wait_for()
    save(picture(page), "demo-login")


def main() -> None:
    """Take all pictures."""
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        home, files = Path(folder) / "home", Path(folder) / "files"
        home.mkdir()
        files.mkdir()
        with served(home):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            other_forms(browser, walk(browser, letters(files)))
            page_of_pdf(browser, letters_as_pdf(Path(folder) / "skerrow letters.pdf"))
            browser.close()
        with served(home, "--api-key", "a key"):
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
            login(browser)
            browser.close()


if __name__ == "__main__":
    main()
