"""The store: one maker among many, room made by age, nothing in use removed, leases of the dead ignored."""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from filelock import Timeout

from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MemoryFileError, MemoryUnreadableError
from memorag_graph.graph import build_graph
from memorag_graph.memory.build.revision import Listed, appended
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.memory.storage.leases import Lease, in_use
from memorag_graph.memory.storage.manifest import FORMAT_VERSION, read_info
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory.storage.transaction import MANIFEST, write_together
from memorag_graph.open_memories import OpenMemoryCache
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, TINY

SIZE = 10_000
ONE, OLDEST, OLDER, OLD, NEW, HUGE, USED, WHOLE, BEGUN, ABANDONED, EMPTY = (f"{number:032x}" for number in range(11))


def create(directory: Path, size: int = SIZE) -> None:
    """Stand in for saving a memory: a manifest and one file."""
    writers = {"memory.bin": lambda path: path.write_bytes(bytes(size))}
    described = {"format": FORMAT_VERSION, "memory_id": directory.name, "documents": [], "chunks": 0, "identity": {}}
    write_together(directory, writers, described)


def opened(directory: Path) -> Path:
    """Stand in for opening a memory."""
    assert read_info(directory)["memory_id"] == directory.name
    return directory


def make(
    store: MemoryStore,
    memory_id: str,
    create_it: Callable[[Path], None] = create,
    report: ReportProgress = ignore_progress,
) -> Path:
    directory = store.directory(memory_id)
    directory.mkdir(parents=True, exist_ok=True)
    with store.claim(directory, report):
        try:
            return opened(directory)
        except MemoryFileError:
            create_it(directory)
        return opened(directory)


def aged(store: MemoryStore, memory_id: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(store.root / ".used" / memory_id, (then, then))


def make_slowly(root: str, made: str) -> None:
    def slow(directory: Path) -> None:
        with open(made, "a") as stream:
            stream.write("made\n")
        time.sleep(0.3)
        create(directory)

    make(MemoryStore(Path(root)), ONE, slow)


def test_processes_that_ask_for_the_same_memory_make_it_once(tmp_path: Path) -> None:
    made = tmp_path / "made"
    context = multiprocessing.get_context("spawn")
    processes = [context.Process(target=make_slowly, args=(str(tmp_path / "root"), str(made))) for _ in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    assert [process.exitcode for process in processes] == [0, 0, 0]
    assert made.read_text() == "made\n"


def test_who_waits_for_another_says_so(tmp_path: Path) -> None:
    store, said = MemoryStore(tmp_path), []
    waiting = threading.Event()

    def report(progress: Progress) -> None:
        said.append((progress.stage, progress.done))
        waiting.set()

    with ThreadPoolExecutor(1) as pool, store.exclusive(store.directory(ONE)):
        made = pool.submit(make, store, ONE, create, report)
        assert waiting.wait(10)
        create(store.directory(ONE))
    assert made.result() == store.directory(ONE)
    assert set(said[:-1]) == {("waiting", 0)}
    assert said[-1] == ("waiting", 1)


def test_who_waits_for_another_can_give_up_at_any_time(tmp_path: Path) -> None:
    store, said = MemoryStore(tmp_path), []

    def give_up_at_last(progress: Progress) -> None:
        said.append(progress)
        if len(said) == 3:
            raise InputError("memory", "nobody wants it any more")

    with ThreadPoolExecutor(1) as pool, store.exclusive(store.directory(ONE)):
        waits = pool.submit(make, store, ONE, create, give_up_at_last)
        assert isinstance(waits.exception(30), InputError)
    assert make(store, ONE) == store.directory(ONE)


def test_threads_that_ask_for_the_same_memory_make_it_once(tmp_path: Path) -> None:
    store, made = MemoryStore(tmp_path), []

    def slow(directory: Path) -> None:
        made.append(directory)
        time.sleep(0.1)
        create(directory)

    with ThreadPoolExecutor(4) as pool:
        places = list(pool.map(lambda _: make(store, ONE, slow), range(4)))
    assert len(made) == 1
    assert set(places) == {tmp_path / ONE}


def test_the_least_recently_used_make_room_and_the_new_one_stays(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, quota=int(3.5 * SIZE))
    for age, name in ((300, OLDEST), (200, OLDER), (100, OLD)):
        make(store, name)
        aged(store, name, age)
    store.touch(OLDEST)
    make(store, NEW)
    assert [info["memory_id"] for info in store.memories()] == [NEW, OLDEST, OLD]
    make(store, HUGE, lambda directory: create(directory, 9 * SIZE))
    assert [info["memory_id"] for info in store.memories()] == [HUGE]


def test_a_memory_in_use_is_neither_deleted_nor_makes_room(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, quota=int(1.5 * SIZE))
    make(store, USED)
    lease = store.lease(USED)
    make(store, NEW)
    with pytest.raises(MemoryFileError, match="in use"):
        store.delete(USED)
    assert {info["memory_id"] for info in store.memories()} == {USED, NEW}
    lease.release()
    store.delete(USED)
    assert {info["memory_id"] for info in store.memories()} == {NEW}


def test_the_lease_and_the_lock_of_a_killed_process_end_with_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from memorag_graph.memory.storage.store import MemoryStore\n"
        "store = MemoryStore(Path(sys.argv[1])); lease = store.lease(sys.argv[2])\n"
        "lock = store.exclusive(store.directory(sys.argv[2])); lock.acquire()\n"
        "print('held', flush=True); time.sleep(60)"
    )
    store = MemoryStore(tmp_path)
    make(store, ONE)
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path), ONE], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(MemoryFileError, match="in use"):
        store.delete(ONE)
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not in_use(tmp_path / ".leases" / ONE)
    store.delete(ONE)


@pytest.mark.parametrize("begun", [False, True])
def test_what_is_stopped_leaves_only_what_can_be_gone_on_with(tmp_path: Path, begun: bool) -> None:
    store = MemoryStore(tmp_path)

    def stopped(place: Path) -> None:
        if begun:
            Journal(place / JOURNAL).add("key", "a gist")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(store, ONE, stopped)
    assert store.directory(ONE).exists() == begun


def test_gc_removes_leftovers_and_keeps_what_can_be_resumed(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    make(store, WHOLE)
    for name in (BEGUN, ABANDONED, EMPTY):
        (tmp_path / name).mkdir()
    (tmp_path / BEGUN / JOURNAL).write_text("[]")
    (tmp_path / ABANDONED / JOURNAL).write_text("[]")
    os.utime(tmp_path / ABANDONED / JOURNAL, (0, 0))
    (tmp_path / ".trash-1").mkdir()
    (tmp_path / ".trash-1" / "memory.bin").write_bytes(bytes(SIZE))
    (tmp_path / WHOLE / "memory.bin.memorag-new").write_bytes(bytes(SIZE))
    assert store.gc() >= 2 * SIZE
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {WHOLE, BEGUN}
    assert {path.name for path in (tmp_path / WHOLE).iterdir() if path.suffix} == {"memory.bin", MANIFEST}


def test_gc_and_quota_leave_what_is_no_memory(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, quota=1)
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat.jpg").write_bytes(bytes(SIZE))
    make(store, ONE)
    store.gc()
    assert (tmp_path / "photos" / "cat.jpg").exists()
    assert not (tmp_path / ONE).exists()


def test_gc_keeps_damaged_memories(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    make(store, ONE)
    (tmp_path / ONE / MANIFEST).write_text("{}")
    store.gc()
    assert (tmp_path / ONE / "memory.bin").exists()


def test_a_newer_memory_is_not_replaced(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    write_together(tmp_path / ONE, {}, {"format": 2, "memory_id": ONE})
    with pytest.raises(MemoryUnreadableError, match="upgrade memorag-graph"):
        make(store, ONE)
    (tmp_path / ONE / MANIFEST).write_text("{}")
    assert make(store, ONE) == tmp_path / ONE  # a damaged one is


def test_a_directory_of_the_store_is_known_however_it_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "root")
    store = MemoryStore(tmp_path / "root")
    make(store, ONE)
    monkeypatch.chdir(tmp_path / "root")
    for spelled in (Path(ONE), tmp_path / "link" / ONE, tmp_path / "root" / ".." / "root" / ONE):
        assert store.keeps(spelled)
        with store.exclusive(store.directory(ONE)), pytest.raises(Timeout):
            store.exclusive(spelled).acquire(timeout=0)
    assert not store.keeps(Path("photos"))
    assert not store.keeps(tmp_path / ONE)


def test_a_memory_of_the_store_is_not_changed_in_place_by_its_path(registry: Registry, tmp_path: Path) -> None:
    registry.store = MemoryStore(tmp_path / "root")
    first = registry.memorize([Document("a", TEXT[:1500])], TINY)
    place = tmp_path / "link"
    place.symlink_to(tmp_path / "root")
    more = [Document("b", TEXT[1500:2500])]
    second = registry.revise(place / first.memory.id, lambda memory: appended(memory, more), TINY)
    assert second.memory.id != first.memory.id
    for opened in (first, second):
        assert read_info(tmp_path / "root" / opened.memory.id)["memory_id"] == opened.memory.id


def test_a_store_of_ones_own_finds_its_memories_by_id(registry: Registry, tmp_path: Path) -> None:
    registry.store = MemoryStore(tmp_path / "root")
    documents = [Document("a", TEXT[:1500])]
    inside = registry.memorize(documents, TINY).memory.id
    outside = registry.memorize([Document("b", TEXT[:1500])], TINY, tmp_path / "elsewhere").memory.id
    fresh = Registry(registry.store)
    fresh.add_memory_model("tiny-llama", registry.models.memory_model("tiny-llama", TINY))
    fresh.add_embeddings("hash", registry.models.embeddings("hash"))
    assert [fresh.open(it, RunOptions()).memory.id for it in (inside, outside)] == [inside, outside]


def test_a_known_text_is_opened_from_a_store_that_cannot_be_written(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry.store = MemoryStore(tmp_path / "root")
    documents = [Document("a", TEXT[:1500])]
    first = registry.memorize(documents, TINY).memory

    def forbidden(directory: Path) -> None:
        raise MemoryFileError(f"{directory} cannot be written (read-only file system)")

    monkeypatch.setattr("memorag_graph.registry.require_writable", forbidden)
    assert registry.memorize(documents, TINY).memory.id == first.id
    with pytest.raises(MemoryFileError, match="read-only"):
        registry.memorize([Document("b", TEXT[:1500])], TINY)


def test_a_memory_that_is_replaced_in_its_directory_is_let_go(registry: Registry, tmp_path: Path) -> None:
    before = registry.memorize([Document("a", TEXT[:1500])], TINY, tmp_path / "mine").memory.id
    after = registry.revise(
        tmp_path / "mine", lambda it: appended(it, [Document("b", TEXT[1500:2000])]), TINY
    ).memory.id
    assert registry._loaded.get(before) is None
    assert registry._loaded.get(after) is not None
    with pytest.raises(MemoryFileError, match="holds another memory"):
        registry.open(before, RunOptions())


def test_a_change_that_was_overtaken_is_refused(registry: Registry, tmp_path: Path) -> None:
    place = tmp_path / "mine"
    registry.memorize([Document("a", TEXT[:1500])], TINY, place)

    def overtaken(memory: Memory) -> Listed:
        registry.revise(place, lambda it: appended(it, [Document("b", TEXT[1500:2000])]), TINY)
        return appended(memory, [Document("c", TEXT[2000:2500])])

    with pytest.raises(MemoryFileError, match="changed by another process meanwhile"):
        registry.revise(place, overtaken, TINY)
    assert [it["source"] for it in read_info(place)["documents"]] == ["a", "b"]


def test_looking_up_a_memory_keeps_what_a_killed_change_had_done(registry: Registry, tmp_path: Path) -> None:
    documents, place = [Document("a", TEXT[:1500])], tmp_path / "mine"
    registry.memorize(documents, TINY, place)
    journal = Journal(place / JOURNAL)
    journal.add("key", "the gist of a section of another document")
    registry.memorize(documents, TINY, place)
    assert journal.read() == {"key": "the gist of a section of another document"}


@pytest.mark.parametrize("bad", [0, -1])
def test_budgets_must_be_positive(bad: int) -> None:
    with pytest.raises(InputError, match="must be a positive number of bytes"):
        MemoryStore(quota=bad)
    with pytest.raises(InputError, match="must be a positive number of bytes"):
        OpenMemoryCache(bad)


@pytest.mark.parametrize("name", ["missing", "../whole", ""])
def test_only_memories_of_the_store_are_deleted(tmp_path: Path, name: str) -> None:
    store = MemoryStore(tmp_path / "root")
    make(store, ONE)
    (tmp_path / "whole").mkdir()
    with pytest.raises(MemoryFileError, match="does not exist"):
        store.delete(name)
    assert (tmp_path / "whole").is_dir()
    assert (tmp_path / "root" / ONE).is_dir()


def test_a_lease_is_listed_until_it_is_released(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "leases")
    assert in_use(tmp_path / "leases")
    lease.release()
    assert not in_use(tmp_path / "leases")


def test_the_graph_keeps_memories_in_the_store_and_lets_go_of_old_ones(registry: Registry, tmp_path: Path) -> None:
    mine = Registry(MemoryStore(tmp_path / "root"), memory_budget=1)
    mine.add_memory_model("tiny-llama", registry.models.memory_model("tiny-llama", TINY))
    mine.add_embeddings("hash", registry.models.embeddings("hash"))
    graph = build_graph(mine)
    first = graph.invoke({"context": TEXT, "query": "Who?"}, context=TINY)  # type: ignore[call-overload]
    with pytest.raises(MemoryFileError, match="in use"):
        mine.store.delete(first["memory_id"])
    second = graph.invoke({"context": TEXT[:2000], "query": "Who?"}, context=TINY)  # type: ignore[call-overload]
    mine.store.delete(first["memory_id"])  # let go when the second came
    assert [info["memory_id"] for info in mine.store.memories()] == [second["memory_id"]]


def test_a_memory_of_the_store_without_its_manifest_is_made_again(registry: Registry, tmp_path: Path) -> None:
    registry.store = MemoryStore(tmp_path / "root")
    memory_id = registry.memorize([Document("a", TEXT[:1500])], TINY).memory.id
    (registry.store.directory(memory_id) / MANIFEST).unlink()
    registry.forget(memory_id)
    assert registry.memorize([Document("a", TEXT[:1500])], TINY).memory.id == memory_id
    assert (registry.store.directory(memory_id) / MANIFEST).exists()
