"""``task_type="auto"``: the question alone decides, and the route gives the reason."""

import json
from pathlib import Path

import pytest

from memorag_graph.routing import LONGEST_LOOKUP, route

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
