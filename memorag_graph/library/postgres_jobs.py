"""A queue of jobs in the Postgres database of the catalogues. Times are those of the database's clock."""

from collections.abc import Mapping, Sequence

from memorag_graph.library.job_queue import Queued
from memorag_graph.library.postgres_server import Connection, PostgresServer
from memorag_graph.library.postgres_tables import bring_up_to_date

LEASE_SECONDS = 30.0
"""For how long a job is held without a word of its holder."""

_RENEWALS = 3
"""How often a holder speaks in that time."""

_TRIES = 3
"""A job rests for an hour after so many of its holders have vanished, as one that fills the machine's memory may."""

_IS_FREE = (
    "fault = '' AND held_until + CASE WHEN tries < %(tries)s THEN interval '0' ELSE interval '1 hour' END "
    "< clock_timestamp()"
)
_HELD_FROM_NOW = "held_until = clock_timestamp() + make_interval(secs => %(seconds)s)"
_OFFER = (
    "INSERT INTO memorag_job (library, text_sha256) "
    "SELECT %(library)s, text FROM unnest(%(texts)s::text[]) WITH ORDINALITY AS offered (text, number) ORDER BY number "
    "ON CONFLICT (library, text_sha256) DO UPDATE SET fault = '' WHERE memorag_job.fault <> ''"
)
_SET = "UPDATE memorag_job SET"
_TAKE = (
    f"{_SET} holder = %(holder)s, tries = tries %% %(tries)s + 1, {_HELD_FROM_NOW} "  # noqa: S608
    "WHERE library = %(library)s AND text_sha256 = (SELECT text_sha256 FROM memorag_job "
    f"WHERE library = %(library)s AND {_IS_FREE} ORDER BY number LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING text_sha256"
)
_TAKEN = "SELECT text_sha256 FROM memorag_job WHERE library = %(library)s AND holder = %(holder)s"
_MINE = "WHERE library = %(library)s AND text_sha256 = %(text)s AND holder = %(holder)s"


class PostgresJobs:
    """The jobs of a library in a database. See :class:`memorag_graph.library.job_queue.JobQueue`.

    Args:
        server: The database, whose tables are up to date.
        library: The id of the library.
    """

    def __init__(self, server: PostgresServer, library: str) -> None:
        self.renewed_after = LEASE_SECONDS / _RENEWALS
        self._server = server
        self._library = library

    def offer(self, texts: Sequence[str]) -> None:
        """Add jobs, unless they are there; those that failed can be taken again."""
        self._change(_OFFER, texts=list(texts))

    def take(self, holder: str) -> str | None:
        """Return the first free job, held from now on by a holder; None if none is free."""
        values = {"library": self._library, "holder": holder, "tries": _TRIES, "seconds": LEASE_SECONDS}

        def take(db: Connection) -> tuple[object, ...] | None:
            # It may have taken one already, if the answer to an earlier try was lost.
            return db.execute(_TAKEN, values).fetchone() or db.execute(_TAKE, values).fetchone()

        found = self._server.change(take)
        return None if found is None else str(found[0])

    def renew(self, text: str, holder: str) -> bool:
        """Hold a job for longer; return whether its holder still has it."""
        return self._change(f"{_SET} {_HELD_FROM_NOW} {_MINE}", text=text, holder=holder, seconds=LEASE_SECONDS)

    def give_back(self, text: str, holder: str) -> None:
        """Free a job that was not done; that does not count as a try."""
        freed = "holder = '', held_until = '-infinity', tries = tries - 1"
        self._change(f"{_SET} {freed} {_MINE}", text=text, holder=holder)

    def fail(self, text: str, holder: str, fault: str) -> None:
        """Say why a job cannot be done; nobody takes it until it is offered again."""
        failed = "holder = '', held_until = '-infinity', tries = 0, fault = %(fault)s"
        told = fault.replace("\0", "")  # Postgres does not take it
        self._change(f"{_SET} {failed} {_MINE}", text=text, holder=holder, fault=told)

    def done(self, text: str, holder: str) -> None:
        """Remove a job, as the memory is made or nobody wants it any more; it stays where somebody else has it."""
        self._change(f"DELETE FROM memorag_job {_MINE}", text=text, holder=holder)  # noqa: S608

    def jobs(self) -> Mapping[str, Queued]:
        """Return the jobs that are not done."""
        query = "SELECT text_sha256, held_until > clock_timestamp(), fault FROM memorag_job WHERE library = %s"
        rows = self._server.read(lambda db: db.execute(query, (self._library,)).fetchall())
        return {str(text): Queued(bool(is_held), str(fault)) for text, is_held, fault in rows}

    def _change(self, statement: str, **values: object) -> bool:
        """Run a statement; return whether it has changed anything."""
        given = {"library": self._library, **values}
        return self._server.change(lambda db: db.execute(statement, given).rowcount) > 0


def libraries_with_free_jobs(server: PostgresServer) -> frozenset[str]:
    """Return the ids of the libraries in a database that have jobs which nobody does.

    Raises:
        LibraryError: If the database was set up by a newer version.
        UnavailableError: If it does not answer, or refuses.
    """

    def find(db: Connection) -> frozenset[str]:
        if not bring_up_to_date(db, server.place, create=False):
            return frozenset()
        found = db.execute(f"SELECT DISTINCT library FROM memorag_job WHERE {_IS_FREE}", {"tries": _TRIES})  # noqa: S608
        return frozenset(str(library) for (library,) in found.fetchall())

    return server.change(find)
