"""Libraries by name: made, found, opened once, deleted, and never a path."""

from collections.abc import Callable
from pathlib import Path

import pytest

from memorag_graph.errors import InputError, LibraryBusyError, UnknownLibraryError
from memorag_graph.library.directory_place import held
from memorag_graph.library.directory_shelf import DirectoryShelf
from memorag_graph.library.found_files import uploaded_file, uploaded_text
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import HashEmbeddings

FERRY = "The ferry opens at seven in the morning. Tickets cost four pounds."
HARBOUR = "The harbour is lit at night. Its lamps burn oil."


@pytest.fixture
def opened(tmp_path: Path) -> Callable[[], NamedLibraries]:
    registry = Registry()
    registry.add_embeddings("hash", HashEmbeddings(8))
    options = RunOptions(embedding_model="hash", memory="never")
    return lambda: NamedLibraries(DirectoryShelf(tmp_path / "libraries"), registry, options)


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
