"""Parts of the web demo's sidebar keep their places while others come and go, else what is open in them would close."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from memorag_graph.library.found_files import uploaded_text
from memorag_graph.memory_worker import MemoryWorker
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Everybody
from memorag_graph.serving.tenants import Tenants
from memorag_graph.ui import library_documents, resources
from memorag_graph.ui.questions import Question
from memorag_graph.ui.resources import Demo, Resources
from memorag_graph.ui.visitors import Visitors
from tests.conftest import TINY
from tests.test_ui_parts import DOCUMENTS, QUESTION, answered
from tests.test_ui_told import ALICE

LATER = TINY.model_copy(update={"memory": "when_asked"})


@pytest.fixture
def alice(registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Resources:
    demo = Demo(TINY, Tenants(registry, options=TINY), Visitors(Everybody()))
    monkeypatch.setattr(resources, "running", demo)
    monkeypatch.setattr(Visitors, "find", lambda *_: ALICE)
    return demo.resources(ALICE)


def sidebar(**address: str) -> Any:
    shown = AppTest.from_file(Path(resources.__file__).with_name("page.py"), default_timeout=60)
    shown.query_params.update({"visit": "a-visit-of-the-tests", **address})
    shown.run()
    assert not shown.exception
    return shown.sidebar


def places(node: Any, place: tuple[int, ...] = ()) -> Iterator[tuple[str, tuple[int, ...]]]:
    """Yield the labels of what can be opened in a part of a page, and the places by which the browser knows it."""
    if node.type == "popover":
        yield node.proto.popover.label, place
    for at, child in getattr(node, "children", {}).items():
        yield from places(child, (*place, at))


def ask(visitor: Resources, **about: str) -> None:
    visitor.questions.ask("a-visit-of-the-tests", Question(QUESTION, about, "lookup", False, TINY))
    answered()


def test_dialogs_of_a_memory_stay_while_it_is_made_and_a_conversation_begins(alice: Resources) -> None:
    memory_id = alice.registry.memorize(DOCUMENTS, LATER).memory.id
    begun = sidebar(memory=memory_id)
    assert [it.value for it in begun.caption if "until it is made" in it.value]
    before = dict(places(begun))
    assert {"Change its documents", "Rename this memory", "Delete this memory"} <= set(before)
    alice.registry.whole(memory_id, TINY)
    made = sidebar(memory=memory_id)
    assert not [it.value for it in made.caption if "until it is made" in it.value]
    assert dict(places(made)) == before
    ask(alice, memory_id=memory_id)
    with_conversation = dict(places(sidebar(memory=memory_id)))
    assert {label: with_conversation[label] for label in before} == before


def test_dialogs_of_a_library_stay_while_memories_are_made_and_a_conversation_begins(
    alice: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.libraries.create("coast").add(uploaded_text(DOCUMENTS[0].text, "letters.txt", {}), memory="never")
    before = dict(places(sidebar(library="coast")))
    assert {"Rename this library", "Delete this library"} <= set(before)
    with monkeypatch.context() as patch:
        patch.setattr(library_documents, "is_moving", lambda _: True)
        making = sidebar(library="coast")
    assert [it.value for it in making.caption if "until they are made" in it.value]
    assert dict(places(making)) == before
    ask(alice, library="coast")
    with_conversation = dict(places(sidebar(library="coast")))
    assert {label: with_conversation[label] for label in before} == before


def test_why_a_memory_could_not_be_made_is_told_without_directories(
    alice: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_id = alice.registry.memorize(DOCUMENTS, LATER).memory.id
    monkeypatch.setattr(MemoryWorker, "fault", lambda *_: f"{alice.registry.store.root}/x cannot be written")
    (told,) = sidebar(memory=memory_id).warning
    assert told.value == "The memory could not be made: acme/x cannot be written"
