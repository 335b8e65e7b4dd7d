"""A library whose index is in Qdrant answers as one whose index is in its directory."""

import sys
from pathlib import Path

import pytest

from memorag_graph.errors import InputError, MissingExtraError, UnavailableError
from memorag_graph.library.index_place import API_KEY, checked_place
from memorag_graph.library.library import Library
from memorag_graph.registry import Registry
from tests.servers import free_port
from tests.test_library import content, files, registry

__all__ = ["files", "registry"]

pytest.importorskip("qdrant_client", reason="needs pip install 'memorag-graph[qdrant]'")
QUESTION = "When does the ferry open?"


@pytest.fixture
def in_qdrant(tmp_path: Path, registry: Registry) -> Library:
    return Library.open(tmp_path / "other", registry, embedding_model="hash", index_at=f"qdrant:{tmp_path / 'rows'}")


def test_a_library_in_qdrant_equals_one_in_a_directory(
    in_qdrant: Library, tmp_path: Path, registry: Registry, files: Path
) -> None:
    in_directory = Library.open(tmp_path / "library", registry, embedding_model="hash")
    both = (in_directory, in_qdrant)
    for library in both:
        library.add(files)
    assert content(in_qdrant) == content(in_directory)
    one, other = (library.ask(QUESTION, where={"name": "ferry.txt"}).to_dict() for library in both)
    assert one["answer"] == other["answer"] != ""
    (files / "ferry.txt").write_text("The ferry opens at nine.")
    for library in both:
        library.sync(files)
        library.remove("harbour.txt")
    assert content(in_qdrant) == content(in_directory)
    assert "nine" in in_qdrant.ask(QUESTION).to_dict()["answer"]


def test_rows_that_the_server_lost_are_made_again(in_qdrant: Library, files: Path) -> None:
    in_qdrant.add(files)
    before = content(in_qdrant)
    in_qdrant.stores.chunks.remove(in_qdrant.stores.chunks.documents())
    in_qdrant.add(files)
    assert content(in_qdrant) == before


def test_the_place_of_the_index_is_checked_and_kept(
    in_qdrant: Library, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match=r"is at qdrant:.*leave it out"):
        Library.open(in_qdrant.directory, registry, embedding_model="hash", index_at="http://localhost:6333")
    Library.open(tmp_path / "plain", registry, embedding_model="hash")
    with pytest.raises(InputError, match="lies beside its texts; leave it out"):
        Library.open(tmp_path / "plain", registry, embedding_model="hash", index_at="http://localhost:6333")
    for wrong in ("localhost:6333", "ftp://host", "http://"):
        with pytest.raises(InputError, match="must be the URL of a Qdrant server"):
            checked_place(wrong)
    for secret in ("http://user:word@host:6333", "https://host:6333/?api-key=word"):
        with pytest.raises(InputError, match=API_KEY) as refused:
            checked_place(secret)
        assert "word" not in str(refused.value)

    monkeypatch.setitem(sys.modules, "qdrant_client", None)
    with pytest.raises(MissingExtraError, match=r"memorag-graph\[qdrant\]"):
        Library.open(tmp_path / "third", registry, embedding_model="hash", index_at="http://localhost:6333")


def test_a_server_that_does_not_answer_is_named(tmp_path: Path, registry: Registry) -> None:
    place = f"http://127.0.0.1:{free_port()}"
    with pytest.raises(UnavailableError, match=r"memorag-\w+-chunks of Qdrant, does not answer .*nothing is lost"):
        Library.open(tmp_path / "library", registry, embedding_model="hash", index_at=place)
