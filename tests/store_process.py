"""Processes that compete for one memory of a store, for tests/test_store.py."""

import os
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from random import Random

from memorag_graph.errors import MemoryFileError
from memorag_graph.memory.storage.store import MemoryStore

MEMORY_ID = f"{1:032x}"


def save(directory: Path) -> None:
    """Simulate saving a memory, to which other processes react."""
    (directory / "manifest.json").write_text("{}")


def build(root: Path, log: Path) -> None:
    """Build the memory slowly unless it exists; log each build."""
    store = MemoryStore(root)
    directory = store.directory(MEMORY_ID)
    with store.claim(directory):
        if (directory / "manifest.json").exists():
            return
        with log.open("a") as stream:
            stream.write("built\n")
        time.sleep(0.3)
        save(directory)


def claim_often(root: Path, log: Path, seed: int) -> None:
    """Claim the memory again and again, build it or stop, and remove it; log if another process is inside too."""
    store, random = MemoryStore(root, quota=1), Random(seed)
    directory, inside = store.directory(MEMORY_ID), log.with_name("inside")
    for _ in range(40):
        with suppress(KeyError), store.claim(directory):
            try:
                os.close(os.open(inside, os.O_CREAT | os.O_EXCL))
            except FileExistsError:
                log.write_text("two processes hold the claim")
            if random.random() < 0.5:
                save(directory)
            inside.unlink(missing_ok=True)
            if random.random() < 0.3:
                raise KeyError("stopped")
        with suppress(MemoryFileError):
            random.choice([store.gc, lambda: store.delete(MEMORY_ID)])()


TASKS: dict[str, Callable[..., None]] = {"build": build, "claim_often": claim_often}

if __name__ == "__main__":
    TASKS[sys.argv[1]](Path(sys.argv[2]), Path(sys.argv[3]), *map(int, sys.argv[4:]))
