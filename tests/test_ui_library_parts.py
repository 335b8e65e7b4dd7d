"""The parts of the web demo's libraries without a browser: changes, what visitors write, and the states of memories."""

import threading
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace
from typing import Any

import pytest

from memorag_graph.errors import InputError
from memorag_graph.library.directory_place import held
from memorag_graph.library.found_files import uploaded_file
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.serving.credentials import Principal
from memorag_graph.serving.library_intake import LibraryIntake
from memorag_graph.serving.quotas import Quota
from memorag_graph.serving.tenants import Tenants
from memorag_graph.settings import RunOptions
from memorag_graph.ui.library_changes import Addition, Change, LibraryChanges, Removal
from memorag_graph.ui.library_documents import state_of
from memorag_graph.ui.library_files import _distinct, parts, read_fields
from tests.conftest import HashEmbeddings

NAME, ME, OTHER = "harbours", "my visit", "another visit"
OPERATOR = Principal()


@pytest.fixture
def tenants(tmp_path: Path) -> Tenants:
    registry = Registry(MemoryStore(tmp_path / "memories"))
    registry.add_embeddings("hash", HashEmbeddings(8))
    return Tenants(registry, options=RunOptions(embedding_model="hash", memory="never"))


@pytest.fixture
def libraries(tenants: Tenants) -> NamedLibraries:
    libraries = tenants.libraries("")
    libraries.create(NAME)
    return libraries


@pytest.fixture
def changes(libraries: NamedLibraries) -> LibraryChanges:
    return LibraryChanges(libraries)


def addition(tenants: Tenants, texts: dict[str, str], client: Principal = OPERATOR, **metadata: Any) -> Addition:
    folder = TemporaryDirectory()
    given = []
    for name, text in texts.items():
        path = Path(folder.name, name)
        path.write_text(text)
        given.append(uploaded_file(path, name))
    intake = LibraryIntake(tenants, client, NAME, metadata, None)
    return Addition(NAME, ME, list(texts), folder, files=given, intake=intake)


def ended() -> None:
    for thread in threading.enumerate():
        if thread.name == "change":
            thread.join(30)


def names(libraries: NamedLibraries, where: list[str] | None = None) -> list[str]:
    return [it.name for it in libraries.open(NAME).list(where)]


def test_files_are_taken_in_a_part_at_a_time_and_not_kept(
    tenants: Tenants, libraries: NamedLibraries, changes: LibraryChanges
) -> None:
    texts = {f"{number}.txt": f"The harbour number {number} is lit at night." for number in range(30)}
    change = addition(tenants, {**texts, "broken.pdf": "no PDF"}, year=2021)
    changes.start(change)
    ended()
    assert (change.state, change.done) == ("done", 31)
    assert change.report.added == list(texts) == names(libraries, ["year=2021"])
    assert [origin for origin, _ in change.report.unreadable] == ["upload:broken.pdf"]
    assert change.folder is not None
    assert not Path(change.folder.name).exists()


def test_the_changes_of_a_library_happen_one_after_another(
    tenants: Tenants, libraries: NamedLibraries, changes: LibraryChanges
) -> None:
    for change in (
        addition(tenants, {"a.txt": "The ferry opens."}),
        Removal(NAME, ME, ["a.txt"]),
        addition(tenants, {"b.txt": "A boat."}),
    ):
        changes.start(change)
    ended()
    assert [it.state for it in changes.of(NAME, ME)] == ["done"] * 3
    assert names(libraries) == ["b.txt"]


def test_others_see_a_change_until_it_ends(changes: LibraryChanges) -> None:
    begun, may_go_on = threading.Event(), threading.Event()

    class Slow(Change):
        def _run(self, _: object) -> None:
            begun.set()
            may_go_on.wait(30)

    change = Slow(NAME, ME, ["a.txt"])
    changes.start(change)
    begun.wait(30)
    assert changes.of(NAME, OTHER) == changes.of(NAME, ME) == [change]
    assert changes.of("another", ME) == []
    may_go_on.set()
    ended()
    assert (changes.of(NAME, OTHER), changes.of(NAME, ME)) == ([], [change])
    changes.drop(change)
    assert changes.of(NAME, ME) == []


def test_a_change_that_cannot_be_made_says_why_and_the_next_one_is_made(
    tenants: Tenants, libraries: NamedLibraries, changes: LibraryChanges
) -> None:
    changes.start(Removal(NAME, ME, ["nothing.txt"]))
    ended()
    with held(Path(libraries.find(NAME))):
        changes.start(addition(tenants, {"a.txt": "The ferry opens."}))
        ended()
    stopped = addition(tenants, {"b.txt": "A boat."})
    stopped.stop()
    for change in (stopped, addition(tenants, {"c.txt": "A pier."})):
        changes.start(change)
    ended()
    found = changes.of(NAME, ME)
    assert [it.state for it in found] == ["failed", "failed", "stopped", "done"]
    assert "no document 'nothing.txt'" in found[0].error
    assert found[1].error == "Somebody else is changing this library. Try again later."
    assert names(libraries) == ["c.txt"]


def test_who_may_only_ask_adds_nothing_and_a_tenant_no_more_than_its_quota(tenants: Tenants) -> None:
    limited = Tenants(tenants.registry(""), Quota(documents=1), RunOptions(embedding_model="hash", memory="never"))
    library, changes = limited.libraries("acme").create(NAME), LibraryChanges(limited.libraries("acme"))
    reader, writer = Principal("rita", "acme", "reader"), Principal("alice", "acme", "writer")
    for client, texts in ((reader, ["a"]), (writer, ["b"]), (writer, ["c"])):
        changes.start(addition(limited, {f"{text}.txt": f"The ferry {text} opens." for text in texts}, client))
    ended()
    assert [it.state for it in changes.of(NAME, ME)] == ["failed", "done", "failed"]
    assert [it.name for it in library.list()] == ["b.txt"]
    assert "role writer" in changes.of(NAME, ME)[0].error
    assert "1 of 1 documents" in changes.of(NAME, ME)[2].error


def test_commas_divide_conditions_unless_they_are_quoted() -> None:
    assert parts(' year=2021 , name="Smith, John.pdf",,') == ["year=2021", 'name="Smith, John.pdf"']
    assert parts('width=5", year>3') == ['width=5"', "year>3"]
    assert parts("") == []


def test_fields_are_read_as_they_are_written() -> None:
    assert read_fields('year=2021, type=report, by="A, B", done=true') == {
        "year": 2021,
        "type": "report",
        "by": "A, B",
        "done": True,
    }
    for written in ("year", "year=", "=2021"):
        with pytest.raises(InputError, match="for example year=2021"):
            read_fields(written)


@pytest.mark.parametrize(
    ("given", "distinct"),
    [
        (["a.txt", "b.txt"], ["a.txt", "b.txt"]),
        (["a.txt", "a.txt", "a.txt"], ["a.txt", "a (2).txt", "a (3).txt"]),
        (["a.txt", "a (2).txt", "a.txt"], ["a.txt", "a (2).txt", "a (3).txt"]),
    ],
)
def test_files_of_one_name_stay_different_documents(given: list[str], distinct: list[str]) -> None:
    assert _distinct(given) == distinct


@pytest.mark.parametrize(
    ("memory", "share", "fault", "words"),
    [
        ("ready", 1.0, "", "memory ready"),
        ("making", 0.4, "", "reading 40%"),
        ("waiting", 0.0, "", "waiting"),
        ("none", 0.0, "", "not read yet"),
        ("none", 0.0, "no room", "not made"),
    ],
)
def test_the_state_of_a_memory_is_told_in_words(memory: str, share: float, fault: str, words: str) -> None:
    document: Any = SimpleNamespace(memory=memory, memory_share=share, memory_fault=fault)
    assert state_of(document) == words


def test_memories_can_be_chosen_while_the_store_of_the_libraries_is_away(tmp_path: Path) -> None:
    from streamlit.testing.v1 import AppTest

    def page(root: str) -> None:
        from pathlib import Path
        from types import SimpleNamespace
        from typing import Any

        from memorag_graph.errors import UnavailableError
        from memorag_graph.memory.storage.store import MemoryStore
        from memorag_graph.registry import Registry
        from memorag_graph.ui import library_start, upload

        def names() -> list[str]:
            raise UnavailableError("it is at http://10.0.0.7", "the object store", "noon")

        registry, libraries = Registry(MemoryStore(Path(root))), SimpleNamespace(names=names)
        shared: Any = SimpleNamespace(registry=registry, libraries=libraries, may_write=False)
        assert upload.choose(shared) == ""
        library_start.offer(shared)

    for query in ({}, {"library": "reports"}):
        shown = AppTest.from_function(page, args=(str(tmp_path),))
        for name, value in query.items():
            shown.query_params[name] = value
        shown.run(timeout=60)
        assert not shown.exception
        assert "the object store has not answered since noon" in shown.error[0].value
        assert "10.0.0.7" not in shown.error[0].value
        assert shown.selectbox[0].label == "Memory or library"
        assert "".join(shown.query_params.get("library", "")) == query.get("library", "")
