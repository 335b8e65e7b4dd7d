"""Questions to a library that its memories are asked of: as far as they are made, and each clue in its document."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.clues.recall import MemoryRecall, Recalled
from memorag_graph.errors import InputError
from memorag_graph.library.library import Library
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.registry import Registry
from memorag_graph.retrieval.clue_weights import TRUSTING
from memorag_graph.settings import RunOptions
from tests.conftest import TINY, HashEmbeddings, tiny_model

TEXTS = {
    "ferry": "The ferry to Inshay leaves at seven from the old pier. It takes lorries and forty passengers. " * 4,
    "harbour": "The harbour of Thorle is closed in winter, as the wind is strong. The keeper is Captain Kemp. " * 4,
    "vault": "The vault is in the cellar. It opens with the number 4711, which only Captain Quill knows. " * 4,
}
ONE = TINY.model_copy(update={"memories": 1})
QUESTION = "Who knows the number of the vault?"


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry()
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings(32))
    return registry


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory, registry: Registry) -> Library:
    """A library whose memories are made."""
    library = made(tmp_path_factory.mktemp("whole"), registry)
    library.remember()
    return library


def made(folder: Path, registry: Registry) -> Library:
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text)
    making = TINY.model_copy(update={"gist_writer": "extractive"})
    library = Library.open(folder / "library", registry, embedding_model="hash", memory="never", options=making)
    library.add(*(folder / f"{name}.txt" for name in TEXTS))
    return library


@pytest.fixture
def recalling(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Let memories recall what the test says, by a word of their notes."""

    def let(**spans: str) -> None:
        def recall(self: MemoryRecall, question: str, config: Any = None) -> Recalled:
            text = " ".join(note.text for note in self._notes)
            return Recalled(tuple(span for word, span in spans.items() if word in text), 7)

        monkeypatch.setattr(MemoryRecall, "recall", recall)
        monkeypatch.setattr(MemoryRecall, "rewrite", lambda self, question, config=None: Recalled((), 0))

    return let


def queries(answer: Any) -> set[tuple[str, str, str]]:
    """The passage's document, the clue that found it, and the clue's document."""
    return {(it.source, query.text, query.document) for it in answer.evidence for query in it.queries if query.document}


def test_before_its_memories_are_made_a_library_answers_with_what_there_is_and_says_so(
    tmp_path: Path, registry: Registry
) -> None:
    library = made(tmp_path, registry)
    for task in ("memorag", "qa"):
        answer = library.ask(QUESTION, options=TINY, task=task)  # type: ignore[arg-type]
        assert "Captain Quill" in answer.text
        assert (answer.memory_share, answer.basis) == (0.0, "evidence")
        (notice,) = (it for it in answer.to_dict()["notices"] if "no memory that can be asked yet" in it)
        assert notice.startswith("3 of the 3 documents most likely to answer")
    library.remember("vault.txt")
    answer = library.ask(QUESTION, options=TINY, task="memorag")
    entries = {entry.name: entry.tokens for entry in library.list()}
    assert answer.memory_share == pytest.approx(entries["vault.txt"] / sum(entries.values()), abs=1e-4)
    assert "(ferry.txt, harbour.txt)" in str(answer.answer.notices) or "(harbour.txt, ferry.txt)" in str(
        answer.answer.notices
    )
    looked_up = library.ask(QUESTION)
    assert looked_up.memory_share == answer.memory_share
    assert not any("memory" in notice for notice in looked_up.answer.notices)


def test_each_clue_is_searched_in_its_document(whole: Library, recalling: Callable[..., None]) -> None:
    recalling(Quill="The harbour of Thorle is closed in winter", Thorle="The keeper is Captain Kemp")
    options = TINY.model_copy(update={"query_weights": TRUSTING.of_kinds(), "question_share": 0.0})
    answer = whole.ask("Who is the keeper of the vault?", options=options, task="memorag")
    assert answer.memory_share == 1.0
    assert {it.document: it.spans for it in answer.clues if it.spans} == {
        "vault.txt": ("The harbour of Thorle is closed in winter",),
        "harbour.txt": ("The keeper is Captain Kemp",),
    }
    found = queries(answer)
    assert ("harbour.txt", "The keeper is Captain Kemp", "harbour.txt") in found
    assert all(source == document for source, _, document in found)
    assert answer.to_dict()["clues"][0]["document"] == answer.considered[0].name


def test_only_the_memories_of_the_best_documents_are_asked(whole: Library, recalling: Callable[..., None]) -> None:
    recalling(Quill="Captain Quill knows it", Thorle="Captain Kemp is the keeper")
    answer = whole.ask(QUESTION, options=ONE, task="memorag")
    assert [it.document for it in answer.clues] == ["vault.txt"]
    assert answer.memory_share == 1.0


def test_an_answer_from_memory_quotes_its_document_for_checking(whole: Library) -> None:
    answer = whole.ask(QUESTION, options=TINY, task="qa")
    assert answer.basis == "memory"
    assert answer.text
    assert {citation.source for citation in answer.citations} == {"vault.txt"}
    assert any("not verified" in notice for notice in answer.answer.notices)


def test_memories_are_made_by_the_first_question_that_needs_them(tmp_path: Path, registry: Registry) -> None:
    library = made(tmp_path, registry)
    library.ask(QUESTION, memory="when_asked")
    assert {entry.memory for entry in library.list()} == {"none"}
    answer = library.ask(QUESTION, options=ONE, task="memorag", memory="when_asked")
    assert answer.memory_share == 1.0
    assert {entry.name for entry in library.list() if entry.memory == "ready"} == {"vault.txt"}
    library.ask(QUESTION, memory="background")
    assert library.worker.wait(60)
    assert {entry.memory for entry in library.list()} == {"ready"}


def test_a_memory_of_another_model_is_not_asked_and_that_is_told(whole: Library, registry: Registry) -> None:
    registry.add_memory_model("other", LocalMemoryModel(tiny_model("llama", seed=1)))
    answer = whole.ask(QUESTION, options=TINY.model_copy(update={"model": "other"}), task="memorag")
    assert answer.memory_share == 0.0
    assert any("made with other models" in notice for notice in answer.answer.notices)
    assert "Captain Quill" in answer.text


@pytest.mark.parametrize(("task", "chosen"), [("auto", "lookup"), ("memorag", "memorag")])
def test_the_task_is_chosen_by_the_question(whole: Library, task: Any, chosen: str) -> None:
    assert whole.ask(QUESTION, options=TINY, task=task).task == chosen
    with pytest.raises(InputError, match="'summarize' is not done over a library; choose from lookup, memorag, qa"):
        whole.ask("Summarize.", task="summarize", options=RunOptions())
