"""What becomes of a question to the web demo when something that it rests on goes while it is answered."""

from collections.abc import Callable
from typing import Any

import pytest

from memorag_graph.errors import UnavailableError
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.library.library import Library
from memorag_graph.registry import Registry
from memorag_graph.run_scope import ProgramScope
from memorag_graph.serving.credentials import Everybody
from memorag_graph.serving.tenants import Tenants
from memorag_graph.ui.jobs import Jobs
from memorag_graph.ui.memory_work import Memorizing
from memorag_graph.ui.questions import Question
from memorag_graph.ui.resources import Demo, Resources
from memorag_graph.ui.visitors import Visitors
from tests.conftest import TINY
from tests.test_ui_parts import DOCUMENTS, answered, ended
from tests.test_ui_told import ALICE

FERRY, TOWER = "When does the ferry Qwertzu sail?", "Who lit the lamps of the tower Poiuztr?"


@pytest.fixture
def alice(registry: Registry) -> Resources:
    return Demo(TINY, Tenants(registry, options=TINY), Visitors(Everybody())).resources(ALICE)


@pytest.fixture
def coast(alice: Resources) -> Library:
    library = alice.libraries.create("coast")
    library.add(uploaded_text("The ferry Qwertzu sails at seven.", "ferry.txt", {}), memory="never")
    library.add(uploaded_text("Anna lit the two lamps of the tower Poiuztr.", "tower.txt", {}), memory="never")
    return library


@pytest.fixture
def while_answered(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[], None]], None]:
    """Has something done whenever a question has got its answer, before that is kept."""
    run = Question.run

    def set_up(do: Callable[[], None]) -> None:
        def answer(question: Question, *given: Any) -> Any:
            turn = run(question, *given)
            do()
            return turn

        monkeypatch.setattr(Question, "run", answer)

    return set_up


def ask(visitor: Resources, text: str) -> None:
    options = TINY.model_copy(update={"hits": 1})
    visitor.questions.ask("visit", Question(text, {"library": "coast"}, "lookup", False, options))
    answered()


def left(visitor: Resources) -> list[str]:
    """Return the answers of the conversation."""
    return [turn["result"]["answer"] for turn in visitor.conversations.get("coast", "visit")]


def test_a_conversation_that_was_deleted_meanwhile_does_not_come_back(
    alice: Resources, coast: Library, while_answered: Any
) -> None:
    def delete() -> None:
        for question in alice.questions.open("visit"):
            alice.questions.drop("visit", question)
        alice.conversations.delete("coast", "visit")

    while_answered(delete)
    for _ in range(2):
        ask(alice, FERRY)
        assert (alice.conversations.about("coast"), alice.questions.open("visit")) == ([], ())


def test_an_answer_is_not_kept_for_a_text_that_got_the_name_of_its_document_meanwhile(
    alice: Resources, coast: Library, while_answered: Any
) -> None:
    ask(alice, TOWER)

    def change() -> None:
        coast.remove("ferry.txt")
        coast.add(uploaded_text("No ferry sails.", "ferry.txt", {}), memory="never")

    while_answered(change)
    ask(alice, FERRY)
    assert left(alice) == ["Anna lit the two lamps of the tower Poiuztr. [1]"]
    (failed,) = alice.questions.open("visit")
    assert (failed.state, "removed meanwhile; ask again" in failed.error, failed.answer) == ("failed", True, "")
    assert not [it for it in coast.directory.rglob("conversations*") if b"Qwertzu" in it.read_bytes()]


def test_an_answer_is_not_kept_without_the_turns_that_it_goes_on_from(
    alice: Resources, coast: Library, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Such an answer may repeat what was said before, in the question as it was understood, wherever it is from."""
    ask(alice, FERRY)
    answer = Question(TOWER, {"library": "coast"}, "lookup", False, TINY).run(alice.graph, (), alice.visitor)
    answer["result"]["question"] = f"{TOWER} ({FERRY})"

    def follow_up(*_: Any) -> Any:
        coast.remove("ferry.txt")
        return answer

    monkeypatch.setattr(Question, "run", follow_up)
    ask(alice, TOWER)
    assert left(alice) == []
    (failed,) = alice.questions.open("visit")
    assert (failed.state, "said before was removed meanwhile; ask again" in failed.error) == ("failed", True)
    assert not [it for it in coast.directory.rglob("conversations*") if b"Qwertzu" in it.read_bytes()]


def test_visitors_are_told_which_engine_is_away_and_not_its_address(
    alice: Resources, registry: Registry, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def away(*_: Any) -> Any:
        raise UnavailableError("10.0.0.7:5432 refuses connections", engine="the database")

    monkeypatch.setattr(Question, "run", away)
    monkeypatch.setattr(Memorizing, "run", away)
    alice.libraries.create("coast")
    ask(alice, FERRY)
    (failed,) = alice.questions.open("visit")
    job = Jobs().start(Memorizing(ProgramScope(registry, TINY), DOCUMENTS), "visit")
    assert ended(job) == failed.state == "failed"
    for told in (failed.error, job.error):
        assert alice.told(told).startswith("the database cannot be used; nothing is lost")
        assert "10.0.0.7" not in alice.told(told)
    assert caplog.text.count("10.0.0.7:5432 refuses connections") == 2
