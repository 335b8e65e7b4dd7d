"""Libraries by name: made, found, opened once, renamed, deleted, and never a path."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.errors import InputError, LibraryBusyError, LibraryError, UnknownLibraryError
from memorag_graph.library.directory_place import held
from memorag_graph.library.directory_shelf import DirectoryShelf
from memorag_graph.library.found_files import uploaded_file, uploaded_text
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import HashEmbeddings
from tests.test_library_memories import MAKING, TEXTS, registry

__all__ = ["registry"]

FERRY = "The ferry opens at seven in the morning. Tickets cost four pounds."
HARBOUR = "The harbour is lit at night. Its lamps burn oil."


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], NamedLibraries]:
    own = Registry()
    own.add_embeddings("hash", HashEmbeddings(8))
    options = RunOptions(embedding_model="hash", memory="never")
    return lambda: NamedLibraries(DirectoryShelf(tmp_path / "libraries"), own, options)


@pytest.fixture
def libraries(opened: Callable[[], NamedLibraries]) -> NamedLibraries:
    return opened()


def names(libraries: NamedLibraries, library: str) -> list[tuple[str, int]]:
    return [(it.name, it.version) for it in libraries.open(library).list()]


def test_a_library_is_made_once_and_listed_by_its_name(libraries: NamedLibraries, tmp_path: Path) -> None:
    assert libraries.names() == []
    assert libraries.create("reports") is libraries.create("reports") is libraries.open("reports")
    libraries.create("Letters-1890")
    (tmp_path / "libraries" / "no library").mkdir()
    assert libraries.names() == ["Letters-1890", "reports"]
    assert libraries.find("reports") == str(tmp_path / "libraries" / "reports")


@pytest.mark.parametrize("name", ["", "..", ".hidden", "a/b", "a\\b", "a b", "ä", "a" * 65, "0" * 32, "a\n"])
def test_what_could_be_a_path_or_the_id_of_a_memory_is_no_name(libraries: NamedLibraries, name: str) -> None:
    for use in (libraries.create, libraries.find, libraries.open, libraries.delete):
        with pytest.raises(InputError, match="cannot be the name of a library"):
            use(name)


def test_an_unknown_library_is_told(libraries: NamedLibraries) -> None:
    for use in (libraries.find, libraries.open, libraries.delete):
        with pytest.raises(UnknownLibraryError, match="there is no library 'reports'"):
            use("reports")


def test_a_deleted_library_is_gone_and_one_made_anew_is_empty(
    opened: Callable[[], NamedLibraries], tmp_path: Path
) -> None:
    here, elsewhere = opened(), opened()
    here.create("reports").add(uploaded_text(FERRY, "ferry.txt", {}))
    assert names(elsewhere, "reports") == [("ferry.txt", 1)]
    here.delete("reports")
    assert list((tmp_path / "libraries").iterdir()) == []
    with pytest.raises(UnknownLibraryError):
        elsewhere.open("reports")
    here.create("reports").add(uploaded_text(HARBOUR, "harbour.txt", {}))
    assert names(elsewhere, "reports") == [("harbour.txt", 1)]
    assert elsewhere.open("reports").ask("When are the lamps lit?").evidence[0].source == "harbour.txt"


def test_a_library_that_is_being_changed_is_not_deleted(libraries: NamedLibraries) -> None:
    library = libraries.create("reports")
    with held(library.directory), pytest.raises(LibraryBusyError, match="try again later"):
        libraries.delete("reports")
    assert libraries.names() == ["reports"]
    libraries.delete("reports")
    assert libraries.names() == []


def test_a_renamed_library_is_found_by_its_new_name_alone(opened: Callable[[], NamedLibraries], tmp_path: Path) -> None:
    here, elsewhere = opened(), opened()
    here.create("reports").add(uploaded_text(FERRY, "ferry.txt", {}))
    held_on = elsewhere.open("reports")
    here.rename("reports", "letters")
    assert here.names() == elsewhere.names() == ["letters"]
    for libraries in (here, elsewhere):
        for use in (libraries.open, libraries.find, libraries.delete, lambda name: libraries.rename(name, "x")):  # noqa: B023
            with pytest.raises(UnknownLibraryError, match="there is no library 'reports'"):
                use("reports")
        assert libraries.open("letters").ask("When does the ferry open?").evidence[0].source == "ferry.txt"
        libraries.open("letters").add(uploaded_text(HARBOUR, "harbour.txt", {}))
        assert names(libraries, "letters") == [("ferry.txt", 1), ("harbour.txt", 1)]
    with pytest.raises(LibraryError):
        held_on.ask("When does the ferry open?")
    assert here.create("reports").list() == []
    assert sorted(it.name for it in (tmp_path / "libraries").iterdir()) == ["letters", "reports"]


def test_a_name_that_is_taken_or_cannot_be_one_is_refused(libraries: NamedLibraries, tmp_path: Path) -> None:
    for name in ("reports", "letters"):
        libraries.create(name)
    (tmp_path / "libraries" / "other").mkdir()
    for name in ("letters", "other", "reports"):
        with pytest.raises(InputError, match=f"the name {name!r} is taken"):
            libraries.rename("reports", name)
    for name in ("", "../letters", "0" * 32):
        with pytest.raises(InputError, match="cannot be the name of a library"):
            libraries.rename("reports", name)
    with held(libraries.open("reports").directory), pytest.raises(LibraryBusyError, match="try again later"):
        libraries.rename("reports", "new")
    assert libraries.names() == ["letters", "reports"]


def test_memories_in_the_making_go_on_under_the_new_name(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, real = threading.Event(), threading.Event(), Registry.memorize

    def waiting(self: Registry, *given: Any) -> Any:
        begun.set()
        assert go_on.wait(30)
        return real(self, *given)

    monkeypatch.setattr(Registry, "memorize", waiting)
    options = MAKING.model_copy(update={"memory": "now", "embedding_model": "hash"})
    libraries = NamedLibraries(DirectoryShelf(tmp_path / "libraries"), registry, options)
    libraries.create("reports").add(*(uploaded_text(text, f"{name}.txt", {}) for name, text in TEXTS.items()))
    assert begun.wait(30)
    threading.Timer(0.2, go_on.set).start()  # while the rename waits for it
    libraries.rename("reports", "letters")
    library = libraries.open("letters")
    assert library.worker.wait(60)
    assert {it.memory for it in library.list()} == {"ready"}
    assert [it.name for it in (tmp_path / "libraries").iterdir()] == ["letters"]
    libraries.close()


def test_a_library_is_not_renamed_while_another_process_makes_a_memory_of_it(libraries: NamedLibraries) -> None:
    memory = libraries.create("reports").directory / "memories" / ("0" * 64)
    with MemoryStore(memory.parent).claim(memory), pytest.raises(LibraryBusyError, match="somebody makes a memory"):
        libraries.rename("reports", "letters")
    libraries.rename("reports", "letters")


def test_what_is_sent_again_under_a_name_is_a_version_of_the_same_document(
    libraries: NamedLibraries, tmp_path: Path
) -> None:
    library = libraries.create("reports")
    for place, text in (("first", FERRY), ("second", FERRY), ("third", HARBOUR)):
        (tmp_path / place).write_text(text)
        library.add(uploaded_file(tmp_path / place, "ferry.txt"))
    assert names(libraries, "reports") == [("ferry.txt", 2)]
    report = library.add(uploaded_text(FERRY, "ferry.txt", {"year": 1890}), uploaded_text(FERRY, "old.txt", {}))
    assert (report.replaced, report.added) == (["ferry.txt"], ["old.txt"])
    assert [it.metadata for it in library.list({"year": 1890})] == [{"year": 1890}]
