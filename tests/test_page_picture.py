"""Pages of PDF files as pictures: marks where the quotation is drawn, bounded pictures, files that cannot be drawn."""

import io
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from reportlab.lib.pdfencrypt import StandardEncryption
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase.pdfmetrics import stringWidth
from reportlab.pdfgen.canvas import Canvas

from memorag_graph.documents import read_document
from memorag_graph.documents.pdf import page_picture
from memorag_graph.documents.pdf.page_picture import WIDTH, PagePicture, Quotation, draw_page
from memorag_graph.errors import InputError
from tests.pdf_files import LINE, STORIES, draw_rows, figures, record, sentences_of, written

PAGE_WIDTH, PAGE_HEIGHT = 595.28, 841.89
RED, BLACK = (1.0, 0.0, 0.0), (0.0, 0.0, 0.0)
SENTENCE = "The harbour was dredged every second winter by a boat named Molly."


def pixels(picture: PagePicture) -> NDArray[np.int16]:
    return np.asarray(Image.open(io.BytesIO(picture.data)).convert("RGB"), np.int16)


def marked(picture: PagePicture) -> NDArray[np.bool_]:
    """Which pixels are marked, with a margin of two."""
    mask = np.zeros((picture.height, picture.width), bool)
    for left, top, width, height in picture.marks:
        x, y = left * picture.width, top * picture.height
        right, bottom = x + width * picture.width, y + height * picture.height
        mask[max(0, round(y) - 2) : round(bottom) + 2, max(0, round(x) - 2) : round(right) + 2] = True
    return mask


def colours(picture: PagePicture) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels are red, and which are black."""
    seen = pixels(picture)
    red = (seen[..., 0] > 200) & (seen[..., 1] < 120)
    return red, seen.max(axis=2) < 100


def red_is_marked(picture: PagePicture) -> None:
    """Check that what is drawn in red is marked, and nothing else."""
    red, black = colours(picture)
    mask = marked(picture)
    assert red.sum() > 100
    assert not (red & ~mask).any()
    assert (black & mask).sum() < 0.02 * black.sum()


def drawn(path: Path, draw: Callable[[Canvas], None], **options: object) -> Path:
    canvas = Canvas(str(path), **options)
    draw(canvas)
    canvas.showPage()
    canvas.save()
    return path


def draw_lines(canvas: Canvas, lines: Iterable[tuple[str, tuple[float, float, float]]], top: float = 780) -> None:
    for number, (line, colour) in enumerate(lines):
        canvas.setFillColorRGB(*colour)
        canvas.drawString(60, top - 2 * LINE * number, line)


def test_a_mark_is_where_the_sentence_was_written(tmp_path: Path) -> None:
    other = "Something else stands here."
    path = written(tmp_path / "a.pdf", [[(60, 700, other)], [(60, 760, other), (72, 500, SENTENCE), (60, 300, other)]])
    picture = draw_page(path, 2, Quotation(SENTENCE))
    ((left, top, width, height),) = picture.marks
    assert left * PAGE_WIDTH == pytest.approx(72, abs=1)
    assert width * PAGE_WIDTH == pytest.approx(stringWidth(SENTENCE, "Helvetica", 12), abs=2)
    assert top * PAGE_HEIGHT < PAGE_HEIGHT - 500 - 8  # above the capitals
    assert PAGE_HEIGHT - 500 + 2 < (top + height) * PAGE_HEIGHT < PAGE_HEIGHT - 500 + 6  # below the descenders
    assert picture.width == WIDTH


@pytest.mark.parametrize("turn", [0, 90, 180, 270])
def test_turned_and_cropped_pages_are_marked_where_they_show_the_sentence(tmp_path: Path, turn: int) -> None:
    def draw(canvas: Canvas) -> None:
        draw_lines(canvas, [("Before it.", BLACK), (SENTENCE, RED), ("After it.", BLACK)], top=500)
        canvas.setPageRotation(turn)
        canvas.setCropBox((40, 300, 540, 560))  # on a page that is turned, too, whose sides are exchanged

    red_is_marked(draw_page(drawn(tmp_path / "turned.pdf", draw), 1, Quotation(SENTENCE)))


def test_hyphens_line_breaks_and_ligatures_do_not_matter(tmp_path: Path) -> None:
    lines = [
        ("The first", BLACK),
        ("office was o\ufb03cially re-", RED),
        ("opened in May.", RED),
        ("So it was.", BLACK),
    ]
    lines = [(line.replace("\ufb03", "ffi"), colour) for line, colour in lines]
    path = drawn(tmp_path / "a.pdf", lambda canvas: draw_lines(canvas, lines))
    red_is_marked(draw_page(path, 1, Quotation("o\ufb03ce  was o\ufb03cially reopened\nin May.")))


def test_columns_that_are_drawn_line_by_line_are_marked_in_the_order_of_reading(tmp_path: Path) -> None:
    left, right = (
        ["The keeper of the lamp", "counted nine thousand", "objects in the flood."],
        sentences_of(STORIES[1]),
    )

    def draw(canvas: Canvas) -> None:
        for number, (one, other) in enumerate(zip(left, right, strict=False)):
            for x, text, colour in ((60, one, RED), (300, other[:30], BLACK)):
                canvas.setFillColorRGB(*colour)
                canvas.drawString(x, 700 - LINE * number, text)

    red_is_marked(draw_page(drawn(tmp_path / "a.pdf", draw), 1, Quotation(" ".join(left))))


def test_of_equal_sentences_the_one_in_its_surroundings_is_marked(tmp_path: Path) -> None:
    lines = [(text, BLACK) for story in STORIES for text in (*sentences_of(story)[:1], SENTENCE)]
    lines[3] = (SENTENCE, RED)
    path = drawn(tmp_path / "a.pdf", lambda canvas: draw_lines(canvas, lines))
    quotation = Quotation(SENTENCE, before=f"{lines[2][0]} ", after=f" {lines[4][0]}"[:60])
    red_is_marked(draw_page(path, 1, quotation))


@pytest.mark.parametrize("row", [0, 5, 11])
def test_the_cells_of_a_cited_row_are_marked(tmp_path: Path, row: int) -> None:
    names, rows = ["Depot", "Stock", "Cost", "Sold"], [[*it[:3], "7"] for it in figures(12)]
    places = [60, 250, 350, 450]

    def draw(canvas: Canvas) -> None:
        top = draw_rows(canvas, [names, *rows[:row]], places)
        canvas.setFillColorRGB(*RED)
        top = draw_rows(canvas, rows[row : row + 1], places, top)
        canvas.setFillColorRGB(*BLACK)
        draw_rows(canvas, rows[row + 1 :], places, top)

    path = drawn(tmp_path / "a.pdf", draw)
    cited = record(names, rows[row])
    assert cited in read_document(path).text
    red_is_marked(draw_page(path, 1, Quotation(cited)))


def test_what_is_mostly_not_on_the_page_is_not_marked(tmp_path: Path) -> None:
    path = written(tmp_path / "a.pdf", [[(60, 700, SENTENCE)]])
    half = SENTENCE[: len(SENTENCE) // 2]
    assert draw_page(path, 1, Quotation(f"{half}{STORIES[2][:100]}")).marks == ()
    assert draw_page(path, 1, Quotation(STORIES[0])).marks == ()
    assert draw_page(path, 1, Quotation("?!")).marks == ()
    assert draw_page(path, 1, Quotation(f"{SENTENCE} {half}")).marks


def test_an_enormous_page_becomes_a_picture_of_bounded_size(tmp_path: Path) -> None:
    for size in ((14_400, 14_400), (200, 14_400), (14_400, 3)):
        path = drawn(tmp_path / "a.pdf", lambda canvas: canvas.drawString(1, 1, SENTENCE), pagesize=size)
        picture = draw_page(path, 1, Quotation(SENTENCE))
        assert picture.width * picture.height <= 4_100_000
        assert pixels(picture).shape == (picture.height, picture.width, 3)


def test_a_page_of_photographs_is_kept_as_jpeg(tmp_path: Path) -> None:
    noise = Image.fromarray(np.random.default_rng(0).integers(0, 255, (900, 900, 3), np.uint8))

    def draw(canvas: Canvas) -> None:
        canvas.drawImage(ImageReader(noise), 0, 0, PAGE_WIDTH, PAGE_WIDTH)
        canvas.drawString(60, 800, SENTENCE)

    picture = draw_page(drawn(tmp_path / "a.pdf", draw), 1, Quotation(SENTENCE))
    assert (picture.media_type, picture.data[:2], len(picture.marks)) == ("image/jpeg", b"\xff\xd8", 1)


def test_files_that_cannot_be_drawn_are_refused_with_the_reason(tmp_path: Path) -> None:
    whole = written(tmp_path / "whole.pdf", [[(60, 700, SENTENCE)]])
    broken = tmp_path / "broken.pdf"
    broken.write_bytes(whole.read_bytes()[:300])
    locked = drawn(
        tmp_path / "locked.pdf", lambda canvas: canvas.drawString(1, 1, SENTENCE), encrypt=StandardEncryption("secret")
    )
    for path, number, reason in (
        (broken, 1, "the file is damaged"),
        (locked, 1, "the file is password-protected"),
        (tmp_path / "gone.pdf", 1, "the file is not there any more"),
        (whole, 2, "no page 2"),
        (whole, 0, "no page 0"),
    ):
        with pytest.raises(InputError, match=reason):
            draw_page(path, number, Quotation(SENTENCE))


def test_a_page_that_takes_too_long_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def draw(canvas: Canvas) -> None:
        for number in range(3000):
            canvas.circle(100 + number % 400, 100 + number // 10, 50, fill=1)

    path = drawn(tmp_path / "a.pdf", draw)
    assert draw_page(path, 1, Quotation(SENTENCE)).marks == ()
    monkeypatch.setattr(page_picture, "_MOST_SECONDS", 0.0)
    with pytest.raises(InputError, match="takes more than 0 seconds to draw"):
        draw_page(path, 1, Quotation(SENTENCE))
