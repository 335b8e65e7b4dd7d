"""Questions for the most or the least: the figures that sentences tell are compared, against a plain sort of them."""

import random
from collections.abc import Callable

import pytest

from memorag_graph.generation.answer import Answer
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.text.superlatives import asked_superlative, without_superlatives
from memorag_graph.text.told_figures import told_figures
from tests.conftest import HashEmbeddings
from tests.test_lists import answer as answer_of
from tests.test_lists import chunks_of, find
from tests.test_sentence_subjects import ask

FILLING = "Complaints go to the office, which answers soon. Prices are fixed for one year and then follow the index."

SPANS = {"Garrow": "410 m", "Wend": "1.2 km", "Port": "395 m"}

TEXTS = {
    "Which year had the {most} passengers?": "{year} had {value:,} passengers, and the crews were praised for it.",
    "When was revenue {highest}?": "Revenue for {year} was £{millions:.1f}m, after much rain.",
    "In which year was operating profit {highest}?": "Operating profit in {year} was £{millions:.1f}m against £99.9m.",
}
"""Questions, and sentences that tell the figures."""


def answered(told: list[str], question: str) -> Answer:
    found = reply(told, question)
    assert not found.abstained
    return found


def reply(told: list[str], question: str) -> Answer:
    """Ask a text of which each paragraph has a sentence among many others; the evidence has room for a part."""
    paragraphs = [f"{it} {FILLING}" for it in told] + [FILLING] * 40
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks_of(paragraphs), HashEmbeddings()), "en")
    found: Answer = answer_of(index, question, find(index, question, 200))
    return found


@pytest.mark.parametrize(
    ("sentence", "told"),
    [
        ("We carried 283,000 units in 2021.", ("units", "", 283_000)),
        ("They carried 1.02 million people across the bay.", ("people", "", 1_020_000)),
        ("Passengers came to 3.49 million, 2.5% fewer than before.", ("passengers", "", 3_490_000)),
        ("Revenue rose by 16.8%, from £146.9m to £171.6m.", ("revenue", "£", 171_600_000)),
        ("Revenue: 179", ("revenue", "", 179)),
        ("The share of women was 48 %.", ("women", "%", 48)),
        ("The notice period is 30 days.", ("notice", "time", 30 * 86_400)),
        ("The bridge is 1.2 km long.", ("bridge", "length", 1200)),
        ("In 2021 the harbour handled 412,000 tonnes of cargo.", ("cargo", "mass", 412e9)),
        ("In 2021 the harbour handled 412,000 tonnes of cargo.", ("tonnes", "mass", 412e9)),
        ("They used 12 litres of the lamp oil a day.", ("oil", "litre", 12)),
    ],
)
def test_a_figure_and_what_it_is_of_are_read(sentence: str, told: tuple[str, str, float]) -> None:
    assert told in [(it.thing, it.kind, pytest.approx(it.value)) for it in told_figures(sentence)]


@pytest.mark.parametrize(
    "sentence",
    [
        "Units were 12,000 fewer.",
        "We opened in 1998 ships and all.",
        "The plan was 300,000 units.",
        "The ship has a capacity of 900 passengers.",
        "We expect 400,000 passengers.",
    ],
)
def test_years_plans_and_limits_are_no_figures(sentence: str) -> None:
    assert [it for it in told_figures(sentence) if it.thing in ("ships", "units", "passengers")] == []


@pytest.mark.parametrize(
    ("question", "ways"),
    [
        ("Which was the busiest year for freight?", (1,)),
        ("In which year did the most people travel?", (1,)),
        ("When was revenue at its lowest?", (-1,)),
        ("What is the most important reason?", ()),
        ("Who spoke for most of the time?", ()),
        ("When was the workforce at its largest and when at its smallest?", (1, -1)),
        ("What is the most recent report?", ()),
        ("The largest ship sank.", ()),
        ("Who are the most senior officers?", ()),
        ("What do most people think?", ()),
        ("What is the maximum speed?", ()),
        ("What is the minimum deposit?", ()),
        ("What records must the tenant keep?", ()),
        ("What was recorded?", ()),
        ("When is the peak season?", ()),
        ("Who is the highest-paid director?", ()),
        ("What are the three largest customers?", ()),
        ("Which were the two quietest years?", ()),
        ("When did passengers reach their peak?", (1,)),
    ],
)
def test_which_questions_ask_for_the_most_or_the_least(question: str, ways: tuple[int, ...]) -> None:
    asked = asked_superlative(question)
    assert (asked.ways if asked else ()) == ways


@pytest.mark.parametrize(
    ("question", "noun", "counts"),
    [
        ("Which year had the most foot passengers?", "passengers", True),
        ("In which year did the most people travel?", "people", True),
        ("What was the highest operating profit in the north?", "operating profit", False),
        ("What was the largest number of passengers?", "number", True),
        ("Which is the largest ship of the fleet?", "ship", False),
        ("When was revenue highest in the north?", "", False),
    ],
)
def test_what_the_most_is_asked_of_is_read(question: str, noun: str, counts: bool) -> None:
    asked = asked_superlative(question)
    assert asked
    assert (asked.noun, asked.counts) == (noun, counts)


def test_the_words_for_the_most_are_no_words_of_the_figures() -> None:
    assert without_superlatives("What was the highest profit?").split() == ["What", "was", "the", "profit?"]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("way", [max, min])
@pytest.mark.parametrize("question", list(TEXTS))
def test_the_sentence_with_the_extreme_figure_answers(question: str, way: Callable[..., int], seed: int) -> None:
    chance = random.Random(f"{seed} {question}")
    values = dict(zip(range(2010, 2018), chance.sample(range(300_000, 900_000), 8), strict=True))
    told = [TEXTS[question].format(year=year, value=value, millions=value / 1e4) for year, value in values.items()]
    words = {"most": "most", "highest": "highest"} if way is max else {"most": "fewest", "highest": "lowest"}
    answer = answered(told, question.format(**words))
    assert [year for year in values if str(year) in answer.text] == [way(values, key=lambda it: values[it])]
    word = "highest" if way is max else "lowest"
    assert any(f"The {word} of the figures that 8 sentences tell" in notice for notice in answer.notices)


def test_what_counts_something_else_is_not_compared() -> None:
    told = [f"In {year} we had {1300 + year % 100} employees at work." for year in range(2012, 2018)]
    told.append("In June we let go of 46 employees after the storm.")
    assert "2012" in answered(told, "In which year had we the fewest employees at work?").text


@pytest.mark.parametrize(
    ("told", "question", "answer"),
    [
        (
            [f"Freight revenue in {year} was £{20 + year % 3}m." for year in range(2014, 2017)]
            + [f"Passenger revenue in {year} was £{40 + year % 5}m." for year in range(2014, 2020)],
            "In which year was freight revenue highest?",
            "Freight revenue in 2015 was £22m",
        ),
        (
            [f"We had {count} complaints about noise." for count in (120, 160, 90)]
            + [f"We had {count} complaints about food." for count in (300, 280, 310, 250)],
            "When were there the most complaints about noise?",
            "160 complaints about noise",
        ),
        (
            [f"Our fleet had {count} ships in {year}." for year, count in ((2014, 14), (2015, 13), (2016, 18))]
            + ["The Morven is the largest ship of the fleet."],
            "Which is the largest ship of the fleet?",
            "The Morven is the largest",
        ),
        (
            [f"The notice period of contract {name} is {time}." for name, time in (
                ("A", "30 days"), ("B", "3 months"), ("C", "8 weeks"), ("D", "40 days"), ("E", "6 months")
            )],
            "Which contract has the longest notice period?",
            "contract E is 6 months",
        ),
        (
            [f"The {name} Bridge is {size} long." for name, size in SPANS.items()]
            + ["The Garrow Bridge is the highest bridge of the county."],
            "What is the highest bridge of the county?",
            "Garrow Bridge is the highest",
        ),
        (
            [f"Freight was {count},000 units in {year}." for year, count in ((2014, 212), (2015, 219), (2016, 251))]
            + ["We carried 283,000 units in 2021."],
            "Which was the busiest year for freight, and how many units were carried?",
            "283,000 units",
        ),
        (
            [f"In {first} we had 300,000 passengers, and in {first + 1} we had {count},000 passengers."
             for first, count in ((2012, 310), (2014, 480), (2016, 320))],
            "When had we the most passengers?",
            "480,000",
        ),
    ],
)  # fmt: skip
def test_figures_of_other_things_are_not_compared(told: list[str], question: str, answer: str) -> None:
    assert answer in answered(told, question).text


def test_of_prices_that_are_far_apart_the_highest_answers() -> None:
    told = [
        f"Product: {name} | Price: £{price}" for name, price in (("Jar", 2), ("Bag", 3), ("Rope", 4), ("Boat", 900))
    ]
    assert "Boat" in answered(told, "Which product has the highest price?").text


def test_a_figure_of_another_order_leaves_open_which_is_the_lowest() -> None:
    told = [f"Revenue in {year} was £{year - 1900}m." for year in range(2014, 2019)] + ["Revenue from bags was £0.2m."]
    found = reply(told, "What was the lowest revenue?")
    assert not [notice for notice in found.notices if "figures" in notice]


def test_where_too_few_figures_are_of_what_is_asked_none_are_compared() -> None:
    told = [f"Passenger revenue in {year} was £{40 + year % 5}m." for year in range(2014, 2020)]
    told += ["Freight revenue in 2014 was £20m.", "Freight revenue in 2015 was £22m."]
    found = reply(told, "In which year was freight revenue highest?")
    assert not [notice for notice in found.notices if "figures" in notice]
    assert "Passenger revenue" not in found.text


@pytest.mark.parametrize(
    ("question", "called", "way"),
    [
        ("In which year did the most people travel with us?", "We carried {} passengers in {}.", max),
        ("In which year did the most people sail?", "{} people sailed with us in {}.", max),
        ("When did the fewest people visit the museum?", "The museum had {} visitors in {}.", min),
        ("When did the most people work for us?", "We had {} employees in {}.", max),
        ("In which year did the most people attend?", "There were {} participants in {}.", max),
        ("When was the workforce at its largest?", "On average we employed {} people in {}.", max),
        ("When was ridership lowest?", "We carried {} passengers in {}.", min),
        ("Which year had the largest staff?", "We had {} employees in {}.", max),
    ],
)
def test_people_are_counted_by_what_they_are_called(question: str, called: str, way: Callable[..., int]) -> None:
    chance = random.Random(question)
    others = ["We carried {} passengers in {}.", "The museum had {} visitors in {}.", "We had {} employees in {}."]
    told = []
    for sentence in (*(it for it in others if it != called), "{} people bought a ticket in {}.", called):
        values = dict(zip(range(2010, 2016), chance.sample(range(300, 900), 6), strict=True))
        told += [sentence.format(value, year) for year, value in values.items()]
    answer = answered(told, question)
    best = way(values, key=lambda it: values[it])
    assert called.format(values[best], best) in answer.text


def test_sentences_with_figures_are_found_though_others_hold_more_words_of_the_question() -> None:
    told = [f"{year} had {300 + year * 7 % 90},000 passengers." for year in range(2010, 2018)]
    told += ["Passengers of the company could not tell what brought them to travel by the early boat."] * 8
    question = "When had the company the most passengers, and what brought them to travel?"
    answer = answered(told, question)
    assert f"{max(range(2010, 2018), key=lambda year: year * 7 % 90)} had" in answer.text
    assert any("8 sentences" in notice for notice in answer.notices)


def test_what_stands_around_the_best_figure_is_evidence() -> None:
    told = [f"{year} had {300 + year * 7 % 90},000 passengers." for year in range(2010, 2018)]
    index = MemoryIndex.of(
        FaissIndex.from_chunks(chunks_of([f"{it} {FILLING}" for it in told]), HashEmbeddings()), "en"
    )
    best = max(range(2010, 2018), key=lambda year: year * 7 % 90)
    evidence = find(index, "Which year had the most passengers?", 80)
    (whole,) = (it.text for it in evidence if f"{best} had" in it.text)
    assert whole.endswith(FILLING)
    assert all(any(it in passage.text for passage in evidence) for it in told)


@pytest.mark.parametrize("seed", range(3))
def test_the_highest_and_the_lowest_answer_a_question_for_both(seed: int) -> None:
    chance = random.Random(seed)
    values = dict(zip(range(2010, 2018), chance.sample(range(300_000, 900_000), 8), strict=True))
    told = [f"{year} had {value:,} passengers, and the crews were praised for it." for year, value in values.items()]
    answer = answered(told, "Which year had the most and which the fewest passengers?")
    extremes = {way(values, key=lambda it: values[it]) for way in (max, min)}
    assert {year for year in values if str(year) in answer.text} == extremes
    assert any("The highest and the lowest of the figures that 8 sentences" in notice for notice in answer.notices)


def test_the_costs_of_people_are_not_their_number() -> None:
    told = [f"We employed {400 + year * 5 % 9} people in {year}." for year in range(2010, 2016)]
    told += [f"Staff costs were £{20 + year * 7 % 9}m in {year}." for year in range(2010, 2016)]
    best = max(range(2010, 2016), key=lambda year: year * 7 % 9)
    for question in ("In which year were the highest staff costs?", "When were staff costs highest?"):
        assert str(best) in answered(told, question).text


YEARLY = "\n\n".join(
    f"# Letter for {year}\n\n## Traffic\n\nWe carried {300 + year * 7 % 90},000 passengers. {FILLING}"
    for year in range(2010, 2018)
)


@pytest.mark.parametrize(
    ("question", "is_said"),
    [
        ("In which year did we carry the most passengers?", True),
        ("When did we carry the most passengers?", True),
        ("Where did we carry the most passengers?", False),
    ],
)
def test_the_heading_tells_the_year_that_a_sentence_lacks(question: str, is_said: bool) -> None:
    best = max(range(2010, 2018), key=lambda year: year * 7 % 90)
    assert (f"Letter for {best}" in ask(question, YEARLY).text) == is_said


@pytest.mark.parametrize("way", [max, min])
def test_of_very_many_figures_the_best_is_found(way: Callable[..., int]) -> None:
    chance = random.Random(5)
    values = chance.sample(range(300_000, 900_000), 300)
    told = [f"On day {at} of the log the ships had {value:,} passengers." for at, value in enumerate(values)]
    told += [f"In all of the log the line {line} had {900 + line},000,000 passengers." for line in range(30)]
    question = f"On which day of the log had the ships the {'most' if way is max else 'fewest'} passengers?"
    assert f"had {way(values):,} passengers" in answered(told, question).text
