"""The memories of a library: made behind it, once for each text, and gone with it."""

import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.errors import InputError, ModelError
from memorag_graph.library.library import Library
from memorag_graph.library.library_memories import LibraryMemories
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.memory_worker import MemoryWorker
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TINY, HashEmbeddings, tiny_model
from tests.test_library import Killed

TEXTS = {
    "ferry": "The ferry to Inshay leaves at seven from the old pier. It takes lorries and forty passengers. " * 8,
    "harbour": "The harbour of Thorle is closed in winter, as the wind is strong. The keeper is Captain Kemp. " * 8,
    "vault": "The vault is in the cellar. It opens with the number 4711, which only Captain Quill knows. " * 8,
}
MAKING = TINY.model_copy(update={"gist_chunk_size": 128, "gist_tokens": 24, "gist_writer": "extractive"})


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry()
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings(16))
    return registry


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


OpenLibrary = Callable[..., Library]


@pytest.fixture
def opened(tmp_path: Path, registry: Registry) -> Iterator[OpenLibrary]:
    made: list[Library] = []

    def open_library(memory: Any = "never", options: RunOptions = MAKING) -> Library:
        made.append(
            Library.open(tmp_path / "library", registry, embedding_model="hash", memory=memory, options=options)
        )
        return made[-1]

    yield open_library
    for library in made:
        library.close()


def states(library: Library) -> dict[str, str]:
    return {entry.name: entry.memory for entry in library.list()}


def ready(*names: str) -> dict[str, str]:
    return {f"{name}.txt": "ready" if name in names else "none" for name in TEXTS}


def test_no_memory_is_made_unless_a_model_is_named(opened: OpenLibrary, files: Path, registry: Registry) -> None:
    library = Library.open(files / "library", registry, embedding_model="hash")
    library.add(files)
    assert library.memory == "never"
    assert states(library) == ready()
    assert opened(memory=None).memory == "background"


def test_memories_are_made_behind_the_library(opened: OpenLibrary, files: Path) -> None:
    library = opened("background")
    library.add(files)
    assert library.worker.wait(60)
    assert states(library) == ready(*TEXTS)
    assert library.info("ferry.txt")["memory_share"] == 1.0


def test_memories_are_made_before_add_returns_or_later_by_name_and_number(opened: OpenLibrary, files: Path) -> None:
    library = opened()
    told = []
    report = library.add(files / "vault.txt", memory="now", progress=told.append)
    assert report.remembered == ["vault.txt"]
    assert [(it.done, it.total) for it in told if it.stage == "memories"][-1] == (library.list()[0].tokens,) * 2
    library.add(files)
    assert library.remember(limit=1).remembered == ["ferry.txt"]
    assert library.remember("harbour.txt", "ferry.txt").remembered == ["harbour.txt"]
    assert library.remember().remembered == []
    with pytest.raises(InputError, match=r"did you mean 'vault\.txt'"):
        library.remember("vaults.txt")
    with pytest.raises(InputError, match="'later' is unknown; choose from background, now, when_asked, never"):
        library.add(files, memory="later")  # type: ignore[arg-type]


def test_a_text_is_remembered_once(opened: OpenLibrary, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = opened()
    library.add(files / "ferry.txt", memory="now")
    (files / "copy.txt").write_text(TEXTS["ferry"])

    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("made again")

    monkeypatch.setattr(LocalMemoryModel, "build", forbidden)
    again = library.add(files / "ferry.txt", files / "copy.txt", memory="now")
    assert (again.remembered, again.not_remembered) == ([], [])
    assert states(library) == {"ferry.txt": "ready", "copy.txt": "ready"}


def test_a_new_version_reuses_the_gists_of_what_did_not_change(
    opened: OpenLibrary, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.conftest import TEXT

    library = opened()
    (files / "ferry.txt").write_text(TEXT[:1500])
    library.add(files / "ferry.txt", memory="now")
    written: list[str] = []
    add = Journal.add
    monkeypatch.setattr(Journal, "add", lambda self, key, text: (written.append(key), add(self, key, text)))
    (files / "ferry.txt").write_text(TEXT[:1500] + " A new pier was built at Averil, of which Captain Quill is proud.")
    library.add(files / "ferry.txt", memory="now")
    new, old = (entry.text_sha256 for entry in reversed(library.stores.catalogue.entries()))
    assert library.stores.memories.is_made(old)
    assert library.stores.memories.is_made(new)
    assert 1 <= len(written) <= 2


def test_what_a_killed_process_wrote_is_used(opened: OpenLibrary, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (files / "long.txt").write_text(" ".join(TEXTS.values()))
    library = opened()
    library.add(files / "long.txt")
    written: list[str] = []
    add = Journal.add

    def killed(self: Journal, key: str, text: str) -> None:
        add(self, key, text)
        written.append(key)
        if len(written) == 2:
            raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Journal, "add", killed)
        with pytest.raises(Killed):
            library.remember()
    assert states(library) == {"long.txt": "none"}
    with library.stores.memories.store.claim(library.stores.memories.place(library.list()[0].text_sha256)):
        assert states(opened()) == {"long.txt": "making"}  # by another process
    monkeypatch.setattr(Journal, "add", lambda self, key, text: (written.append(key), add(self, key, text)))
    assert opened().remember().remembered == ["long.txt"]
    assert len(written) == len(set(written)) > 2


def test_the_worker_rests_while_a_question_runs_and_can_be_stopped(
    opened: OpenLibrary, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library, begun = opened(), threading.Event()
    library.add(files)
    rest = MemoryWorker._rest

    def watched(self: MemoryWorker, is_given_up: Callable[[], bool]) -> None:
        begun.set()
        rest(self, is_given_up)

    monkeypatch.setattr(MemoryWorker, "_rest", watched)
    with library.worker.resting():
        library.worker.wake(library.memories)
        assert begun.wait(30)
        assert not library.worker.wait(0.3)
        assert "making" in states(library).values()
        assert states(library)["vault.txt"] == "waiting"
        library.remove("ferry.txt")  # does not wait for the question
        library.close()
        assert library.worker.wait(30)
    assert states(library) == {"harbour.txt": "none", "vault.txt": "none"}
    library.worker.wake(library.memories)
    assert library.worker.wait(60)
    assert states(library) == {"harbour.txt": "ready", "vault.txt": "ready"}


def test_a_forked_process_starts_its_own_worker(opened: OpenLibrary, files: Path) -> None:
    library = opened()
    library.add(files)
    library.worker._thread = threading.Thread()  # the parent's, which does not run here
    assert states(library) == ready()
    library.worker.wake(library.memories)
    assert library.worker.wait(60)
    assert states(library) == ready(*TEXTS)


def test_one_worker_serves_all_who_open_the_library(opened: OpenLibrary) -> None:
    assert opened().worker is opened().worker


@pytest.mark.parametrize(("kind", "method"), [(Journal, "add"), (Registry, "memorize")])
def test_of_a_document_that_is_removed_meanwhile_no_memory_is_left(
    opened: OpenLibrary, files: Path, monkeypatch: pytest.MonkeyPatch, kind: type, method: str
) -> None:
    """Whoever makes it, perhaps another process, gives up; and if it was just done, it is removed again."""
    library = opened()
    library.add(files / "vault.txt", files / "ferry.txt")
    (vault, _) = library.list()
    original = getattr(kind, method)

    def removing(*given: Any) -> Any:
        made = original(*given)
        library.stores.catalogue.remove([vault.id])
        return made

    with monkeypatch.context() as patch:
        patch.setattr(kind, method, removing)
        library.worker.wake(library.memories)
        assert library.worker.wait(60)
    assert states(library) == {"ferry.txt": "ready"}
    assert not library.stores.memories.is_made(vault.text_sha256)
    library.add(files / "ferry.txt")
    assert not library.stores.memories.place(vault.text_sha256).exists()


def test_removing_waits_for_whoever_makes_the_memory(opened: OpenLibrary, files: Path) -> None:
    library = opened("background")
    library.add(files)
    library.remove(*(entry.name for entry in library.list()))
    assert library.worker.wait(60)
    assert [
        path.name for path in library.stores.memories.directory.rglob("*") if path.suffix in (".json", ".bin")
    ] == []


def test_what_fails_is_told_and_tried_again(opened: OpenLibrary, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    library = opened()
    library.add(files)
    make = LibraryMemories.make

    def failing(self: LibraryMemories, entry: Any, *given: Any) -> Any:
        if entry.name == "harbour.txt":
            raise InputError("gist_tokens", "too long")
        return make(self, entry, *given)

    with monkeypatch.context() as patch:
        patch.setattr(LibraryMemories, "make", failing)
        library.worker.wake(library.memories)
        assert library.worker.wait(60)
        assert states(library) == ready("ferry", "vault")
        assert library.info("harbour.txt")["memory_fault"] == "gist_tokens: too long"
        assert library.remember().not_remembered == [("harbour.txt", "gist_tokens: too long")]
    library.worker.wake(library.memories)
    assert library.worker.wait(60)
    assert states(library) == ready(*TEXTS)
    assert "memory_fault" not in library.info("harbour.txt")


def test_a_model_that_cannot_be_loaded_is_told(opened: OpenLibrary, files: Path, tmp_path: Path) -> None:
    library = opened("never", MAKING.model_copy(update={"model": str(tmp_path / "nowhere")}))
    library.add(files)
    with pytest.raises(ModelError):
        library.remember()
    library.worker.wake(library.memories)
    assert library.worker.wait(60)
    assert states(library) == ready()
    assert "nowhere" in library.info(library.list()[0].name)["memory_fault"]
