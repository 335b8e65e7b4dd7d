"""The store: each memory is built once, the least recently used make room, and nothing in use is removed."""

import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from pathlib import Path

import pytest

from memorag_graph.documents import Document
from memorag_graph.errors import InputError, MemoryFileError, MemoryUnreadableError
from memorag_graph.graph import build_graph
from memorag_graph.memory.build.revision import Listed, appended
from memorag_graph.memory.kv_memory import Memory
from memorag_graph.memory.storage.journal import JOURNAL, Journal
from memorag_graph.memory.storage.manifest import FORMAT_VERSION, find_memory, read_info, remember_place
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory.storage.transaction import MANIFEST, NEXT_MANIFEST, write_together
from memorag_graph.open_memories import OpenMemoryCache
from memorag_graph.progress import Progress, ReportProgress, ignore_progress
from memorag_graph.registry import Registry
from memorag_graph.settings import RunOptions
from tests.conftest import TEXT, TINY

ROOT = Path(__file__).parent.parent
SIZE = 10_000
ONE, OLDEST, OLDER, OLD, NEW, HUGE, USED, WHOLE, BEGUN, ABANDONED, EMPTY = (f"{number:032x}" for number in range(11))


def create(directory: Path, size: int = SIZE) -> None:
    """Simulate saving a memory: write a manifest and one file."""
    writers = {"memory.bin": lambda path: path.write_bytes(bytes(size))}
    described = {"format": FORMAT_VERSION, "memory_id": directory.name, "documents": [], "chunks": 0, "identity": {}}
    write_together(directory, writers, described)


def opened(directory: Path) -> Path:
    """Simulate opening a memory."""
    assert read_info(directory)["memory_id"] == directory.name
    return directory


def make(
    store: MemoryStore,
    memory_id: str,
    save: Callable[[Path], None] = create,
    report: ReportProgress = ignore_progress,
) -> Path:
    directory = store.directory(memory_id)
    directory.mkdir(parents=True, exist_ok=True)
    with store.claim(directory, report):
        try:
            return opened(directory)
        except MemoryFileError:
            save(directory)
        return opened(directory)


def aged(store: MemoryStore, memory_id: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(store.directory(memory_id) / MANIFEST, (then, then))


def refuse_to_wait(progress: Progress) -> None:
    raise InputError("memory", "is claimed")


def test_a_memory_that_was_committed_but_not_renamed_is_listed(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    (make(store, ONE) / MANIFEST).rename(store.directory(ONE) / NEXT_MANIFEST)
    assert [info["memory_id"] for info in store.memories()] == [ONE]


def compete(task: str, tmp_path: Path, arguments: list[list[str]]) -> str:
    """Run a task of tests/store_process.py in a process per list of arguments; return what they logged."""
    log = tmp_path / "log"
    command = [sys.executable, "-m", "tests.store_process", task, str(tmp_path / "root"), str(log)]
    processes = [subprocess.Popen([*command, *more], cwd=ROOT) for more in arguments]
    assert [process.wait() for process in processes] == [0] * len(processes)
    return log.read_text() if log.exists() else ""


def test_several_processes_build_the_same_memory_once(tmp_path: Path) -> None:
    assert compete("build", tmp_path, [[]] * 3) == "built\n"


def test_waiting_for_another_process_is_reported(tmp_path: Path) -> None:
    store, reported = MemoryStore(tmp_path), []
    waiting = threading.Event()

    def report(progress: Progress) -> None:
        reported.append((progress.stage, progress.done))
        waiting.set()

    with ThreadPoolExecutor(1) as pool, store.claim(store.directory(ONE)):
        made = pool.submit(make, store, ONE, create, report)
        assert waiting.wait(10)
        create(store.directory(ONE))
    assert made.result() == store.directory(ONE)
    assert set(reported[:-1]) == {("waiting", 0)}
    assert reported[-1] == ("waiting", 1)


def test_waiting_for_another_process_can_be_given_up(tmp_path: Path) -> None:
    store, reported = MemoryStore(tmp_path), []

    def give_up(progress: Progress) -> None:
        reported.append(progress)
        if len(reported) == 3:
            raise InputError("memory", "is no longer wanted")

    with ThreadPoolExecutor(1) as pool, store.claim(store.directory(ONE)):
        waits = pool.submit(make, store, ONE, create, give_up)
        assert isinstance(waits.exception(30), InputError)
    assert make(store, ONE) == store.directory(ONE)


def test_several_threads_build_the_same_memory_once(tmp_path: Path) -> None:
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


HOLD = """
import os, sys, time
from pathlib import Path
from memorag_graph.memory.storage.store import MemoryStore
store, memory_id = MemoryStore(Path(sys.argv[1])), sys.argv[2]
"""


def start(code: str, root: Path, *arguments: str) -> "subprocess.Popen[str]":
    """Run code in a process and return once it has printed a line."""
    command = [sys.executable, "-c", HOLD + code, str(root), ONE, *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()


@pytest.mark.parametrize(
    "hold", ["held = store.lease(memory_id)", "held = store.claim(store.directory(memory_id)); held.__enter__()"]
)
def test_leases_and_claims_of_a_killed_process_end_with_it(tmp_path: Path, hold: str) -> None:
    store = MemoryStore(tmp_path, quota=1)
    create(store.directory(ONE))
    holder = start(f"{hold}; print('held', flush=True); time.sleep(60)", tmp_path)
    with pytest.raises(MemoryFileError, match="in use"):
        store.delete(ONE)
    store.make_room()
    assert store.directory(ONE).exists()
    kill(holder)
    store.make_room()
    assert not store.directory(ONE).exists()


def test_a_forked_process_that_ends_does_not_end_the_lease_of_its_parent(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    make(store, ONE)
    code = "lease = store.lease(memory_id)\nif not os.fork(): lease.release(); sys.exit()\nos.wait()\n"
    holder = start(f"{code}print('held', flush=True); time.sleep(60)", tmp_path)
    with pytest.raises(MemoryFileError, match="in use"):
        store.delete(ONE)
    kill(holder)
    store.delete(ONE)


def test_every_lease_must_end_before_a_memory_is_removed(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    make(store, ONE)
    with ThreadPoolExecutor(1) as pool:
        leases = [store.lease(ONE), pool.submit(store.lease, ONE).result()]
        pool.submit(leases[0].release).result()
        with pytest.raises(MemoryFileError, match="in use"):
            store.delete(ONE)
        pool.submit(leases[1].release).result()
    store.delete(ONE)


def names(root: Path, memory_id: str) -> list[Path]:
    """Return the files below a directory that name a memory, in their paths or in their contents."""
    return [
        path
        for path in root.rglob("*")
        if memory_id in str(path.relative_to(root)) or (path.is_file() and memory_id.encode() in path.read_bytes())
    ]


@pytest.mark.parametrize("removed_by", ["delete", "gc", "quota"])
def test_nothing_in_the_store_names_a_removed_memory(tmp_path: Path, removed_by: str) -> None:
    store = MemoryStore(tmp_path, quota=1)
    with store.claim(store.directory(ONE)):
        Journal(store.directory(ONE) / JOURNAL).add("key", "a gist")
        if removed_by != "gc":
            create(store.directory(ONE))
        store.lease(ONE).release()
        store.touch(ONE)
    if removed_by == "delete":
        store = MemoryStore(tmp_path)
        create(store.directory(ONE))
        store.delete(ONE)
    elif removed_by == "gc":
        os.utime(store.directory(ONE) / JOURNAL, (0, 0))
        store.gc()
    else:
        make(store, NEW)
    assert names(tmp_path, ONE) == []
    assert removed_by == "quota" or [path.name for path in tmp_path.iterdir()] == [".gate"]


def test_gc_forgets_where_a_moved_memory_was_saved(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path / "root")
    for memory_id in (ONE, OLD, NEW):
        remember_place(store.root, memory_id, tmp_path / memory_id)
    create(tmp_path / ONE)
    (tmp_path / OLD).symlink_to(tmp_path / ONE)  # holds another memory
    store.gc()
    assert find_memory(ONE, store.root) == tmp_path / ONE
    assert not names(store.root, OLD)
    assert not names(store.root, NEW)


def test_a_lock_file_is_not_removed_while_somebody_is_about_to_lock_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A waiter that has opened the lock file must not end up with the lock of a removed file.

    Then it would build a memory at the same time as whoever locks the new file of that name.
    """
    store = MemoryStore(tmp_path)
    make(store, ONE)
    has_opened, may_lock, leave = threading.Event(), threading.Event(), threading.Event()
    real_open, slow = os.open, []

    def slow_open(path: str, *args: int, **kwargs: int) -> int:
        descriptor = real_open(path, *args, **kwargs)
        if threading.get_ident() in slow and str(path).endswith(".making"):
            slow.clear()
            has_opened.set()
            assert may_lock.wait(30)
        return descriptor

    inside: list[int] = []

    def hold(is_slow: bool) -> int:
        if is_slow:
            slow.append(threading.get_ident())
        with store.claim(store.directory(ONE)):
            inside.append(1)
            count = len(inside)
            assert leave.wait(30)
            inside.pop()
        return count

    monkeypatch.setattr(os, "open", slow_open)
    monkeypatch.setattr(shutil, "rmtree", lambda *_, **__: None)  # as if killed after the folder was renamed
    with ThreadPoolExecutor(3) as pool:
        first = pool.submit(hold, True)
        assert has_opened.wait(30)
        removal = pool.submit(lambda: store._remove(store.directory(ONE)))
        wait([removal], timeout=0.5)  # it cannot end before the other has its lock
        may_lock.set()
        wait([removal])
        second = pool.submit(hold, False)
        wait([second], timeout=0.5)
        leave.set()
        assert (first.result(), second.result()) == (1, 1)


def test_claims_exclude_each_other_while_memories_are_removed(tmp_path: Path) -> None:
    assert compete("claim_often", tmp_path, [[str(seed)] for seed in range(4)]) == ""


@pytest.mark.parametrize("begun", [False, True])
def test_a_stopped_build_leaves_only_what_can_be_resumed(tmp_path: Path, begun: bool) -> None:
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


def test_gc_and_quota_keep_other_directories(tmp_path: Path) -> None:
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


def test_a_memory_of_a_newer_format_is_not_replaced_but_a_damaged_one_is(registry: Registry, tmp_path: Path) -> None:
    registry = registry.with_store(MemoryStore(tmp_path))
    documents = [Document("a", TEXT[:1500])]
    memory_id = registry.memorize(documents, TINY).memory.id
    newer = {**read_info(tmp_path / memory_id), "format": FORMAT_VERSION + 1}
    write_together(tmp_path / memory_id, {}, newer)
    registry.forget(memory_id)
    with pytest.raises(MemoryUnreadableError, match="upgrade memorag-graph"):
        registry.memorize(documents, TINY)
    (tmp_path / memory_id / MANIFEST).write_text("{}")
    assert registry.memorize(documents, TINY).memory.id == memory_id


def test_a_folder_of_the_store_is_recognized_however_its_path_is_spelled(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "root")
    store = MemoryStore(tmp_path / "root")
    make(store, ONE)
    monkeypatch.chdir(tmp_path / "root")
    for spelled in (Path(ONE), tmp_path / "link" / ONE, tmp_path / "root" / ".." / "root" / ONE):
        assert store.keeps(spelled)
        with store.claim(store.directory(ONE)), pytest.raises(InputError, match="is claimed"):
            store.claim(spelled, refuse_to_wait).__enter__()
    assert not store.keeps(Path("photos"))
    assert not store.keeps(tmp_path / ONE)


def test_a_memory_of_the_store_is_not_changed_in_place_by_its_path(registry: Registry, tmp_path: Path) -> None:
    registry = registry.with_store(MemoryStore(tmp_path / "root"))
    first = registry.memorize([Document("a", TEXT[:1500])], TINY)
    place = tmp_path / "link"
    place.symlink_to(tmp_path / "root")
    more = [Document("b", TEXT[1500:2500])]
    second = registry.revise(place / first.memory.id, lambda memory: appended(memory, more), TINY)
    assert second.memory.id != first.memory.id
    for revised in (first, second):
        assert read_info(tmp_path / "root" / revised.memory.id)["memory_id"] == revised.memory.id


def test_a_registry_finds_memories_of_its_store_by_id(registry: Registry, tmp_path: Path) -> None:
    registry = registry.with_store(MemoryStore(tmp_path / "root"))
    documents = [Document("a", TEXT[:1500])]
    inside = registry.memorize(documents, TINY).memory.id
    outside = registry.memorize([Document("b", TEXT[:1500])], TINY, tmp_path / "elsewhere").memory.id
    fresh = Registry(registry.store)
    fresh.add_memory_model("tiny-llama", registry.models.memory_model("tiny-llama", TINY))
    fresh.add_embeddings("hash", registry.models.embeddings("hash"))
    assert [fresh.open(memory_id, RunOptions()).memory.id for memory_id in (inside, outside)] == [inside, outside]


def test_a_memorized_text_is_opened_from_a_read_only_store(
    registry: Registry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = registry.with_store(MemoryStore(tmp_path / "root"))
    documents = [Document("a", TEXT[:1500])]
    first = registry.memorize(documents, TINY).memory

    def refuse(directory: Path) -> None:
        raise MemoryFileError(f"{directory} cannot be written (read-only file system)")

    monkeypatch.setattr("memorag_graph.memory.storage.store.require_writable", refuse)
    assert registry.memorize(documents, TINY).memory.id == first.id
    with pytest.raises(MemoryFileError, match="read-only"):
        registry.memorize([Document("b", TEXT[:1500])], TINY)


def test_a_memory_that_is_replaced_in_its_directory_is_dropped(registry: Registry, tmp_path: Path) -> None:
    before = registry.memorize([Document("a", TEXT[:1500])], TINY, tmp_path / "memory").memory.id
    after = registry.revise(
        tmp_path / "memory", lambda memory: appended(memory, [Document("b", TEXT[1500:2000])]), TINY
    ).memory.id
    assert registry.open_memories.get(before) is None
    assert registry.open_memories.get(after) is not None
    with pytest.raises(MemoryFileError, match="holds another memory"):
        registry.open(before, RunOptions())


def test_a_change_is_refused_if_another_was_made_meanwhile(registry: Registry, tmp_path: Path) -> None:
    place = tmp_path / "memory"
    registry.memorize([Document("a", TEXT[:1500])], TINY, place)

    def change_elsewhere_first(memory: Memory) -> Listed:
        registry.revise(place, lambda memory: appended(memory, [Document("b", TEXT[1500:2000])]), TINY)
        return appended(memory, [Document("c", TEXT[2000:2500])])

    with pytest.raises(MemoryFileError, match="changed by another process meanwhile"):
        registry.revise(place, change_elsewhere_first, TINY)
    assert [document["source"] for document in read_info(place)["documents"]] == ["a", "b"]


def test_opening_a_memory_keeps_the_journal_of_a_killed_change(registry: Registry, tmp_path: Path) -> None:
    documents, place = [Document("a", TEXT[:1500])], tmp_path / "memory"
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


def test_the_graph_keeps_memories_in_the_store_and_releases_old_ones(registry: Registry, tmp_path: Path) -> None:
    own = Registry(MemoryStore(tmp_path / "root"), memory_budget=1)
    own.add_memory_model("tiny-llama", registry.models.memory_model("tiny-llama", TINY))
    own.add_embeddings("hash", registry.models.embeddings("hash"))
    graph = build_graph(own)
    first = graph.invoke({"context": TEXT, "query": "Who?"}, context=TINY)  # type: ignore[call-overload]
    with pytest.raises(MemoryFileError, match="in use"):
        own.store.delete(first["memory_id"])
    second = graph.invoke({"context": TEXT[:2000], "query": "Who?"}, context=TINY)  # type: ignore[call-overload]
    own.store.delete(first["memory_id"])  # released when the second was opened
    assert [info["memory_id"] for info in own.store.memories()] == [second["memory_id"]]


def test_a_memory_of_the_store_without_its_manifest_is_rebuilt(registry: Registry, tmp_path: Path) -> None:
    registry = registry.with_store(MemoryStore(tmp_path / "root"))
    memory_id = registry.memorize([Document("a", TEXT[:1500])], TINY).memory.id
    (registry.store.directory(memory_id) / MANIFEST).unlink()
    registry.forget(memory_id)
    assert registry.memorize([Document("a", TEXT[:1500])], TINY).memory.id == memory_id
    assert (registry.store.directory(memory_id) / MANIFEST).exists()
