"""A process that may have 64 files open (``ulimit -n 64``) uses 100 memories, or is told what to do; nothing is lost."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from memorag_graph.memory.storage.manifest import verify
from memorag_graph.memory.storage.store import MemoryStore

COUNT = 100
ALL = {"listed": COUNT, "answers": COUNT // 5, "opened": COUNT}


def use(root: Path, files: int, hold: str = "") -> Any:
    """Use the memories in a process that may have so many files open, or as many as usual if 0."""
    command = [sys.executable, "-m", "tests.few_handles", str(root), str(files), str(COUNT), hold]
    finished = subprocess.run(
        command,
        cwd=Path(__file__).parent.parent,
        env={**os.environ, "MEMORAG_GRAPH_HOME": str(root.parent / "home")},
        capture_output=True,
        text=True,
        check=True,
    )
    return json.loads(finished.stdout)


def require_whole(root: Path) -> int:
    """Check every file of every memory, and that nothing else is in the store; return the number of memories."""
    memories = MemoryStore(root).memories()
    for info in memories:
        verify(Path(info["place"]))
    assert {path.name for path in root.iterdir()} == {".gate", *(info["memory_id"] for info in memories)}
    return len(memories)


def test_100_memories_are_used_with_64_open_files(tmp_path: Path) -> None:
    assert use(tmp_path / "store", 64) == ALL
    assert require_whole(tmp_path / "store") == COUNT


def test_holding_more_memories_than_files_may_be_open_is_an_error_and_loses_nothing(tmp_path: Path) -> None:
    error = use(tmp_path / "store", 64, "hold")["error"]
    assert "Too many open files" in error or "unable to open database file" in error
    assert "ulimit -n" in error
    assert 10 < require_whole(tmp_path / "store") < COUNT
    assert use(tmp_path / "store", 0, "hold") == ALL
    assert require_whole(tmp_path / "store") == COUNT
