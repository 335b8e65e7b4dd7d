"""What tests/test_faults.py changes while faults happen: every file that the package keeps, without a model."""

import json
import os
import sqlite3
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from memorag_graph import clue_trust
from memorag_graph.disk_errors import telling
from memorag_graph.errors import MemoryFileError, MemoryUnreadableError
from memorag_graph.evaluation.jsonl_log import JournalFile
from memorag_graph.kept_conversations import KeptConversations
from memorag_graph.kept_turns import NewTurn
from memorag_graph.library.machine_copies import MachineCopies
from memorag_graph.memory.storage import given_names
from memorag_graph.memory.storage.journal import Journal
from memorag_graph.memory.storage.manifest import FORMAT_VERSION, find_memory, read_info, remember_place, verify
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.memory.storage.transaction import MANIFEST, NEXT_MANIFEST, finish_change, write_together
from memorag_graph.retrieval.clue_weights import CAREFUL
from memorag_graph.serving.credentials import KeyFile
from memorag_graph.serving.quotas import USAGE_FILE, Quota, Usage

ONE, TWO, NEW, GONE, BEGUN = (f"{number:032x}" for number in range(5))
DAY = 86_400

Change = Callable[[Path], object]


@dataclass(frozen=True)
class Subject:
    """Something that is changed.

    Attributes:
        begin: Makes what is there before, in an empty directory.
        change: Makes the change.
        state: Returns what is there, as the package reads it.
        between: Returns states that are also right on the way from the old state to the new one.
        best_effort: An error is not reported, since the change is only a convenience.
        tidy: Does what removes leftovers of killed processes, after the change was made again.
    """

    begin: Change
    change: Change
    state: Callable[[Path], Any]
    between: Callable[[Any, Any], list[Any]] = lambda old, new: []
    best_effort: bool = False
    tidy: Change = lambda place: None


def write(directory: Path, memory_id: str, **files: bytes) -> None:
    """Simulate saving a memory."""
    writers = {name: lambda path, data=data: path.write_bytes(data) for name, data in files.items()}
    described = {"format": FORMAT_VERSION, "memory_id": memory_id, "documents": [], "chunks": 0, "identity": {}}
    with telling(directory, "written"):  # as in ``save_memory``
        write_together(directory, writers, described)


def saved(directory: Path) -> dict[str, Any] | None:
    """Return the sizes and hashes of a memory's files after comparing them with the files; None if there is none."""
    try:
        read_info(directory)
    except MemoryFileError as error:
        if "is damaged" in str(error):
            raise
        return None
    files: dict[str, Any] = verify(directory)["files"]
    return files


def write_old(place: Path) -> None:
    write(place, ONE, notes=b"old" * 3000, chunks=b"unchanged" * 1000, keywords=b"dropped" * 900)


def write_new(place: Path) -> None:
    write(place, TWO, notes=b"new" * 4000, chunks=b"unchanged" * 1000, index=b"added" * 2000)


def store(place: Path, quota: int | None = None) -> MemoryStore:
    return MemoryStore(place / "store", quota=quota)


def kept(place: Path) -> dict[str, Any]:
    return {info["memory_id"]: saved(Path(info["place"])) for info in store(place).memories()}


def begin_store(place: Path) -> None:
    for age, memory_id in ((200, ONE), (100, TWO)):
        directory = store(place).directory(memory_id)
        with store(place).claim(directory):
            write(directory, memory_id, notes=memory_id.encode() * 100)
        then = (directory / MANIFEST).stat().st_mtime - age
        os.utime(directory / MANIFEST, (then, then))


def begin_leftovers(place: Path) -> None:
    """Leave what killed processes leave: removed and unfinished memories, and a committed change."""
    begin_store(place)
    root = store(place).root
    (root / ".trash-1").mkdir()
    (root / ".trash-1" / "memory.bin").write_bytes(bytes(100))
    (root / BEGUN).mkdir()
    (root / BEGUN / ".journal").write_bytes(b"")
    os.utime(root / BEGUN / ".journal", (0, 0))
    remember_place(root, GONE, place / "gone")
    (root / ONE / "stale.memorag-new").write_bytes(bytes(100))
    for name in ("notes", MANIFEST):
        (root / TWO / f"{name}.memorag-new").write_bytes((root / TWO / name).read_bytes())
    (root / TWO / f"{MANIFEST}.memorag-new").rename(root / TWO / NEXT_MANIFEST)
    (root / TWO / "notes").write_bytes(b"old")


def build(place: Path) -> None:
    room = store(place, quota=12_000)
    directory = room.directory(NEW)
    journal = Journal(directory / ".journal")
    room.require_writable(directory)
    with room.claim(directory):
        try:
            read_info(directory)
        except MemoryUnreadableError:
            raise
        except MemoryFileError:
            journal.add("key", "a gist" * 100)
            write(directory, NEW, notes=NEW.encode() * 200)
        journal.forget(["key"])


def delete(place: Path) -> None:
    store(place).delete(ONE)


def gc(place: Path) -> None:
    store(place).gc()


def keys(place: Path) -> list[Any]:
    return [(key.name, key.tenant, key.role, bool(key.revoked)) for key in KeyFile(place / "keys.json").read()]


def add_key(name: str) -> Change:
    return lambda place: KeyFile(place / "keys.json").add(name, "acme", "reader")


def copies(place: Path, most_bytes: int = 1 << 30) -> MachineCopies:
    return MachineCopies(place / "remote", most_bytes)


def copy_of(place: Path, memory_id: str) -> Path:
    return place / "remote" / "library" / "memories" / memory_id


def begin_copies(place: Path) -> None:
    for age, memory_id in ((200, ONE), (100, TWO)):
        with copies(place).holding(directory := copy_of(place, memory_id)):
            write(directory, memory_id, notes=memory_id.encode() * 100)
            copies(place).note_use(directory, memory_id)
        then = (directory / MANIFEST).stat().st_mtime - age
        os.utime(directory / ".on-store", (then, then))


def drop_copy(place: Path) -> None:
    with telling(place, "written"), copies(place).holding(copy_of(place, TWO)):
        copies(place, most_bytes=5_000).make_room()


def copied(place: Path) -> dict[str, Any]:
    found = {it: saved(copy_of(place, it)) for it in (ONE, TWO)}
    return {it: files for it, files in found.items() if files is not None}


def trust(model: str) -> Change:
    return lambda place: clue_trust.keep(model, CAREFUL, {}, place / "clue_trust.json")


def trusted(place: Path) -> list[str]:
    return list(clue_trust.read(place / "clue_trust.json"))


def usage(place: Path) -> Usage:
    return Usage(Quota(tokens_per_day=100), place, lambda: 1_000.0 * DAY)


def tokens(place: Path) -> list[Any]:
    if not (place / USAGE_FILE).exists():
        return []
    with closing(sqlite3.connect(place / USAGE_FILE)) as database:
        tables = database.execute("SELECT name FROM sqlite_master").fetchall()
        return database.execute("SELECT * FROM used").fetchall() if tables else []


def rename(name: str) -> Change:
    return lambda place: given_names.rename(store(place), ONE, name)


def begin_name(place: Path) -> None:
    begin_store(place)
    rename("one")(place)


def named(place: Path) -> str:
    return given_names.name_of(store(place), ONE)


def tidy_names(place: Path) -> None:
    for path in store(place).directory(ONE).glob(".name.txt-*"):
        os.utime(path, (0, 0))  # a process may still be writing a new one
    rename("three")(place)


def converse(number: int) -> Change:
    turn = NewTurn(f"question {number}", f"answer {number}" * 2000, [f"{number}.txt"])
    marks = {f"{number}.txt": [f"mark {number}"]}
    return lambda place: KeptConversations(place).add("somebody", f"visit {number}", turn, lambda: marks)


def begin_conversations(place: Path) -> None:
    for number in range(3):
        converse(number)(place)


def conversations(place: Path) -> list[Any]:
    kept = KeptConversations(place)
    said = {it.visit: [turn.content for turn in kept.turns("somebody", it.visit)] for it in kept.of("somebody")}
    return sorted([it.visit, it.title, said[it.visit]] for it in kept.of("somebody"))


def found(place: Path) -> str:
    return find_memory(ONE, place / "root").name


def lines(place: Path) -> list[Any]:
    return [dict(line) for line in JournalFile(place / "results.jsonl").lines]


def append(number: int) -> Change:
    return lambda place: JournalFile(place / "results.jsonl").append({"number": number, "text": "x" * 5000})


def begin_lines(place: Path) -> None:
    append(1)(place)
    append(2)(place)


def drop(place: Path) -> None:
    log = JournalFile(place / "results.jsonl")
    log.drop([line for line in log.lines if line["number"] == 1])


def note(key: str) -> Change:
    return lambda place: Journal(place / ".journal").add(key, key * 5000)


def notes(place: Path) -> dict[str, str]:
    return Journal(place / ".journal").read()


def tidy_places(place: Path) -> None:
    for path in (place / "root").glob(".*"):
        os.utime(path, (0, 0))  # a process may still be writing a new one
    MemoryStore(place / "root").gc()


def begin_notes(place: Path) -> None:
    for key in "abcdefgh":
        note(key)(place)


def nothing(place: Path) -> None:
    """Begin with an empty directory."""


def _any_two(old: Any, new: Any) -> list[Any]:
    """The new memory is there before the oldest is removed; one whose age cannot be read counts as new."""
    return [{**old, **new}, {ONE: old[ONE], NEW: new[NEW]}]


SUBJECTS = {
    "files": Subject(write_old, write_new, saved, tidy=finish_change),
    "first files": Subject(nothing, write_new, saved, tidy=finish_change),
    "note": Subject(note("one"), note("two"), notes),
    "first note": Subject(nothing, note("two"), notes),
    "resumed notes": Subject(begin_notes, notes, notes),
    "delete": Subject(begin_store, delete, kept, tidy=gc),
    "gc": Subject(begin_leftovers, gc, kept, tidy=gc),
    "build with a quota": Subject(begin_store, build, kept, _any_two, tidy=lambda place: (build(place), gc(place))),
    "dropped copy": Subject(begin_copies, drop_copy, copied, best_effort=True, tidy=drop_copy),
    "key": Subject(add_key("one"), add_key("two"), keys, tidy=add_key("three")),
    "first key": Subject(nothing, add_key("two"), keys, tidy=add_key("three")),
    "revoked key": Subject(
        add_key("one"), lambda place: KeyFile(place / "keys.json").revoke("one"), keys, tidy=add_key("three")
    ),
    "tokens": Subject(
        lambda place: usage(place).add_tokens("acme", 5), lambda place: usage(place).add_tokens("acme", 7), tokens
    ),
    "first tokens": Subject(nothing, lambda place: usage(place).add_tokens("acme", 7), tokens),
    "name": Subject(begin_name, rename("two"), named, tidy=tidy_names),
    "first name": Subject(begin_store, rename("two"), named, tidy=tidy_names),
    "no name": Subject(begin_name, rename(""), named, tidy=tidy_names),
    "turn": Subject(begin_conversations, converse(3), conversations),
    "first turn": Subject(nothing, converse(3), conversations),
    "place": Subject(
        lambda place: write(place / "memory", ONE, notes=b"text"),
        lambda place: remember_place(place / "root", ONE, place / "memory"),
        found,
        best_effort=True,
        tidy=tidy_places,
    ),
    "trust in a model": Subject(trust("one"), trust("two"), trusted, tidy=trust("three")),
    "first trust in a model": Subject(nothing, trust("two"), trusted, tidy=trust("three")),
    "results line": Subject(begin_lines, append(3), lines),
    "dropped line": Subject(begin_lines, drop, lines),
}

LOCKS = (".lock", ".making", ".lease", ".gate", "keys.lock", "clue_trust.lock")

CHANGES = {name: subject.change for name, subject in SUBJECTS.items()}


def warm_up() -> None:
    """Everything is imported; forks need nothing more."""


def tree(place: Path) -> list[str]:
    """Return the names of all files below a directory."""
    return sorted(str(path.relative_to(place)) for path in place.rglob("*") if path.name not in LOCKS)


def as_json(state: Any) -> Any:
    return json.loads(json.dumps(state))
