"""The index of a library is a cache: it is made again from the texts, also with another model, or in another place."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memorag_graph.cli.main import app
from memorag_graph.errors import InputError, LibraryBusyError, LibraryError, UnavailableError
from memorag_graph.library import rebuild as rebuilding
from memorag_graph.library.directory_shelf import DirectoryShelf
from memorag_graph.library.library import Library
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.library.stores import Stores
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import HashEmbeddings
from tests.servers import free_port
from tests.test_library import Killed, content, files

__all__ = ["files"]

QUESTION = "When does the ferry open?"


@pytest.fixture
def registry() -> Registry:
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings(8))
    registry.add_embeddings("other", HashEmbeddings(16))
    return registry


def made(place: Path, registry: Registry, files: Path, model: str) -> Library:
    library = Library.open(place, registry, embedding_model=model)
    library.add(files)
    return library


def folders(library: Library) -> set[str]:
    return {it.name for it in library.directory.iterdir() if it.is_dir()}


def test_a_rebuilt_library_equals_one_made_with_that_model(tmp_path: Path, registry: Registry, files: Path) -> None:
    library = made(tmp_path / "library", registry, files, "hash")
    told: list[Progress] = []
    report = Library.rebuild(library.directory, registry, embedding_model="other", progress=told.append)
    assert told == [Progress("index", 3, 3, "documents")]
    assert (report.indexed, report.chunks) == (["ferry.txt", "harbour.txt", "2021/ferry.txt"], 3)
    with pytest.raises(InputError, match="was made with 'other'"):
        Library.open(library.directory, registry, embedding_model="hash")
    again = Library.open(library.directory, registry, embedding_model="other")
    expected = made(tmp_path / "expected", registry, files, "other")
    assert content(again) == content(expected)
    assert again.ask(QUESTION).to_dict()["answer"] == expected.ask(QUESTION).to_dict()["answer"] != ""
    assert len([it for it in folders(again) if it.startswith("index")]) == 1
    (files / "ferry.txt").write_text("The ferry opens at nine.")
    assert again.sync(files).replaced == ["ferry.txt"]


@pytest.mark.parametrize("damage", ["deleted", "torn"])
def test_a_damaged_index_is_made_again(tmp_path: Path, registry: Registry, files: Path, damage: str) -> None:
    library = made(tmp_path / "library", registry, files, "hash")
    before = content(library)
    index = library.directory / "index"
    if damage == "deleted":
        shutil.rmtree(index)
    else:
        for path in index.rglob("*.lance"):
            if path.is_file():
                path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    Library.rebuild(library.directory, registry, embedding_model="hash")
    assert content(Library.open(library.directory, registry, embedding_model="hash")) == before


def test_memories_and_texts_stay_as_they_are(tmp_path: Path, registry: Registry, files: Path) -> None:
    library = made(tmp_path / "library", registry, files, "hash")
    memory = library.directory / "memories" / library.list()[0].text_sha256 / "gists.json"
    memory.parent.mkdir(parents=True)
    memory.write_text("{}")
    before = {it: it.read_bytes() for it in library.directory.glob("texts/*")}
    Library.rebuild(library.directory, registry, embedding_model="other")
    assert memory.read_text() == "{}"
    assert {it: it.read_bytes() for it in library.directory.glob("texts/*")} == before


class Counting(HashEmbeddings):
    """Counts the texts that it embeds; is killed after some."""

    texts = 0
    most = 10**9

    def embed_documents(self, texts: list[str]) -> list[list[float]]:
        self.texts += len(texts)
        if self.texts > self.most:
            raise Killed
        return super().embed_documents(texts)


def test_a_killed_rebuild_goes_on_and_questions_are_answered_meanwhile(
    tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("memorag_graph.library.stores._MADE_AGAIN", 4)
    folder = tmp_path / "files"
    folder.mkdir()
    for number in range(12):
        (folder / f"ferry{number}.txt").write_text(f"Ferry {number} opens at seven. It takes {number} lorries.")
    library = made(tmp_path / "library", registry, folder, "hash")
    counting = Counting(16)
    registry.add_embeddings("counting", counting)
    counting.most = 12
    with pytest.raises(Killed):
        Library.rebuild(library.directory, registry, embedding_model="counting")
    assert "lorries" in str(library.ask("How many lorries does Ferry 3 take?").to_dict())
    used, counting.most = counting.texts, 10**9
    Library.rebuild(library.directory, registry, embedding_model="counting")
    whole = Counting(16)
    registry.add_embeddings("whole", whole)
    expected = made(tmp_path / "expected", registry, folder, "hash")
    Library.rebuild(expected.directory, registry, embedding_model="whole")
    assert counting.texts - used < whole.texts
    opened = [
        Library.open(it.directory, registry, embedding_model=name)
        for it, name in ((library, "counting"), (expected, "whole"))
    ]
    assert content(opened[0]) == content(opened[1])


def begin_rebuild(library: Library, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Rebuild with the other model, until the process is killed."""

    def killed(*_: object, **__: object) -> None:
        raise Killed

    monkeypatch.setattr(Stores, "settle", killed)
    with pytest.raises(Killed):
        Library.rebuild(library.directory, registry, embedding_model="other")
    monkeypatch.undo()


def test_one_that_was_begun_with_another_model_is_given_up(
    tmp_path: Path, registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = made(tmp_path / "library", registry, files, "hash")
    begin_rebuild(library, registry, monkeypatch)
    Library.rebuild(library.directory, registry, embedding_model="hash")
    again = Library.open(library.directory, registry, embedding_model="hash")
    assert content(again) == content(made(tmp_path / "expected", registry, files, "hash"))
    assert len([it for it in folders(again) if it.startswith("index")]) == 1


def test_of_a_removed_document_nothing_is_left_in_one_that_was_begun(
    tmp_path: Path, registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = made(tmp_path / "library", registry, files, "hash")
    begin_rebuild(library, registry, monkeypatch)
    (begun,) = folders(library) - {"index", "texts"}
    library.remove("harbour.txt")
    assert begun not in folders(library)
    assert library.add(files).added == ["harbour.txt"]


def test_an_index_that_was_left_is_deleted_by_the_next_change(
    tmp_path: Path, registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = made(tmp_path / "library", registry, files, "hash")

    def killed(place: str, directory: Path, library_id: str, name: str) -> None:
        if name == "index":
            raise Killed

    monkeypatch.setattr(rebuilding, "delete_tables", killed)
    with pytest.raises(Killed):
        Library.rebuild(library.directory, registry, embedding_model="other")
    monkeypatch.undo()
    assert "index" in folders(library)
    again = Library.open(library.directory, registry, embedding_model="other")
    again.remove("harbour.txt")
    assert "index" not in folders(library)


def test_who_has_it_open_is_told_and_services_open_it_again(tmp_path: Path, registry: Registry, files: Path) -> None:
    library = made(tmp_path / "named" / "fleet", registry, files, "hash")
    named = NamedLibraries(
        DirectoryShelf(tmp_path / "named"), registry, RunOptions(embedding_model="hash", memory="never")
    )
    before = named.open("fleet")
    assert named.open("fleet") is before
    Library.rebuild(library.directory, registry, embedding_model="hash")
    changes: Sequence[Callable[[], Any]] = (lambda: library.ask(QUESTION), lambda: library.remove("ferry.txt"))
    for change in changes:
        with pytest.raises(LibraryError, match="open it again"):
            change()
    assert named.open("fleet") is not before
    assert named.open("fleet").ask(QUESTION).citations


def test_a_model_that_is_not_trusted_has_to_be_named(tmp_path: Path, registry: Registry, files: Path) -> None:
    library = made(tmp_path / "library", registry, files, "hash")
    with pytest.raises(InputError, match="name it, too, if you trust it"):
        Library.rebuild(library.directory, Registry())
    with pytest.raises(LibraryError, match="there is no library"):
        Library.rebuild(tmp_path / "none", registry)
    with pytest.raises(InputError, match="Qdrant server"):
        Library.rebuild(library.directory, registry, embedding_model="hash", index_at="ftp://x")
    assert library.ask(QUESTION).citations


def test_an_index_moves_to_a_server_and_back(tmp_path: Path, registry: Registry, files: Path) -> None:
    pytest.importorskip("qdrant_client", reason="needs pip install 'memorag-graph[qdrant]'")
    library = made(tmp_path / "library", registry, files, "hash")
    before = content(library)
    for place in (f"qdrant:{tmp_path / 'rows'}", ""):
        Library.rebuild(library.directory, registry, embedding_model="hash", index_at=place)
        moved = Library.open(library.directory, registry, embedding_model="hash", index_at=place)
        assert content(moved) == before
        assert any(it.startswith("index") for it in folders(moved)) is (place == "")
        del moved


def test_one_that_was_killed_before_its_rows_were_indexed_is_indexed(
    tmp_path: Path, registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = made(tmp_path / "library", registry, files, "hash")

    def killed(*_: object, **__: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Stores, "settle", killed)
        with pytest.raises(Killed):
            Library.rebuild(library.directory, registry, embedding_model="other")
    library.sync(files)  # changes nothing, but is finished
    settled: list[Stores] = []

    def noted(stores: Stores) -> None:
        settled.append(stores)

    monkeypatch.setattr(Stores, "settle", noted)
    Library.rebuild(library.directory, registry, embedding_model="other")
    assert settled


def test_one_that_somebody_else_finished_meanwhile_is_not_undone(
    tmp_path: Path, registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = made(tmp_path / "library", registry, files, "hash")
    load = registry.models.embeddings

    def meanwhile(name: str) -> Any:
        monkeypatch.undo()
        Library.rebuild(library.directory, registry, embedding_model="other")
        return load(name)

    monkeypatch.setattr(registry.models, "embeddings", meanwhile)
    with pytest.raises(LibraryBusyError, match=r"made the index of .* again meanwhile"):
        Library.rebuild(library.directory, registry)
    assert Library.open(library.directory, registry, embedding_model="other").ask(QUESTION).citations


def test_a_server_that_cannot_be_reached_is_told_and_forgotten(tmp_path: Path, registry: Registry, files: Path) -> None:
    pytest.importorskip("qdrant_client", reason="needs pip install 'memorag-graph[qdrant]'")
    library = made(tmp_path / "library", registry, files, "hash")
    with pytest.raises(UnavailableError, match="does not answer"):
        Library.rebuild(library.directory, registry, embedding_model="hash", index_at=f"http://127.0.0.1:{free_port()}")
    assert library.remove("harbour.txt").removed == ["harbour.txt"]
    Library.rebuild(library.directory, registry, embedding_model="hash")


def test_an_index_on_a_server_that_is_gone_is_left_until_documents_are_removed(
    tmp_path: Path, registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    library = made(tmp_path / "library", registry, files, "hash")
    delete = rebuilding.delete_tables

    def unreachable(place: str, directory: Path, library_id: str, name: str) -> None:
        if name == "index":
            raise UnavailableError("the server does not answer")
        delete(place, directory, library_id, name)

    monkeypatch.setattr(rebuilding, "delete_tables", unreachable)
    for _ in range(2):
        Library.rebuild(library.directory, registry, embedding_model="other")
    again = Library.open(library.directory, registry, embedding_model="other")
    (files / "new.txt").write_text("The pier is new.")
    assert again.add(files).added == ["new.txt"]
    assert "could not be deleted; the next change tries again" in caplog.text
    with pytest.raises(UnavailableError, match="may hold what is to be removed; nothing was removed"):
        again.remove("harbour.txt")
    assert "harbour.txt" in {entry.name for entry in again.list()}
    monkeypatch.undo()
    assert "index" in folders(again)
    again.remove("harbour.txt")
    assert len([it for it in folders(again) if it.startswith("index")]) == 1


def test_an_index_in_local_mode_is_made_again_in_its_place(tmp_path: Path, registry: Registry, files: Path) -> None:
    pytest.importorskip("qdrant_client", reason="needs pip install 'memorag-graph[qdrant]'")
    place = f"qdrant:{tmp_path / 'rows'}"
    library = Library.open(tmp_path / "library", registry, embedding_model="hash", index_at=place)
    library.add(files)
    before = content(library)
    Library.rebuild(library.directory, registry, embedding_model="hash")
    again = Library.open(library.directory, registry, embedding_model="hash")
    assert content(again) == before
    again.remove("harbour.txt")


def test_the_command_says_what_it_did(tmp_path: Path, files: Path) -> None:
    place = str(tmp_path / "library")
    runner = CliRunner()
    assert runner.invoke(app, ["library", "add", str(files), "--library", place]).exit_code == 0
    done = runner.invoke(app, ["library", "rebuild", "--library", place])
    assert done.exit_code == 0, done.output
    assert "Indexed again: 3 (3 chunks" in done.output
    assert "seven" in runner.invoke(app, ["library", "ask", QUESTION, "--library", place]).output
