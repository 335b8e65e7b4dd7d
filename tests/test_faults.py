"""Every file that the package keeps is changed while faults happen: the old state remains, or the new one is there.

At each system call that touches the files, as tests/fault_shim.c counts them, the process is killed, before the call or
in the middle of a write, the power fails, or the call fails: from then on, or once. A test run takes a sample, which is
the same each time; MEMORAG_FAULTS=all takes every call, MEMORAG_FAULTS=kill,tear every call for those faults.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Any

import pytest

from memorag_graph.errors import MemoryFileError
from memorag_graph.memory.storage.manifest import verify
from memorag_graph.memory.storage.memory_files import load_memory
from tests import fault_memories, fault_subjects
from tests.conftest import HashEmbeddings
from tests.fault_process import Fault, FaultProcess
from tests.fault_subjects import Subject, as_json, tree

FAULTS = [
    Fault("kill"),
    Fault("tear"),
    *(Fault("power", choice=choice) for choice in range(5)),
    *(Fault(how, error=error) for how in ("fail", "fail on") for error in ("ENOSPC", "EIO", "EACCES")),
    *(Fault(how, error=error, reads=True) for how in ("fail", "fail on") for error in ("EIO", "EACCES", "EMFILE")),
]

CHOSEN = os.environ.get("MEMORAG_FAULTS", "")
EVERY = CHOSEN != ""
POINTS, POINTS_IN_MEMORIES = 2, 1
"""How many calls each fault hits, unless it hits all: models make changes of memories slower."""

OF_SQLITE = ("unable to open database", "readonly database", "disk I/O error", "malformed")
REASONS = {
    "ENOSPC": ("No space left on device", "disk is full", *OF_SQLITE),
    "EIO": ("Input/output error", *OF_SQLITE),
    "EACCES": ("Permission denied", *OF_SQLITE),
    "EMFILE": ("Too many open files", *OF_SQLITE),
}


@pytest.fixture(scope="module")
def shim(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Compile the library that injects faults."""
    compiler = shutil.which("cc")
    if compiler is None or sys.platform != "linux":
        pytest.skip("injecting faults at system calls needs Linux and a C compiler named cc")
    library = tmp_path_factory.mktemp("shim") / "fault_shim.so"
    source = Path(__file__).with_name("fault_shim.c")
    subprocess.run([compiler, "-O1", "-Wall", "-shared", "-fPIC", "-o", library, source, "-ldl"], check=True)
    return library


def process(subjects: str, shim: Path, directory: Path) -> Iterator[FaultProcess]:
    running = FaultProcess(subjects, shim, directory)
    yield running
    running.end()
    print(f"{subjects}: {running.runs} runs")  # noqa: T201 - shown by pytest -s


@pytest.fixture(scope="module")
def files(shim: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProcess]:
    yield from process("tests.fault_subjects", shim, tmp_path_factory.mktemp("home"))


@pytest.fixture(scope="module")
def memories(shim: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FaultProcess]:
    yield from process("tests.fault_memories", shim, tmp_path_factory.mktemp("home"))


class Matrix:
    """The faults at the calls of one change.

    Args:
        do: Makes the change.
        name: Its name.
        subject: What it changes.
        area: Where.
    """

    def __init__(self, do: FaultProcess, name: str, subject: Subject, area: Path) -> None:
        self._do, self._name, self._subject = do, name, subject
        self._random = Random(name)
        self._before, self._place = area / "before", area / "place"
        self._calls: dict[tuple[object, ...], int] = {}
        self._before.mkdir()
        subject.begin(self._before)
        self._begin()
        self._old = self._state()
        assert self._change() == 0
        self._new = self._state()
        subject.tidy(self._place)
        self._tree = tree(self._place)
        self._right = [self._old, self._new, *subject.between(self._old, self._new)]

    def run(self, points: int) -> None:
        """Try each fault at so many calls, each time at others."""
        for fault in FAULTS:
            if CHOSEN not in ("", "all") and fault.action not in CHOSEN.split(","):
                continue
            calls = self._count(fault)
            chosen = range(1, calls + 1) if EVERY else self._random.sample(range(1, calls + 1), min(points, calls))
            for at in chosen:
                self._begin()
                ended = self._do(self._name, self._place, replace(fault, at=at))
                try:
                    self._check(fault, ended)
                except (AssertionError, MemoryFileError) as error:
                    raise AssertionError(f"{self._name}, {fault} at call {at}, {ended}: {error}") from error

    def _check(self, fault: Fault, ended: dict[str, Any]) -> None:
        state = self._state()
        assert state in self._right
        if fault.action in ("fail", "fail on"):
            assert ended["exit"] in (0, 2)
        if ended["exit"] == 2:
            self._check_message(fault.error, ended["error"])
            if fault.error == "ENOSPC" and "sync" not in ended["call"]:  # what fails to sync may be there or not
                assert state == self._old
        elif ended["exit"] == 0:
            assert self._subject.best_effort or state in self._right[1:]
        if state == self._old:
            assert self._change() == 0
            assert self._state() == self._new
        self._subject.tidy(self._place)
        if self._state() == self._new:
            assert tree(self._place) == self._tree

    def _check_message(self, error: str, message: str) -> None:
        assert any(reason in message for reason in REASONS[error])
        if error == "ENOSPC":
            assert "free some space" in message or "the free space" in message
        else:
            assert "free some space" not in message

    def _count(self, fault: Fault) -> int:
        """Return how many calls a fault can hit."""
        kind = (fault.reads, fault.action == "tear", fault.action.startswith("fail") and fault.error)
        if kind not in self._calls:
            self._begin()
            self._calls[kind] = self._do(self._name, self._place, replace(fault, at=sys.maxsize))["seen"]
        return self._calls[kind]

    def _begin(self) -> None:
        shutil.rmtree(self._place, ignore_errors=True)
        shutil.copytree(self._before, self._place)

    def _change(self) -> int:
        ended = self._do(self._name, self._place)
        assert ended["error"] == ""
        return int(ended["exit"])

    def _state(self) -> Any:
        return as_json(self._subject.state(self._place))


@pytest.mark.parametrize("name", fault_subjects.SUBJECTS)
def test_a_fault_at_any_call_leaves_the_old_files_or_the_new(files: FaultProcess, name: str, tmp_path: Path) -> None:
    Matrix(files, name, fault_subjects.SUBJECTS[name], tmp_path).run(POINTS)


@pytest.mark.parametrize("name", fault_memories.SUBJECTS)
def test_a_fault_at_any_call_leaves_the_old_memory_or_the_new(
    memories: FaultProcess, name: str, tmp_path: Path
) -> None:
    Matrix(memories, name, fault_memories.SUBJECTS[name], tmp_path).run(POINTS_IN_MEMORIES)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    fault_memories.memorize(tmp_path)
    return tmp_path / "memory"


def test_damage_in_any_region_of_any_file_is_detected(saved: Path) -> None:
    reads: list[Callable[[Path], object]] = [verify, lambda directory: load_memory(directory, HashEmbeddings())]
    for name in [*verify(saved)["files"], "manifest.json"]:
        path = saved / name
        whole = path.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 150)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            for read in reads:
                with pytest.raises(MemoryFileError, match=name.replace(".", r"\.")):
                    read(saved)
        path.write_bytes(whole)
    verify(saved)


def test_a_file_of_the_same_size_from_another_memory_is_detected(saved: Path, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    fault_memories.memorize(tmp_path / "other")
    fault_memories.CHANGES["replace"](tmp_path / "other")
    shutil.copy(tmp_path / "other" / "memory" / "notes.json", saved / "notes.json")
    with pytest.raises(MemoryFileError, match=r"notes\.json"):
        load_memory(saved, HashEmbeddings())
