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

from memorag_graph.errors import InputError, MemoryFileError
from memorag_graph.graph import build_graph
from memorag_graph.memory.atomic import MANIFEST, write_together
from memorag_graph.memory.journal import JOURNAL
from memorag_graph.memory.leases import Lease, in_use
from memorag_graph.memory.manifest import read_info
from memorag_graph.memory.store import MemoryStore
from memorag_graph.opened import LoadedMemories
from memorag_graph.progress import Progress
from memorag_graph.registry import Registry
from tests.conftest import TEXT, TINY

SIZE = 10_000


def create(directory: Path, size: int = SIZE) -> None:
    """Stand in for saving a memory: a manifest and one file."""
    writers = {"memory.bin": lambda path: path.write_bytes(bytes(size))}
    described = {"format": 1, "memory_id": directory.name, "documents": [], "chunks": 0, "identity": {}}
    write_together(directory, writers, described)


def opened(directory: Path) -> Path:
    """Stand in for opening a memory."""
    assert read_info(directory)["memory_id"] == directory.name
    return directory


def make(store: MemoryStore, memory_id: str, create_it: Callable[[Path], None] = create) -> Path:
    def create_and_open(directory: Path) -> Path:
        create_it(directory)
        return opened(directory)

    return store.get_or_create(memory_id, opened, create_and_open)


def aged(store: MemoryStore, memory_id: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(store.root / ".used" / memory_id, (then, then))


def make_slowly(root: str, made: str) -> None:
    def slow(directory: Path) -> None:
        with open(made, "a") as stream:
            stream.write("made\n")
        time.sleep(0.3)
        create(directory)

    make(MemoryStore(Path(root)), "one", slow)


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

    with ThreadPoolExecutor(1) as pool, store.exclusive(store.directory("one")):
        made = pool.submit(store.get_or_create, "one", opened, create, None, report)
        assert waiting.wait(10)
        assert said == [("waiting", 0)]
        create(store.directory("one"))
    assert made.result() == store.directory("one")
    assert said == [("waiting", 0), ("waiting", 1)]


def test_threads_that_ask_for_the_same_memory_make_it_once(tmp_path: Path) -> None:
    store, made = MemoryStore(tmp_path), []

    def slow(directory: Path) -> None:
        made.append(directory)
        time.sleep(0.1)
        create(directory)

    with ThreadPoolExecutor(4) as pool:
        places = list(pool.map(lambda _: make(store, "one", slow), range(4)))
    assert len(made) == 1
    assert set(places) == {tmp_path / "one"}


def test_the_least_recently_used_make_room_and_the_new_one_stays(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, quota=int(3.5 * SIZE))
    for age, name in ((300, "oldest"), (200, "older"), (100, "old")):
        make(store, name)
        aged(store, name, age)
    store.touch("oldest")
    make(store, "new")
    assert [info["memory_id"] for info in store.memories()] == ["new", "oldest", "old"]
    make(store, "huge", lambda directory: create(directory, 9 * SIZE))
    assert [info["memory_id"] for info in store.memories()] == ["huge"]


def test_a_memory_in_use_is_neither_deleted_nor_makes_room(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path, quota=int(1.5 * SIZE))
    make(store, "used")
    lease = store.lease("used")
    make(store, "new")
    with pytest.raises(MemoryFileError, match="in use"):
        store.delete("used")
    assert {info["memory_id"] for info in store.memories()} == {"used", "new"}
    lease.release()
    store.delete("used")
    assert {info["memory_id"] for info in store.memories()} == {"new"}


def test_the_lease_and_the_lock_of_a_killed_process_end_with_it(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path; from memorag_graph.memory.store import MemoryStore\n"
        "store = MemoryStore(Path(sys.argv[1])); lease = store.lease('one')\n"
        "lock = store.exclusive(store.directory('one')); lock.acquire(); print('held', flush=True); time.sleep(60)"
    )
    store = MemoryStore(tmp_path)
    make(store, "one")
    holder = subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert holder.stdout is not None
    assert holder.stdout.readline() == "held\n"
    with pytest.raises(MemoryFileError, match="in use"):
        store.delete("one")
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    assert not in_use(tmp_path / ".leases" / "one")
    store.delete("one")


def test_gc_removes_leftovers_and_keeps_what_can_be_resumed(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    make(store, "whole")
    for name in ("begun", "abandoned", "empty"):
        (tmp_path / name).mkdir()
    (tmp_path / "begun" / JOURNAL).write_text("[]")
    (tmp_path / "abandoned" / JOURNAL).write_text("[]")
    os.utime(tmp_path / "abandoned" / JOURNAL, (0, 0))
    (tmp_path / ".trash-1").mkdir()
    (tmp_path / ".trash-1" / "memory.bin").write_bytes(bytes(SIZE))
    (tmp_path / "whole" / "memory.bin.memorag-new").write_bytes(bytes(SIZE))
    assert store.gc() >= 2 * SIZE
    assert {path.name for path in tmp_path.iterdir() if not path.name.startswith(".")} == {"whole", "begun"}
    assert {path.name for path in (tmp_path / "whole").iterdir() if path.suffix} == {"memory.bin", MANIFEST}


def test_damaged_and_newer_memories_are_not_thrown_away(tmp_path: Path) -> None:
    store = MemoryStore(tmp_path)
    make(store, "one")
    (tmp_path / "one" / MANIFEST).write_text("{}")
    store.gc()
    assert (tmp_path / "one" / "memory.bin").exists()


@pytest.mark.parametrize("bad", [0, -1])
def test_budgets_must_be_positive(bad: int) -> None:
    with pytest.raises(InputError, match="must be a positive number of bytes"):
        MemoryStore(quota=bad)
    with pytest.raises(InputError, match="must be a positive number of bytes"):
        LoadedMemories(bad)


@pytest.mark.parametrize("name", ["missing", "../whole", ""])
def test_only_memories_of_the_store_are_deleted(tmp_path: Path, name: str) -> None:
    store = MemoryStore(tmp_path / "root")
    make(store, "one")
    (tmp_path / "whole").mkdir()
    with pytest.raises(MemoryFileError, match="does not exist"):
        store.delete(name)
    assert (tmp_path / "whole").is_dir()
    assert (tmp_path / "root" / "one").is_dir()


def test_a_lease_is_listed_until_it_is_released(tmp_path: Path) -> None:
    lease = Lease(tmp_path / "leases")
    assert in_use(tmp_path / "leases")
    lease.release()
    assert not in_use(tmp_path / "leases")


def test_the_graph_keeps_memories_in_the_store_and_lets_go_of_old_ones(registry: Registry, tmp_path: Path) -> None:
    mine = Registry(MemoryStore(tmp_path / "root"), memory_budget=1)
    mine.add_memory_model("tiny-llama", registry._kept["model", "tiny-llama"])
    mine.add_embeddings("hash", registry.embeddings("hash"))
    graph = build_graph(mine)
    first = graph.invoke({"context": TEXT, "query": "Who?"}, context=TINY)  # type: ignore[call-overload]
    with pytest.raises(MemoryFileError, match="in use"):
        mine.store.delete(first["memory_id"])
    second = graph.invoke({"context": TEXT[:2000], "query": "Who?"}, context=TINY)  # type: ignore[call-overload]
    mine.store.delete(first["memory_id"])  # let go when the second came
    assert [info["memory_id"] for info in mine.store.memories()] == [second["memory_id"]]
