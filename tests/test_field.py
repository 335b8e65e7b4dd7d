"""Files of the kinds that people have, read, memorized and asked as a user does, with the embedded pair."""

import json
import re
from collections.abc import Callable
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import read_document
from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions

pytestmark = pytest.mark.embedded

FIELD = Path(__file__).parent / "field"
OPTIONS = RunOptions(model="embedded", gist_tokens=16)  # lookups read no gists
DEPOTS: dict[str, list[str]] = json.loads((FIELD / "table_truth.json").read_text())
ARTICLES: dict[str, str] = json.loads((FIELD / "statutes_truth.json").read_text())

Ask = Callable[[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def ask(embedded_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Any:
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        (home / "models").symlink_to(embedded_home / "models", target_is_directory=True)
        patch.setenv("MEMORAG_GRAPH_HOME", str(home))
        registry = Registry()
        graph = build_graph(registry)

        @cache
        def memory(name: str) -> str:
            document = read_document(FIELD / name, name=name)
            return registry.memorize([document], OPTIONS).memory.id

        def run(name: str, question: str) -> dict[str, Any]:
            given = {"memory_id": memory(name), "query": question, "task_type": "lookup"}
            result: dict[str, Any] = graph.invoke(given, context=OPTIONS)
            return result

        yield run


@pytest.mark.parametrize(
    ("name", "question", "said", "never"),
    [
        ("short_keyvalue.txt", "What is the wifi password?", ["tulip-river"], ["Tuesday"]),
        ("short_keyvalue.txt", "Who is the landlord?", ["Mrs Okafor"], ["noon"]),
        ("hidden_text.pdf", "What is the total award amount for the Kestrel project?", ["485,000"], ["1 USD", "4 USD"]),
        (
            "two_columns_rowwise.pdf",
            "Who was the first keeper of the museum?",
            ["Its first keeper was Ada Lindqvist"],
            [],
        ),
        ("two_columns_rowwise.pdf", "What did the work cost the town?", ["The work cost the town eleven thousand"], []),
        ("hidden.html", "When does the ferry to Inshay leave?", ["at 8 and at 17"], ["3 o'clock", "at 4", "at 5"]),
        ("hidden.html", "How many berths did the Heron have in 2020?", ["Year: 2020 | Berths: 44"], ["41"]),
        ("note.rtf", "When does the café on the quay open?", ["seven in the morning"], ["\\"]),
        ("note.rtf", "Who is the owner?", ["Łukasz Zając"], ["\\"]),
        ("bom.md", "When does the gate open?", ["seven"], ["\ufeff"]),
        ("mixed_scanned.pdf", "What does clause 2.11 of the lease say?", ["Clause 2.11 of"], ["Clause 2.1 of"]),
    ],
)
def test_the_right_value_is_said(ask: Ask, name: str, question: str, said: list[str], never: list[str]) -> None:
    result = ask(name, question)
    answer = " ".join(result["answer"].split())
    assert not result["abstained"]
    assert [it for it in said if it not in answer] == []
    assert [it for it in never if it in answer] == []


@pytest.mark.parametrize("depot", ["Alder North", "Maple South", "Hazel East", "Lime West", "Oak Mid"])
def test_a_row_of_a_long_table_is_the_one_that_was_asked_for(ask: Ask, depot: str) -> None:
    _, revenue, costs, staff, lorries = DEPOTS[depot]
    result = ask("table_over_pages.pdf", f"What are the costs of {depot}?")
    assert [it["quote"] for it in result["citations"]] == [
        f"Depot: {depot} | Revenue: {revenue} | Costs: {costs} | Staff: {staff} | Lorries: {lorries}"
    ]


@pytest.mark.parametrize("number", ["1", "4", "7", "28", "58"])
def test_an_article_is_found_by_its_number(ask: Ask, number: str) -> None:
    result = ask("statutes.txt", f"What does Article {number} say?")
    assert not result["abstained"]
    quotes = " ".join(it["quote"] for it in result["citations"])
    assert quotes == " ".join(ARTICLES[number].split("\n\n")[1].split())


def test_an_article_that_there_is_not_is_not_taken_for_another(ask: Ask) -> None:
    result = ask("statutes.txt", "What does Article 77 say?")
    assert result["abstained"]
    assert "No passage mentions Article 77." in result["notices"]


def test_thai_is_answered_with_the_sentence_of_the_village(ask: Ask) -> None:
    lines = [line for line in (FIELD / "thai_villages.txt").read_text(encoding="utf-8").splitlines() if line.strip()]
    line = lines[1]
    village = re.split("ในปีนี้", line)[0]
    result = ask("thai_villages.txt", f"ปีนี้เกิดอะไรขึ้น{village}")
    assert not result["abstained"]
    assert line in " ".join(it["quote"] for it in result["citations"])


def test_a_question_in_another_language_is_answered_and_the_languages_are_named(ask: Ask) -> None:
    result = ask("bom.md", "Wann öffnet das Tor an Werktagen?")
    assert not result["abstained"]
    assert result["faults"] == ["language_differs"]
    assert "The gate opens at seven on every working day." in result["answer"]
    assert "German" in result["notices"][0]
