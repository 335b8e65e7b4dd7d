"""A library on an object store obeys the laws of one in a directory, and outlives the store's absence."""

import gzip
import signal
import sys
import threading
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from typer.testing import CliRunner

from memorag_graph.cli.main import app
from memorag_graph.errors import InputError, LibraryBusyError, LibraryError, MissingExtraError, UnavailableError
from memorag_graph.library.found_files import uploaded_file
from memorag_graph.library.kept_units import KeptUnits
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.library import Library
from memorag_graph.library.named_catalogue import VARIABLE
from memorag_graph.library.stored_texts import StoredTexts
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.registry import Registry
from tests.conftest import TINY, tiny_model
from tests.object_store import BUCKET, KEY, SECRET, ObjectStore, object_store
from tests.pdf_files import written
from tests.postgres_database import Databases, databases
from tests.postgres_process import LightEmbeddings
from tests.servers import RunningApp
from tests.test_library import (
    Killed,
    files,
    killed,
    killed_and_run_again,
    library,
    registry,
    sync_twice,
    test_a_changed_file_and_replace_make_new_versions,
    test_documents_are_listed_by_filter_and_time,
    test_export_writes_every_version,
    test_one_writer_at_a_time,
    test_sync_brings_the_library_to_the_state_of_a_directory,
    whole,
    without_origins,
)
from tests.test_library import content as content_of
from tests.test_library_postgres import adders

__all__ = [
    "adders",
    "databases",
    "files",
    "library",
    "object_store",
    "registry",
    "test_a_changed_file_and_replace_make_new_versions",
    "test_documents_are_listed_by_filter_and_time",
    "test_export_writes_every_version",
    "test_one_writer_at_a_time",
    "test_sync_brings_the_library_to_the_state_of_a_directory",
    "whole",
]

pytest.importorskip("psycopg", reason="needs pip install 'memorag-graph[postgres]'")
pytest.importorskip("obstore", reason="needs pip install 'memorag-graph[s3]'")
from lancedb.db import LanceDBConnection
from obstore.store import LocalStore

from memorag_graph.library import bucket, silence
from memorag_graph.library.bucket import Bucket
from memorag_graph.library.postgres_catalogue import PostgresCatalogue
from memorag_graph.library.postgres_server import PostgresServer

QUESTION = "When does the ferry open?"


@pytest.fixture(scope="module")
def database(databases: Databases) -> str:
    return databases.new()


@pytest.fixture(autouse=True)
def on_servers(database: str, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name, value in {**object_store.environment, VARIABLE: database}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(tmp_path / "home"))


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bucket, "TRIED_SECONDS", 0.3)
    monkeypatch.setattr(silence, "PAUSE_SECONDS", 0)


@pytest.fixture
def url() -> str:
    return f"s3://{BUCKET}/{uuid.uuid4().hex}"


@pytest.fixture
def open_library(url: str, registry: Registry) -> Callable[[], Library]:
    return lambda: Library.open(url, registry, embedding_model="hash")


def objects(url: str, folder: str = "") -> dict[str, bytes]:
    """The objects beneath a URL, by name."""
    kept = Bucket(url)
    return {name: kept.read(name) for name in kept.sizes(folder)}


def content(library: Library) -> dict[str, Any]:
    texts = objects(library.place.name, "texts")
    return content_of(library, {name.removeprefix("texts/"): held for name, held in texts.items()})


def test_it_answers_as_a_library_in_a_directory(
    library: Library, files: Path, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.delenv(VARIABLE)
        in_directory = Library.open(tmp_path / "other", registry, embedding_model="hash")
    for one in (library, in_directory):
        one.add(files, metadata={"year": 2021})
        one.replace("ferry.txt", files / "harbour.txt")
        one.remove("2021/ferry.txt")
    assert content(library) == content_of(in_directory)
    for where in ({"year": 2021}, None):
        asked = [one.ask(QUESTION, where=where).to_dict() for one in (library, in_directory)]
        for answer in asked:
            answer.pop("timings")
        assert asked[0] == asked[1]
        assert asked[0]["citations"]
    assert library.size() > 1000
    assert not [it for it in library.directory.rglob("*") if it.is_file()]  # nothing of it is on this machine


@pytest.mark.parametrize(
    ("kind", "method", "is_done"),
    [
        (StoredTexts, "add", True),
        (LanceTable, "add", True),
        (PostgresCatalogue, "add", False),
        (PostgresCatalogue, "add", True),
        (PostgresCatalogue, "remove", True),
        (StoredTexts, "keep_only", False),
    ],
)
def test_after_a_kill_the_same_command_gives_the_same_objects(
    open_library: Callable[[], Library], files: Path, whole: dict[str, Any], kind: type, method: str, is_done: bool
) -> None:
    again = killed_and_run_again(open_library, files, kind, method, is_done)
    assert without_origins(content(again)) == without_origins(whole)
    folders = {name.partition("/")[0] for name in objects(again.place.name)}
    assert folders == {"catalogue.json", "index", "texts"}


def test_processes_add_at_once_and_after_a_kill_there_are_the_same_objects(
    url: str,
    files: Path,
    tmp_path: Path,
    registry: Registry,
    adders: Callable[..., list[int]],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    registry.add_embeddings("light", LightEmbeddings())
    for number in range(2):
        (files / f"{number}.txt").write_text(f"Number {number} is a boat. It has {number} masts.")
    paths = sorted(map(str, files.rglob("*.txt")))
    assert adders([url, paths, 2]) == [-signal.SIGKILL]
    assert adders([url, paths[:3]], [url, paths[:1:-1]]) == [0, 0]

    library = Library.open(url, registry, embedding_model="light")
    with monkeypatch.context() as patch:
        patch.delenv(VARIABLE)
        expected = Library.open(tmp_path / "other", registry, embedding_model="light")
    expected.add(*(it.origin for it in library.stores.catalogue.entries()))
    found, wanted = content(library), content_of(expected)
    assert len(found["texts"]) == len(paths)
    assert found["texts"] == wanted["texts"]
    ids = [{it["id"]: it["origin"] for it in one["entries"]} for one in (found, wanted)]
    rows = [
        sorted((of[row[0]], *row[1:]) for row in one["rows"][0]) for of, one in zip(ids, (found, wanted), strict=True)
    ]
    assert rows[0] == rows[1]
    assert found["documents"] == [set(ids[0]), set(ids[0])]


def test_original_files_are_shared_and_go_with_their_document(
    url: str, open_library: Callable[[], Library], files: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pdf = written(tmp_path / "report.pdf", [[(50, 700, "The harbour opens at eight in the morning.")]])
    first = open_library()
    first.add(uploaded_file(pdf, "report.pdf", keep=True), uploaded_file(files / "ferry.txt", "ferry.txt", keep=True))
    report, ferry = first.list()
    monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(tmp_path / "another machine"))
    second = open_library()
    for _ in range(2):  # the second time it is a copy
        copy = second.stores.originals.find(report.text_sha256)
        assert copy
        assert copy.read_bytes() == pdf.read_bytes()
    assert second.stores.originals.find(ferry.text_sha256) is None  # it has no pages
    assert list(objects(url, "originals").values()) == [pdf.read_bytes()]
    first.remove("report.pdf")
    assert not objects(url, "originals")
    open_library()
    assert not copy.exists()


def test_a_store_without_conditional_writes_is_refused(
    open_library: Callable[[], Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    real = bucket.obstore.put
    monkeypatch.setattr(bucket.obstore, "put", lambda store, name, content, mode: real(store, name, content))
    with pytest.raises(LibraryError, match="use a store that knows conditional writes"):
        open_library()


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(
    ("status", "told"),
    [
        (501, r"refuses \(.*501 Not Implemented\); .*use a store that knows conditional writes"),
        (301, r"refuses \(.*region\); .*see to the bucket's name, the region and the credentials"),
    ],
)
def test_a_store_that_would_answer_the_same_again_refuses(
    url: str, monkeypatch: pytest.MonkeyPatch, status: int, told: str
) -> None:
    """Nobody is told to start a server that runs; nor a login that its address holds."""

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            await Response(status_code=status)(scope, receive, send)

    store = RunningApp(answer)
    monkeypatch.setenv("AWS_ENDPOINT_URL", store.url.replace("//", f"//{KEY}:{SECRET}@"))
    try:
        with pytest.raises(UnavailableError, match=f"object store at {store.url}, .*{told}") as refused:
            Bucket(url).create("one", b"held")
    finally:
        store.stop()
    assert SECRET not in str(refused.value)


def test_what_is_not_there_is_deleted_also_where_a_store_complains(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As Google's and Azure's do, where the answer to an earlier try was lost; one may stop there."""
    real = bucket.obstore.delete

    def one_by_one(store: Any, names: str | list[str]) -> None:
        for name in [names] if isinstance(names, str) else names:
            real(store, name)

    monkeypatch.setattr(bucket, "_store", lambda *_: LocalStore(tmp_path))
    monkeypatch.setattr(bucket.obstore, "delete", one_by_one)
    kept = Bucket(url)
    for name in ("a", "c", "d"):
        kept.create(name, b"held")
    kept.delete(["a", "b", "c"])
    assert set(kept.sizes()) == {"d"}


@pytest.fixture
def opened(url: str, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Library]:
    """Opens the library on a machine of a name."""
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    making = TINY.model_copy(update={"gist_chunk_size": 128, "gist_tokens": 48, "gist_writer": "extractive"})

    def open_on(machine: str) -> Library:
        monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(tmp_path / machine))
        return Library.open(url, registry, embedding_model="hash", memory="never", options=making)

    return open_on


@pytest.mark.parametrize("opens_again", [False, True])
def test_of_a_removed_document_no_object_holds_a_byte(
    url: str, opened: Callable[[str], Library], tmp_path: Path, files: Path, opens_again: bool
) -> None:
    """Nor has a machine its memory once it looks at the library, or opens it again."""

    def left(*machines: str) -> set[bytes]:
        stored = [path for it in machines for path in (tmp_path / it).rglob("*") if path.is_file()]
        held = [path.read_bytes() for path in stored]
        held += [gzip.decompress(it) if name.endswith(".gz") else it for name, it in objects(url).items()]
        return {trace for trace in (b"zyxwvut", b"Qwertzu", b"Asdfghj") for found in held if trace in found}

    (files / "Asdfghj.txt").write_text("The zyxwvut of Qwertzu is hidden in the Yxcvbnm. " * 30)
    first = opened("first")
    first.add(files)
    assert first.remember("Asdfghj.txt").remembered
    second = opened("second")
    assert second.ask("Where is the zyxwvut of Qwertzu?", task="memorag").memory_share > 0
    for places in ((), ("first",), ("second",)):
        assert left(*places) == {b"zyxwvut", b"Qwertzu"}
    assert {name.partition("/")[0] for name in objects(url)} > {"memories", "manifests"}
    assert second.remove("Asdfghj.txt").removed == ["Asdfghj.txt"]
    assert not left("second")
    assert not {name.partition("/")[0] for name in objects(url)} & {"memories", "manifests"}
    assert left("first")
    if opens_again:
        opened("first")
    else:
        first.list()
    assert not left("first")


def test_libraries_of_one_url_on_two_stores_keep_their_memories_apart(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from memorag_graph.library.bucket_place import BucketPlace  # its extra may be missing

    here = BucketPlace(url).directory
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://me:secret@elsewhere.example")
    there = BucketPlace(url).directory
    monkeypatch.setenv("AWS_ENDPOINT_URL", "https://me:renewed@elsewhere.example/")
    assert here != there == BucketPlace(url).directory


def test_of_many_who_write_an_object_one_does(url: str) -> None:
    def written(number: int) -> bool:
        return Bucket(url).create("one", f"by {number}".encode())

    with ThreadPoolExecutor(8) as pool:
        done = list(pool.map(written, range(8)))
    assert done.count(True) == 1
    content, version = Bucket(url).read_version("one")
    assert content == f"by {done.index(True)}".encode()
    assert Bucket(url).swap("one", b"changed", version)
    assert not Bucket(url).swap("one", b"stale", version)
    assert objects(url) == {"one": b"changed"}


def test_results_of_workers_are_objects_until_they_are_forgotten(url: str, open_library: Callable[[], Library]) -> None:
    kept = KeptUnits(open_library().place)
    assert kept.read("one") is None
    for name in ("one", "two", "three"):
        kept.add(name, name.encode())
        kept.add(name, b"of whoever came second")
    kept.remove(["one", "absent"])
    assert [kept.read(name) for name in ("one", "two", "three")] == [None, b"two", b"three"]
    assert {*objects(url, "units")} == {"units/two", "units/three"}
    kept.sweep()
    assert not objects(url, "units")


def test_of_many_who_make_a_library_all_get_the_same(open_library: Callable[[], Library], files: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        made = list(pool.map(lambda _: open_library(), range(4)))
    assert len({it.stores.catalogue.setting("id") for it in made}) == 1
    assert made[0].add(files).added
    assert len({tuple(entry.name for entry in it.list()) for it in made}) == 1


def test_who_opens_it_while_another_makes_its_index_gets_that(
    open_library: Callable[[], Library], files: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """LanceDB refuses the later of two that make a table at once."""
    real, made = LanceDBConnection.create_table, []

    def late(self: LanceDBConnection, name: str, *given: Any, **more: Any) -> Any:
        table = real(self, name, *given, **more)
        if name in made:
            return table
        made.append(name)
        raise RuntimeError("lance error: Retryable commit conflict for version 2: preempted by a concurrent one")

    monkeypatch.setattr(LanceDBConnection, "create_table", late)
    library = open_library()
    assert made == ["chunks", "notes"]
    library.add(files)
    assert library.ask(QUESTION).citations


def test_a_creation_that_was_killed_goes_on_and_a_lost_catalogue_is_not_made_again(
    url: str, open_library: Callable[[], Library], files: Path, databases: Databases, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(PostgresCatalogue, "create", killed)
        with pytest.raises(Killed):
            open_library()
    with pytest.raises(LibraryError, match="there is no library in s3://"):
        Library.open(url, create=False)
    library = open_library()
    library.add(files)
    kept = objects(url)
    library.stores.catalogue._server.change(lambda db: db.execute("DELETE FROM memorag_library"))  # type: ignore[attr-defined]
    with pytest.raises(LibraryError, match="has no catalogue of the library"):
        open_library()
    assert objects(url) == kept


@pytest.mark.usefixtures("impatient")
@pytest.mark.parametrize(("kind", "method"), [(StoredTexts, "add"), (LanceTable, "add"), (LanceTable, "settle")])
def test_a_store_that_is_gone_is_named_and_the_same_command_goes_on_when_it_is_back(
    url: str,
    open_library: Callable[[], Library],
    files: Path,
    object_store: ObjectStore,
    whole: dict[str, Any],
    kind: type,
    method: str,
) -> None:
    library = open_library()
    library.add(files / "ferry.txt")
    told = rf"object store at {object_store.url}, where {url} is, has not answered since 20.* \(.*\); nothing is lost"
    real = getattr(kind, method)

    def stopped(self: object, *given: Any) -> None:
        object_store.stop()
        real(self, *given)

    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind, method, stopped)
            with pytest.raises(UnavailableError, match=told):
                library.add(files)
        messages = []
        for ask in (lambda: library.ask(QUESTION), lambda: library.text("ferry.txt"), library.is_current):
            with pytest.raises(UnavailableError, match=told) as refused:
                ask()
            messages.append(str(refused.value).split("(")[0])
            assert "Meanwhile single memories, and libraries in directories, can be asked" in str(refused.value)
        assert len(set(messages)) == 1  # since when is told, not that of the last try
        assert library.list()  # the catalogue is elsewhere
    finally:
        object_store.start()
    assert library.ask(QUESTION).citations
    sync_twice(library, files)
    assert without_origins(content(library)) == without_origins(whole)


def test_a_store_that_is_gone_is_asked_by_one_call_after_each_pause(
    url: str, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever calls meanwhile is told the same at once, also where each call opens a library of its own."""
    now, tried, meanwhile, real = [0.0], [], [], bucket.obstore.get
    monkeypatch.setattr(bucket, "TRIED_SECONDS", 0.3)
    monkeypatch.setattr(silence, "_silences", {})
    monkeypatch.setattr(silence, "time", SimpleNamespace(monotonic=lambda: now[0]))

    def get(store: Any, name: str) -> Any:
        tried.append(name)
        if len(tried) in (2, 3):
            meanwhile.append(ask(8))
        return real(store, name)

    monkeypatch.setattr(bucket.obstore, "get", get)

    def ask(number: int) -> str:
        try:
            return Bucket(f"{url}/{number}").read("it").decode()
        except FileNotFoundError:
            return "none"
        except UnavailableError as error:
            return str(error).replace(f"{url}/{number}", "it").split("(")[0]

    def ask_all() -> set[str]:
        with ThreadPoolExecutor(8) as pool:
            return set(pool.map(ask, range(8)))

    object_store.stop()
    try:
        (told,) = {ask(0)} | ask_all()
        assert told.startswith(f"the object store at {object_store.url}, where it is, has not answered since 20")
        assert len(tried) == 1
        for times in (2, 3):
            now[0] += silence.PAUSE_SECONDS
            assert ask_all() == {told}
            assert len(tried) == times
            assert {*meanwhile} == {told}  # while one asks, others do not wait for it
    finally:
        object_store.start()
    assert ask_all() == {told}
    now[0] += silence.PAUSE_SECONDS
    assert ask(0) == "none"  # the store answers, if not with an object
    assert ask_all() == {"none"}
    assert len(tried) == 4 + 8


def test_a_store_that_starts_again_is_waited_for(
    library: Library, files: Path, object_store: ObjectStore, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While documents are added and asked for, nobody sees an error."""
    monkeypatch.setattr(bucket, "TRIED_SECONDS", 60)  # a busy machine may take long
    starting: list[threading.Timer] = []

    def restarted(kind: type, method: str) -> None:
        real, done = getattr(kind, method), []

        def restarting(self: object, *given: Any) -> Any:
            if not done:
                done.append(method)
                object_store.stop()
                starting.append(threading.Timer(0.3, object_store.start))
                starting[-1].start()
            return real(self, *given)

        monkeypatch.setattr(kind, method, restarting)

    for kind, method in ((StoredTexts, "add"), (LanceTable, "add"), (StoredTexts, "keep_only")):
        restarted(kind, method)
    sync_twice(library, files)
    assert len(starting) == 3
    assert without_origins(content(library)) == without_origins(whole)
    for kind, method in ((LanceTable, "nearest"), (StoredTexts, "read")):
        restarted(kind, method)
    assert library.ask(QUESTION).citations
    for it in starting:
        it.join()


@pytest.mark.parametrize(("kind", "method"), [(PostgresCatalogue, "add"), (StoredTexts, "add")])
def test_whoever_lost_the_lock_to_another_changes_nothing_more(
    library: Library,
    open_library: Callable[[], Library],
    files: Path,
    databases: Databases,
    whole: dict[str, Any],
    kind: type,
    method: str,
) -> None:
    """Not even the index; and what it had written besides is swept away by the next change."""
    other, real = open_library(), getattr(kind, method)

    def lost(self: object, *given: Any) -> None:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kind, method, real)
            databases.restart()
            sync_twice(other, files)
        real(self, *given)

    stray = files.parent / "stray.txt"
    stray.write_text("A stray boat is here.")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(kind, method, lost)
        with pytest.raises(LibraryBusyError, match="somebody else has begun to change the library"):
            library.add(stray)
    found = content(other)
    assert {**without_origins(found), "texts": ""} == {**without_origins(whole), "texts": ""}
    sync_twice(library, files)
    assert without_origins(content(library)) == without_origins(whole)


def test_changes_whose_answers_were_lost_are_made_once(
    library: Library, files: Path, whole: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is tried again; also that which says that all of them are made."""
    once = PostgresServer._once
    monkeypatch.setattr(PostgresServer, "_once", lambda self, work: [once(self, work), once(self, work)][1])
    sync_twice(library, files)
    assert without_origins(content(library)) == without_origins(whole)
    with library.place.changing() as is_unfinished:
        assert not is_unfinished


def test_whoever_lost_the_lock_merges_no_files_either(
    library: Library, open_library: Callable[[], Library], files: Path, databases: Databases
) -> None:
    """It would delete those that the other is writing."""
    other, merged = open_library(), []

    def change() -> None:
        with library.place.changing():
            databases.restart()
            other.add(files)
            library.stores.settle()
            merged.append(library)

    with pytest.raises(LibraryBusyError, match="somebody else has begun to change the library"):
        change()
    assert not merged


def test_what_is_wrong_is_told_without_the_credentials(
    url: str, library: Library, files: Path, registry: Registry, object_store: ObjectStore, monkeypatch: Any
) -> None:
    library.add(files)
    for wrong in (
        "s3://",
        "s3://bucket",
        "s3://b/../x",
        "s3://b/x y",
        "ftp://b/x",
        "http://127.0.0.1/b/x",
        "s3:///x",
        "s3://b:c/x",
    ):
        with pytest.raises(InputError, match="must be a directory, or a bucket and a name in it"):
            Library.open(wrong, registry)
    for wrong in (f"s3://me:{SECRET}@b/x", f"s3://me:a/{SECRET}@b/x", f"s3://b/x?key={SECRET}"):
        with pytest.raises(InputError, match="must hold no login") as told:
            Library.open(wrong, registry)
        assert SECRET not in str(told.value)
    with pytest.raises(InputError, match=r"az://b/x cannot be used .*Account must be specified"):
        Library.open("az://b/x", registry)
    with pytest.raises(UnavailableError, match=r"where s3://nowhere/x is, refuses \(.*NoSuchBucket\)"):
        Library.open("s3://nowhere/x", registry, embedding_model="hash")
    with pytest.raises(LibraryError, match="holds other objects and no library; give another name"):
        Library.open(url + "/texts", registry, embedding_model="hash")
    object_store.refuse()
    try:
        for ask in (lambda: library.ask(QUESTION), lambda: Library.open(url, registry, embedding_model="hash")):
            with pytest.raises(UnavailableError, match=r"refuses \(.*InvalidAccessKeyId\).* credentials") as told:
                ask()
            assert SECRET not in str(told.value)
    finally:
        object_store.refuse(really=False)
    with monkeypatch.context() as patch:
        patch.delenv("AWS_SECRET_ACCESS_KEY")
        patch.delenv("AWS_ACCESS_KEY_ID")
        patch.setenv("AWS_METADATA_ENDPOINT", "http://127.0.0.1:1")
        patch.setattr(bucket, "TRIED_SECONDS", 0.1)
        with pytest.raises(UnavailableError, match=f"there are no credentials for {url}, neither in the environment"):
            Library.open(url, registry, embedding_model="hash")
    monkeypatch.delenv(VARIABLE)
    with pytest.raises(UnavailableError, match=rf"the catalogue of {url} is in the Postgres .*; put its URL into"):
        Library.open(url, registry, embedding_model="hash")
    with pytest.raises(InputError, match=rf"needs its catalogue in a Postgres database.*{VARIABLE}"):
        Library.open(url + "-new", registry, embedding_model="hash")
    monkeypatch.setitem(sys.modules, "obstore", None)
    for name in ("bucket", "bucket_place"):
        monkeypatch.delitem(sys.modules, f"memorag_graph.library.{name}")
    with pytest.raises(MissingExtraError, match=r"memorag-graph\[s3\]"):
        Library.open(url, registry)


def test_the_index_is_made_again_from_the_texts(url: str, open_library: Callable[[], Library], files: Path) -> None:
    open_library().add(files)
    before = content(open_library())
    Bucket(url).delete(objects(url, "index"))
    again = open_library()
    again.add(files)
    assert content(again) == before
    rebuilt = Library.rebuild(url, again.registry, embedding_model="hash")
    assert len(rebuilt.indexed) == 3
    assert content(open_library()) == before
    assert not objects(url, "index")  # the new one has another name


def test_a_library_in_a_directory_has_its_index_on_a_store(
    url: str, files: Path, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It answers as one whose index is in its directory; of removed documents and left indexes no object stays."""
    monkeypatch.delenv(VARIABLE)
    places = {"plain": "", "stored": url}
    plain, stored = (
        Library.open(tmp_path / name, registry, embedding_model="hash", index_at=at) for name, at in places.items()
    )
    for one in (plain, stored):
        one.add(files)
    assert content_of(stored) == content_of(plain)
    assert not (stored.directory / "index").exists()
    assert any(b"harbour" in it for it in objects(url).values())
    for one in (plain, stored):
        one.remove("harbour.txt")
    assert not any(b"harbour" in it for it in objects(url).values())
    assert stored.ask(QUESTION).citations == plain.ask(QUESTION).citations != []
    for name, at in places.items():
        Library.rebuild(
            tmp_path / name, registry, embedding_model="hash", index_at=places["stored" if not at else "plain"]
        )
    assert content_of(Library.open(tmp_path / "plain", registry, embedding_model="hash")) == content_of(
        Library.open(tmp_path / "stored", registry, embedding_model="hash")
    )
    assert len({name.split("/")[0] for name in objects(url)}) == 1  # of the library that was plain before
    with pytest.raises(InputError, match=r"index_at: s3://bucket must be the URL of a Qdrant server, or a bucket and"):
        Library.open(tmp_path / "new", registry, embedding_model="hash", index_at="s3://bucket")


@pytest.mark.usefixtures("impatient")
def test_a_store_with_an_index_that_is_gone_is_named(
    url: str,
    files: Path,
    tmp_path: Path,
    registry: Registry,
    object_store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv(VARIABLE)
    library = Library.open(tmp_path / "library", registry, embedding_model="hash", index_at=url)
    library.add(files / "ferry.txt")
    object_store.stop()
    try:
        with pytest.raises(
            UnavailableError, match=f"object store at {object_store.url}, where {url}/.* has not answered"
        ):
            library.ask(QUESTION)
        assert library.text("ferry.txt")
    finally:
        object_store.start()
    library.add(files)
    assert library.ask(QUESTION).citations


def test_an_index_on_a_store_that_is_gone_is_not_asked_during_a_pause(
    url: str,
    files: Path,
    tmp_path: Path,
    registry: Registry,
    object_store: ObjectStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """LanceDB would wait for it with every question."""
    now, asked = [0.0], list[str]()
    monkeypatch.delenv(VARIABLE)
    monkeypatch.setattr(bucket, "TRIED_SECONDS", 0.3)
    monkeypatch.setattr(silence, "_silences", {})
    monkeypatch.setattr(silence, "time", SimpleNamespace(monotonic=lambda: now[0]))
    library = Library.open(tmp_path / "library", registry, embedding_model="hash", index_at=url)
    library.add(files / "ferry.txt")
    object_store.stop()
    try:
        with monkeypatch.context() as patch:
            for seconds in (0.0, 0.0, silence.PAUSE_SECONDS):
                now[0] += seconds
                with pytest.raises(UnavailableError, match="has not answered since"):
                    library.ask(QUESTION)
                for table in (library.stores.chunks, library.stores.notes):
                    patch.setattr(table, "_table", SimpleNamespace(search=lambda *_, **__: asked.append("search")))
                patch.setattr(LanceDBConnection, "open_table", lambda *_: asked.append("open"))
        assert asked == []
    finally:
        object_store.start()
    now[0] += silence.PAUSE_SECONDS
    assert library.ask(QUESTION).citations


def test_what_fails_on_a_store_that_answers_is_told_to_clients_without_its_address(
    url: str, tmp_path: Path, registry: Registry, object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> Any:
        raise OSError(f"Generic S3 error: {object_store.url}/shelf/it: connection closed")

    monkeypatch.delenv(VARIABLE)
    library = Library.open(tmp_path / "library", registry, embedding_model="hash", index_at=url)
    monkeypatch.setattr(library.stores.chunks, "_table", SimpleNamespace(search=fail))
    monkeypatch.setattr(LanceDBConnection, "open_table", fail)
    with pytest.raises(UnavailableError, match=f"{url}/.* cannot be read .*connection closed") as failed:
        library.stores.chunks.documents()
    told = failed.value.for_clients
    assert "the object store cannot be used" in told
    assert not [it for it in (url, object_store.url) if it in told]


def test_commands_take_its_url(url: str, files: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("memorag_graph.cli.run_graph.new_registry", lambda *_: registry)
    for command, told in ((["add", str(files)], url), (["list"], "harbour.txt"), (["ask", QUESTION], "seven")):
        result = CliRunner().invoke(app, ["library", *command, "--library", url, "--embedding-model", "hash"])
        assert result.exit_code == 0, f"{result.output} {result.exception}"
        assert told in " ".join(result.output.split())
