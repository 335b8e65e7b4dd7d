"""A catalogue in a Postgres database, which holds those of many libraries; each row begins with its library's id."""

import uuid
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

from memorag_graph.documents import PageMap
from memorag_graph.errors import LibraryBusyError, LibraryError, UnknownLibraryError
from memorag_graph.library.catalogue import FORMAT, Detailed, Note
from memorag_graph.library.catalogue_rows import COLUMNS, DETAILS, as_json, notes_of, page_map_of
from memorag_graph.library.entry import Entry
from memorag_graph.library.postgres_jobs import PostgresJobs
from memorag_graph.library.postgres_libraries import only_changer
from memorag_graph.library.postgres_rows import escaped, read_entry, written_row
from memorag_graph.library.postgres_server import Connection, PostgresServer
from memorag_graph.library.postgres_tables import bring_up_to_date

_WRITER, _FINISHED, _LEFT = "writer", "finished_writer", "left_unfinished"
"""Settings: who began to change the library last, and who finished last; whether somebody gave up meanwhile."""

_ALL = (*COLUMNS, *DETAILS)
_INSERT = (
    f"INSERT INTO memorag_document (library, {', '.join(_ALL)}) VALUES (%s{', %s' * len(_ALL)}) "  # noqa: S608
    "ON CONFLICT (library, id) DO NOTHING RETURNING id"
)
_REPLACE = (
    "UPDATE memorag_document SET replaced = %s WHERE library = %s AND replaced = '' AND id <> %s "
    "AND left(name, 256) = left(%s, 256) AND name = %s"  # the index holds the beginnings of names
)
_FORGET_JOBS = (
    "DELETE FROM memorag_job AS job WHERE library = %s AND NOT EXISTS (SELECT 1 FROM memorag_document AS document "
    "WHERE document.library = job.library AND document.text_sha256 = job.text_sha256)"
)
_SAME = ("name", "version", "content_sha256", "text_sha256", "added")
"""Columns by which an entry is known that an earlier try has written."""


class PostgresCatalogue:
    """The entries of a library in a database. See :class:`memorag_graph.library.catalogue.Catalogue`.

    Each change is a transaction that gives the same when it is done twice, so it can be tried again if the answer to it
    was lost.

    Args:
        server: The database.
        library: The id of the library.

    Raises:
        LibraryError: If the database has no such library, or was made by a newer version.
        UnavailableError: If the database does not answer, or refuses.
    """

    def __init__(self, server: PostgresServer, library: str) -> None:
        self._server = server
        self._library = library
        self._writer = ""
        self._known: tuple[int, Sequence[Entry]] | None = None
        is_there = server.change(lambda db: bring_up_to_date(db, server.place, create=False))
        if not is_there or not (found := self.setting("format")):
            raise LibraryError(
                f"{server.place} has no catalogue of the library {library}; name its database in "
                "MEMORAG_GRAPH_CATALOGUE, or restore it from a copy"
            )
        if int(found) > FORMAT:
            raise LibraryError(
                f"the library {library} was made by a newer version of memorag-graph; update this one to use it"
            )

    @classmethod
    def create(cls, server: PostgresServer, library: str, settings: Mapping[str, str]) -> "PostgresCatalogue":
        """Create an empty catalogue, unless the library has one.

        Raises:
            LibraryError: If the database was made by a newer version.
            UnavailableError: If the database does not answer, or refuses.
        """
        server.change(lambda db: bring_up_to_date(db, server.place, create=True))

        def create(db: Connection) -> None:
            made = db.execute("INSERT INTO memorag_library (id) VALUES (%s) ON CONFLICT DO NOTHING", (library,))
            if made.rowcount:
                _set(db, library, {"format": str(FORMAT), **settings})

        server.change(create)
        return cls(server, library)

    def setting(self, key: str, otherwise: str = "") -> str:
        """Return a setting of the library."""
        found = self._one("SELECT value FROM memorag_setting WHERE library = %s AND key = %s", key)
        return otherwise if found is None else str(found)

    def change_settings(self, new: Mapping[str, str], without: str = "") -> None:
        """Write settings in one transaction, after all whose key begins with ``without`` are removed, if it is given.

        Raises:
            UnavailableError: If the database does not answer, or refuses.
        """

        def change(db: Connection) -> None:
            self._changed(db)
            if without:
                beginning = "DELETE FROM memorag_setting WHERE library = %s AND left(key, %s) = %s"
                db.execute(beginning, (self._library, len(without), without))
            _set(db, self._library, new)

        self._server.change(change)

    def entries(self) -> Sequence[Entry]:
        """Return all versions of all documents, in the order in which they were taken in; read once for each change."""
        changes = self._one("SELECT changes FROM memorag_library WHERE id = %s")
        if changes is None:
            raise UnknownLibraryError(f"the library {self._library} was deleted meanwhile")
        known = self._known
        if known is None or known[0] != changes:
            columns = ", ".join(f"document.{name}" for name in COLUMNS)
            # One statement, so that both are of one moment; without documents there is one row, of nulls.
            query = (
                f"SELECT changes, {columns} FROM memorag_library AS library LEFT JOIN memorag_document AS document "  # noqa: S608
                "ON document.library = library.id WHERE library.id = %s ORDER BY document.id"
            )
            rows: list[Any] = self._server.read(lambda db: db.execute(query, (self._library,)).fetchall())
            if not rows:
                raise UnknownLibraryError(f"the library {self._library} was deleted meanwhile")
            known = self._known = (rows[0][0], tuple(read_entry(row[1:]) for row in rows if row[1] is not None))
        return known[1]

    def next_id(self) -> int:
        """Return the id of the next entry."""
        return int(self._one("SELECT last_entry FROM memorag_library WHERE id = %s") or 0) + 1

    def page_map(self, entry_id: int) -> PageMap:
        """Return the pages and sections of a document."""
        return page_map_of(self._one("SELECT page_map FROM memorag_document WHERE library = %s AND id = %s", entry_id))

    def notes(self, entry_id: int) -> list[Note]:
        """Return what each section of a document is about."""
        return notes_of(self._one("SELECT notes FROM memorag_document WHERE library = %s AND id = %s", entry_id))

    def add(self, new: Sequence[Detailed]) -> None:
        """Add entries in one transaction, which makes their documents exist; earlier versions become replaced.

        Raises:
            LibraryBusyError: If somebody else has added others meanwhile, who cannot be seen from this machine.
            UnavailableError: If the database does not answer, or refuses.
        """

        def add(db: Connection) -> None:
            self._changed(db, last_entry=max((one.entry.id for one in new), default=0))
            for one in new:
                entry, name = one.entry, escaped(one.entry.name)
                if db.execute(_INSERT, (self._library, *written_row(one))).fetchone():
                    db.execute(_REPLACE, (entry.added, self._library, entry.id, name, name))
                else:
                    self._require_same(db, entry)

        self._server.change(add)

    def describe(self, entry_id: int, metadata: Mapping[str, Any]) -> None:
        """Change the metadata of an entry.

        Raises:
            UnavailableError: If the database does not answer, or refuses.
        """

        def describe(db: Connection) -> None:
            self._changed(db)
            change = "UPDATE memorag_document SET metadata = %s WHERE library = %s AND id = %s"
            db.execute(change, (as_json(metadata), self._library, entry_id))

        self._server.change(describe)

    def remove(self, ids: Collection[int]) -> None:
        """Remove entries, which makes their documents cease to exist; the database frees their bytes in its own time.

        Raises:
            UnavailableError: If the database does not answer, or refuses.
        """

        def remove(db: Connection) -> None:
            self._changed(db)
            db.execute("DELETE FROM memorag_document WHERE library = %s AND id = ANY(%s)", (self._library, list(ids)))
            db.execute(_FORGET_JOBS, (self._library,))

        self._server.change(remove)

    @contextmanager
    def changing(self, name: str) -> Iterator[bool]:
        """Keep all others from changing the library, on whatever machine; give whether a change was not finished.

        A lock of the database tells whether somebody does, and ends with its process. Where it was lost with the
        connection and somebody else has begun since, each change of this one is refused.

        Args:
            name: The library's place, for messages.

        Raises:
            LibraryBusyError: If somebody else changes it.
            UnavailableError: If the database does not answer, or refuses.
        """
        with only_changer(self._server, self._library, name):
            is_unfinished = self.setting(_WRITER) != self.setting(_FINISHED) or bool(self.setting(_LEFT))
            writer = uuid.uuid4().hex
            self.change_settings({_WRITER: writer, _LEFT: ""})
            self._writer = writer
            try:
                yield is_unfinished
                self.change_settings({_FINISHED: writer})
            except LibraryBusyError:
                self._writer = ""
                self.change_settings({_LEFT: "yes"})  # the other may have swept before this one's last writes
                raise
            finally:
                self._writer = ""

    def require_alone(self) -> None:
        """Check that nobody else has begun to change the library since this one has.

        Raises:
            LibraryBusyError: If somebody has.
            UnavailableError: If the database does not answer, or refuses.
        """
        if self._writer and self.setting(_WRITER) != self._writer:
            raise self._busy()

    def queue(self) -> PostgresJobs:
        """Return the queue of memories to be made, which is in the same database."""
        return PostgresJobs(self._server, self._library)

    def tidy(self) -> None:
        """Do nothing: no file of the library holds what was removed, and the database tidies up itself."""

    def _changed(self, db: Connection, last_entry: int = 0) -> None:
        """Count a change; writers of a library come one after the other, as all change this row first."""
        count = "UPDATE memorag_library SET changes = changes + 1, last_entry = greatest(last_entry, %s) WHERE id = %s"
        if not db.execute(count, (last_entry, self._library)).rowcount:
            raise LibraryError(f"the library {self._library} was deleted meanwhile")
        if self._writer:
            query = "SELECT 1 FROM memorag_setting WHERE library = %s AND key = %s AND value = %s"
            if db.execute(query, (self._library, _WRITER, self._writer)).fetchone() is None:
                raise self._busy()

    def _busy(self) -> LibraryBusyError:
        return LibraryBusyError(
            f"somebody else has begun to change the library {self._library}, as the database had lost the lock of this "
            "change; nothing of theirs is lost: try again later"
        )

    def _require_same(self, db: Connection, entry: Entry) -> None:
        """Check that the entry that has an id already is the same, as after a try whose answer was lost."""
        query = f"SELECT {', '.join(_SAME)} FROM memorag_document WHERE library = %s AND id = %s"  # noqa: S608
        values = {name: getattr(entry, name) for name in _SAME}
        if db.execute(query, (self._library, entry.id)).fetchone() != (
            *{**values, "name": escaped(entry.name)}.values(),
        ):
            raise LibraryBusyError(
                f"somebody else has changed the library {self._library} meanwhile, in another directory; "
                "a library has to be changed from one directory"
            )

    def _one(self, query: str, *arguments: object) -> Any:  # noqa: ANN401 - of any column
        """Return the value that a query finds in the library; None if there is none."""
        found = self._server.read(lambda db: db.execute(query, (self._library, *arguments)).fetchone())
        return found[0] if found else None


def _set(db: Connection, library: str, settings: Mapping[str, str]) -> None:
    write = (
        "INSERT INTO memorag_setting (library, key, value) VALUES (%s, %s, %s) "
        "ON CONFLICT (library, key) DO UPDATE SET value = excluded.value"
    )
    for key, value in settings.items():
        db.execute(write, (library, key, value))
