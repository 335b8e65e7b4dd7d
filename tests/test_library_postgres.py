"""A library whose catalogue is in Postgres obeys the laws of one whose catalogue is in its directory, and outlives its
server."""

import json
import os
import random
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from typer.testing import CliRunner

from memorag_graph.cli.main import app
from memorag_graph.documents import PageMap
from memorag_graph.errors import InputError, LibraryBusyError, LibraryError, MissingExtraError, UnavailableError
from memorag_graph.library import silence
from memorag_graph.library.catalogue import Catalogue, Detailed, Note
from memorag_graph.library.catalogue_place import catalogue_in, create_catalogue
from memorag_graph.library.directory_shelf import DirectoryShelf
from memorag_graph.library.entry import Entry
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.library import Library
from memorag_graph.library.named_catalogue import VARIABLE, server_at
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.library.sqlite_catalogue import SqliteCatalogue
from memorag_graph.library.stored_texts import StoredTexts
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.postgres_database import SECRET, Databases, databases, with_login
from tests.postgres_process import LightEmbeddings
from tests.test_fork import in_child
from tests.test_library import (
    content,
    files,
    killed_and_run_again,
    library,
    open_library,
    registry,
    sync_twice,
    test_a_changed_file_and_replace_make_new_versions,
    test_documents_are_listed_by_filter_and_time,
    test_export_writes_every_version,
    test_files_of_a_directory_are_taken_in_once,
    test_loaders_metadata_and_the_callers_are_kept,
    test_one_text_under_two_names_and_two_documents_of_one_name,
    test_one_writer_at_a_time,
    test_sync_brings_the_library_to_the_state_of_a_directory,
    test_the_index_is_made_again_from_the_texts,
    whole,
    without_origins,
)

__all__ = [
    "databases",
    "files",
    "library",
    "open_library",
    "registry",
    "test_a_changed_file_and_replace_make_new_versions",
    "test_documents_are_listed_by_filter_and_time",
    "test_export_writes_every_version",
    "test_files_of_a_directory_are_taken_in_once",
    "test_loaders_metadata_and_the_callers_are_kept",
    "test_one_text_under_two_names_and_two_documents_of_one_name",
    "test_one_writer_at_a_time",
    "test_sync_brings_the_library_to_the_state_of_a_directory",
    "test_the_index_is_made_again_from_the_texts",
    "whole",
]

psycopg = pytest.importorskip("psycopg", reason="needs pip install 'memorag-graph[postgres]'")
postgres_server = pytest.importorskip("memorag_graph.library.postgres_server")
QUESTION = "When does the ferry open?"
TABLES = ("memorag_library", "memorag_setting", "memorag_document", "memorag_job")
ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def database(databases: Databases) -> str:
    return databases.new()


@pytest.fixture(autouse=True)
def in_postgres(database: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Keep the catalogues of all libraries in one database; ``whole``, which is made before, is in its directory."""
    monkeypatch.setenv(VARIABLE, database)


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_server, "TRIED_SECONDS", 0.3)
    monkeypatch.setattr(silence, "PAUSE_SECONDS", 0)


def catalogue_of(library: Library) -> Any:
    from memorag_graph.library.postgres_catalogue import PostgresCatalogue

    assert isinstance(library.stores.catalogue, PostgresCatalogue)
    return library.stores.catalogue


@pytest.mark.parametrize(
    ("kind", "method", "is_done"),
    [
        ("StoredTexts", "add", True),
        ("LanceTable", "add", True),
        ("PostgresCatalogue", "add", False),
        ("PostgresCatalogue", "add", True),
        ("PostgresCatalogue", "remove", True),
        ("LanceTable", "remove", True),
        ("PostgresCatalogue", "tidy", False),
    ],
)
def test_after_a_kill_the_same_command_gives_what_sqlite_gives(
    open_library: Callable[[], Library], files: Path, whole: dict[str, Any], kind: str, method: str, is_done: bool
) -> None:
    from memorag_graph.library.postgres_catalogue import PostgresCatalogue

    kinds = {it.__name__: it for it in (StoredTexts, LanceTable, PostgresCatalogue)}
    again = killed_and_run_again(open_library, files, kinds[kind], method, is_done)
    assert without_origins(content(again)) == without_origins(whole)


@pytest.mark.parametrize("error", ["OperationalError", "AdminShutdown", "SerializationFailure"])
def test_work_that_is_done_twice_gives_what_it_gives_once(
    library: Library, files: Path, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch, error: str
) -> None:
    """As where the answer to it was lost with the connection."""
    once, lost = postgres_server.PostgresServer._once, []

    def losing(self: object, work: Callable[[Any], Any]) -> Any:
        result = once(self, work)
        if lost and lost[-1] is work:
            return result
        lost.append(work)
        raise getattr(psycopg.errors, error)("the connection is lost")

    monkeypatch.setattr(postgres_server.PostgresServer, "_once", losing)
    monkeypatch.setattr("tenacity.nap.time.sleep", lambda _: None)
    sync_twice(library, files)
    assert len(lost) > 20
    assert without_origins(content(library)) == without_origins(whole)


def test_it_answers_as_a_library_in_a_directory(
    library: Library, files: Path, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(VARIABLE)
    in_directory = Library.open(tmp_path / "other", registry, embedding_model="hash")
    monkeypatch.undo()
    for one in (library, in_directory):
        one.add(files, metadata={"year": 2021})
        one.replace("ferry.txt", files / "harbour.txt")
    assert content(library) == content(in_directory)
    asked = [one.ask(QUESTION, where={"year": 2021}).to_dict() for one in (library, in_directory)]
    assert asked[0]["answer"] == asked[1]["answer"] != ""
    assert not list(library.directory.glob("*.sqlite*"))


def random_entries(chance: random.Random, catalogue: Catalogue) -> list[Detailed]:
    """Entries of any characters, some of which are new versions of current ones."""

    def text() -> str:
        return "".join(chance.choices("a0\\\0'%字🦀\n ", k=chance.choice((0, 3, 9, 400))))

    latest = {it.name: it.version for it in catalogue.entries()}
    new = []
    for number in range(chance.randint(0, 3)):
        name = chance.choice([*latest, text()])
        latest[name] = latest.get(name, 0) + 1
        metadata = {text(): chance.choice((text(), 7, 0.1, True, [text(), 2]))}
        numbers = [chance.randrange(2**40) for _ in range(4)]
        entry = Entry(
            *(
                catalogue.next_id() + number,
                name,
                latest[name],
                text(),
                "of the file",
                "of the text",
                f"2026-{number}",
                "",
            ),
            *("en", text(), *numbers, metadata, (text(),)),
        )
        page_map = PageMap(sections=((0, text()),))
        new.append(Detailed(entry, page_map, (Note(0, number, text()),)))
    return new


def test_any_changes_give_what_they_give_in_sqlite(tmp_path: Path, database: str) -> None:
    chance = random.Random(7)
    sqlite = SqliteCatalogue.create(tmp_path / "catalogue.sqlite", {"id": "compared"})
    (tmp_path / "compared").mkdir()
    create_catalogue(tmp_path / "compared", {"id": "compared"}, database)
    both: tuple[Catalogue, Catalogue] = (sqlite, catalogue_in(tmp_path / "compared", database))
    for _ in range(40):
        ids, change = [it.id for it in sqlite.entries()], chance.randrange(4)
        new, some = random_entries(chance, sqlite), chance.sample(ids, k=min(len(ids), chance.randrange(3)))
        without = chance.choice(("", "a."))
        settings = {f"{chance.choice('ab')}.{chance.randrange(9)}": str(chance.random())}
        for one in both:
            if change == 0:
                one.remove(some)
            elif change == 1 and ids:
                one.describe(ids[-1], {"key\0": "value\0"})
            elif change == 2:
                one.change_settings(settings, without)
            else:
                one.add(new)
        told = []
        for one in both:
            details = [(one.notes(it), one.page_map(it)) for it in [*ids, 999]]
            kept = [one.setting(f"{letter}.{number}", "none") for letter in "ab" for number in range(9)]
            told.append((one.entries(), one.next_id(), details, kept))
        assert told[0] == told[1]
    assert sqlite.next_id() > 10


@pytest.fixture
def adders() -> Iterator[Callable[..., list[int]]]:
    """Runs calls of :func:`tests.postgres_process.add` at once; returns how they ended."""
    command = [sys.executable, "-m", "tests.postgres_process"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin
        assert process.stdout
        sent, told = process.stdin, process.stdout

        def run(*calls: list[object]) -> list[int]:
            sent.write(json.dumps(calls) + "\n")
            sent.flush()
            ended: list[int] = json.loads(told.readline())
            return ended

        yield run
        sent.close()


def test_two_processes_add_at_once_and_a_killed_one_goes_on(
    files: Path,
    tmp_path: Path,
    registry: Registry,
    monkeypatch: pytest.MonkeyPatch,
    adders: Callable[..., list[int]],
) -> None:
    registry.add_embeddings("light", LightEmbeddings())
    library = Library.open(tmp_path / "library", registry, embedding_model="light")
    for number in range(8):
        (files / f"{number}.txt").write_text(f"Number {number} is a boat. It has {number} masts.")
    place = str(library.directory)
    assert adders([place, [str(files)], 2]) == [-signal.SIGKILL]
    assert 0 < len(library.list()) < 11
    paths = sorted(map(str, files.rglob("*.txt")))
    assert adders([place, paths[:8]], [place, paths[:3:-1]]) == [0, 0]

    monkeypatch.delenv(VARIABLE)
    expected = Library.open(tmp_path / "other", registry, embedding_model="light")
    expected.add(*(it.origin for it in catalogue_of(library).entries()))
    assert len(expected.list()) == 11

    def described(it: Library) -> set[tuple[object, ...]]:
        return {(one.origin, one.version, one.text_sha256, one.replaced) for one in it.stores.catalogue.entries()}

    assert described(library) == described(expected)
    rows = [
        {(it.terms, it.vector.tobytes()) for it in one.stores.chunks.rows_of(range(20))} for one in (library, expected)
    ]
    assert rows[0] == rows[1]
    ids = [it.id for it in catalogue_of(library).entries()]
    assert sorted(set(ids)) == ids
    assert library.stores.chunks.documents() == set(ids)


def test_a_server_that_starts_again_is_waited_for(
    library: Library, files: Path, whole: dict[str, Any], databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While documents are added, removed and asked for, nobody sees an error, and nothing is lost."""
    from memorag_graph.library.postgres_catalogue import PostgresCatalogue

    monkeypatch.setattr(postgres_server, "TRIED_SECONDS", 60)  # a busy machine may take long

    def restarted(method: str) -> None:
        real, done = getattr(PostgresCatalogue, method), []

        def restarting(self: object, *given: Any) -> Any:
            if not done:
                done.append(databases.restart())
            return real(self, *given)

        monkeypatch.setattr(PostgresCatalogue, method, restarting)

    for method in ("add", "remove", "page_map"):
        restarted(method)
    sync_twice(library, files)
    assert without_origins(content(library)) == without_origins(whole)
    restarted("entries")
    assert library.ask(QUESTION).text


def test_whoever_comes_while_a_server_does_not_answer_does_not_wait_for_it(
    databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One call tries after each pause, and the others fail at once, in whichever libraries."""
    now, tries = [0.0], list[dict[str, str]]()
    monkeypatch.setattr(postgres_server, "TRIED_SECONDS", 0.3)
    monkeypatch.setattr(silence, "_silences", {})
    monkeypatch.setattr(silence, "time", SimpleNamespace(monotonic=lambda: now[0]))
    url, connect = databases.new(), psycopg.connect

    def counting(**parameters: Any) -> Any:
        tries.append(parameters)
        return connect(**parameters)

    def fails(server: postgres_server.PostgresServer) -> int:
        tries.clear()
        with pytest.raises(UnavailableError, match="has not answered since"):
            server.read(lambda db: db.execute("SELECT 1"))
        return len(tries)

    monkeypatch.setattr(psycopg, "connect", counting)
    databases.stop()
    try:
        assert fails(postgres_server.PostgresServer(url)) > 1
        another = postgres_server.PostgresServer(url)
        assert [fails(another), fails(another)] == [0, 0]
        now[0] += silence.PAUSE_SECONDS
        assert [fails(another), fails(postgres_server.PostgresServer(url))] == [1, 0]
    finally:
        databases.start()
    now[0] += silence.PAUSE_SECONDS
    assert another.read(lambda db: db.execute("SELECT 1").fetchone()) == (1,)
    assert postgres_server.PostgresServer(url).read(lambda db: db.execute("SELECT 1").fetchone()) == (1,)


@pytest.mark.usefixtures("impatient")
def test_a_server_that_is_gone_is_named_and_work_goes_on_when_it_is_back(
    library: Library,
    files: Path,
    databases: Databases,
    whole: dict[str, Any],
    database: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    from memorag_graph.library.postgres_catalogue import PostgresCatalogue

    name = psycopg.conninfo.conninfo_to_dict(database)["dbname"]
    told = (
        rf"catalogue of this library, in the Postgres database {name} at .* has not answered since 20.* \(.*\); nothing"
    )
    library.add(files / "ferry.txt")
    real = PostgresCatalogue.add

    def stopped(self: PostgresCatalogue, new: Any) -> None:
        databases.stop()
        real(self, new)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PostgresCatalogue, "add", stopped)
            with pytest.raises(UnavailableError, match=told):
                library.add(files)
        messages = []
        for ask in (lambda: library.ask(QUESTION), library.list, lambda: library.remove("ferry.txt")):
            with pytest.raises(UnavailableError, match=told) as refused:
                ask()
            messages.append(str(refused.value).split("(")[0])
        assert len(set(messages)) == 1  # since when is told, not that of the last try
        library.worker.wake(library.memories)
        assert library.worker.wait()
        assert "no memories are made until somebody asks for them again: the catalogue of this" in caplog.text
    finally:
        databases.start()
    assert [it.name for it in library.list()] == ["ferry.txt"]
    assert library.ask(QUESTION).citations
    sync_twice(library, files)
    assert without_origins(content(library)) == without_origins(whole)


def test_libraries_in_one_database_know_nothing_of_each_other(
    databases: Databases, tmp_path: Path, registry: Registry, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, url := databases.new())
    options = RunOptions(embedding_model="hash", memory="never")
    first, second = (
        NamedLibraries(DirectoryShelf(tmp_path / tenant), registry, options) for tenant in ("one", "other")
    )
    for number, named in enumerate((first, second)):
        named.create("reports").add(files / "ferry.txt", files / "harbour.txt", metadata={"tenant": number})
    assert [it.metadata["tenant"] for named in (first, second) for it in named.open("reports").list()] == [0, 0, 1, 1]
    before = content(second.open("reports"))
    first.open("reports").add(files / "harbour.txt", metadata={"by": "Qwertzu"})
    first.open("reports").remove("harbour.txt")
    assert content(second.open("reports")) == before
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    rows = databases.execute("SELECT document::text FROM memorag_document AS document", database=name)
    assert [("Qwertzu" in row, "harbour" in row) for (row,) in rows] == [(False, False), (False, False), (False, True)]
    for named in (first, second):
        catalogue = catalogue_of(named.open("reports"))
        catalogue.queue().offer([it.text_sha256 for it in catalogue.entries()])
    catalogue.queue().offer(["of a document that is removed"])
    second.open("reports").stores.catalogue.remove([999])
    assert catalogue.queue().jobs().keys() == {it.text_sha256 for it in catalogue.entries()}
    first.delete("reports")
    assert first.names() == []
    assert content(second.open("reports")) == before
    second.rename("reports", "letters")
    assert content(second.open("letters")) == before
    second.delete("letters")
    assert [databases.execute(f"SELECT * FROM {table}", database=name) for table in TABLES] == [[]] * len(TABLES)


def test_whoever_changes_a_library_from_another_directory_meanwhile_is_refused(library: Library, files: Path) -> None:
    library.add(files / "ferry.txt")
    before, catalogue = content(library), catalogue_of(library)
    (entry,) = catalogue.entries()
    as_it_is = Detailed(entry, catalogue.page_map(entry.id), tuple(catalogue.notes(entry.id)))
    catalogue.add([as_it_is])
    with pytest.raises(LibraryBusyError, match="has to be changed from one directory"):
        catalogue.add([replace(as_it_is, entry=replace(entry, content_sha256="of another file"))])
    assert content(library) == before


def test_changes_at_once_are_made_one_after_the_other(databases: Databases, tmp_path: Path) -> None:
    """Also the first ones, which make the tables."""
    url, threads, changes = databases.new(), 6, 8

    def changed(number: int) -> None:
        place = tmp_path / str(number)
        place.mkdir()
        create_catalogue(place, {"id": "shared"}, url)
        catalogue = catalogue_in(place, url)
        for change in range(changes):
            catalogue.change_settings({f"{number}.{change}": "done", f"begun.{number}": str(change)}, without="begun.")

    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(changed, range(threads)))
    catalogue = catalogue_in(tmp_path / "0", url)
    done = [catalogue.setting(f"{number}.{change}") for number in range(threads) for change in range(changes)]
    assert set(done) == {"done"}
    assert sum(bool(catalogue.setting(f"begun.{number}")) for number in range(threads)) == 1
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    assert databases.execute("SELECT changes FROM memorag_library", database=name) == [(threads * changes,)]


def test_a_forked_process_has_connections_of_its_own(database: str) -> None:
    server = postgres_server.PostgresServer(database)

    def connected() -> int:
        (number,) = server.read(lambda db: db.execute("SELECT pg_backend_pid()").fetchone())
        return int(number)

    own = connected()
    children = [int(in_child(connected)) for _ in range(2)]
    assert len({own, *children}) == 3
    assert connected() == own


def test_a_creation_that_was_killed_goes_on(tmp_path: Path, registry: Registry, databases: Databases) -> None:
    from memorag_graph.library.postgres_catalogue import PostgresCatalogue
    from tests.test_library import Killed, killed

    url = databases.new()
    opening = {"registry": registry, "embedding_model": "hash", "catalogue_at": url}
    real = PostgresCatalogue.create

    def killed_after(*given: Any) -> None:
        real(*given)
        killed()

    for step in (killed, killed_after):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(PostgresCatalogue, "create", step)
            with pytest.raises(Killed):
                Library.open(tmp_path / "library", **opening)  # type: ignore[arg-type]
    library = Library.open(tmp_path / "library", **opening)  # type: ignore[arg-type]
    assert library.list() == []
    name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
    assert len(databases.execute("SELECT * FROM memorag_library", database=name)) == 1


@pytest.mark.usefixtures("impatient")
def test_what_is_wrong_is_told_without_the_password(
    tmp_path: Path, registry: Registry, databases: Databases, database: str, caplog: pytest.LogCaptureFixture
) -> None:
    def refused(url: str, kind: type[Exception], told: str, place: str = "library") -> None:
        with pytest.raises(kind, match=told) as raised:
            Library.open(tmp_path / place, registry, embedding_model="hash", catalogue_at=url)
        error: BaseException | None = raised.value
        while error is not None:
            assert all(it not in str(error) for it in (SECRET, "wrong-Hq5"))
            error = error.__cause__

    refused(with_login(database, "guarded:wrong-Hq5"), UnavailableError, "refuses .*password authentication failed")
    refused(
        f"postgresql://guarded:{SECRET}@127.0.0.1:1/x", UnavailableError, r"x at 127.0.0.1:1, has not answered since 20"
    )
    refused(
        f"postgresql://guarded:{SECRET}@nowhere.invalid/x", UnavailableError, "nowhere.invalid:5432, has not answered"
    )
    refused(f"{database.split('?')[0]}x?{database.split('?')[1]}", UnavailableError, r"refuses .*does not exist")
    for torn in ("/", "@", ":/", "%", "?a@", "#/@"):
        for url in (f"postgresql://me:{SECRET}{torn}{SECRET}@host/x", f"{SECRET}", f"mysql://me:{SECRET}@host/x"):
            if torn != ":/" or url.startswith("postgresql"):
                with pytest.raises((InputError, UnavailableError)) as raised:
                    Library.open(tmp_path / "torn", registry, embedding_model="hash", catalogue_at=url)
                assert SECRET not in str(raised.value)
    guarded = with_login(database, f"guarded:{SECRET}")
    library = Library.open(tmp_path / "library", registry, embedding_model="hash", catalogue_at=guarded)
    assert library.list() == []
    assert SECRET not in (library.directory / "catalogue.json").read_text()
    assert all(SECRET not in repr(vars(it)) for it in (library, library.stores.catalogue))
    refused(
        databases.new(),
        LibraryError,
        "has no catalogue of the library .*; name its database in MEMORAG_GRAPH_CATALOGUE",
    )
    assert SECRET not in caplog.text


@pytest.mark.usefixtures("impatient")
def test_commands_show_no_password(
    tmp_path: Path, registry: Registry, database: str, files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, guarded := with_login(database, f"guarded:{SECRET}"))
    place = str(tmp_path / "library")
    Library.open(place, registry, embedding_model="hash").add(files / "ferry.txt")
    monkeypatch.setattr("memorag_graph.cli.run_graph.new_registry", lambda *_: registry)
    unreachable = f"postgresql://guarded:{SECRET}@127.0.0.1:1/x"
    for url, code, told in ((guarded, 0, "ferry"), (unreachable, 1, "has not answered since")):
        monkeypatch.setenv(VARIABLE, url)
        for command in (["info", "ferry.txt", "--json"], ["list"]):
            given = [*command, "--library", place, "--embedding-model", "hash"]
            result = CliRunner().invoke(app, ["library", *given])
            shown = f"{result.output} {result.exception}"
            assert (result.exit_code, SECRET in shown) == (code, False), shown
            assert told in " ".join(shown.split())


def test_other_faults_are_told(
    library: Library, tmp_path: Path, registry: Registry, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    def opened(place: Path = library.directory) -> Library:
        return Library.open(place, registry, embedding_model="hash")

    monkeypatch.delenv(VARIABLE)
    with pytest.raises(UnavailableError, match=rf"is in the Postgres database .*; put its URL into {VARIABLE}"):
        opened()
    opened(tmp_path / "plain")
    monkeypatch.setenv(VARIABLE, newer := databases.new())
    assert opened(tmp_path / "plain").list() == []  # it stays where it was made
    with pytest.raises(InputError, match="is in its directory; leave it out"):
        Library.open(tmp_path / "plain", registry, embedding_model="hash", catalogue_at=newer)
    made = opened(tmp_path / "newer")
    name = psycopg.conninfo.conninfo_to_dict(newer)["dbname"]
    databases.execute("UPDATE memorag_setting SET value = '99' WHERE key = 'format'", database=name)
    with pytest.raises(LibraryError, match="was made by a newer version of memorag-graph; update this one"):
        opened(made.directory)
    databases.execute("UPDATE memorag_tables SET version = 99", database=name)
    for place in (made.directory, tmp_path / "another"):
        with pytest.raises(LibraryError, match="was set up by a newer version of memorag-graph; update this one"):
            opened(place)
    databases.execute("DROP TABLE memorag_document", database=name)
    with pytest.raises(UnavailableError, match=r'refuses .*relation "memorag_document" does not exist'):
        made.list()
    (made.directory / "catalogue.json").write_text(json.dumps({"at": "x"}))
    with pytest.raises(LibraryError, match=r"catalogue.json is damaged; restore it from a copy"):
        opened(made.directory)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    monkeypatch.delitem(sys.modules, "memorag_graph.library.postgres_server")
    with pytest.raises(MissingExtraError, match=r"memorag-graph\[postgres\]"):
        opened(tmp_path / "third")


def test_libraries_share_the_connections_of_a_process(library: Library, open_library: Callable[[], Library]) -> None:
    assert catalogue_of(library)._server is catalogue_of(open_library())._server is server_at(os.environ[VARIABLE])
