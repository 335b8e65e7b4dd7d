"""Changes of real memories in processes that are killed or meet a full disk: the old memory remains, or the new one.

The processes are killed at each of Python's own changes of the disk. SQLite writes the journal in C, so its tests kill
processes while it grows a file, and at arbitrary moments.
"""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from memorag_graph.errors import MemoryFileError
from memorag_graph.memory.storage.manifest import read_info, verify
from memorag_graph.memory.storage.memory_files import load_memory
from tests.conftest import HashEmbeddings

ROOT = Path(__file__).parent.parent

Do = Callable[..., dict[str, Any]]


@pytest.fixture(scope="module")
def area(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("faults")


@pytest.fixture(scope="module")
def do(area: Path) -> Iterator[Do]:
    """Make a change in a new process with an injected fault; return its exit status and error."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.fault_process"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        env={**os.environ, "MEMORAG_GRAPH_HOME": str(area / "home"), "TOKENIZERS_PARALLELISM": "false"},
    )

    def ask(change: str, place: Path, **fault: object) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"change": change, "place": str(place), **fault}) + "\n")
        process.stdin.flush()
        answer: dict[str, Any] = json.loads(process.stdout.readline())
        return answer

    yield ask
    process.communicate()


def state(place: Path) -> dict[str, Any] | None:
    """Return sizes and hashes of a memory's files after loading it, or None if there is no memory."""
    try:
        files: dict[str, Any] = read_info(place)["files"]
    except MemoryFileError:
        return None
    load_memory(place, HashEmbeddings())
    return files


@pytest.fixture(scope="module")
def states(do: Do, area: Path) -> dict[str, Any]:
    """The state of the memory before any change and after each, without faults."""
    found: dict[str, Any] = {"none": None}
    for change in ("save", "append", "replace", "remove"):
        place = area / change
        if change != "save":
            shutil.copytree(area / "save", place)
        assert do(change, place) == {"exit": 0, "error": ""}
        found[change] = state(place)
    assert len({json.dumps(files) for files in found.values()}) == 5
    return found


def begin(area: Path, place: Path, old: dict[str, Any] | None) -> None:
    """Create the directory that a change starts from: the saved memory, or nothing."""
    if old:
        shutil.copytree(area / "save", place)


@pytest.mark.parametrize("change", ["save", "append", "replace", "remove"])
def test_a_process_killed_at_every_step(do: Do, area: Path, states: dict[str, Any], change: str) -> None:
    old, new = states["none" if change == "save" else "save"], states[change]
    seen = []
    for step in range(1, 200):
        place = area / f"{change}-killed-at-{step}"
        begin(area, place, old)
        ended = do(change, place, die_at=step)
        if ended["exit"] == 0:
            break
        assert ended["exit"] == -signal.SIGKILL
        assert state(place) in (old, new)
        seen.append(state(place))
        if state(place) == old:
            assert do(change, place) == {"exit": 0, "error": ""}
        assert state(place) == new
        assert do("save", place)["exit"] == 0  # the next writer cleans up
        assert not [path for path in place.iterdir() if "memorag-new" in path.name or path.name.startswith(".journal")]
    assert len(seen) > 15
    assert seen[0] == old
    assert seen[-1] == new
    assert seen == sorted(seen, key=lambda files: files == new)  # one step commits


def sizes(new: dict[str, Any]) -> list[int]:
    """Half the size of each file: limits at which one of them is torn in its middle."""
    return sorted({file["bytes"] // 2 for file in new.values()})


@pytest.mark.parametrize("change", ["save", "append"])
def test_a_process_killed_in_the_middle_of_a_file(do: Do, area: Path, states: dict[str, Any], change: str) -> None:
    old, new = states["none" if change == "save" else "save"], states[change]
    for size in sizes(new):
        place = area / f"{change}-torn-at-{size}"
        begin(area, place, old)
        assert do(change, place, largest_file=size, fatal=True)["exit"] == -signal.SIGXFSZ
        assert state(place) == old
        assert do(change, place) == {"exit": 0, "error": ""}
        assert state(place) == new


@pytest.mark.parametrize("change", ["save", "append", "replace", "remove"])
def test_a_full_disk_is_reported_and_the_old_memory_stays(
    do: Do, area: Path, states: dict[str, Any], change: str
) -> None:
    old, new = states["none" if change == "save" else "save"], states[change]
    for size in sizes(new):
        place = area / f"{change}-full-at-{size}"
        begin(area, place, old)
        ended = do(change, place, largest_file=size, fatal=False)
        assert ended["exit"] == 2
        assert "cannot be written" in ended["error"]
        assert str(place) in ended["error"]
        assert "free some space" in ended["error"]
        assert state(place) == old
        assert not list(place.glob("*.memorag-new*"))
        assert do(change, place) == {"exit": 0, "error": ""}
        assert state(place) == new


@pytest.mark.parametrize("change", ["save", "append"])
def test_a_directory_without_permission_is_reported(do: Do, states: dict[str, Any], area: Path, change: str) -> None:
    parents = [area, *area.parents]
    modes = [(path, path.stat().st_mode) for path in parents if path.owner() == area.owner()]
    place = area / f"{change}-forbidden"
    if change == "append":
        shutil.copytree(area / "save", place)
    else:
        place.mkdir()
    place.chmod(0o555)
    try:
        for parent, mode in modes:
            parent.chmod(mode | 0o555)
        ended = do(change, place, nobody=True)
    finally:
        for parent, mode in modes:
            parent.chmod(mode)
        place.chmod(0o755)
    assert ended["exit"] == 2
    assert str(place) in ended["error"]
    assert "Permission denied" in ended["error"]
    assert state(place) == (states["save"] if change == "append" else None)


def test_damage_in_any_region_of_any_file_is_detected(area: Path, states: dict[str, Any], tmp_path: Path) -> None:
    place = tmp_path / "damaged"
    shutil.copytree(area / "save", place)
    verify(place)
    for name in [*states["save"], "manifest.json"]:
        path = place / name
        whole = path.read_bytes()
        for at in range(0, len(whole), max(1, len(whole) // 150)):
            path.write_bytes(whole[:at] + bytes([whole[at] ^ (1 << at % 8)]) + whole[at + 1 :])
            for read in (verify, lambda directory: load_memory(directory, HashEmbeddings())):
                with pytest.raises(MemoryFileError, match=name.replace(".", r"\.")):
                    read(place)
        path.write_bytes(whole)
    verify(place)


def test_a_file_of_the_same_size_from_another_memory_is_detected(
    area: Path, states: dict[str, Any], tmp_path: Path
) -> None:
    place = tmp_path / "swapped"
    shutil.copytree(area / "save", place)
    shutil.copy(area / "replace" / "notes.json", place / "notes.json")
    with pytest.raises(MemoryFileError, match=r"notes\.json"):
        load_memory(place, HashEmbeddings())
