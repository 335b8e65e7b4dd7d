"""Libraries by name on an object store: made, found, opened once, deleted without a trace, each tenant's apart."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from memorag_graph.cli.main import app
from memorag_graph.errors import (
    InputError,
    LibraryBusyError,
    LibraryError,
    UnknownDocumentError,
    UnknownLibraryError,
)
from memorag_graph.library.found_files import uploaded_text
from memorag_graph.library.named_catalogue import VARIABLE
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.library.shelf import shelf_of
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.registry import Registry
from memorag_graph.serving.tenants import Tenants
from memorag_graph.ui.conversation_store import ConversationStore
from memorag_graph.ui.subjects import TenantSubjects
from tests.object_store import object_store
from tests.postgres_database import Databases, databases
from tests.test_library import Killed
from tests.test_library_memories import MAKING, TEXTS, registry

pytest.importorskip("psycopg", reason="needs pip install 'memorag-graph[postgres]'")
pytest.importorskip("obstore", reason="needs pip install 'memorag-graph[s3]'")

from psycopg.conninfo import conninfo_to_dict

from memorag_graph.library import bucket_place
from memorag_graph.library.bucket import Bucket
from tests.test_library_object_store import database, objects, on_servers, url
from tests.test_shared_memories import when_created

__all__ = ["database", "databases", "object_store", "on_servers", "registry", "url"]

OPTIONS = MAKING.model_copy(update={"memory": "never"})
OnMachine = Callable[[str], NamedLibraries]


@pytest.fixture
def on(url: str, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnMachine]:
    """Returns the libraries as a machine of a name has them, whose directory is the one named last."""
    made: list[NamedLibraries] = []

    def on_machine(name: str) -> NamedLibraries:
        monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(tmp_path / name))
        made.append(NamedLibraries(shelf_of(url), registry, OPTIONS))
        return made[-1]

    yield on_machine
    for libraries in made:
        libraries.close()


@pytest.fixture
def rows(url: str, registry: Registry, database: str, databases: Databases) -> Callable[[], int]:
    """Counts the libraries that have a catalogue."""
    NamedLibraries(shelf_of(f"{url}-other"), registry, OPTIONS).create("other")  # there are tables from now on
    name = conninfo_to_dict(database)["dbname"]
    return lambda: databases.execute("SELECT count(*) FROM memorag_library", database=name)[0][0]


def filled(libraries: NamedLibraries, name: str = "reports", **texts: str) -> Any:
    library = libraries.create(name)
    library.add(*(uploaded_text(text, f"{it}.txt", {}) for it, text in (texts or TEXTS).items()))
    return library


def on_disk(tmp_path: Path, machine: str) -> list[Path]:
    return [it for it in (tmp_path / machine).rglob("memory.bin") if it.is_file()]


def test_a_library_is_made_once_and_deleted_for_all_without_a_trace(
    on: OnMachine, url: str, tmp_path: Path, rows: Callable[[], int]
) -> None:
    before = rows()
    one = on("one")
    assert one.names() == []
    assert one.create("reports") is one.create("reports") is one.open("reports")
    filled(one)
    other = on("other")
    other.create("Letters-1890")
    for libraries in (one, other):
        assert libraries.names() == ["Letters-1890", "reports"]
        assert libraries.find("reports") == f"{url}/reports"
        assert libraries.has("reports")
        assert not any(map(libraries.has, ("other", "..", "reports/index", "0" * 32)))
        assert sorted(libraries.ids().values()) == libraries.names()
    one.open("reports").remember()
    assert other.open("reports").ask("When does the ferry leave?", task="memorag").memory_share == 1.0
    assert on_disk(tmp_path, "one")
    assert on_disk(tmp_path, "other")
    assert rows() == before + 2

    one.delete("reports")
    assert not objects(f"{url}/reports")
    assert rows() == before + 1
    assert other.names() == ["Letters-1890"]
    for use in (other.open, other.find, other.delete, one.open, one.find, one.delete):
        with pytest.raises(UnknownLibraryError, match="there is no library 'reports'"):
            use("reports")
    assert not on_disk(tmp_path, "one") + on_disk(tmp_path, "other")
    filled(one, boat=TEXTS["vault"])
    assert [it.name for it in other.open("reports").list()] == ["boat.txt"]


def test_conversations_of_a_machine_lose_what_another_removes(on: OnMachine, tmp_path: Path) -> None:
    one = on("one")
    filled(one, ferry="The ferry Qwertzu sails at seven.", tower="The tower Poiuztr has two lamps.")
    other = on("other")
    other.open("reports")
    store = ConversationStore("bob", TenantSubjects(MemoryStore(tmp_path / "other" / "memories"), other, {}))
    for source, said in (("tower.txt", "Poiuztr"), ("ferry.txt", "Qwertzu")):
        answer = {"result": {"asked": said, "citations": [{"source": source}]}}
        store.add("reports", "visit", answer, store.before("reports", "visit"))

    def left() -> set[bytes]:
        files = [it.read_bytes() for it in tmp_path.rglob("conversations.sqlite")]
        return {word for word in (b"Qwertzu", b"Poiuztr") for file in files if word in file}

    assert left() == {b"Qwertzu", b"Poiuztr"}
    before = store.before("reports", "visit")
    one.open("reports").remove("ferry.txt")
    with pytest.raises(UnknownDocumentError, match="removed meanwhile"):
        store.add("reports", "visit", {"result": {"asked": "When?", "citations": [{"source": "ferry.txt"}]}}, before)
    assert [it["result"]["asked"] for it in store.get("reports", "visit")] == ["Poiuztr"]
    assert left() == {b"Poiuztr"}
    one.open("reports").remove("tower.txt")
    filled(one, tower="The tower has one lamp.")
    other.open("reports")
    assert left() == set(), "another text has the name"
    answer = {"result": {"asked": "Poiuztr", "citations": [{"source": "tower.txt"}]}}
    store.add("reports", "visit", answer, store.before("reports", "visit"))
    assert left() == {b"Poiuztr"}
    one.delete("reports")
    with pytest.raises(UnknownLibraryError):
        other.open("reports")
    assert left() == set()


@pytest.mark.parametrize("goes_on", ["delete", "create"])
@pytest.mark.parametrize("step", ["delete_library", "delete"])
def test_a_deletion_that_was_killed_goes_on(
    on: OnMachine, url: str, rows: Callable[[], int], step: str, goes_on: str
) -> None:
    before, libraries, other = rows(), on("one"), on("other")
    filled(libraries)

    def killed(*_: object) -> None:
        raise Killed

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(bucket_place if step == "delete_library" else Bucket, step, killed)
        with pytest.raises(Killed):
            libraries.delete("reports")
    assert objects(f"{url}/reports")
    assert other.names() == libraries.names() == []
    with pytest.raises(UnknownLibraryError):
        other.open("reports")
    if goes_on == "delete":
        other.delete("reports")
        assert not objects(f"{url}/reports")
    else:
        assert not other.create("reports").list()
        assert {name.partition("/")[0] for name in objects(f"{url}/reports")} <= {"catalogue.json", "index"}
    assert rows() == before + (goes_on == "create")


def test_a_library_that_is_being_changed_is_not_deleted(on: OnMachine) -> None:
    one, other = on("one"), on("other")
    library = filled(one)
    with library.place.changing(), pytest.raises(LibraryBusyError, match="try again later"):
        other.delete("reports")
    assert len(other.open("reports").list()) == len(TEXTS)


def test_a_library_keeps_its_name(on: OnMachine) -> None:
    one = on("one")
    filled(one)
    with pytest.raises(InputError, match="on an object store and keeps its name; make a new one"):
        one.rename("reports", "letters")
    assert len(one.open("reports").list()) == len(TEXTS)


@pytest.mark.parametrize("number", [0, 2])
def test_nothing_is_left_of_a_library_that_is_deleted_while_a_memory_is_written(
    on: OnMachine, url: str, number: int
) -> None:
    one, other = on("one"), on("other")
    library = filled(one)
    with pytest.MonkeyPatch.context() as patch:
        when_created(patch, number, lambda: other.delete("reports"))
        with pytest.raises(UnknownLibraryError, match="was deleted meanwhile"):
            library.remember()
    assert not objects(f"{url}/reports")


def test_what_a_maker_that_was_killed_left_of_a_deleted_library_is_swept_but_nothing_else(
    on: OnMachine, url: str
) -> None:
    left = Bucket(f"{url}/reports")
    for name in (f"memories/{'a' * 64}/{'0' * 64}", f"manifests/{'b' * 64}.json"):
        left.create(name, b"left")
    left.create("memories/of my life.txt", b"mine")
    with pytest.raises(LibraryError, match="holds other objects and no library"):
        on("one").create("reports")
    assert len(objects(f"{url}/reports")) == 3
    left.delete(["memories/of my life.txt"])
    on("one").create("reports")
    assert b"left" not in objects(f"{url}/reports").values()


def test_each_tenant_has_libraries_of_its_own(url: str, tmp_path: Path, registry: Registry) -> None:
    tenants = Tenants(registry.with_store(MemoryStore(tmp_path / "memories")), options=OPTIONS, libraries_at=url)
    for tenant, text in (("", "ferry"), ("acme", "harbour"), ("zeta", "vault")):
        filled(tenants.libraries(tenant), "coast", **{text: TEXTS[text]})
    assert {it.find("coast") for it in tenants.all_libraries()} == {
        f"{url}/libraries/coast",
        f"{url}/tenant-libraries/acme/coast",
        f"{url}/tenant-libraries/zeta/coast",
    }
    assert [[it.name for it in one.open("coast").list()] for one in tenants.all_libraries()] == [
        ["ferry.txt"],
        ["harbour.txt"],
        ["vault.txt"],
    ]
    tenants.libraries("acme").delete("coast")
    assert [one.names() for one in tenants.all_libraries()] == [["coast"], ["coast"]]
    tenants.close()


def test_an_operator_learns_at_once_that_libraries_cannot_be_kept_there(
    url: str, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(InputError, match="must be a directory, or a bucket and a name in it"):
        Tenants(registry, libraries_at="s3://bucket")
    for command in ("serve", "mcp", "ui"):
        told = CliRunner().invoke(app, [command, "--libraries", "s3://bucket"])
        assert isinstance(told.exception, InputError)
        assert "a bucket and a name in it" in str(told.exception)
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(InputError, match=f"need their catalogues in a Postgres database; put its URL into {VARIABLE}"):
        Tenants(registry, libraries_at=url)


def test_what_else_lies_there_and_a_damaged_library_do_not_hide_the_others(on: OnMachine, url: str) -> None:
    libraries = on("one")
    libraries.create("reports")
    for name in ("my notes/2021.txt", "größe/1", "..a/1", "damaged/catalogue.json"):
        Bucket(url).create(name, b"{torn")
    assert libraries.names() == list(libraries.ids().values()) == ["reports"]
    assert list(shelf_of(url).shelves()) == ["..a", "damaged", "reports"]
    with pytest.raises(LibraryError, match="damaged"):
        libraries.open("damaged")
