"""Conversations about a memory or library, in a SQLite file of its folder, with which they are deleted.

Each turn is kept with the documents that its answer may hold text of. When one of them is removed, the turn goes with
it, and with the turn what was asked after it in the same conversation, as that may repeat it.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from memorag_graph.disk_errors import telling, tells_damage
from memorag_graph.errors import DiskError
from memorag_graph.private_files import file_mode

FILE = "conversations.sqlite"
FORMAT = 1
"""Version of the file, which is its ``user_version``."""

MAX_CONVERSATIONS = 200
"""Conversations of a visitor about one memory or library; the one that has rested longest is dropped first."""

_TABLE = """
CREATE TABLE IF NOT EXISTS turn (
    visitor TEXT NOT NULL, visit TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, asked TEXT NOT NULL,
    sources TEXT NOT NULL, content TEXT NOT NULL,
    PRIMARY KEY (visitor, visit, number)
)
"""

_log = logging.getLogger(__name__)


class _DamagedError(DiskError):
    """The file is damaged."""


@dataclass(frozen=True)
class Conversation:
    """A conversation, without what was said.

    Attributes:
        visit: Id of the visit in which it is held.
        title: Its first question.
        questions: How many were asked.
        changed: When the last turn came (seconds since the epoch).
    """

    visit: str
    title: str
    questions: int
    changed: float


@dataclass(frozen=True)
class NewTurn:
    """A question and its answer.

    Attributes:
        asked: The question.
        content: All that is kept, as text.
    """

    asked: str
    content: str


def document_mark(name: str, text_sha256: str) -> str:
    """Return by what a document is told from others, and from a later one with its name and another text."""
    return f"{text_sha256} {name}"


class KeptConversations:
    """The conversations in a folder. Safe to use from several threads and processes.

    Args:
        folder: The folder of a memory or library; nothing is written before the first turn.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / FILE

    def turns(self, visitor: str, visit: str) -> list[str]:
        """Return the contents of the turns of a visitor's conversation, in order; empty if there is none.

        Raises:
            DiskError: If they cannot be read.
        """
        if not self._path.exists():
            return []
        wanted = "SELECT content FROM turn WHERE visitor = ? AND visit = ? ORDER BY number"
        with self._opened("read") as database:
            return [content for (content,) in database.execute(wanted, (visitor, visit))]

    def of(self, visitor: str) -> list[Conversation]:
        """Return a visitor's conversations, the latest first.

        Raises:
            DiskError: If they cannot be read.
        """
        if not self._path.exists():
            return []
        with self._opened("read") as database:
            return _of(database, visitor)

    def add(self, visitor: str, visit: str, turn: NewTurn, drawn_from: Callable[[], Collection[str] | None]) -> None:
        """Add a turn to a visitor's conversation.

        Args:
            visitor: The visitor.
            visit: Id of the visit.
            turn: The turn.
            drawn_from: Returns the marks (:func:`document_mark`) of the documents that the turn may hold text of, None
                for all. Called while no document can be removed unnoticed; may refuse the turn by an error.

        Raises:
            DiskError: If it cannot be written.
        """
        with self._changing() as database:
            marks = drawn_from()
            sources = json.dumps(None if marks is None else sorted(marks))
            last = "SELECT MAX(number) FROM turn WHERE visitor = ? AND visit = ?"
            number = database.execute(last, (visitor, visit)).fetchone()[0] or 0
            row = (visitor, visit, number + 1, time.time(), turn.asked, sources, turn.content)
            database.execute("INSERT INTO turn VALUES (?, ?, ?, ?, ?, ?, ?)", row)
            for old in _of(database, visitor)[MAX_CONVERSATIONS:]:
                _delete(database, visitor, old.visit)

    def delete(self, visitor: str, visit: str) -> None:
        """Delete a visitor's conversation.

        Raises:
            DiskError: If it cannot be.
        """
        if self._path.exists():
            with self._erasing() as database:
                _delete(database, visitor, visit)

    def keep_only(self, documents: Collection[str]) -> None:
        """Delete, for all visitors, what may hold text of other documents than these, and what was asked after it.

        Args:
            documents: Their marks (:func:`document_mark`).

        Raises:
            DiskError: If it cannot be deleted.
        """
        if not self._path.exists():
            return
        with self._given_up_if_damaged(), self._erasing() as database:
            rows = database.execute("SELECT visitor, visit, number, sources FROM turn ORDER BY number DESC").fetchall()
            first = {  # of each conversation: the last that is seen, as the numbers fall
                (visitor, visit): number
                for visitor, visit, number, sources in rows
                if (marks := json.loads(sources)) is None or not set(marks) <= set(documents)
            }
            for (visitor, visit), number in first.items():
                _delete(database, visitor, visit, number)

    def hand_on(self, to: "KeptConversations") -> None:
        """Give all conversations to another folder, where they are whole before they are deleted here.

        Raises:
            DiskError: If they cannot be moved.
        """
        if not self._path.exists():
            return
        rows = []
        with self._given_up_if_damaged(), self._opened("read") as database:
            rows = database.execute("SELECT * FROM turn").fetchall()
        if not rows:
            return
        with to._changing() as database:
            database.executemany("INSERT OR IGNORE INTO turn VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
        moved = [(visitor, visit, number) for visitor, visit, number, *_ in rows]
        with self._erasing() as database:
            database.executemany("DELETE FROM turn WHERE visitor = ? AND visit = ? AND number = ?", moved)

    @contextmanager
    def _opened(self, failed: Literal["read", "written"]) -> Iterator[sqlite3.Connection]:
        with telling(self._path, failed):
            if not self._path.exists():
                self._path.touch(mode=file_mode(self._path.parent))
            with closing(sqlite3.connect(self._path, timeout=30, isolation_level=None)) as database:
                try:
                    self._prepare(database)
                    yield database
                except sqlite3.DatabaseError as error:
                    if not tells_damage(error):
                        raise
                    self._path.read_bytes()  # SQLite calls it damage, too, if the disk fails
                    cure = "restore it from a copy, or delete it with the conversations that are in it"
                    raise _DamagedError(f"{self._path} is damaged ({error}); {cure}") from None

    def _prepare(self, database: sqlite3.Connection) -> None:
        database.execute("PRAGMA secure_delete = ON")  # what is deleted is overwritten
        (found,) = database.execute("PRAGMA user_version").fetchone()
        if found > FORMAT:
            raise DiskError(f"{self._path} was made by a newer version of memorag-graph; update this one to use it")
        if found < FORMAT:
            database.execute(_TABLE)
            database.execute(f"PRAGMA user_version = {FORMAT}")

    @contextmanager
    def _given_up_if_damaged(self) -> Iterator[None]:
        """Delete the file if it is damaged, as nobody can tell what in it has to go."""
        try:
            yield
        except _DamagedError as error:
            if self._is_sound():
                raise
            _log.warning("conversations are deleted: %s", error)
            with telling(self._path, "written"):
                self._path.unlink()

    def _is_sound(self) -> bool:
        try:
            with self._opened("read") as database:
                return bool(database.execute("PRAGMA integrity_check").fetchone() == ("ok",))
        except _DamagedError:
            return False

    @contextmanager
    def _changing(self) -> Iterator[sqlite3.Connection]:
        """Open the file for one transaction, in which nobody else changes it."""
        with self._opened("written") as database:
            database.execute("BEGIN IMMEDIATE")
            with database:
                yield database

    @contextmanager
    def _erasing(self) -> Iterator[sqlite3.Connection]:
        """The same, to delete turns; the file is then rewritten, as SQLite leaves copies where it divided a page."""
        with self._changing() as database:
            yield database
        with self._opened("written") as database:
            database.execute("VACUUM")


def _of(database: sqlite3.Connection, visitor: str) -> list[Conversation]:
    found: dict[str, Conversation] = {}
    wanted = "SELECT visit, number, at, asked FROM turn WHERE visitor = ? ORDER BY number"
    for visit, _, at, asked in database.execute(wanted, (visitor,)):
        known = found.get(visit)
        found[visit] = Conversation(visit, known.title if known else asked, known.questions + 1 if known else 1, at)
    return sorted(found.values(), key=lambda it: it.changed, reverse=True)


def _delete(database: sqlite3.Connection, visitor: str, visit: str, number: int = 0) -> None:
    """Delete the turns of a conversation from a number on."""
    database.execute("DELETE FROM turn WHERE visitor = ? AND visit = ? AND number >= ?", (visitor, visit, number))
