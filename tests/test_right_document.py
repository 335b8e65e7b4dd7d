"""Which document of a library is asked: by its two best chunks and its best section, and by neighbouring words."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from langchain_core.embeddings import Embeddings

from memorag_graph.library import route as routing
from memorag_graph.library.library import Library
from memorag_graph.library.route import route
from memorag_graph.library.row_table import Found
from memorag_graph.library.snapshot import Snapshot
from memorag_graph.registry import Registry
from memorag_graph.retrieval.looked_for import looked_for


class Alike(Embeddings):
    """Gives every text the same vector, so that words decide."""

    def embed_query(self, text: str) -> list[float]:
        return [1.0, 0.0]

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        return [[1.0, 0.0] for _ in texts]


def best(chunks: dict[int, list[float]], notes: dict[int, list[float]]) -> int:
    """Return the best document by the scores, by words, of the chunks and sections of each."""

    def table(of: dict[int, list[float]]) -> Any:
        found = [Found(document, at, score) for document, scores in of.items() for at, score in enumerate(scores)]
        found.sort(key=lambda it: -it.score)
        return SimpleNamespace(matching=lambda terms, *_: found if terms else [], nearest=lambda *_: [])

    entries: Any = {document: SimpleNamespace(language="en") for document in (1, 2)}
    stores: Any = SimpleNamespace(chunks=table(chunks), notes=table(notes))
    snapshot = Snapshot(entries, Snapshot.of([]).among)
    return route("ferry", np.zeros(2, np.float32), stores, snapshot, {})[0].id


def test_two_chunks_count_and_one_section() -> None:
    assert best({1: [10], 2: [8, 8]}, {}) == 2
    assert best({1: [10, 2], 2: [8, 3, 3]}, {}) == 1  # a third does not count
    assert best({}, {1: [10], 2: [8, 8]}) == 1


@pytest.mark.parametrize("as_pairs", [True, False])
def test_of_two_with_the_same_words_the_one_that_has_them_side_by_side_comes_first(
    as_pairs: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry()
    registry.add_embeddings("alike", Alike())
    library = Library.open(tmp_path / "library", registry, embedding_model="alike")
    for name, text in (
        ("apart", "The northern door of the red tower was painted at night."),
        ("beside", "The red door of the northern tower was painted at night."),
    ):
        (tmp_path / f"{name}.txt").write_text(text)
        library.add(tmp_path / f"{name}.txt")
    if not as_pairs:
        monkeypatch.setattr(routing, "query_pairs", lambda *_: [])
    considered = library.ask("Who painted the northern tower?", task="lookup").considered
    assert [it.name for it in considered] == (["beside.txt", "apart.txt"] if as_pairs else ["apart.txt", "beside.txt"])


def test_words_that_say_how_to_answer_are_not_looked_for_if_others_are_left() -> None:
    asked = "Summarize the discussion about remote controls."
    assert looked_for(asked, "en") == "remote controls."
    for question in ("What is the name of the show?", "Summarize the discussion."):
        assert looked_for(question, "en") == question


def test_a_document_is_not_found_by_words_that_say_how_to_answer(tmp_path: Path) -> None:
    registry = Registry()
    registry.add_embeddings("alike", Alike())
    library = Library.open(tmp_path / "library", registry, embedding_model="alike")
    for name, text in (
        (
            "request",
            "An opinion was told. Discussions were held, to describe them is to summarize. A ferry, then boats.",
        ),
        ("topic", "The ferry boats have new engines. Ferry boats need harbour pilots, too."),
    ):
        (tmp_path / f"{name}.txt").write_text(text)
        library.add(tmp_path / f"{name}.txt")
    asked = "Summarize the discussion and describe the opinion about the ferry boats."
    assert library.ask(asked, task="lookup").considered[0].name == "topic.txt"
