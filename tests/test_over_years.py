"""How something went from year to year is told by what the part of each year says of it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from types import MappingProxyType, SimpleNamespace
from typing import cast

import pytest
from langchain_core.embeddings import Embeddings
from langchain_core.messages import AIMessage

from memorag_graph.documents import PageMap, from_text
from memorag_graph.documents.yearly_headings import named_year, year_parts, year_title
from memorag_graph.find_evidence import search
from memorag_graph.generation.answer import Answer, GenerationInput
from memorag_graph.generation.chat_generator import ChatGenerator
from memorag_graph.generation.dated_passages import dated
from memorag_graph.generation.extractive_generator import ExtractiveGenerator
from memorag_graph.generation.quotable_sentences import Unit, units_of
from memorag_graph.generation.quoted_text import shown_by_year
from memorag_graph.generation.summary import over_years
from memorag_graph.generation.summary.extract import share_of_parts
from memorag_graph.generation.summary.over_years import cover_years, follow_years
from memorag_graph.generation.year_series import year_series
from memorag_graph.open_memory import OpenMemory
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.retrieval.query import Query
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.retrieval.selection import Counts
from memorag_graph.serialization import HasPassages, to_documents, to_evidence
from memorag_graph.settings import RunOptions, TaskType
from memorag_graph.text.asked_periods import Period, followed_period, followed_words, without_period
from memorag_graph.text.chunking import Chunk
from memorag_graph.text.languages import language
from memorag_graph.text.numbers import YEAR
from tests.conftest import TINY, HashEmbeddings
from tests.test_expository_summaries import About, sections
from tests.test_generation import Prompted

YEARS = range(2015, 2021)
ALL = Period()


def of_year(year: int) -> str:
    told = "" if year == 2017 else f" Freight came to {year - 2000}7,000 units at the end."
    return (
        f"The harbour was dredged in the spring, which the council paid for.{told} The master retired after a long "
        f"illness. The lighthouse was painted by two men from the town."
    )


REPORTS = "\n\n".join(f"Report for the year {year}\n\n{of_year(year)}" for year in YEARS)


def words(text: str) -> int:
    return len(text.split())


def found_in(
    text: str,
    request: str = "How did freight change over the years?",
    period: Period = ALL,
    *,
    tokens: int = 768,
    embeddings: Embeddings | None = None,
    count: Counts = words,
) -> list[Evidence]:
    return cover_years(
        [Chunk("a.txt", 0, 0, len(text), text)],
        {"a.txt": from_text(text).page_map},
        tokens,
        request,
        period,
        embeddings=embeddings or About("Freight"),
        count_tokens=count,
        language_code="en",
    )


def freight(evidence: Sequence[Evidence]) -> list[int]:
    return [2000 + int(it.text.split()[3][:2]) for it in evidence if it.text.startswith("Freight")]


TOLD = [year for year in YEARS if year != 2017]


def test_each_year_is_told_in_order_and_one_that_tells_nothing_is_left_out() -> None:
    evidence = found_in(REPORTS)
    assert freight(evidence) == TOLD
    assert len(evidence) == len(TOLD)
    assert [it.part for it in evidence] == [YEARS.index(year) + 1 for year in TOLD]
    assert all(REPORTS[it.start : it.end] == it.text for it in evidence)


@pytest.mark.parametrize("period", [Period(2016, 2019), Period(2018), Period(2015, 2018)])
def test_only_the_years_that_are_asked_for_are_told(period: Period) -> None:
    assert freight(found_in(REPORTS, period=period)) == [year for year in TOLD if year in period.of(YEARS)]


def test_fewer_than_three_years_and_what_no_year_tells_are_not_followed() -> None:
    assert found_in(REPORTS, period=Period(2018, 2019)) == []
    assert found_in(REPORTS, "How did the zoo change over the years?") == []
    assert found_in("Freight came to 3,000 units.\n\nIt was a good year.") == []


def test_a_short_budget_holds_the_best_of_as_many_years_as_fit() -> None:
    evidence = found_in(REPORTS, tokens=44, count=lambda it: 2 * len(it.split()))
    assert sum(2 * len(it.text.split()) for it in evidence) <= 44
    assert len(freight(evidence)) == len(evidence) > 1


def test_what_is_clear_by_itself_is_told_first() -> None:
    text = REPORTS.replace(" Freight came", " Even so Freight came to 1,000 units in May. Freight came")
    evidence = found_in(text)
    assert len(freight(sorted(evidence, key=lambda it: -it.score)[: len(TOLD)])) == len(TOLD)


def of_documents(texts: Mapping[str, str], pages: Mapping[str, PageMap] = MappingProxyType({})) -> list[Evidence]:
    return cover_years(
        [Chunk(source, number, 0, len(text), text) for number, (source, text) in enumerate(texts.items())],
        pages,
        768,
        "How did freight change over the years?",
        Period(),
        embeddings=About("Freight"),
        count_tokens=words,
        language_code="en",
    )


def year_by_year(evidence: Sequence[Evidence]) -> str:
    return shown_by_year([it.citation for it in units_of(evidence, "en")], evidence)


SERIES = "\n\n".join(
    f"({year}) Freight came to {year - 2000}7,000 units at the end. [{number}]"
    for number, year in enumerate(TOLD, start=1)
)


def test_years_are_told_by_the_names_of_documents() -> None:
    evidence = of_documents({f"report_{year}.txt": of_year(year) for year in YEARS})
    assert freight(evidence) == TOLD
    assert year_by_year(evidence) == SERIES


def test_documents_that_name_no_year_are_not_of_one() -> None:
    texts = {"letters.txt": of_year(2016), "report_2018.txt": of_year(2018), "report_2019.txt": of_year(2019)}
    assert of_documents(texts) == []
    evidence = of_documents({**texts, "report_2020.txt": of_year(2020)})
    assert freight(evidence) == [2018, 2019, 2020]


def test_a_heading_that_only_names_a_year_tells_none() -> None:
    text = "# Report\n\nIt rained.\n\n## Changes since 2016\n\nFreight came to 167,000 units at the end."
    assert year_title(sections(text).sections, "report_2021.md", len(text)) == "report_2021.md"
    assert year_title(sections(text).sections, "report.md", len(text)) == ""


def test_years_are_told_by_headings_above_others() -> None:
    text = "\n\n".join(f"# {number} The year {it}\n\n## Fleet\n\n{of_year(it)}" for number, it in enumerate(YEARS))
    evidence = of_documents({"a.md": text}, {"a.md": sections(text)})
    assert freight(evidence) == TOLD
    assert year_by_year(evidence) == SERIES


def test_of_long_documents_what_holds_words_of_the_request_is_compared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(over_years, "_MOST_COMPARED", 2 * len(YEARS))
    known = About("Freight")
    assert freight(found_in(REPORTS, embeddings=known)) == TOLD
    assert len(known.embedded) == 2 * len(YEARS)


@pytest.mark.parametrize(
    ("request_", "period", "named"),
    [
        ("How did freight develop from 2014 to 2023?", Period(2014, 2023), "How did freight ?"),
        ("How has net debt changed over the years?", Period(), "How has net debt ?"),
        (
            "How did the number of crew change between 2016 and 2020?",
            Period(2016, 2020),
            "How did the number of crew ?",
        ),
        ("What happened to reliability since 2018?", Period(2018), "What happened to reliability ?"),
        ("Summarise how the fleet was renewed over the decade.", Period(), "Summarise how the fleet was renewed ."),
        ("Give a short account of sales, 2014–2023.", Period(2014, 2023), "Give a short account of sales, ."),
        ("Wie hat sich die Fracht von 2014 bis 2020 entwickelt?", Period(2014, 2020), None),
        ("How did sales develop over the last three years?", Period(latest=3), "How did sales ?"),
        ("How did sales change from January 2014 to March 2018?", Period(2014, 2018), "How did sales ?"),
        ("How did sales change 2014-18?", Period(2014, 2018), "How did sales ?"),
        ("How did the tea 2014-2018 develop?", Period(2014, 2018), "How did the tea ?"),
        ("What was net debt each year?", Period(), "What was net debt ?"),
        ("How did development costs change over the years?", Period(), "How did development costs ?"),
        ("How did the growth of the movie Rose change over time?", Period(), "How did the growth of the movie Rose ?"),
        ("How much did revenue grow from 2014 to 2016?", None, None),
        ("How do I change the oil filter every year?", None, None),
        ("Describe how to change the filter every year.", None, None),
        ("How does the pump perform between 1500 and 2000 rpm?", None, None),
        ("How does the salary change during the probation period?", None, None),
        ("How did the captain fall overboard in 2014 and 2015?", None, None),
        ("Show the invoice dated 2014-2015.", None, None),
        ("Describe who was CEO since 2018.", None, None),
        ("How did the captain change the timetable?", None, None),
        ("In which year from 2014 to 2023 was freight highest?", None, None),
        ("How did freight develop from 2023 to 2014?", None, None),
        ("Summarise the report.", None, None),
    ],
)
def test_what_is_followed_through_which_years(request_: str, period: Period | None, named: str | None) -> None:
    assert followed_period(request_) == period
    if named is not None:
        assert followed_words(request_) == named
        assert not any(str(year) in without_period(request_) for year in range(2014, 2024))


@pytest.mark.parametrize(
    ("titles", "expected"),
    [
        (["2019", "2020", "2021"], [2019, 2020, 2021]),
        (["Report 2021", "Report 2020", "Report 2019"], [2021, 2020, 2019]),
        (["1 The year 2019", "Fleet", "2 The year 2020", "Fleet", "3 The year 2021"], [2019, 2020, 2021]),
        (["2019", "Goals of 2019", "2020", "2021"], [2019, 2019, 2020, 2021]),
        (["2019", "2020"], [2019, 2020]),
        (["2019", "Fleet"], []),
        (["2019", "Back in 2003", "2020", "2021"], []),
        (["2018", "2018 and 2019", "2020"], [2018, 2020]),
    ],
)
def test_parts_about_years_follow_each_other(titles: list[str], expected: list[int]) -> None:
    sections = [(10 * number, title) for number, title in enumerate(titles)]
    assert [named_year(title) for _, title in year_parts(sections)] == expected
    assert all((start, titles[start // 10]) in sections for start, _ in year_parts(sections))


def given(evidence: Sequence[Evidence], question: str, task: TaskType = "memorag") -> GenerationInput:
    return GenerationInput(
        question=question,
        task_type=task,
        evidence=evidence,
        outline=[],
        draft="",
        prompts=Prompts(language("en")),
        max_tokens=None,
    )


def answer(evidence: Sequence[Evidence], question: str, task: TaskType = "memorag") -> Answer:
    return ExtractiveGenerator(embeddings=HashEmbeddings()).invoke(given(evidence, question, task))


def searched() -> list[Evidence]:
    """What a search finds: the parts of some years."""
    pages = from_text(REPORTS).page_map
    places = [(REPORTS.index(of_year(year)), of_year(year)) for year in (2015, 2019)]
    return [Evidence("a.txt", start, start + len(text), text, 1.0, page_map=pages) for start, text in places]


def test_the_latest_years_are_those_that_are_known() -> None:
    assert Period(latest=3).of([2020, 2015, 2016, 2015, 2018]) == [2016, 2018, 2020]
    assert freight(found_in(REPORTS, period=Period(latest=3))) == [2018, 2019, 2020]


def test_the_answer_tells_each_year_and_takes_no_figure_for_a_contradiction() -> None:
    told = answer([*found_in(REPORTS), *searched()], "Describe how freight came to units at the end over the years.")
    assert told.text == SERIES
    assert not told.abstained
    assert told.conflicts == ()


def test_a_summary_of_something_through_years_covers_them() -> None:
    told = answer([*found_in(REPORTS), *searched()], "Summarize freight over the years.", task="summarize")
    assert [it.part for it in found_in(REPORTS)] == [YEARS.index(int(it)) + 1 for it in YEAR.findall(told.text)]
    assert told.confidence == 1.0


def test_what_the_document_does_not_tell_is_refused() -> None:
    assert answer([*found_in(REPORTS), *searched()], "How did piracy off Malta evolve over the years?").abstained


def test_a_chat_model_learns_the_years_and_may_tell_them() -> None:
    right, wrong = "Freight came to 157,000 units in 2015. [1]", "Freight came to 167,000 units in 2019. [2]"
    chat = Prompted(messages=iter([AIMessage(f"{right} {wrong}")]), prompts=[])
    generator = ChatGenerator(chat=chat, embeddings=HashEmbeddings())
    found = [*found_in(REPORTS), *searched()]
    told = generator.invoke(given(found, "How did freight change over the years?"))
    assert [told.text[it.start : it.end] for it in told.unsupported] == [wrong.removesuffix(" [2]")]
    (prompt,) = chat.prompts
    assert all(f"Report for the year {year}\n\nFreight came to" in prompt for year in TOLD)
    assert prompt.count("Report for the year") == len(TOLD)


def through_the_state(evidence: Sequence[Evidence], pages: Mapping[str, PageMap]) -> list[Evidence]:
    chunks = [Chunk(it.source, 0, it.start, it.end, it.text) for it in evidence]
    known = cast("HasPassages", SimpleNamespace(page_maps=pages, index=SimpleNamespace(chunks=chunks)))
    return [to_evidence(it, known) for it in to_documents(evidence)]


def test_years_are_told_after_the_evidence_went_through_the_state_of_the_graph() -> None:
    text = "\n\n".join(f"# {number} The year {it}\n\n## Fleet\n\n{of_year(it)}" for number, it in enumerate(YEARS))
    pages = {"a.md": sections(text)}
    evidence = through_the_state(of_documents({"a.md": text}, pages), pages)
    assert year_by_year(evidence) == SERIES
    assert dated(evidence[0]).startswith("0 The year 2015\n\nFreight came")


def test_years_are_told_by_headings_of_some_documents_and_by_names_of_others() -> None:
    texts = {"history.txt": "\n\n".join(f"Report for the year {it}\n\n{of_year(it)}" for it in (2015, 2016, 2017))}
    texts |= {f"report_{year}.txt": of_year(year) for year in (2018, 2019, 2020)}
    evidence = of_documents(texts, {"history.txt": from_text(texts["history.txt"]).page_map})
    assert year_by_year(evidence) == SERIES


@pytest.mark.parametrize("period", ["from 2010 to 2030", "since 2012", "from 2017 to 2020"])
def test_years_that_nothing_is_told_of_are_no_reason_to_refuse(period: str) -> None:
    request = f"Describe how freight came to units at the end {period}."
    told = answer([*found_in(REPORTS, request, followed_period(request) or ALL), *searched()], request)
    assert not told.abstained
    assert "(2018) Freight came to 187,000 units at the end." in told.text


def corran_in(*years: int) -> str:
    """Return reports of which some tell of a ship, and all of fires elsewhere."""
    text = REPORTS.replace(" The master", " A fire burned at the quay for days. The master")
    for year in years:
        place = text.index("A fire burned", text.index(f"year {year}"))
        text = f"{text[:place]}The Corran burned at the quay for days. {text[place:]}"
    return text


def test_what_is_named_is_followed_by_its_name_alone() -> None:
    request = "What happened to the Corran over the years?"
    evidence = found_in(corran_in(2015, 2017, 2020), request, embeddings=About("burned"))
    assert [it.text for it in evidence] == ["The Corran burned at the quay for days."] * 3
    assert found_in(corran_in(2015, 2020), request, embeddings=About("burned")) == []


@pytest.mark.parametrize(
    ("request_", "certain", "judged", "answers"),
    [
        ("How did freight change from 2015 to 2020?", (0.9, 0.8), 2, True),
        ("How did freight change from 2015 to 2020?", (0.9, 0.0), 2, False),
        ("How did freight change from 2015 to 2020?", (0.0, 0.9), 2, False),
        ("Summarize freight from 2015 to 2020.", (0.9, 0.0), 1, True),
    ],
)
def test_a_search_tells_whether_documents_are_about_it_and_the_series_whether_it_fits(
    request_: str, certain: tuple[float, float], judged: int, answers: bool
) -> None:
    evidence = [*found_in(REPORTS), *searched()]
    units = units_of(evidence, "en")
    asked: list[tuple[str, set[int]]] = []

    def confidence(asking: GenerationInput, some: Sequence[Unit]) -> float:
        asked.append((asking["question"], {evidence[it.citation.number - 1].part for it in some}))
        return certain[(len(asked) - 1) // 2] if len(asked) % 2 else 0.0

    series = year_series(given(evidence, request_), units, confidence)
    assert [question for question, _ in asked] == [request_, followed_words(request_)] * judged
    assert [0 in parts for _, parts in asked] == [True, True, False, False][: 2 * judged]
    assert not asked[0][1] - {0}
    assert (series is not None) == answers
    if series is not None:
        assert (len(series.citations), series.confidence) == (len(TOLD), certain[0])


def test_a_chat_model_contradicts_nothing_by_figures_of_different_years() -> None:
    reply = " ".join(f"Freight came to {year - 2000}7,000 units at the end. [{at}]" for at, year in enumerate(TOLD, 1))
    chat = Prompted(messages=iter([AIMessage(reply)]), prompts=[])
    found = [*found_in(REPORTS), *searched()]
    told = ChatGenerator(chat=chat, embeddings=HashEmbeddings()).invoke(
        given(found, "How did freight change each year?")
    )
    assert told.conflicts == ()
    others = [replace(it, part=0) for it in found]
    chat = Prompted(messages=iter([AIMessage(reply)]), prompts=[])
    assert (
        ChatGenerator(chat=chat, embeddings=HashEmbeddings()).invoke(given(others, "How much freight came?")).conflicts
    )


def test_the_share_of_parts_is_that_of_the_known_ones_unless_none_is_quoted() -> None:
    evidence = [*found_in(REPORTS), *searched()]
    assert share_of_parts(evidence, {1, 2, len(evidence)}) == 2 / len(TOLD)
    assert share_of_parts(evidence, {len(evidence)}) == 1 / len(evidence)


def test_a_passage_before_another_does_not_continue_it() -> None:
    pages = from_text(REPORTS).page_map
    first, second = (REPORTS.index("The harbour", REPORTS.index(f"year {it}")) for it in (2019, 2015))
    passages = [
        Evidence("a.txt", at, at + 60, REPORTS[at : at + 60], 1.0, page_map=pages, paragraph=at - 9)
        for at in (first, second)
    ]
    assert [it.begins_paragraph for it in units_of(passages, "en")] == [True, True]


@pytest.fixture
def opened(registry: Registry) -> OpenMemory:
    return registry.memorize([from_text(REPORTS)], TINY)


def test_years_take_half_of_the_evidence(opened: OpenMemory) -> None:
    options, count = RunOptions(evidence_tokens=600), opened.model.language_model.count

    def followed(question: str) -> tuple[list[Evidence], RunOptions]:
        return follow_years(opened.index, opened.page_maps, options, question, count_tokens=count, language_code="en")

    evidence, others = followed("How did freight change over the years?")
    assert freight(evidence) == TOLD
    assert others.evidence_tokens == options.evidence_tokens // 2
    assert sum(count(it.text) for it in evidence) <= options.evidence_tokens // 2
    for question in ("How much freight came in 2019?", "How did the zoo change over the years?"):
        assert followed(question) == ([], options)


def test_a_search_finds_what_each_year_tells_first(opened: OpenMemory) -> None:
    options = RunOptions(evidence_tokens=600)
    found = search(
        opened, options, [Query("draft", "Freight")], None, question="How did freight change over the years?"
    )
    assert freight(found[: len(TOLD)]) == TOLD
    assert all(it.part for it in found[: len(TOLD)])
    assert found[len(TOLD) :]
    assert not any(it.part for it in found[len(TOLD) :])
