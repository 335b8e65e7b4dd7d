"""A journal of finished notes, from which a killed build resumes."""

import logging
import sqlite3
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from memorag_graph.disk_errors import advice
from memorag_graph.errors import MemoryFileError, MemoryUnreadableError
from memorag_graph.private_files import file_mode

JOURNAL = ".journal"
"""Name of the journal in the directory where a memory is built."""

_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR)
"""SQLite's error codes for a file without readable notes; with others, such as too many open files, it is intact."""

_log = logging.getLogger(__name__)


class Journal:
    """A SQLite database of finished notes, one transaction each.

    Args:
        path: The file; created with the first note. None keeps nothing.
    """

    def __init__(self, path: Path | None = None) -> None:
        self._path = path

    @property
    def directory(self) -> Path | None:
        """Directory of the memory that is being built; None if it is not kept."""
        return self._path.parent if self._path else None

    def read(self) -> dict[str, str]:
        """Return the notes by key. A damaged journal is removed and counts as empty.

        Raises:
            MemoryUnreadableError: If it cannot be read although it is not damaged.
        """
        if self._path is None:
            return {}
        try:
            if not self._path.exists():
                return {}
            try:
                return _notes(self._path)
            except sqlite3.DatabaseError as error:
                if not _is_damage(error):
                    raise
                _require_readable(self._path)  # SQLite takes some errors of the disk for damage
                return _notes(self._path)
        except (OSError, sqlite3.DatabaseError) as error:
            if not _is_damage(error):
                raise MemoryUnreadableError(
                    f"{self._path} cannot be read ({error}); run again, or delete it to write its notes again"
                ) from None
            _log.warning("%s is damaged (%s); it is removed, and its notes are written again", self._path, error)
            self.clear()
            return {}

    def add(self, key: str, text: str) -> None:
        """Write a note durably: it is kept even if the process is killed or the power fails right after.

        Raises:
            MemoryFileError: If it cannot be written.
        """
        if self._path is None:
            return
        try:
            with _connection(self._path) as database:
                database.execute("INSERT OR REPLACE INTO note VALUES (?, ?)", (key, text))
        except (OSError, sqlite3.Error) as error:
            raise MemoryFileError(f"{self._path} cannot be written ({error}); {advice(error)}") from None

    def forget(self, keys: Collection[str]) -> None:
        """Remove the journal if the memory on disk has all its notes.

        Args:
            keys: Keys of the notes in that memory.

        Raises:
            MemoryUnreadableError: If the journal cannot be read although it is not damaged.
        """
        if self.read().keys() <= set(keys):
            self.clear()

    def clear(self) -> None:
        """Remove the journal, for example once the memory with its notes is saved.

        Raises:
            MemoryFileError: If it cannot be removed.
        """
        if self._path is None:
            return
        try:
            for path in (self._path.with_name(f"{self._path.name}-journal"), self._path):  # SQLite's undo log first
                path.unlink(missing_ok=True)
        except OSError as error:
            raise MemoryFileError(f"{self._path} cannot be removed ({error}); {advice(error)}") from None


def _is_damage(error: Exception) -> bool:
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK)
    return code & 0xFF in _DAMAGED  # the lower byte is the primary error code


def _require_readable(path: Path) -> None:
    """Read a file to its end.

    Raises:
        OSError: If it cannot be read.
    """
    with path.open("rb", buffering=0) as stream:
        while stream.read(1 << 20):
            pass


def _notes(path: Path) -> dict[str, str]:
    with _connection(path) as database:
        return dict(database.execute("SELECT key, text FROM note"))


@contextmanager
def _connection(path: Path) -> Iterator[sqlite3.Connection]:
    """Open the database for one transaction, which is durable when the context ends."""
    if not path.exists():
        path.touch(mode=file_mode(path.parent))
    with closing(sqlite3.connect(path)) as database:
        database.execute("PRAGMA synchronous = EXTRA")  # also syncs the directory
        with database:
            database.execute("CREATE TABLE IF NOT EXISTS note (key TEXT PRIMARY KEY, text TEXT NOT NULL)")
            yield database
