"""Processes that read and write the same files at once, for tests/test_competing_processes.py.

Reads a line of JSON: a list of calls, each the name of a function and its arguments. Makes each in a fork, all at once,
and prints what they returned, or how they failed.
"""

import json
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from memorag_graph.documents import Document
from memorag_graph.errors import MemoryFileError
from memorag_graph.memory.build.revision import appended, replaced
from memorag_graph.memory.storage.memory_files import load_memory
from memorag_graph.serving.credentials import KeyFile
from memorag_graph.serving.quotas import Quota, Usage
from tests.conftest import TEXT, HashEmbeddings
from tests.fault_memories import OPTIONS, registry
from tests.fault_subjects import DAY

REFUSED = "changed by another process meanwhile"


def read(directory: Path, until: Path) -> list[str]:
    """Load a memory again and again until a file appears; return the ids seen, each checked against the other files."""
    seen = []
    while not until.exists():
        memory, index = load_memory(directory, HashEmbeddings())
        documents = range(len(memory.documents))
        assert {note.document for note in memory.notes} == set(documents)
        assert {chunk.source for chunk in index.chunks} == {document.source for document in memory.documents}
        seen.append(memory.id)
    return seen


def replace(directory: Path, until: Path, count: int) -> list[str]:
    """Replace a document by one and another, in turn; return the ids."""
    texts, ids = ("ferry", "train"), []
    for number in range(count):
        edited = Document("a.txt", TEXT[:600].replace("ferry", texts[number % 2]))
        revised = registry().revise(directory, lambda memory, edited=edited: replaced(memory, "a.txt", edited), OPTIONS)
        ids.append(revised.memory.id)
    until.touch()
    return ids


def append(directory: Path, name: str, count: int) -> int:
    """Append documents one by one, again when refused; return how often that was."""
    refused = 0
    for number in range(count):
        more = [Document(f"{name}-{number}", TEXT[: 100 + number])]
        while True:
            try:
                registry().revise(directory, lambda memory, more=more: appended(memory, more), OPTIONS)
                break
            except MemoryFileError as error:
                if REFUSED not in str(error):
                    raise
                refused += 1
    return refused


def add_keys(directory: Path, name: str, count: int) -> None:
    for number in range(count):
        KeyFile(directory / "keys.json").add(f"{name}-{number}", "acme", "reader")


def add_tokens(directory: Path, count: int) -> None:
    """Count a token in each of many directories, where other processes begin to count at the same time."""
    for number in range(count):
        Usage(Quota(tokens_per_day=10), directory / f"{number}", lambda: 1_000.0 * DAY).add_tokens("acme", 1)


TASKS: dict[str, Callable[..., object]] = {
    task.__name__: task for task in (read, replace, append, add_keys, add_tokens)
}


def forked(name: str, arguments: list[object], answer: int) -> None:
    paths = [Path(it) if isinstance(it, str) and "/" in it else it for it in arguments]
    try:
        told = json.dumps(TASKS[name](*paths))
    except BaseException:  # noqa: BLE001 - reported to the test
        told = json.dumps(traceback.format_exc())
    with os.fdopen(answer, "w") as stream:
        stream.write(told)
    os._exit(0)


def main() -> None:
    registry()
    for line in sys.stdin:
        answers = []
        for name, *arguments in json.loads(line):
            reading, writing = os.pipe()
            if os.fork() == 0:
                forked(name, arguments, writing)
            os.close(writing)
            answers.append(reading)
        told = []
        for reading in answers:
            with os.fdopen(reading) as stream:
                told.append(json.loads(stream.read()))
        while answers:
            os.wait()
            answers.pop()
        sys.stdout.write(json.dumps(told) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
