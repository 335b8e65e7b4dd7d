"""Where a question asks why, reasons that a sentence announces are quoted with it."""

import pytest

from tests.test_sentence_subjects import ask

FREIGHT = (
    "Freight at the quay\n\nWe carried 283,000 units of freight in 2021. In 2020 it was 236,000.\n\n{} The border made "
    "the crossings slow. The country ran short of drivers. Shops bought more. The crane was painted.\n\n"
    "Staff\n\nThe canteen has a new cook. Lunch is at noon."
)
QUESTION = "Why did we carry 283,000 units of freight in 2021?"
REASONS = ("The border made", "The country ran short", "Shops bought more", "The crane was painted")


@pytest.mark.parametrize(
    ("announcement", "number"),
    [
        ("Three things did it.", 3),
        ("There were two reasons.", 2),
        ("Two things account for the rise.", 2),
        ("That was so for three main reasons.", 3),
        ("Several factors played a part.", 2),
        ("There are three things in the shed.", 0),
        ("We have two reasons and a cat.", 0),
        ("Three men did it.", 0),
    ],
)
def test_as_many_reasons_are_quoted_as_are_announced(announcement: str, number: int) -> None:
    text = ask(QUESTION, FREIGHT.format(announcement)).text
    assert [it in text for it in REASONS] == [at < number for at in range(len(REASONS))]
    assert (announcement in text) == (number > 0)


def test_only_why_asks_for_reasons() -> None:
    found = ask("How many units of freight did we carry in 2021?", FREIGHT.format("Three things did it."))
    assert "The border" not in found.text


def test_a_sentence_with_a_semicolon_tells_all() -> None:
    told = "Two things account for it. The surcharge shrank; and the bridge opened. It rained."
    found = ask("Why did revenue fall in 2015?", f"Revenue fell to £146m in 2015. {told}").text
    assert "the bridge opened" in found
    assert "It rained" not in found


def test_reasons_of_something_under_another_heading_are_not_quoted() -> None:
    apart = FREIGHT.format("Staff came and went.\n\nRats in the store\n\nTwo things did it.")
    assert "The border" not in ask(QUESTION, apart).text
