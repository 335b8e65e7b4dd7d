"""Changing the documents of a memory in the web demo, without a browser: what the changed memory takes over."""

import threading
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import Document, from_text, read_document
from memorag_graph.graph import build_graph
from memorag_graph.kept_conversations import FILE
from memorag_graph.memory.storage import given_names
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Everybody, Principal
from memorag_graph.serving.tenants import Tenants
from memorag_graph.ui import memory_work
from memorag_graph.ui.jobs import Job
from memorag_graph.ui.memory_work import Memorizing, Revision
from memorag_graph.ui.passages import is_quoted
from memorag_graph.ui.questions import Question
from memorag_graph.ui.resources import Demo, Resources
from memorag_graph.ui.turn_parts import Turn
from memorag_graph.ui.uploaded_files import UploadedFiles, kept_file
from memorag_graph.ui.visitors import Visitors
from tests.conftest import TEXT, TINY
from tests.pdf_files import STORIES
from tests.test_cited_pages import pdf
from tests.test_ui_parts import answered, ended

LETTERS, NOTE = from_text(TEXT[:700], "letters.txt"), from_text("The pier is closed on Sundays. " * 9, "note.txt")


@pytest.fixture
def visitors(registry: Registry) -> tuple[Resources, Resources]:
    """Alice and Bob of one tenant."""
    demo = Demo(TINY, Tenants(registry, options=TINY), Visitors(Everybody()))
    return demo.resources(Principal("alice", "acme", "writer")), demo.resources(Principal("bob", "acme", "reader"))


def uploaded(folder: Path, name: str, text: str) -> tuple[Document, UploadedFiles]:
    files, path = UploadedFiles(), pdf(folder / name, text)
    document = read_document(path, name=name)
    files.add(document, path)
    return document, files


def revise(
    alice: Resources, memory_id: str, documents: list[Document], without: tuple[str, ...] = (), **more: Any
) -> Job:
    given = {"documents": documents, "without": without, "called": "it", **more}
    work = Revision(scope=alice.scope(TINY), memory_id=memory_id, moved=alice.moved, **given)
    job = alice.jobs.start(work, "visit")
    ended(job)
    return job


def drawn_from(name: str) -> Turn:
    return {"result": {"asked": f"What does {name} say?", "citations": [{"source": name}]}}


def test_a_replaced_document_takes_what_was_answered_from_it_along_and_an_added_one_nothing(
    visitors: tuple[Resources, Resources],
) -> None:
    alice, _ = visitors
    first = alice.registry.memorize([LETTERS, NOTE], TINY).memory.id
    recalled = {"result": {"asked": "What do you remember?", "basis": "memory", "draft": "The pier is closed."}}
    quoted = drawn_from("letters.txt")
    quoted["result"]["spans"] = ["The pier is closed."]
    for visit, turn in (("a", quoted), ("b", drawn_from("note.txt")), ("c", recalled)):
        alice.conversations.add(first, visit, turn, alice.conversations.before(first, visit))
    grown = revise(alice, first, [from_text("The harbour is frozen. " * 9, "harbour.txt")]).memory_id
    assert {it.visit for it in alice.conversations.about(grown)} == {"a", "b", "c"}
    assert alice.conversations.get(grown, "a") == (quoted,)
    replaced = revise(alice, grown, [from_text("The pier is open again. " * 9, "note.txt")]).memory_id
    assert {it.visit for it in alice.conversations.about(replaced)} == {"a"}
    assert alice.conversations.get(replaced, "a") == (drawn_from("letters.txt"),)
    assert b"pier" not in (alice.registry.store.directory(replaced) / FILE).read_bytes()


def test_the_changed_memory_takes_over_name_pages_and_conversations(
    visitors: tuple[Resources, Resources], tmp_path: Path
) -> None:
    alice, bob = visitors
    store = alice.registry.store
    first, files = uploaded(tmp_path, "first.pdf", STORIES[0])
    job = alice.jobs.start(Memorizing(alice.scope(TINY), [first, LETTERS], files), "visit")
    assert ended(job) == "done", job.error
    before = job.memory_id
    given_names.rename(store, before, "Mine")
    for visitor in visitors:
        for cited in ("first.pdf", "letters.txt"):
            its = visitor.conversations.before(before, visitor.visitor.name)
            visitor.conversations.add(before, visitor.visitor.name, drawn_from(cited), its)
    second, files = uploaded(tmp_path, "second.pdf", STORIES[1])
    job = revise(alice, before, [second], ("letters.txt",), files=files)
    assert job.state == "done", job.error
    after = job.memory_id
    assert [memory["memory_id"] for memory in store.memories()] == [after]
    assert [it.source for it in alice.registry.open(after, TINY).memory.documents] == ["first.pdf", "second.pdf"]
    assert given_names.name_of(store, after) == "Mine"
    kept = [kept_file(store, after, it.sha256) for it in (first, second)]
    assert [it and it.read_bytes() for it in kept] == [
        (tmp_path / it).read_bytes() for it in ("first.pdf", "second.pdf")
    ]
    for visitor in visitors:
        (kept_one,) = visitor.conversations.about(after)
        assert (kept_one.visit, kept_one.questions) == (visitor.visitor.name, 1)
        assert visitor.conversations.get(after, kept_one.visit) == (drawn_from("first.pdf"),)
        assert visitor.conversations.about(before) == []
        assert visitor.moves == {before: after}
    assert b"letters.txt" not in (store.directory(after) / FILE).read_bytes(), "nothing of what was taken away is left"
    back = revise(alice, after, [LETTERS], ("second.pdf",)).memory_id
    assert back == before, "the same documents are the same memory"
    assert bob.moves == {after: before}, "and its address leads nowhere else"
    assert [it.visit for it in bob.conversations.about(before)] == ["bob"]
    alice.registry.delete(before)
    assert bob.conversations.about(before) == []


def test_a_change_to_the_same_documents_keeps_the_memory_and_adds_the_pages(
    visitors: tuple[Resources, Resources], tmp_path: Path
) -> None:
    alice, _ = visitors
    document, files = uploaded(tmp_path, "first.pdf", STORIES[0])
    memory_id = alice.registry.memorize([document], TINY).memory.id
    assert kept_file(alice.registry.store, memory_id, document.sha256) is None
    job = revise(alice, memory_id, [document], files=files)
    assert (job.state, job.memory_id) == ("done", memory_id), job.error
    assert kept_file(alice.registry.store, memory_id, document.sha256) is not None
    assert alice.moves == {}


def test_a_change_that_fails_leaves_everything_and_an_open_memory_stays_beside_the_changed_one(
    visitors: tuple[Resources, Resources], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(memory_work, "_MOST_SECONDS_IN_USE", 0.0)
    alice, bob = visitors
    opened = alice.registry.memorize([LETTERS], TINY)
    memory_id, store = opened.memory.id, alice.registry.store
    refused = revise(bob, memory_id, [NOTE])
    assert (refused.state, "writer" in refused.error) == ("failed", True)
    assert revise(alice, memory_id, [], ("letters.txt",)).state == "failed"
    assert ([it["memory_id"] for it in store.memories()], alice.moves) == ([memory_id], {})
    lease = store.lease(memory_id)
    after = revise(alice, memory_id, [NOTE]).memory_id
    lease.release()
    assert {it["memory_id"] for it in store.memories()} == {memory_id, after}


def test_a_memory_that_is_changed_while_it_is_asked_goes_after_the_answer_which_the_changed_one_takes_over(
    visitors: tuple[Resources, Resources],
) -> None:
    alice, bob = visitors
    memory_id, store = alice.registry.memorize([LETTERS, NOTE], TINY).memory.id, alice.registry.store
    lease, is_moved = store.lease(memory_id), threading.Event()  # such as each answer has
    given = {"documents": [], "without": ("note.txt",), "called": "it"}
    work = Revision(scope=alice.scope(TINY), memory_id=memory_id, moved=lambda *_: is_moved.set(), **given)
    job = alice.jobs.start(work, "visit")
    assert is_moved.wait(30)
    for visitor, text in ((alice, "Who was proud of the harbour at Thorle?"), (bob, "When is the pier closed?")):
        options = TINY.model_copy(update={"hits": 1})
        visitor.questions.ask("visit", Question(text, {"memory_id": memory_id}, "lookup", False, options))
    answered()
    lease.release()
    assert ended(job) == "done", job.error
    assert [it["memory_id"] for it in store.memories()] == [job.memory_id]
    (turn,) = alice.conversations.get(job.memory_id, "visit")
    assert turn["result"]["citations"][0]["source"] == "letters.txt"
    assert bob.conversations.get(job.memory_id, "visit") == ()
    assert b"pier" not in (store.directory(job.memory_id) / FILE).read_bytes()


def test_a_quotation_is_shown_only_where_it_still_stands(registry: Registry) -> None:
    inputs: Any = {"context": TEXT, "query": "Who was proud of the harbour at Thorle?"}
    result = build_graph(registry).invoke(inputs, context=TINY)
    chunks = registry.open(result["memory_id"], TINY).index.chunks
    assert result["citations"]
    for citation in result["citations"]:
        assert is_quoted(chunks, citation)
        assert not is_quoted(chunks, {**citation, "start": citation["start"] + 1, "end": citation["end"] + 1})
        assert not is_quoted(chunks, {**citation, "source": "removed.txt"})
        assert not is_quoted(chunks, {**citation, "start": 10**6, "end": 10**6 + 9})
