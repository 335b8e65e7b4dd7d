"""The journal: acknowledged notes survive any death of the process, and a damaged file counts as empty.

SQLite writes in C, where Python cannot count steps. So processes are killed while a file grows beyond each of many
sizes, which tears the database or its undo log, and at arbitrary moments between and during the writes.
"""

import logging
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from random import Random

import pytest

from memorag_graph.errors import MemoryFileError, MemoryUnreadableError
from memorag_graph.memory.storage.journal import Journal

WRITE = """
import resource, signal, sys
from pathlib import Path
from memorag_graph.memory.storage.journal import Journal
path, limit = Path(sys.argv[1]), int(sys.argv[2])
if limit:
    signal.signal(signal.SIGXFSZ, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
journal = Journal(path)
for number in range(len(journal.read()), 200):
    journal.add(f"key {number}", f"{number} " * 300)
    sys.stdout.write(f"{number}\\n")
    sys.stdout.flush()
"""


def writer(path: Path, limit: int = 0) -> "subprocess.Popen[str]":
    """Start a process that adds 200 notes to a journal and prints the number of each."""
    command = [sys.executable, "-c", WRITE, str(path), str(limit)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def notes(count: int) -> dict[str, str]:
    """Return the first notes that a writer adds."""
    return {f"key {number}": f"{number} " * 300 for number in range(count)}


def require_kept(path: Path, acknowledged: int) -> None:
    """Check that a journal has the acknowledged notes, and at most one more that was just being added."""
    assert Journal(path).read() in (notes(acknowledged), notes(acknowledged + 1))


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".journal"


def test_notes_are_kept_until_they_are_forgotten_or_cleared(path: Path) -> None:
    journal = Journal(path)
    assert journal.read() == {}
    assert not path.exists()
    journal.add("one", "first text")
    journal.add("two", "second\n'text' \0 ü 𝔘")
    journal.add("one", "first text again")
    assert Journal(path).read() == {"one": "first text again", "two": "second\n'text' \0 ü 𝔘"}
    journal.forget(["one"])
    assert journal.read().keys() == {"one", "two"}
    journal.forget(["one", "two", "three"])
    assert not path.exists()
    journal.add("one", "first text")
    path.with_name(".journal-journal").write_bytes(b"SQLite's undo log of a killed process")
    journal.clear()
    assert list(path.parent.iterdir()) == []
    journal.clear()


def test_a_journal_without_a_path_keeps_nothing() -> None:
    journal = Journal()
    journal.add("one", "text")
    journal.forget([])
    assert journal.read() == {}


def test_a_process_killed_while_a_file_grows_loses_no_acknowledged_note(path: Path) -> None:
    counts = set()
    for limit in range(1_000, 40_000, 3_000):
        process = writer(path, limit)
        acknowledged = process.communicate()[0].splitlines()
        assert process.returncode == -signal.SIGXFSZ
        require_kept(path, len(acknowledged))
        counts.add(len(acknowledged))
        Journal(path).clear()
        assert list(path.parent.iterdir()) == []
    assert len(counts) > 5


def test_a_process_killed_at_any_moment_loses_no_acknowledged_note(path: Path) -> None:
    random, before = Random(0), 0
    for _ in range(8):  # each process resumes after the last
        process = writer(path)
        assert process.stdout is not None
        for _ in range(random.randint(1, 15)):
            process.stdout.readline()
        time.sleep(random.random() / 200)
        process.kill()
        numbers = process.communicate()[0].splitlines()
        before = max(before, int(numbers[-1]) + 1) if numbers else before
        kept = Journal(path).read()
        assert kept == notes(len(kept))
        assert len(kept) >= before
        before = len(kept)
    assert before > 8


@pytest.mark.parametrize("damage", ["garbage", "text", "empty", "cut", "header", "other table"])
def test_a_damaged_journal_is_removed_and_logged(path: Path, damage: str, caplog: pytest.LogCaptureFixture) -> None:
    journal = Journal(path)
    for key, text in notes(30).items():
        journal.add(key, text)
    whole = path.read_bytes()
    path.write_bytes(
        {
            "garbage": Random(0).randbytes(5_000),
            "text": b'["key", "text", "seal"]\n' * 50,
            "empty": b"",
            "cut": whole[: len(whole) // 2],
            "header": whole[:100] + bytes(100) + whole[200:],
            "other table": whole.replace(b"text TEXT", b"more TEXT"),
        }[damage]
    )
    with caplog.at_level(logging.WARNING):
        assert journal.read() == {}
    if damage != "empty":
        assert not path.exists()
        assert f"{path} is damaged" in caplog.text
    journal.add("key", "text")
    assert journal.read() == {"key": "text"}


def test_a_journal_that_cannot_be_written_is_an_error_that_names_it(tmp_path: Path) -> None:
    with pytest.raises(MemoryFileError, match=r"missing/\.journal cannot be written .*; check that its directory"):
        Journal(tmp_path / "missing" / ".journal").add("key", "text")


def test_a_journal_that_cannot_be_opened_for_now_is_kept(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Journal(path).add("key", "text")
    with monkeypatch.context() as patched:
        connect, missing = sqlite3.connect, f"file:{path.parent}/missing?mode=ro"
        patched.setattr(sqlite3, "connect", lambda _: connect(missing, uri=True))
        with pytest.raises(MemoryUnreadableError, match=r"cannot be read .*; run again"):
            Journal(path).read()
    assert Journal(path).read() == {"key": "text"}
