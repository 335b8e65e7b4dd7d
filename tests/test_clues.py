"""Clues: reading a model's lists, dropping what is no use, prompts, digests."""

import os
import subprocess
import sys

import pytest

from memorag_graph.clues.parsing import parse_clues
from memorag_graph.errors import InputError
from memorag_graph.languages import language
from memorag_graph.memory.digest import central_sentences, faithful_digest
from memorag_graph.prompts import REQUIRED_FIELDS, Prompts
from memorag_graph.sentences import split_sentences
from tests.conftest import TEXT

QUESTION = "How many people did the ferry carry?"


@pytest.mark.parametrize(
    "line",
    ["1. The ferry sailed to Inshay", "- The ferry sailed to Inshay", "• “The ferry sailed to Inshay”",
     "(2) The ferry sailed to Inshay", "Q3: The ferry sailed to Inshay", "   * **The ferry sailed to Inshay**"],
)  # fmt: skip
def test_bullets_and_quotes_are_taken_off(line: str) -> None:
    assert parse_clues(line, QUESTION) == ["The ferry sailed to Inshay"]


@pytest.mark.parametrize("bullet", ["1、{}", "（二）{}", "问题1：{}", "「{}」"])
def test_clues_of_a_language_without_spaces(bullet: str) -> None:
    clue = "轮船驶往因谢岛的港口"
    assert parse_clues(bullet.format(clue), "收入是多少？") == [clue]


def test_a_figure_at_the_start_is_no_bullet() -> None:
    assert parse_clues("2.5 million people sailed", QUESTION) == ["2.5 million people sailed"]


def test_broken_characters_are_left_out() -> None:
    assert parse_clues("The ferry\ufffd sailed to Inshay", QUESTION) == ["The ferry sailed to Inshay"]


def test_scraps_repeats_echoes_and_headings_are_dropped() -> None:
    reply = "\n".join(
        ["Here are the questions:", QUESTION, "How many people did the ferry carry", "ferry", "", "1.",
         "The harbour at Thorle was closed", "the harbour at Thorle was CLOSED!", "Freight rose in autumn"]
    )  # fmt: skip
    assert parse_clues(reply, QUESTION) == ["The harbour at Thorle was closed", "Freight rose in autumn"]


@pytest.mark.parametrize("code", ["en", "zh", "de"])
def test_every_language_has_all_prompts_with_their_placeholders(code: str) -> None:
    prompts = Prompts(language(code))
    for key, template in prompts.resolved().items():
        assert all(f"{{{name}}}" in template for name in REQUIRED_FIELDS[key])
    filled = prompts.fill("qa_gen", question="Q {evidence}?", evidence="E", memory="")
    assert "Q {evidence}?" in filled
    assert "\n\n\n" not in filled


def test_documents_in_other_languages_are_answered_in_their_language() -> None:
    german = Prompts(language("de"))
    assert all("Write in German." in german[key] for key in ("gist", "span", "sur", "qa", "sum", "qa_gen", "sum_gen"))
    assert "German" not in german["context"]
    assert "Write in" not in Prompts(language("en"))["qa"]


def test_overrides_are_used_and_checked() -> None:
    assert Prompts(language("en"), {"qa": "Q: {question}"}).fill("qa", question="Why?") == "Q: Why?"
    with pytest.raises(InputError, match=r"must contain \{question\}") as error:
        Prompts(language("en"), {"span": "no placeholder"})
    assert error.value.field == "prompts.span"
    with pytest.raises(InputError, match="choose from context, gist"):
        Prompts(language("en"), {"bogus": "x"})  # type: ignore[dict-item]


def count(text: str) -> int:
    return len(text.split())


@pytest.mark.parametrize(
    "draft",
    ["", "The ferry carried 17 thousand people to the moon in 2099.", "nothing " * 50,
     "In the year 1990 the ferry carried 970 thousand people and 930 lorries."],
)  # fmt: skip
def test_a_digest_says_only_what_the_section_says(draft: str) -> None:
    digest = faithful_digest(draft, TEXT, 60, count, "en")
    assert 20 < count(digest) <= 60
    assert all(sentence.text in TEXT for sentence in split_sentences(digest, "en"))


def test_a_digest_keeps_a_drafted_sentence_that_is_borne_out() -> None:
    draft = "In 1990 the ferry carried 930 thousand people. In 1990 it carried 931 thousand people."
    digest = faithful_digest(draft, TEXT, 60, count, "en")
    assert "In 1990 the ferry carried 930 thousand people." in digest
    assert "931" not in digest


def test_a_digest_of_a_section_without_sentences_keeps_to_its_limit() -> None:
    assert 0 < len(faithful_digest("", "x" * 500, 20, len, "en")) <= 20


def test_central_sentences_come_once_each_and_not_the_empty_ones_first() -> None:
    sentences = split_sentences(
        "Thank you very much for your kind attention. The ferry company carried 320 lorries across the harbour. "
        "The harbour and the ferry were closed by storms in November. Lorries and ferry passengers waited.",
        "en",
    )
    ranked = list(central_sentences(sentences))
    assert len(ranked) == len(set(ranked))
    assert not ranked[0].text.startswith("Thank you")


def test_a_digest_does_not_depend_on_the_order_of_a_set() -> None:
    """Words are hashed anew in each process; sentences that weigh nearly the same must not change places."""
    code = (
        "from memorag_graph.memory.digest import central_sentences\n"
        "from memorag_graph.sentences import split_sentences\n"
        "words = [chr(97 + n % 26) * 3 + chr(97 + n // 26) * 2 for n in range(200)]\n"
        "text = ' '.join(' '.join(words[(7 * n + k * k) % 200] for k in range(9)) + '.' for n in range(150)).title()\n"
        "print([sentence.start for sentence in central_sentences(split_sentences(text, 'en'))])\n"
    )
    orders = {
        subprocess.run(
            [sys.executable, "-c", code],
            env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in range(4)
    }
    assert len(orders) == 1
    assert len(orders.pop()) > 100
