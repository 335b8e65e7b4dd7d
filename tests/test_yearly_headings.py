"""Lines of plain text that differ in their year alone head the parts about these years."""

from pathlib import Path

import pytest

from memorag_graph.documents import from_text, read_document
from memorag_graph.documents.context_words import context_words
from memorag_graph.documents.yearly_headings import are_yearly, yearly_headings
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.quotable_sentences import units_of
from memorag_graph.prompts import Prompts
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.languages import language
from tests.conftest import HashEmbeddings

PROSE = "The harbour was dredged in spring and again in autumn, which the council paid for out of its reserve."
YEARS = (2019, 2020, 2021)


def report(*, within: str = "") -> str:
    parts = (
        f"Report for the year {year}\n\n{within}We carried {year * 7 % 1000},000 passengers.\n\n{PROSE} It was {year}."
        for year in YEARS
    )
    return "\n\n".join(parts)


@pytest.mark.parametrize(
    ("text", "headings"),
    [
        ("Report 2019\n\nText.\n\nReport 2020\n\nText.", ["Report 2019", "Report 2020"]),
        ("2019\n\nText.\n\n2020\n\nText.", []),
        ("In 2019 it rained.\n\nText.\n\nIn 2020 it rained.\n\nText.", []),
        ("Report 2019\n\nText.\n\nReport 2019\n\nText.", []),
        ("Report 2019\n\nText.\n\nMinutes 2020\n\nText.", []),
        ("Report 2019\nText.\n\nReport 2020\nText.", []),
        ("Ostrand, 12 March 2019\n\nText.\n\nOstrand, 12 March 2020\n\nText.", []),
        (
            "Text.\n\n  Season 1999 at sea \n \nText.\n\n  Season 2001 at sea\n\n",
            ["Season 1999 at sea", "Season 2001 at sea"],
        ),
    ],
)
def test_lines_that_differ_in_their_year_alone_are_headings(text: str, headings: list[str]) -> None:
    assert [title for _, title in yearly_headings(text)] == headings
    assert all(text.startswith(title, start) for start, title in yearly_headings(text))
    assert [title for _, title in from_text(text).page_map.sections] == headings
    assert are_yearly(from_text(text).page_map.sections) == bool(headings)


def test_a_file_with_headings_of_its_own_gets_none_by_year(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text(report())
    (tmp_path / "a.md").write_text(f"# Harbour\n\n{report()}")
    assert len(read_document(tmp_path / "a.txt").page_map.sections) == len(YEARS)
    assert [title for _, title in read_document(tmp_path / "a.md").page_map.sections] == ["Harbour"]


def test_the_first_year_is_not_the_title_of_the_others() -> None:
    document = from_text(report())
    words = context_words(document.page_map, len(document.text) - 1, document.source)
    assert words == "Report for the year 2021"


def test_titles_within_the_parts_are_no_sentences() -> None:
    title = "What the bridge gave us all in this year and what it did not"
    document = from_text(report(within=f"{title}\n\n{PROSE}\n\n"))
    whole = Evidence("a.txt", 0, len(document.text), document.text, 1.0, page_map=document.page_map)
    assert title not in [unit.citation.quote for unit in units_of([whole], "en") if unit.is_quotable]


def ask(question: str, text: str) -> Answer:
    document = from_text(text)
    passages = [
        Evidence("a.txt", start, start + len(part), part, 1.0, page_map=document.page_map)
        for part in text.split("\n\n")
        if (start := text.index(part)) >= 0
    ]
    given = GenerationInput(
        question=question, task_type="memorag", evidence=passages, outline=[], draft="",
        prompts=Prompts(language("en")),
    )  # fmt: skip
    return ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(given)


def test_a_quotation_is_shown_with_its_year_where_that_is_asked_for() -> None:
    year = max(YEARS, key=lambda it: it * 7 % 1000)
    answer = ask("In which year did we carry the most passengers?", report())
    assert answer.text.startswith(f"(Report for the year {year}) We carried {year * 7 % 1000},000 passengers.")
    assert answer.citations[0].section == f"Report for the year {year}"


def test_parts_of_two_years_are_told_apart_by_the_headings_within_them() -> None:
    text = (
        "Report for the year 2020\n\nPensions\n\nThe pension scheme was closed by the council.\n\n"
        "Report for the year 2021\n\nSeptember\n\nThe council lent the pension scheme £4m, paid back in June."
    )
    whole = from_text(text)
    evidence = [Evidence("a.txt", 0, len(text), text, 1.0, page_map=whole.page_map)]
    given = GenerationInput(
        question="What did the council do about the pension scheme, the pensions?", task_type="memorag",
        evidence=evidence, outline=[], draft="", prompts=Prompts(language("en")),
    )  # fmt: skip
    assert "£4m" in ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(given).text
