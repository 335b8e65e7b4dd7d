"""Questions for the most or the least: the figures that sentences tell are compared, against a plain sort of them."""

import random
from collections.abc import Callable

import pytest

from memorag_graph.generation.answer import Answer
from memorag_graph.retrieval.dense_index import FaissIndex
from memorag_graph.retrieval.memory_index import MemoryIndex
from memorag_graph.text.superlatives import asked_extreme, without_superlatives
from memorag_graph.text.told_figures import told_figures
from tests.conftest import HashEmbeddings
from tests.test_lists import answer as answer_of
from tests.test_lists import chunks_of, find

FILLING = "Complaints go to the office, which answers soon. Prices are fixed for one year and then follow the index."

TEXTS = {
    "Which year had the {most} passengers?": "{year} had {value:,} passengers, and the crews were praised for it.",
    "When was revenue {highest}?": "Revenue for {year} was £{millions:.1f}m, after much rain.",
    "In which year was operating profit {highest}?": "Operating profit in {year} was £{millions:.1f}m against £99.9m.",
}
"""Questions, and sentences that tell the figures."""


def answered(told: list[str], question: str) -> Answer:
    """Ask a text of which each paragraph has a sentence among many others; the evidence has room for a part."""
    paragraphs = [f"{it} {FILLING}" for it in told] + [FILLING] * 40
    index = MemoryIndex.of(FaissIndex.from_chunks(chunks_of(paragraphs), HashEmbeddings()), "en")
    found: Answer = answer_of(index, question, find(index, question, 200))
    assert not found.abstained
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
    ],
)
def test_a_figure_and_what_it_is_of_are_read(sentence: str, told: tuple[str, str, float]) -> None:
    assert told in [(it.thing, it.kind, pytest.approx(it.value)) for it in told_figures(sentence)]


@pytest.mark.parametrize(
    "sentence",
    [
        "We opened in 1998 ships and all.",
        "The plan was 300,000 units.",
        "The ship has a capacity of 900 passengers.",
        "We expect 400,000 passengers.",
    ],
)
def test_years_plans_and_limits_are_no_figures(sentence: str) -> None:
    assert [it for it in told_figures(sentence) if it.thing in ("ships", "units", "passengers")] == []


@pytest.mark.parametrize(
    ("question", "way"),
    [
        ("Which was the busiest year for freight?", 1),
        ("In which year did the most people travel?", 1),
        ("When was revenue at its lowest?", -1),
        ("What is the most important reason?", 0),
        ("Who spoke for most of the time?", 0),
        ("When was the workforce at its largest and when at its smallest?", 0),
        ("What is the most recent report?", 0),
        ("The largest ship sank.", 0),
    ],
)
def test_which_questions_ask_for_the_most_or_the_least(question: str, way: int) -> None:
    assert asked_extreme(question) == way


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
    assert any(f"The {word} of the figures that 8 passages tell" in notice for notice in answer.notices)


def test_what_counts_something_else_is_not_compared() -> None:
    told = [f"In {year} we had {1300 + year % 100} employees at work." for year in range(2012, 2018)]
    told.append("In June we let go of 46 employees after the storm.")
    assert "2012" in answered(told, "In which year had we the fewest employees at work?").text
