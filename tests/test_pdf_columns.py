"""Prose in columns: justified lines whose spaces are below each other are no table."""

import random
from pathlib import Path

import pytest
from reportlab.lib.pagesizes import A4
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from memorag_graph.documents import read_document
from memorag_graph.documents.pdf.paragraphs import joined
from tests.pdf_files import CHROMIUM, printed

FONT, SIZE, LEAD = "Times-Roman", 10, 12.0


def stories(seed: int, count: int = 45) -> list[str]:
    """Short paragraphs that begin alike, so that their words are below each other."""
    rng = random.Random(seed)
    places = ["abbey", "mill", "harbour office", "kiln", "signal box", "lighthouse"]
    fates = ["was founded", "was sold", "burned down", "was rebuilt"]
    return [
        f"In {rng.randrange(1500, 1990)} it had {rng.randrange(10, 99)} rooms, {rng.randrange(100, 999)} windows and "
        f"{rng.randrange(2, 9)} doors. The {rng.choice(places)} {rng.choice(fates)} by keeper number {number} of them."
        for number in range(count)
    ]


def lines_of(text: str, width: float) -> list[list[str]]:
    lines: list[list[str]] = [[]]
    for word in text.split():
        if lines[-1] and stringWidth(" ".join([*lines[-1], word]), FONT, SIZE) > width:
            lines.append([])
        lines[-1].append(word)
    return lines


def justified(path: Path, texts: list[str], columns: int, gutter: float) -> Path:
    """Draw columns of paragraphs whose lines, but the last, are all as wide as the column."""
    canvas = Canvas(str(path), pagesize=A4)
    canvas.setFont(FONT, SIZE)
    width = (A4[0] - 100 - gutter * (columns - 1)) / columns
    lines = [(line, at < len(found) - 1) for it in texts for found in [lines_of(it, width)] for at, line in
             enumerate(found)]  # fmt: skip
    height = -(-len(lines) // columns)
    for number, (words, is_full) in enumerate(lines):
        x, y = 50 + (number // height) * (width + gutter), 800 - LEAD * (number % height)
        rest = width - sum(stringWidth(word, FONT, SIZE) for word in words)
        space = rest / (len(words) - 1) if is_full and len(words) > 1 else stringWidth(" ", FONT, SIZE)
        for word in words:
            canvas.drawString(x, y, word)
            x += stringWidth(word, FONT, SIZE) + space
    canvas.save()
    return path


@pytest.mark.parametrize(("columns", "gutter"), [(2, 12), (3, 12), (3, 18)])
def test_spaces_of_justified_lines_below_each_other_are_no_gutter(tmp_path: Path, columns: int, gutter: float) -> None:
    texts = stories(columns)
    read = read_document(justified(tmp_path / "justified.pdf", texts, columns, gutter)).text
    found = " ".join(read.split())
    assert " | " not in read
    assert [text for text in texts if text not in found] == []


@pytest.mark.skipif(CHROMIUM is None, reason="needs Chromium")
def test_letters_that_a_browser_draws_anew_in_justified_lines_begin_no_cells(tmp_path: Path) -> None:
    more = (
        "It stands near the river and its walls are made of brick and field stones from the valley. Travellers praise "
        "the view from its door over the meadows and the hills beyond them."
    )
    texts = [f"{text.partition('. ')[2]} {more}" for text in stories(5)]
    style = "<style>div {columns: 3; column-gap: 14px; text-align: justify; font: 9pt serif}</style>"
    page = f"<meta charset=utf-8>{style}<div>{''.join(f'<p>{text}</p>' for text in texts)}</div>"
    read = " ".join(read_document(printed(tmp_path / "columns.pdf", page)).text.split())
    assert [text for text in texts if text.partition(". ")[0] not in read] == []
    assert read.count(more.partition(". ")[2]) == len(texts)


def test_the_lines_of_a_narrow_column_that_begin_with_names_and_figures_are_one_paragraph(tmp_path: Path) -> None:
    texts = [f"The old kiln near the Severn burned down in {1800 + at} by Ada Bell, number {at}." for at in range(30)]
    read = read_document(justified(tmp_path / "narrow.pdf", texts, 3, 14)).text
    assert [text for text in texts if text not in read] == []


@pytest.mark.parametrize(
    ("before", "after", "word"),
    [
        ("infor-", "mation", "information"),
        ("well-", "known", "well-known"),
        ("self-", "ish", "selfish"),
        ("self-", "taught", "self-taught"),
        ("non-", "sense", "nonsense"),
        ("ex-", "ample", "example"),
        ("ex-", "minister", "ex-minister"),
        ("state-of-the-", "art", "state-of-the-art"),
        ("20-", "year", "20-year"),
        ("EU-", "wide", "EU-wide"),
        ("Anna-", "Lena", "Anna-Lena"),
        ("Har-", "bour", "Harbour"),
        ("infor\u00ad", "mation", "information"),
    ],
)
def test_the_hyphens_of_words_stay_at_the_ends_of_lines(before: str, after: str, word: str) -> None:
    assert joined(f"the old {before}", f"{after} here") == f"the old {word} here"
