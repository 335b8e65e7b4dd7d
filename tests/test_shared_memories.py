"""The memories of a library on an object store: made by one machine, asked by all, gone with their documents."""

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.errors import CancelledRunError, UnavailableError
from memorag_graph.library.library import Library
from memorag_graph.library.library_memories import LibraryMemories
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.storage import checksums, memory_files
from memorag_graph.registry import Registry
from tests.conftest import HashEmbeddings, tiny_model
from tests.object_store import ObjectStore, object_store
from tests.postgres_database import databases
from tests.test_library import Killed
from tests.test_library_memories import MAKING, TEXTS

pytest.importorskip("psycopg", reason="needs pip install 'memorag-graph[postgres]'")
pytest.importorskip("obstore", reason="needs pip install 'memorag-graph[s3]'")

from memorag_graph.library import bucket
from memorag_graph.library.bucket import Bucket
from memorag_graph.library.shared_memories import SharedMemories
from tests.test_library_object_store import database, impatient, objects, on_servers, url

__all__ = ["database", "databases", "impatient", "object_store", "on_servers", "url"]

QUESTION = "When does the ferry to Inshay leave?"
SECONDS = 60.0
OnMachine = Callable[..., Library]


@pytest.fixture(scope="module")
def registry() -> Registry:
    registry = Registry()
    for kind in ("llama", "qwen2"):
        registry.add_memory_model(f"tiny-{kind}", LocalMemoryModel(tiny_model(kind)))
    registry.add_embeddings("hash", HashEmbeddings(16))
    return registry


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    folder.mkdir()
    for name, text in TEXTS.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


@pytest.fixture
def on(url: str, tmp_path: Path, registry: Registry, monkeypatch: pytest.MonkeyPatch) -> Iterator[OnMachine]:
    """Opens the library on a machine of a name."""
    opened: list[Library] = []

    def open_on(machine: str, at: str = url, **changes: Any) -> Library:
        monkeypatch.setenv("MEMORAG_GRAPH_HOME", str(tmp_path / machine))
        options = MAKING.model_copy(update=changes)
        opened.append(Library.open(at, registry, embedding_model="hash", memory="never", options=options))
        return opened[-1]

    yield open_on
    for library in opened:
        library.close()


@pytest.fixture
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checksums, "BLOCK_BYTES", 1 << 14)


@pytest.fixture(scope="module")
def wholes() -> dict[int, dict[str, bytes]]:
    """What :func:`whole` has made for each size of parts."""
    return {}


@pytest.fixture
def whole(on: OnMachine, url: str, files: Path, wholes: dict[int, dict[str, bytes]]) -> dict[str, bytes]:
    """The objects of memories that were made without a fault."""
    if checksums.BLOCK_BYTES not in wholes:
        library = on("undisturbed", f"{url}-undisturbed")
        library.add(files, memory="now")
        wholes[checksums.BLOCK_BYTES] = memories(library.place.name)
    return wholes[checksums.BLOCK_BYTES]


def memories(url: str) -> dict[str, bytes]:
    return objects(url, "memories") | objects(url, "manifests")


def here(library: Library) -> dict[str, bytes]:
    """The files of the memories on a machine."""
    folder = library.directory / "memories"
    found = [path for path in folder.rglob("*") if path.is_file()]
    names = {path: str(path.relative_to(folder)) for path in found}
    return {name: path.read_bytes() for path, name in names.items() if "/" in name and "/." not in name}


def states(library: Library) -> dict[str, str]:
    return {it.name.removesuffix(".txt"): it.memory for it in library.list()}


def answer(library: Library, task: Any = "memorag") -> dict[str, Any]:
    return {**library.ask(QUESTION, task=task).to_dict(), "timings": None}


def forbid_making(monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: object, **__: object) -> None:
        raise AssertionError("it was made again")

    monkeypatch.setattr(LocalMemoryModel, "build", forbidden)


def when_created(monkeypatch: pytest.MonkeyPatch, number: int, happens: Callable[[], object]) -> list[str]:
    """Have something happen before the object of a number is created, from 0; return the names of those created."""
    real, created = Bucket.create, []

    def create(self: Bucket, name: str, content: bytes) -> bool:
        created.append(name)
        if len(created) == number + 1:
            happens()
        return real(self, name, content)

    monkeypatch.setattr(Bucket, "create", create)
    return created


def killed() -> None:
    raise Killed


@pytest.mark.usefixtures("small_parts")
def test_what_one_machine_makes_another_asks_with_the_same_bytes(
    on: OnMachine, files: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    first, second = on("first"), on("second")
    first.add(files)
    assert states(first) == states(second) == dict.fromkeys(TEXTS, "none")
    first.remember()
    forbid_making(monkeypatch)
    assert states(first) == states(second) == dict.fromkeys(TEXTS, "ready")
    assert second.remember().remembered == []
    assert here(second) == {}  # until it is asked
    for task in ("memorag", "qa"):
        assert answer(first, task) == answer(second, task)
        assert answer(second, task)["memory_share"] == 1.0
    assert here(second) == here(first)
    assert len(objects(url, "memories")) > len(here(first))  # of a large file there are several
    again = on("first")  # its files are there
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedMemories, "_read_part", forbidden_to_read)
        assert answer(again) == answer(second)


def forbidden_to_read(*_: object) -> bytes:
    raise AssertionError("it was read again")


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("number", [0, 1, 3, -1])
@pytest.mark.parametrize("machine", ["first", "second"])
def test_a_killed_upload_is_not_seen_and_leaves_the_same_objects_when_it_is_done_again(
    on: OnMachine, files: Path, url: str, whole: dict[str, bytes], number: int, machine: str
) -> None:
    """By the same machine, which has made the memory already, or by another."""
    first, of_one = on("first"), len(whole) // len(TEXTS)
    first.add(files)
    with pytest.MonkeyPatch.context() as patch:
        created = when_created(patch, number % of_one, killed)
        with pytest.raises(Killed):
            first.remember()
    assert created[-1].startswith("manifests/" if number < 0 else "memories/")
    assert set(states(first).values()) == {"none"}
    again = on(machine)
    with pytest.MonkeyPatch.context() as patch:
        real, built = LocalMemoryModel.build, []
        patch.setattr(LocalMemoryModel, "build", lambda *given, **more: [built.append(1), real(*given, **more)][1])
        again.remember()
    assert len(built) == len(TEXTS) - (machine == "first")
    assert memories(url) == whole


@pytest.mark.usefixtures("small_parts")
def test_of_many_who_make_a_memory_one_does(
    on: OnMachine, files: Path, url: str, whole: dict[str, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    libraries = [on(f"machine {number}") for number in range(3)]
    libraries[0].add(files)
    together = threading.Barrier(len(libraries))
    real = SharedMemories.share

    def share(self: SharedMemories, *given: Any) -> bool:
        together.wait(SECONDS)
        return real(self, *given)

    monkeypatch.setattr(SharedMemories, "share", share)
    with ThreadPoolExecutor(len(libraries)) as pool:
        reports = list(pool.map(lambda it: it.remember("ferry.txt"), libraries))
    assert [it.remembered for it in reports] == [["ferry.txt"]] * len(libraries)
    ferry = libraries[0].list()[0].text_sha256
    assert memories(url) == {name: it for name, it in whole.items() if ferry in name}


def test_of_two_who_make_it_with_other_bytes_the_first_wins(
    on: OnMachine, files: Path, url: str, whole: dict[str, bytes]
) -> None:
    """As processors round differently. Whoever comes second answers with the bytes of the first, and leaves nothing."""
    first, second = on("first"), on("second")
    first.add(files)
    real_share, real_writer = SharedMemories.share, memory_files._json_writer

    def spaced(content: Any) -> Any:
        def write(path: Path) -> None:
            real_writer(content)(path)
            path.write_text(path.read_text() + " ")

        return write

    def overtaken(self: SharedMemories, *given: Any) -> bool:
        with pytest.MonkeyPatch.context() as undone:
            undone.setattr(SharedMemories, "share", real_share)
            undone.setattr(memory_files, "_json_writer", real_writer)
            first.remember()
        return real_share(self, *given)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(SharedMemories, "share", overtaken)
        patch.setattr(memory_files, "_json_writer", spaced)
        second.remember("ferry.txt")
    assert memories(url) == whole
    ferry = second.list()[0].text_sha256
    mine, theirs = ({name: it for name, it in here(one).items() if ferry in name} for one in (second, first))
    assert mine == theirs


def test_the_memory_of_another_model_takes_the_place_of_one(on: OnMachine, files: Path, url: str) -> None:
    first, second = on("first"), on("second", model="tiny-qwen2")
    first.add(files)
    for library, other in ((first, second), (second, first)):
        assert len(library.remember().remembered) == len(TEXTS)
        assert library.memories.missing() == []
        assert len(other.memories.missing()) == len(TEXTS)
        held = sorted(it for it in here(library).values() if it[:1] != b"{" or b'"files"' not in it)
        assert sorted(objects(url, "memories").values()) == sorted({*held})
        assert answer(library)["memory_share"] == 1.0


@pytest.mark.parametrize("fault", ["missing", "damaged", "manifest"])
def test_a_memory_that_is_damaged_on_the_store_is_given_up_and_made_again(
    on: OnMachine, files: Path, url: str, whole: dict[str, bytes], fault: str
) -> None:
    first, second = on("first"), on("second")
    first.add(files, memory="now")
    ferry = first.list()[0].text_sha256
    victim = f"manifests/{ferry}.json" if fault == "manifest" else min(objects(url, f"memories/{ferry}"))
    Bucket(url).delete([victim])
    if fault != "missing":
        Bucket(url).create(victim, b"other")
    told = second.ask(QUESTION, task="memorag")
    assert told.memory_share < 1.0
    assert any(f"manifests/{ferry}.json was given up" in it for it in told.to_dict()["notices"])
    assert states(first) == {**dict.fromkeys(TEXTS, "ready"), "ferry": "none"}
    first.remember()
    assert memories(url) == whole
    assert answer(second)["memory_share"] == 1.0


@pytest.mark.usefixtures("small_parts")
@pytest.mark.parametrize("number", [0, 2, -1])
def test_no_object_is_left_of_a_document_that_was_removed_while_its_memory_was_written(
    on: OnMachine, files: Path, url: str, whole: dict[str, bytes], number: int
) -> None:
    first, second = on("first"), on("second")
    first.add(files)
    ferry = first.list()[0].text_sha256
    with pytest.MonkeyPatch.context() as patch:
        when_created(patch, number % (len(whole) // len(TEXTS)), lambda: second.remove("ferry.txt"))
        with pytest.raises(CancelledRunError, match=r"ferry\.txt was removed"):
            first.remember()
    assert not [name for name in objects(url) if ferry in name]
    assert here(first) == here(second) == {}
    first.remember()
    assert memories(url) == {name: it for name, it in whole.items() if ferry not in name}


@pytest.mark.usefixtures("impatient", "small_parts")
@pytest.mark.parametrize("number", [0, 2, -1])
def test_a_store_that_is_gone_is_named_and_the_memory_is_there_when_it_is_back(
    on: OnMachine,
    files: Path,
    url: str,
    whole: dict[str, bytes],
    number: int,
    object_store: ObjectStore,
    caplog: pytest.LogCaptureFixture,
) -> None:
    first = on("first")
    first.add(files)
    told = f"object store at {object_store.url}, where {url} is, has not answered since"
    fault = "the object store has not answered since"
    try:
        with pytest.MonkeyPatch.context() as patch:
            when_created(patch, number % (len(whole) // len(TEXTS)), object_store.stop)
            with pytest.raises(UnavailableError, match=told):
                first.remember()
        assert {it.memory for it in first.list()} == {"none"}
        caplog.clear()
        assert all(it.memory_fault.startswith(fault) for it in first.list())
        assert told in caplog.text
    finally:
        object_store.start()
    first.remember()
    assert memories(url) == whole
    assert {it.memory_fault for it in first.list()} == {""}


def bytes_of(library: Library) -> int:
    return sum(path.stat().st_size for path in (library.directory / "memories").rglob("*") if path.is_file())


def copied(library: Library) -> set[str]:
    """The documents of whose memories a machine has copies."""
    names = {it.text_sha256: it.name.removesuffix(".txt") for it in library.list()}
    return {names[name.partition("/")[0]] for name in here(library) if name.endswith("/memory.bin")}


def opened(library: Library, name: str) -> Any:
    (entry,) = [it for it in library.stores.catalogue.entries() if it.name == f"{name}.txt"]
    memory = library.memories.open(entry, MAKING).memory
    assert memory is not None
    return memory


def asked(library: Library, *names: str) -> list[set[str]]:
    """What is copied after the memory of each document was opened and given up."""
    found = []
    for name in names:
        library.memories.forget(opened(library, name))
        found.append(copied(library))
    return found


@pytest.fixture
def room_for(on: OnMachine, files: Path) -> Callable[[str, float], Library]:
    """Opens the library on a machine with room for some of its memories, which are alike in size."""
    first = on("first")
    first.add(files, memory="now")
    one = bytes_of(first) / len(TEXTS)
    return lambda machine, share: on(machine, copies_mb=share * one / 1024**2)


def test_a_machine_keeps_the_copies_that_were_used_last(room_for: Callable[[str, float], Library]) -> None:
    """It answers as one that keeps all, and what it dropped it fetches again."""
    plenty, small, tiny = room_for("plenty", 9), room_for("small", 2.5), room_for("tiny", 0.1)
    used = asked(small, "ferry", "harbour", "ferry", "vault", "ferry", "harbour")
    two = [{"ferry", "harbour"}, {"ferry", "harbour"}, {"ferry", "vault"}, {"ferry", "vault"}, {"ferry", "harbour"}]
    assert used == [{"ferry"}, *two]
    assert asked(tiny, *TEXTS) == [{it} for it in TEXTS]
    for task in ("memorag", "qa"):
        assert answer(small, task) == answer(tiny, task) == answer(plenty, task)
    assert copied(plenty) == set(TEXTS)


def test_a_copy_that_is_open_is_not_dropped(room_for: Callable[[str, float], Library]) -> None:
    tiny = room_for("tiny", 0.1)
    ferry = opened(tiny, "ferry")
    tiny.memories.forget(ferry)
    assert asked(tiny, "harbour", "vault") == [{"ferry", "harbour"}, {"ferry", "vault"}]
    del ferry
    assert asked(tiny, "harbour") == [{"harbour"}]


def test_a_copy_that_is_about_to_be_opened_is_not_dropped(
    room_for: Callable[[str, float], Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, real, between = room_for("tiny", 0.1), Registry.open, []

    def late(self: Registry, place: Any, *given: Any) -> Any:
        if not between:
            between.append(place)
            assert asked(tiny, "harbour", "vault") == [{"ferry", "harbour"}, {"ferry", "vault"}]
        return real(self, place, *given)

    monkeypatch.setattr(Registry, "open", late)
    assert asked(tiny, "ferry") == [{"ferry", "vault"}]
    assert [it.parent.name for it in between] == ["memories"]


@pytest.mark.usefixtures("small_parts")
def test_a_copy_that_is_being_written_is_not_dropped(
    room_for: Callable[[str, float], Library], monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = room_for("tiny", 0.1)
    ferry = next(it.text_sha256 for it in tiny.list() if it.name == "ferry.txt")
    real, begun, may_go_on = SharedMemories._read_part, threading.Event(), threading.Event()

    def read_part(self: SharedMemories, text_sha256: str, part: Any) -> bytes:
        if text_sha256 == ferry:
            begun.set()
            assert may_go_on.wait(SECONDS)
        return real(self, text_sha256, part)

    monkeypatch.setattr(SharedMemories, "_read_part", read_part)
    with ThreadPoolExecutor(1) as pool:
        writing = pool.submit(opened, tiny, "ferry")
        assert begun.wait(SECONDS)
        for name in ("harbour", "vault"):
            tiny.memories.forget(opened(tiny, name))
        may_go_on.set()
        assert writing.result().memory.is_whole
    assert "ferry" in copied(tiny)


def test_all_libraries_of_a_machine_share_the_room_and_what_the_store_lacks_is_kept(
    on: OnMachine, room_for: Callable[[str, float], Library], files: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, other = room_for("tiny", 0.1), on("tiny", f"{url}-other")
    other.add(files)
    with monkeypatch.context() as patch:
        patch.setattr(SharedMemories, "_write", lambda *_: killed())
        with pytest.raises(Killed):
            other.remember("harbour.txt")
    assert asked(tiny, "ferry") == [{"ferry"}]
    assert copied(other) == {"harbour"}
    with monkeypatch.context() as patch:
        forbid_making(patch)
        other.remember("harbour.txt")
    assert asked(tiny, "vault") == [{"vault"}]
    assert copied(other) == set()
    assert asked(other, "harbour") == [{"harbour"}]


def test_machines_divide_the_memories(on: OnMachine, files: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = on("first"), on("second")
    first.add(files)
    real, made = LibraryMemories.make, []

    def make(self: LibraryMemories, entry: Any, *given: Any) -> Any:
        made.append(entry.name)
        return real(self, entry, *given)

    monkeypatch.setattr(LibraryMemories, "make", make)
    for library in (first, second):
        library.worker.wake(library.memories)
    assert all(library.worker.wait(SECONDS) for library in (first, second))
    assert sorted(made) == sorted(f"{name}.txt" for name in TEXTS)
    assert states(first) == states(second) == dict.fromkeys(TEXTS, "ready")


def test_a_list_asks_the_store_once_however_many_documents_there_are(
    on: OnMachine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = on("first")
    for number in range(20):
        (tmp_path / f"{number}.txt").write_text(f"Number {number} is a boat. It has {number} masts. " * 9)
    library.add(*tmp_path.glob("*.txt"), memory="now")
    asked: list[str] = []
    for name in ("get", "head", "list", "put"):
        real = getattr(bucket.obstore, name)
        monkeypatch.setattr(
            bucket.obstore,
            name,
            lambda *given, _real=real, _name=name, **more: [asked.append(_name), _real(*given, **more)][1],
        )
    for _ in range(2):
        assert {it.memory for it in library.list()} == {"ready"}
    assert asked == ["list"] * 2
    asked.clear()
    for _ in range(2):
        assert library.memories.missing() == []
    assert sorted(asked) == ["get"] * 20 + ["list"] * 2  # a manifest is read once
