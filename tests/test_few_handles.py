"""A process that may have 64 files open (``ulimit -n 64``) uses 100 memories or is told what to do; nothing is lost."""

import json
from pathlib import Path

from memorag_graph.memory.storage.manifest import verify
from memorag_graph.memory.storage.store import MemoryStore
from tests.warm_process import run_warm

COUNT = 100


def test_100_memories_are_used_with_64_open_files(tmp_path: Path) -> None:
    root = tmp_path / "store"
    finished = run_warm(["-m", "tests.few_handles", str(root), str(COUNT)])
    used, held_by_few, held_by_more = map(json.loads, finished.stdout.splitlines())
    assert used == {"listed": COUNT, "opened": COUNT}
    assert "Too many open files" in held_by_few["error"]
    assert "ulimit -n" in held_by_few["error"]
    assert held_by_more == {"held": COUNT}
    memories = MemoryStore(root).memories()
    assert len(memories) == COUNT
    for info in memories:
        verify(Path(info["place"]))
    assert {path.name for path in root.iterdir()} == {".gate", *(info["memory_id"] for info in memories)}
