"""A process that changes saved memories for tests/test_faults.py, each time in a fork with an injected fault.

Reads one JSON object per line: the change, the directory and the fault. Writes the fork's exit status (minus the
signal number if a signal ended it) and the message of the error that the change raised.
"""

import io
import json
import os
import resource
import signal
import sys
from collections.abc import Callable
from importlib import import_module
from pathlib import Path
from typing import Any

import torch

from memorag_graph.documents import Document
from memorag_graph.errors import MemoragError
from memorag_graph.memory.backends.local import LocalMemoryModel
from memorag_graph.memory.build.revision import appended, removed, replaced
from memorag_graph.registry import Registry
from memorag_graph.retrieval.terms import terms
from memorag_graph.text.languages import detect_language
from tests.conftest import TEXT, TINY, HashEmbeddings, tiny_model

A, B = Document("a.txt", TEXT[:1200]), Document("b.txt", TEXT[1200:1700])
C, EDITED = Document("c.txt", TEXT[1700:2300]), Document("a.txt", TEXT[:1200].replace("ferry", "train", 1))

OPTIONS = TINY.model_copy(update={"gist_tokens": 16})
"""Short gists: hundreds of processes write them."""

CHANGES: dict[str, Callable[[Registry, Path], object]] = {
    "save": lambda registry, place: registry.memorize([A, B], OPTIONS, place),
    "append": lambda registry, place: registry.revise(place, lambda memory: appended(memory, [C]), OPTIONS),
    "replace": lambda registry, place: registry.revise(
        place, lambda memory: replaced(memory, "a.txt", EDITED), OPTIONS
    ),
    "remove": lambda registry, place: registry.revise(place, lambda memory: removed(memory, "b.txt"), OPTIONS),
}

STEPS = ("replace", "rename", "unlink", "mkdir", "rmdir", "fsync")
NOBODY = 65534


class Halved:
    """A stream that splits each write into two steps."""

    def __init__(self, stream: Any, step: Callable[[], None]) -> None:
        self._stream, self._step = stream, step

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

    def __enter__(self) -> "Halved":
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, data: Any) -> int:
        half = len(data) // 2
        self._stream.write(data[:half])
        self._stream.flush()
        self._step()
        self._stream.write(data[half:])
        return len(data)


def die_at(last: int) -> None:
    """Kill this process at its n-th change of the disk through Python; SQLite's own writes are not counted."""
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if done == last:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(real: Callable[..., Any]) -> Callable[..., Any]:
        def stepped(*args: Any, **kwargs: Any) -> Any:
            step()
            return real(*args, **kwargs)

        return stepped

    real_open = io.open

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        stream = real_open(file, mode, *args, **kwargs)
        return Halved(stream, step) if {"w", "a"} & set(mode) else stream

    for name in STEPS:
        setattr(os, name, before(getattr(os, name)))
    io.open = opened


def limit_files(size: int, *, fatal: bool) -> None:
    """Limit the size of files: writing beyond it kills the process, or fails as on a full disk."""
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL if fatal else signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


def child(registry: Registry, task: dict[str, Any], answer: int) -> None:
    if "die_at" in task:
        die_at(task["die_at"])
    if "largest_file" in task:
        limit_files(task["largest_file"], fatal=task["fatal"])
    if task.get("nobody") and os.geteuid() == 0:
        os.seteuid(NOBODY)
    try:
        CHANGES[task["change"]](registry, Path(task["place"]))
    except MemoragError as error:
        os.write(answer, str(error).encode())
        os._exit(2)
    os._exit(0)


def main() -> None:
    torch.set_num_threads(1)  # a fork inherits no other threads
    registry = Registry()
    registry.add_memory_model("tiny-llama", LocalMemoryModel(tiny_model("llama")))
    registry.add_embeddings("hash", HashEmbeddings())
    detect_language(TEXT)  # loads its model once for all forks
    for name in ("providers.provider_models", "memory.storage.memory_files", "retrieval.memory_index"):
        import_module(f"memorag_graph.{name}")  # so that forks need not import them
    terms(TEXT, "en")
    for line in sys.stdin:
        task = json.loads(line)
        reading, writing = os.pipe()
        pid = os.fork()
        if pid == 0:
            child(registry, task, writing)
        os.close(writing)
        with os.fdopen(reading) as answer:
            message = answer.read()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(json.dumps({"exit": os.waitstatus_to_exitcode(status), "error": message}) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
