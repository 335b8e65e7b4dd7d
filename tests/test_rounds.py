"""Another round of retrieval searches for what the evidence lacks, only where it is needed and allowed."""

from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from memorag_graph.generation.answer import GenerationInput
from memorag_graph.generation.sufficiency import ENOUGH, sufficiency
from memorag_graph.graph import build_graph
from memorag_graph.prompts import Prompts
from memorag_graph.registry import Registry
from memorag_graph.retrieval.retrieve import Evidence
from memorag_graph.text.languages import language
from tests.conftest import TEXT, TINY, HashEmbeddings

WEAK = "Who mended the zeppelin near the quarantine barracks of Umbria?"
"""A question whose words the text does not hold."""


def ask(registry: Registry, given: Any, options: Any) -> dict[str, Any]:
    result: dict[str, Any] = build_graph(registry).invoke(given, context=options)
    return result


def judged(question: str, *texts: str) -> Any:
    evidence = [Evidence("a.txt", 100 * at, 100 * at + len(text), text, 1.0) for at, text in enumerate(texts)]
    given = GenerationInput(
        question=question,
        task_type="memorag",
        evidence=evidence,
        outline=[],
        draft="",
        prompts=Prompts(language("en")),
    )
    return sufficiency(given, HashEmbeddings())


def test_what_the_nearest_sentences_hold_is_not_lacking() -> None:
    found = judged("When was the harbour of Thorle dredged?", "The harbour of Thorle was closed for a winter.")
    assert found.lacking == ("dredged",)
    assert judged("When was the harbour closed?", "The harbour of Thorle was closed for a winter.").lacking == ()


def test_without_evidence_everything_is_lacking() -> None:
    found = judged("When was the harbour dredged?")
    assert (found.confidence, found.lacking, found.is_enough) == (0.0, ("harbour", "dredged"), False)


def test_evidence_that_answers_is_enough_whatever_it_lacks() -> None:
    found = judged("When was the harbour closed for winter?", "The harbour was closed for the winter of 1911.")
    assert found.confidence >= ENOUGH
    assert found.is_enough


@pytest.mark.parametrize("rounds", [1, 2, 3])
def test_rounds_end_at_the_most_that_are_allowed_or_when_nothing_new_is_lacking(
    registry: Registry, rounds: int
) -> None:
    options = TINY.model_copy(update={"rounds": rounds})
    result = ask(registry, {"context": TEXT, "query": WEAK, "task_type": "lookup"}, options)
    again = [record for record in result["trace"] if record["what"] == "missing"]
    assert len(again) <= rounds - 1
    assert ("assess" in result["timings"]) == (rounds > 1)
    assert ("retrieve_more" in result["timings"]) == bool(again)
    assert len({record["text"] for record in again}) == len(again)
    if rounds > 1:
        assert set(again[0]["text"].split()) <= set(WEAK.rstrip("?").split())


def test_a_question_that_is_answered_has_one_round(registry: Registry) -> None:
    sentence = "Captain Quill retired in the spring of the year 1911"
    given = {"context": f"{TEXT}\n\n{sentence}.", "query": f"{sentence}?", "task_type": "lookup"}
    result = ask(registry, given, TINY.model_copy(update={"rounds": 3}))
    assert not result["abstained"]
    assert "retrieve_more" not in result["timings"]
    assert not [record for record in result["trace"] if record["what"] == "missing"]
    assert result["evidence"] == ask(registry, given, TINY)["evidence"]


def test_a_summary_has_one_round(registry: Registry) -> None:
    given = {"context": TEXT, "query": "", "task_type": "summarize"}
    assert "assess" not in ask(registry, given, TINY.model_copy(update={"rounds": 3}))["timings"]


def test_a_follow_up_that_asks_for_a_summary_has_one_round(registry: Registry) -> None:
    said = [HumanMessage("Why was it closed?"), AIMessage("Sand."), HumanMessage("And a summary of the document?")]
    given = {"context": TEXT, "messages": said, "task_type": "auto"}
    result = ask(registry, given, TINY.model_copy(update={"rounds": 3}))
    assert ("assess" in result["timings"]) == (result["task"] != "summarize")
