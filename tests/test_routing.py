"""``task_type="auto"``: the question decides, then its evidence, and the route gives the reason."""

import json
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.graph import build_graph
from memorag_graph.registry import Registry
from memorag_graph.routing import AS_ASKED, LONGEST_LOOKUP, Route, choose_task, route
from memorag_graph.settings import TASK_TYPES
from tests.conftest import TEXT, TINY

SUMMARIES = [
    "Summarize the document.",
    "Please summarise the whole meeting.",
    "What are the main points?",
    "Give me an overview",
    "Write a short summary of this report in five sentences.",
    "What is this book about?",
    "TL;DR summary please",
    "Give us an overview of it.",
    "May I get a summary of the PDF?",
    "Let me see an outline of all of it",
    "What were the main discussion points of the meeting?",
    "请概括这篇文章。",
    "总结一下全文",
]
LOOKUPS = [
    "Who sailed the Tarvay Star?",
    "When did the bridge open?",
    "In which year was the pier closed?",
    "Where was she born?",
    "How many lorries crossed in 1999?",
    "What is the name of the ferry?",
    "What year did Quill retire?",
    "Did the company pay a dividend?",
    "谁是船长？",
    "这艘船是哪一年建成的？",
    "桥有多长？",
]
OPEN = [
    "Which year had peak revenue?",
    "How did the pandemic impact the company?",
    "Why was the bridge closed?",
    "How are the mutual relationships of the main roles?",
    "Compare the two ferries.",
    "What do the letters say about storms?",
    "Summarize the Project Manager's views on the touch screen.",
    "List all of the captains.",
    "Summarize the war.",
    "Give me an overview of his tax law.",
    "请总结2020年",
    "疫情如何影响公司？",
    "¿Quién es el capitán?",
]


@pytest.mark.parametrize(
    ("question", "task"),
    [*((it, "summarize") for it in SUMMARIES), *((it, "lookup") for it in LOOKUPS), *((it, "memorag") for it in OPEN)],
)
def test_the_rule(question: str, task: str) -> None:
    decided = route(question)
    assert (decided.task, bool(decided.reason)) == (task, True)


def test_a_long_question_is_no_lookup() -> None:
    short = "Who was it that " + "really " * (LONGEST_LOOKUP - 5) + "sailed?"
    assert route(short).task == "lookup"
    assert route(short.replace("sailed", "ever sailed")).task == "memorag"


def test_no_question_of_the_example_is_taken_for_a_summary() -> None:
    lines = (Path(__file__).parent.parent / "examples" / "questions.jsonl").read_text(encoding="utf-8").splitlines()
    questions = [json.loads(line) for line in lines]
    assert [it["query"] for it in questions if it["kind"] != "summary" and route(it["query"]).task == "summarize"] == []


@pytest.mark.parametrize("trusts_clues", [True, False])
def test_only_auto_is_chosen_and_only_clues_worth_the_wait_are_asked_for_at_once(trusts_clues: bool) -> None:
    for task in TASK_TYPES:
        if task != "auto":
            assert choose_task(task, "Why did it sink?", trusts_clues=trusts_clues) == Route(task, AS_ASKED)
    several = choose_task("auto", "Why did it sink?", trusts_clues=trusts_clues)
    assert (several.task, several.looks_up_first) == (("memorag", False) if trusts_clues else ("lookup", True))
    fact = choose_task("auto", "Who rebuilt it?", trusts_clues=trusts_clues)
    assert (fact.task, fact.looks_up_first) == ("lookup", True)
    whole = choose_task("auto", "Summarize the book.", trusts_clues=trusts_clues)
    assert (whole.task, whole.looks_up_first) == ("summarize", False)


def test_the_memory_is_asked_only_where_the_evidence_does_not_answer(registry: Registry) -> None:
    sentence = "Captain Quill retired in the spring of the year 1911"
    text = f"{TEXT}\n\n{sentence}."
    graph = build_graph(registry)

    def ask(query: str, task: str = "auto") -> dict[str, Any]:
        given: Any = {"context": text, "query": query, "task_type": task}
        result: dict[str, Any] = graph.invoke(given, context=TINY)
        return result

    answered, lacking = ask(f"{sentence}?"), ask("Why did the zeppelin burn at the quarantine barracks of Umbria?")
    assert (answered["task"], set(answered["timings"])) == ("lookup", {"memorize", "look_up", "generate"})
    assert answered["evidence"] == ask(f"{sentence}?", "lookup")["evidence"]
    assert lacking["task"] == "memorag"
    assert {"recall", "rewrite"} <= set(lacking["timings"])
    told = lacking["trace"][1]
    assert (told["node"], told["what"], told["text"]) == ("look_up", "route", "memorag")
    assert "zeppelin" in told["reason"]
    as_asked = ask("Why did the zeppelin burn at the quarantine barracks of Umbria?", "memorag")
    assert lacking["evidence"] == as_asked["evidence"]
    assert lacking["spans"] == as_asked["spans"]
