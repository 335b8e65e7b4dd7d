"""PPTX and ODP: slides are pages and sections; tables, notes, hidden slides."""

from pathlib import Path

import pytest

from memorag_graph.documents import Document, read_document
from tests.test_documents import needs_office, office, words

pptx = pytest.importorskip("pptx", reason="needs pip install python-pptx")


def slides(path: Path) -> Path:
    """Write slides with a title, points, a table with a merged cell, notes, and a hidden slide."""
    show = pptx.Presentation()
    first = show.slides.add_slide(show.slide_layouts[1])
    first.shapes.title.text = "The ferry"
    frame = first.placeholders[1].text_frame
    frame.text = "It carried 10"
    run = frame.paragraphs[0].add_run()
    run.text = "3"
    run._r.get_or_add_rPr().set("baseline", "30000")
    frame.add_paragraph().text = "lorries"
    first.notes_slide.notes_text_frame.text = "Say hello."
    hidden = show.slides.add_slide(show.slide_layouts[5])
    hidden.shapes.title.text = "Never shown"
    hidden._element.set("show", "0")
    second = show.slides.add_slide(show.slide_layouts[5])
    second.shapes.title.text = "Fares"
    size = pptx.util.Inches(4)
    table = second.shapes.add_table(3, 3, size, size, size, size).table
    for at, row in enumerate([["Ship", "Year", "Berths"], ["Heron", "2019", "41"], ["", "2020", "44"]]):
        for column, text in enumerate(row):
            table.cell(at, column).text = text
    table.cell(1, 0).merge(table.cell(2, 0))
    show.save(str(path))
    return path


def check_slides(document: Document) -> None:
    place = document.page_map.page
    text = document.text
    assert words(text) == words(
        "The ferry It carried 10^3 lorries Notes: Say hello. Fares Ship: Heron | Year: 2019 | Berths: 41 "
        "Ship: Heron | Year: 2020 | Berths: 44"
    )
    assert [place(text.index(it)) for it in ("The ferry", "lorries", "Say hello", "Fares", "44")] == [1, 1, 1, 3, 3]
    assert [title for _, title in document.page_map.sections] == ["The ferry", "Fares"]
    assert "Ship: Heron | Year: 2020 | Berths: 44" in text
    assert document.notices == ("Hidden slides were left out.",)


def test_slides_are_pages(tmp_path: Path) -> None:
    check_slides(read_document(slides(tmp_path / "a.pptx")))


@needs_office
def test_an_office_program_s_slides_read_as_those_that_they_were_made_from(tmp_path: Path) -> None:
    converted = office(slides(tmp_path / "a.pptx"), "odp")
    check_slides(read_document(converted))
