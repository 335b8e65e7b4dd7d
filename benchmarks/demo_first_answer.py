"""How long a first visitor of the web demo waits for a cited answer, in a real Chromium.

    python benchmarks/demo_first_answer.py [--rounds 3] [--pages 50]

Each round begins a demo without memories, whose models are not loaded, and measures from a click on the first example
question to its answer. In another new demo it drops a PDF file of some pages of the example document, memorizes it as
the page offers, asks as soon as the page lets it, and measures from the drop to the answer; the model that reads has
not been loaded either. Clicks are those of a program, which loses no time between them.
"""

import argparse
import contextlib
import os
import re
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import httpx
from common import DOCUMENT, write_result
from playwright.sync_api import Page, sync_playwright
from reportlab.pdfgen.canvas import Canvas

from memorag_graph.paths import user_dir
from memorag_graph.ui.example import QUESTIONS

ASKED = "Who is the chairman of the company?"
LINES, COLUMNS = 48, 90
PORT = 8765
LONGEST = 300_000
"""Milliseconds."""


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--pages", type=int, default=50)
    parser.add_argument("--chromium", default="/usr/bin/chromium")
    given = parser.parse_args()
    clicked, dropped = [], []
    with tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        file = pdf(Path(folder, "letters.pdf"), given.pages)
        for _ in range(given.rounds):
            browser = playwright.chromium.launch(executable_path=given.chromium, args=["--no-sandbox"])
            with demo() as url:
                clicked.append(seconds_after_click(browser.new_page(), url))
            with demo() as url:
                dropped.append(seconds_after_drop(browser.new_page(), url, file))
            browser.close()
    write_result(
        "demo_first_answer",
        {
            "rounds": given.rounds,
            "pages": given.pages,
            "seconds_after_click": [round(it, 2) for it in clicked],
            "seconds_after_drop": [round(it, 2) for it in dropped],
            "medians": [round(median(clicked), 2), round(median(dropped), 2)],
        },
    )


@contextlib.contextmanager
def demo() -> Iterator[str]:
    """Run the demo without memories, and yield its address."""
    url = f"http://127.0.0.1:{PORT}"
    with tempfile.TemporaryDirectory() as home:
        Path(home, "models").symlink_to(user_dir() / "models")
        command = [str(Path(sys.executable).with_name("memorag-graph")), "ui", "--port", str(PORT)]
        process = subprocess.Popen(command, env={**os.environ, "MEMORAG_GRAPH_HOME": home})
        try:
            for _ in range(600):
                with contextlib.suppress(httpx.TransportError):
                    if httpx.get(f"{url}/_stcore/health").is_success:
                        break
                time.sleep(0.1)
            yield url
        finally:
            process.terminate()
            process.wait()


def seconds_after_click(page: Page, url: str) -> float:
    page.set_default_timeout(LONGEST)
    page.goto(url)
    button = page.get_by_role("button", name=QUESTIONS[0])
    button.wait_for()
    start = time.perf_counter()
    button.click()
    return answered(page, start)


def seconds_after_drop(page: Page, url: str, file: Path) -> float:
    page.set_default_timeout(LONGEST)
    page.goto(url)
    page.get_by_test_id("stFileUploader").wait_for()
    start = time.perf_counter()
    page.set_input_files("input[type=file]", str(file))
    page.get_by_role("button", name="Memorize").click()
    page.wait_for_url(re.compile("memory="))
    box = page.get_by_placeholder("Ask the document")
    box.fill(ASKED)
    box.press("Enter")
    return answered(page, start)


def answered(page: Page, start: float) -> float:
    """Return the seconds until the page shows an answer that cites something."""
    page.get_by_text(re.compile("Confidence")).wait_for()
    seconds = time.perf_counter() - start
    page.locator("[class*=st-key-cite-]").first.wait_for()
    return seconds


def pdf(path: Path, pages: int) -> Path:
    """Write a PDF file of so many pages, of the text of the example document, again from its beginning if needed."""
    lines = textwrap.wrap(DOCUMENT.read_text(encoding="utf-8"), COLUMNS)
    canvas = Canvas(str(path))
    for page in range(pages):
        for line in range(LINES):
            canvas.drawString(50, 790 - 15 * line, lines[(page * LINES + line) % len(lines)])
        canvas.showPage()
    canvas.save()
    return path


if __name__ == "__main__":
    main()
