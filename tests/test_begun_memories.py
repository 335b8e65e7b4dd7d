"""Memories that are begun: their documents are searched at once, and the memory is made behind or when asked."""

import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.documents import from_text
from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.graph import build_graph
from memorag_graph.langchain.chat_model import memory_chat
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.gist_kind import GistKind
from memorag_graph.memory.storage.manifest import read_info, verify
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from memorag_graph.settings import MemoryMode, RunOptions
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model

QUESTION = "Who was proud of the harbour at Thorle?"
DOCUMENTS = [from_text(TEXT, "ferry.txt")]
DOCUMENTS_OF_TEXT = [from_text(TEXT)]
_GATE_SECONDS = 30

Ask = Callable[..., dict[str, Any]]


def options(memory: MemoryMode, **changes: Any) -> RunOptions:
    return TINY.model_copy(update={"memory": memory, **changes})


@pytest.fixture
def ask(registry: Registry) -> Iterator[Ask]:
    graph = build_graph(registry)

    def invoke(task: str, memory: MemoryMode, query: str = QUESTION, **given: Any) -> dict[str, Any]:
        inputs: Any = {"query": query, "task_type": task, **(given or {"context": TEXT})}
        return graph.invoke(inputs, context=options(memory))

    yield invoke
    registry.behind.worker.stop()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Opens the way from the notes to the memory."""
    event, prefill = threading.Event(), LocalMemoryModel._prefill

    def gated(*arguments: Any, **named: Any) -> Any:
        assert event.wait(_GATE_SECONDS), "nobody opened the gate"
        return prefill(*arguments, **named)

    monkeypatch.setattr(LocalMemoryModel, "_prefill", gated)
    yield event
    event.set()


def contents(directory: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in directory.iterdir() if not path.name.startswith(".")}


@pytest.mark.parametrize(
    "changes",
    [
        {"gist_writer": "model"},
        {"gist_writer": "extractive"},
        {"kind": "full"},
        {"kv_storage": "int8"},
        {"index": "none", "embedding_model": ""},
        {"prompts": {"gist": "Sum up: {context}", "qa": "Answer: {question}"}},
    ],
    ids=lambda changes: ",".join(f"{key}={value}" for key, value in changes.items())[:30],
)
def test_a_memory_made_later_equals_one_made_at_once(
    registry: Registry, tmp_path: Path, changes: dict[str, Any]
) -> None:
    now, later = tmp_path / "now", tmp_path / "later"
    registry.forget(registry.memorize(DOCUMENTS, options("now", **changes), now).memory.id)
    begun = registry.memorize(DOCUMENTS, options("never", **changes), later)
    assert not begun.memory.is_whole
    verify(later)
    assert registry.whole(later, options("when_asked", **changes)).memory.is_whole
    assert contents(later) == contents(now)


def test_a_question_that_comes_first_is_answered_without_the_memory(ask: Ask, gate: threading.Event) -> None:
    early = ask("memorag", "background")
    assert "was proud of the harbour at Thorle" in early["answer"]
    assert (early["task"], early["spans"], early["surrogates"]) == ("lookup", [], [])
    assert early["memory_share"] < 1
    assert any("is being made" in notice for notice in early["notices"])
    gate.set()


def test_making_a_memory_rests_while_a_question_runs_unless_it_waits_for_that(ask: Ask, registry: Registry) -> None:
    worker = registry.behind.worker
    with worker.resting():
        memory_id = ask("lookup", "background")["memory_id"]
        assert not worker.wait(0.5)
        assert registry.is_begun(memory_id)
        assert registry.memorize(DOCUMENTS_OF_TEXT, options("now")).memory.is_whole


def test_the_memory_is_made_behind_the_answers(ask: Ask, registry: Registry) -> None:
    early = ask("lookup", "background")
    assert early["notices"] == []
    assert registry.behind.worker.wait(_GATE_SECONDS)
    late = ask("memorag", "background", memory_id=early["memory_id"])
    assert late["spans"]
    assert late["memory_share"] == 1
    assert not any("being made" in notice for notice in late["notices"])


def test_a_memory_that_is_open_is_saved_where_it_was_begun(registry: Registry, tmp_path: Path) -> None:
    registry.memorize(DOCUMENTS, options("never"), tmp_path)
    other = Registry(registry.store)
    other.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    other.add_embeddings("hash", HashEmbeddings())
    other.memorize(DOCUMENTS, options("now"))
    other.memorize(DOCUMENTS, options("now"), tmp_path)
    assert read_info(tmp_path)["shards"]


@pytest.mark.parametrize("task", ["qa", "memorag", "summarize"])
def test_the_first_question_that_needs_the_memory_makes_it(
    ask: Ask, registry: Registry, task: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_id = ask("lookup", "when_asked")["memory_id"]
    assert registry.is_begun(memory_id)
    asked = ask(task, "when_asked", memory_id=memory_id)
    assert not registry.is_begun(memory_id)
    assert (asked["task"], asked["memory_share"]) == (task, 1)
    monkeypatch.setattr(LocalMemoryModel, "build", None)
    assert ask(task, "when_asked", memory_id=memory_id)["answer"] == asked["answer"]


@pytest.mark.parametrize("task", ["qa", "memorag", "summarize", "auto", "lookup"])
def test_a_memory_is_never_made_unless_that_is_wanted(ask: Ask, registry: Registry, task: str) -> None:
    answered = ask(task, "never")
    assert answered["answer"]
    assert answered["basis"] == "evidence"
    assert registry.is_begun(answered["memory_id"])
    assert answered["memory_share"] == 0
    told = [notice for notice in answered["notices"] if "is not made" in notice]
    assert len(told) == (task in ("qa", "memorag", "summarize"))
    with pytest.raises(InputError, match="is never, but only a memory that is made can be asked"):
        registry.whole(answered["memory_id"], options("never"))


def test_a_lookup_does_not_wait_for_a_begun_memory_and_other_tasks_make_it(ask: Ask, registry: Registry) -> None:
    memory_id = ask("lookup", "never")["memory_id"]
    assert ask("lookup", "now", memory_id=memory_id)["answer"]
    assert registry.is_begun(memory_id)
    assert ask("memorag", "now", memory_id=memory_id)["spans"]


def test_what_a_stopped_program_wrote_is_not_written_again(
    registry: Registry, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    memory_id = ask("lookup", "never")["memory_id"]

    def killed(*_: object) -> None:
        raise MemoryFileError("the disk is gone")

    with monkeypatch.context() as patch:
        patch.setattr(LocalMemoryModel, "_prefill", killed)
        with pytest.raises(MemoryFileError):
            registry.whole(memory_id, options("when_asked"))
    assert ask("lookup", "never", memory_id=memory_id)["answer"]
    monkeypatch.setattr(GistKind, "_summarize", None)
    assert registry.whole(memory_id, options("when_asked")).memory.is_whole


def test_what_another_process_made_is_seen(ask: Ask, registry: Registry) -> None:
    memory_id = ask("lookup", "never")["memory_id"]
    other = Registry(registry.store)
    other.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    other.add_embeddings("hash", HashEmbeddings())
    other.whole(memory_id, options("now"))
    assert registry.open(memory_id, options("never")).memory.is_whole
    assert ask("memorag", "never", memory_id=memory_id)["spans"]


def test_a_memory_that_is_deleted_meanwhile_is_given_up(
    ask: Ask, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, prefill = threading.Event(), LocalMemoryModel._prefill

    def told(self: LocalMemoryModel, texts: Any, recipe: Any, known: Any, report: Any) -> Any:
        begun.set()
        for _ in range(_GATE_SECONDS * 20):
            report(Progress("memory", 0, 1, "tokens"))
            time.sleep(0.05)
        return prefill(self, texts, recipe, known, report)

    monkeypatch.setattr(LocalMemoryModel, "_prefill", told)
    memory_id = ask("lookup", "background")["memory_id"]
    assert begun.wait(_GATE_SECONDS)
    registry.delete(memory_id)
    assert registry.behind.worker.wait(_GATE_SECONDS)
    assert not registry.store.directory(memory_id).exists()
    with pytest.raises(MemoryFileError, match="does not exist"):
        registry.open(memory_id, options("background"))


def test_a_fault_is_told_and_tried_again(ask: Ask, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(*_: object) -> None:
        raise MemoryFileError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(LocalMemoryModel, "_prefill", fails)
        memory_id = ask("lookup", "background")["memory_id"]
        assert registry.behind.worker.wait(_GATE_SECONDS)
    assert registry.behind.worker.fault(memory_id) == "the disk is full"
    ask("lookup", "background", memory_id=memory_id)
    assert registry.behind.worker.wait(_GATE_SECONDS)
    assert not registry.is_begun(memory_id)


def test_a_chat_with_a_memory_makes_it_first(ask: Ask, registry: Registry) -> None:
    memory_id = ask("lookup", "never")["memory_id"]
    assert memory_chat(memory_id, registry=registry, options=options("when_asked")).invoke(QUESTION).content
    assert read_info(registry.store.directory(memory_id))["shards"]
