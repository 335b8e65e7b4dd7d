"""A catalogue in a SQLite database of the library's directory."""

import sqlite3
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

from memorag_graph.disk_errors import telling
from memorag_graph.documents import PageMap
from memorag_graph.errors import DiskError, LibraryError
from memorag_graph.library.catalogue import FORMAT, Detailed, Note
from memorag_graph.library.catalogue_rows import COLUMNS, DETAILS, as_json, entry_of, notes_of, page_map_of, row_of
from memorag_graph.library.entry import Entry
from memorag_graph.private_files import file_mode

_TABLES = """
CREATE TABLE setting (key TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE document (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    name TEXT NOT NULL, version INTEGER NOT NULL, origin TEXT NOT NULL, content_sha256 TEXT NOT NULL,
    text_sha256 TEXT NOT NULL, added TEXT NOT NULL, replaced TEXT NOT NULL, language TEXT NOT NULL, title TEXT NOT NULL,
    characters INTEGER NOT NULL, tokens INTEGER NOT NULL, chunks INTEGER NOT NULL, pages INTEGER NOT NULL,
    metadata TEXT NOT NULL, notices TEXT NOT NULL, page_map TEXT NOT NULL, notes TEXT NOT NULL,
    UNIQUE (name, version)
);
"""


class SqliteCatalogue:
    """The entries of a library in a file. See :class:`memorag_graph.library.catalogue.Catalogue`.

    Args:
        path: The database, which exists.

    Raises:
        LibraryError: If it is no catalogue, or was made by a newer version.
        DiskError: If it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._known: tuple[int, Sequence[Entry]] | None = None
        try:
            found = int(self.setting("format", "0"))
        except (DiskError, ValueError) as error:
            if isinstance(error, DiskError) and not _tells_damage(error.__cause__):
                raise
            raise LibraryError(
                f"{path} is no catalogue of a library, or it is damaged; restore it from a copy"
            ) from None
        if found > FORMAT:
            raise LibraryError(f"{path.parent} was made by a newer version of memorag-graph; update this one to use it")

    @classmethod
    def create(cls, path: Path, settings: Mapping[str, str]) -> "SqliteCatalogue":
        """Create an empty catalogue; a reader sees it whole or not at all.

        Raises:
            DiskError: If it cannot be written.
        """
        new = unfinished(path)
        with telling(path, "written"):
            new.unlink(missing_ok=True)
            new.touch(mode=file_mode(path.parent))
            with closing(sqlite3.connect(new)) as database:
                database.executescript(_TABLES)
                values = {"format": str(FORMAT), "changes": "0", **settings}
                database.executemany("INSERT INTO setting VALUES (?, ?)", values.items())
                database.commit()
                database.execute("PRAGMA journal_mode = WAL")
            new.replace(path)
        return cls(path)

    def setting(self, key: str, otherwise: str = "") -> str:
        """Return a setting of the library."""
        with self._reading() as database:
            found = database.execute("SELECT value FROM setting WHERE key = ?", (key,)).fetchone()
        return str(found[0]) if found else otherwise

    def change_settings(self, new: Mapping[str, str], without: str = "") -> None:
        """Write settings in one transaction, after all whose key begins with ``without`` are removed, if it is given.

        Raises:
            DiskError: If they cannot be written; nothing is changed.
        """
        with self._writing() as database:
            if without:
                database.execute("DELETE FROM setting WHERE substr(key, 1, ?) = ?", (len(without), without))
            database.executemany("INSERT OR REPLACE INTO setting VALUES (?, ?)", new.items())

    def entries(self) -> Sequence[Entry]:
        """Return all versions of all documents, in the order in which they were taken in; read once for each change."""
        with self._reading() as database:
            database.execute("BEGIN")  # both are of one moment
            changes = int(database.execute("SELECT value FROM setting WHERE key = 'changes'").fetchone()[0])
            if self._known is None or self._known[0] != changes:
                rows = database.execute(f"SELECT {', '.join(COLUMNS)} FROM document ORDER BY id").fetchall()  # noqa: S608
                self._known = (changes, tuple(map(entry_of, rows)))
            return self._known[1]

    def next_id(self) -> int:
        """Return the id of the next entry."""
        with self._reading() as database:
            found = database.execute("SELECT seq FROM sqlite_sequence WHERE name = 'document'").fetchone()
        return int(found[0]) + 1 if found else 1

    def page_map(self, entry_id: int) -> PageMap:
        """Return the pages and sections of a document."""
        return page_map_of(self._column("page_map", entry_id))

    def notes(self, entry_id: int) -> list[Note]:
        """Return what each section of a document is about."""
        return notes_of(self._column("notes", entry_id))

    def add(self, new: Sequence[Detailed]) -> None:
        """Add entries in one transaction, which makes their documents exist; earlier versions become replaced.

        Raises:
            DiskError: If it cannot be written; nothing is added.
        """
        columns = (*COLUMNS, *DETAILS)
        marks = ", ".join("?" * len(columns))
        with self._writing() as database:
            for one in new:
                database.execute(
                    "UPDATE document SET replaced = ? WHERE name = ? AND replaced = ''",
                    (one.entry.added, one.entry.name),
                )
                database.execute(f"INSERT INTO document ({', '.join(columns)}) VALUES ({marks})", row_of(one))  # noqa: S608

    def describe(self, entry_id: int, metadata: Mapping[str, Any]) -> None:
        """Change the metadata of an entry.

        Raises:
            DiskError: If it cannot be written.
        """
        with self._writing() as database:
            database.execute("UPDATE document SET metadata = ? WHERE id = ?", (as_json(metadata), entry_id))

    def remove(self, ids: Collection[int]) -> None:
        """Remove entries, which makes their documents cease to exist; their bytes are overwritten.

        Raises:
            DiskError: If it cannot be written.
        """
        with self._writing() as database:
            database.executemany("DELETE FROM document WHERE id = ?", [(each,) for each in ids])

    def require_alone(self) -> None:
        """Do nothing: a lock of this machine is not lost."""

    def queue(self) -> None:
        """Return nothing: each process makes what is missing, and waits for what another is making."""

    def tidy(self) -> None:
        """Rewrite the file without what was removed.

        Raises:
            DiskError: If it cannot be written.
        """
        with telling(self._path, "written"), closing(sqlite3.connect(self._path)) as database:
            database.execute("VACUUM")
            database.execute("PRAGMA wal_checkpoint(TRUNCATE)")

    def _column(self, column: str, entry_id: int) -> str | None:
        with self._reading() as database:
            found = database.execute(f"SELECT {column} FROM document WHERE id = ?", (entry_id,)).fetchone()  # noqa: S608
        return str(found[0]) if found else None

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        with telling(self._path, "read"), closing(sqlite3.connect(self._path, timeout=30)) as database:
            yield database

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """Open the database for one transaction, which is durable when the context ends."""
        with telling(self._path, "written"), closing(sqlite3.connect(self._path, timeout=30)) as database:
            database.execute("PRAGMA secure_delete = ON")
            database.execute("PRAGMA synchronous = FULL")
            with database:
                database.execute("UPDATE setting SET value = CAST(value AS INTEGER) + 1 WHERE key = 'changes'")
                yield database


def _tells_damage(error: BaseException | None) -> bool:
    """Return whether SQLite says that a file is none of its databases, is damaged, or lacks a table."""
    code = getattr(error, "sqlite_errorcode", sqlite3.SQLITE_OK) & 0xFF  # the lower byte is the primary code
    return code in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_ERROR)


def unfinished(path: Path) -> Path:
    """Return the file in which a catalogue is made."""
    return path.with_name(f".{path.name}-new")
