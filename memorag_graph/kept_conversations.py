"""Conversations about a memory or library, in a SQLite file of its folder, with which they are deleted.

Each turn is kept with the documents that its answer is drawn from. When one of them is removed, the turn goes with it,
and with the turn what was asked after it in the same conversation, as that may repeat it. What is kept beside the
answer, such as passages that it does not quote, has documents of its own and goes with them alone.
"""

import json
import logging
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Literal

from memorag_graph.disk_errors import telling, tells_damage
from memorag_graph.errors import DiskError, InputError, UnknownDocumentError
from memorag_graph.kept_turns import Conversation, KeptTurn, KnownMarks, NewTurn, Sources
from memorag_graph.private_files import file_mode

FILE = "conversations.sqlite"
FORMAT = 2
"""Version of the file, which is its ``user_version``."""

MAX_CONVERSATIONS = 200
"""Conversations of a visitor about one memory or library; the one that has rested longest is dropped first."""

_TABLE = """
CREATE TABLE IF NOT EXISTS turn (
    visitor TEXT NOT NULL, visit TEXT NOT NULL, number INTEGER NOT NULL, at REAL NOT NULL, asked TEXT NOT NULL,
    sources TEXT NOT NULL, content TEXT NOT NULL, beside TEXT NOT NULL DEFAULT '[]',
    PRIMARY KEY (visitor, visit, number)
)
"""
_FORMAT_2 = "ALTER TABLE turn ADD COLUMN beside TEXT NOT NULL DEFAULT '[]'"
_ADD = "INSERT OR {} INTO turn VALUES (?, ?, ?, ?, ?, ?, ?, ?)"

_log = logging.getLogger(__name__)


class _DamagedError(DiskError):
    """The file is damaged."""


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

    def turns(self, visitor: str, visit: str) -> list[KeptTurn]:
        """Return the turns of a visitor's conversation, in order; empty if there is none.

        Raises:
            DiskError: If they cannot be read.
        """
        if not self._path.exists():
            return []
        wanted = "SELECT content, beside FROM turn WHERE visitor = ? AND visit = ? ORDER BY number"
        with self._opened("read") as database:
            found = database.execute(wanted, (visitor, visit)).fetchall()
        return [KeptTurn(content, tuple(text for _, text in json.loads(beside))) for content, beside in found]

    def of(self, visitor: str) -> list[Conversation]:
        """Return a visitor's conversations, the latest first.

        Raises:
            DiskError: If they cannot be read.
        """
        if not self._path.exists():
            return []
        with self._opened("read") as database:
            return _of(database, visitor)

    def add(
        self, visitor: str, visit: str, turn: NewTurn, known: Callable[[], KnownMarks], after: int | None = None
    ) -> None:
        """Add a turn to a visitor's conversation; what is beside it, as far as its documents are there.

        Args:
            visitor: The visitor.
            visit: Id of the visit.
            turn: The turn.
            known: Returns the marks of all documents. Called while none can be removed unnoticed; may refuse the turn
                by an error.
            after: Number of the turns that it goes on from; None for those that there are.

        Raises:
            InputError: If a document that the answer is drawn from, or a turn before it, is not there any more.
            DiskError: If it cannot be written.
        """
        with self._changing() as database:
            marks = known()
            if set(turn.sources or ()) - set(marks):
                raise UnknownDocumentError("document", "one that was to be cited was removed meanwhile; ask again")
            there = [it for it in turn.beside if set(it.sources or ()) <= set(marks)]
            beside = json.dumps([[_marks_of(it.sources, marks), it.content] for it in there])
            sources = json.dumps(_marks_of(turn.sources, marks))
            last = "SELECT MAX(number) FROM turn WHERE visitor = ? AND visit = ?"
            number = database.execute(last, (visitor, visit)).fetchone()[0] or 0
            if after not in (None, number):
                raise InputError("conversation", "what was said before was removed meanwhile; ask again")
            row = (visitor, visit, number + 1, time.time(), turn.asked, sources, turn.content, beside)
            database.execute(_ADD.format("ABORT"), row)
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
            wanted = "SELECT visitor, visit, number, sources, beside FROM turn ORDER BY number DESC"
            first: dict[tuple[str, str], int] = {}  # of each conversation: the last that is seen, as the numbers fall
            for visitor, visit, number, sources, beside in database.execute(wanted).fetchall():
                if not _are_among(json.loads(sources), documents):
                    first[visitor, visit] = number
                found = json.loads(beside)
                left = [it for it in found if _are_among(it[0], documents)]
                if left != found:
                    changed = "UPDATE turn SET beside = ? WHERE visitor = ? AND visit = ? AND number = ?"
                    database.execute(changed, (json.dumps(left), visitor, visit, number))
            for (visitor, visit), number in first.items():
                _delete(database, visitor, visit, number)

    def hand_on(self, to: "KeptConversations") -> None:
        """Give all conversations to another folder, where they are whole before they are deleted here.

        Raises:
            DiskError: If they cannot be moved.
        """
        if not self._path.exists():
            return
        with self._given_up_if_damaged(), self._erasing() as database:
            if rows := database.execute("SELECT * FROM turn").fetchall():
                with to._changing() as other:
                    other.executemany(_ADD.format("IGNORE"), rows)
            database.execute("DELETE FROM turn")

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
            database.execute("BEGIN IMMEDIATE")
            with database:
                if database.execute("PRAGMA user_version").fetchone() == (1,):
                    database.execute(_FORMAT_2)
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


def _marks_of(sources: Sources, marks: KnownMarks) -> list[str] | None:
    return None if sources is None else sorted({mark for name in sources for mark in marks[name]})


def _are_among(marks: Collection[str] | None, documents: Collection[str]) -> bool:
    return marks is not None and set(marks) <= set(documents)


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
