"""A Postgres database: its address without the login, connections that are used again, work that is tried again."""

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from typing import TypeVar, cast
from weakref import finalize

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict
from tenacity import RetryCallState, Retrying, retry_if_exception, wait_random_exponential

from memorag_graph.errors import InputError, LibraryBusyError, UnavailableError
from memorag_graph.library.silence import Silent, silence_of

TRIED_SECONDS = 10.0
"""For how long work is tried again, and a server that went away is waited for."""

_CONNECTIONS = 8
"""Most connections of a process to a database."""

_DEFAULTS = {
    "application_name": "memorag-graph",
    "client_encoding": "utf8",
    "connect_timeout": "5",
    "keepalives_idle": "15",
    "keepalives_interval": "5",
    "keepalives_count": "3",
    "tcp_user_timeout": "30000",  # milliseconds
}
"""Parameters of connections, which a URL overrides: a host that vanishes is noticed within half a minute."""

_LIMITS = "SET lock_timeout = '30s'; SET idle_in_transaction_session_timeout = '30s'"
"""For how long a change waits for another, which may be that of a process that was stopped or a host that vanished."""

_LIMITS_OF_LOCKS = "SET tcp_keepalives_idle = 30; SET tcp_keepalives_interval = 10; SET tcp_keepalives_count = 3"
"""How soon the server notices that a host vanished which held a lock: after a minute."""

_CONFLICTS = (errors.SerializationFailure, errors.DeadlockDetected, errors.LockNotAvailable)
_PASSING = ("57P01", "57P02", "57P03", "53300", "25006", "25P03")
"""Codes of a server that stops, starts, has no connection left, is a standby, which may become the primary, or has
ended a transaction in which nothing happened."""

_ENGINE = "Postgres, which has the catalogue of this library,"
"""What clients of a service are told of it."""

_REFUSED = "FATAL:"
_STARTING = ("starting up", "shutting down", "recovery", "too many clients", "remaining connection slots")
"""What a server says that refuses a login, and where it may soon accept it; a failed login has no code."""

_T = TypeVar("_T")
Connection = psycopg.Connection[tuple[object, ...]]


class PostgresServer:
    """Runs work on a Postgres database. Safe to use from several threads, and in forked processes.

    Work that meets a lost connection, a server that starts again, or another writer is tried again, with growing random
    pauses. A server that does not answer is waited for once by a process, for :data:`TRIED_SECONDS`; from then on one
    call now and then tries once, and the others fail at once, until it answers. As nobody knows whether lost work was
    done, doing it twice has to give the same.

    Args:
        url: The URL of the database, ``postgresql://USER:PASSWORD@HOST:5432/NAME``. Where it holds no password, libpq
            looks for one in ``PGPASSWORD`` and ``~/.pgpass``.

    Attributes:
        place: Names the database in messages; holds no login.

    Raises:
        InputError: If it is no such URL.
    """

    def __init__(self, url: str) -> None:
        self._parameters = {**_DEFAULTS, **_parsed(url)}
        host, port = self._parameters.get("host") or "localhost", self._parameters.get("port") or "5432"
        self.place = f"the Postgres database {self._parameters.get('dbname') or '(default)'} at {host}:{port}"
        self._silence = silence_of(self.place)
        self._new_process()

    def read(self, work: Callable[[Connection], _T]) -> _T:
        """Return what work reads, of which each statement sees one moment.

        Raises:
            UnavailableError: If the database does not answer, or refuses.
        """
        return self._tried(work)

    def change(self, work: Callable[[Connection], _T]) -> _T:
        """Do work in one transaction; where its first statement changes a row, it waits for others that changed that.

        Raises:
            LibraryBusyError: If others change the same rows all the time.
            UnavailableError: If the database does not answer, or refuses; nothing is changed, unless the answer to the
                last try was lost.
        """

        def in_transaction(connection: Connection) -> _T:
            with connection.transaction():
                return work(connection)

        return self._tried(in_transaction)

    @contextmanager
    def locked(self, name: str) -> Iterator[bool]:
        """Hold a lock for as long as its connection lives; give False if somebody else holds it.

        Raises:
            UnavailableError: If the database does not answer, or refuses.
        """
        self.read(lambda db: db.execute("SELECT 1"))  # waits for a server that starts again
        try:
            connection = self._connect()
            connection.execute(_LIMITS_OF_LOCKS)
            found = connection.execute("SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", (name,)).fetchone()
        except psycopg.Error as error:
            raise self._away(error) from error
        with closing(connection):
            try:
                yield found is not None and bool(found[0])
            finally:
                with suppress(psycopg.Error):  # a server that is gone holds no lock; by itself it notices later
                    connection.execute("SELECT pg_advisory_unlock_all()")

    def _tried(self, work: Callable[[Connection], _T]) -> _T:
        if (silent := self._silence.pause()) is not None:
            raise self._silent(silent)
        tries = Retrying(
            retry=retry_if_exception(_may_pass),
            stop=self._is_given_up,
            wait=wait_random_exponential(0.05, max=1),
            reraise=True,
        )
        try:
            result: _T = tries(self._once, work)
        except _CONFLICTS as error:
            raise LibraryBusyError("somebody else changes this library all the time; try again later") from error
        except psycopg.Error as error:
            raise self._away(error) from error
        return result

    def _once(self, work: Callable[[Connection], _T]) -> _T:
        with self._connection() as connection:
            result = work(connection)
        self._silence.end()
        return result

    def _is_given_up(self, tried: RetryCallState) -> bool:
        return self._silence.is_on or (tried.seconds_since_start or 0) >= TRIED_SECONDS

    def _away(self, error: psycopg.Error) -> UnavailableError:
        reason = " ".join(str(error).split()) or type(error).__name__
        if _may_pass(error):
            return self._silent(self._silence.go_on(self.place, reason))
        self._silence.end()
        return UnavailableError(
            f"the catalogue of this library, in {self.place}, refuses ({reason}); nothing is lost: correct that in the "
            "database or in MEMORAG_GRAPH_CATALOGUE, and try again",
            _ENGINE,
        )

    def _silent(self, silent: Silent) -> UnavailableError:
        return UnavailableError(
            f"the catalogue of this library, in {self.place}, has not answered since {silent.since} ({silent.reason}); "
            "nothing is lost: start the server, or see to its address in MEMORAG_GRAPH_CATALOGUE, and try again. "
            "Meanwhile single memories, and libraries whose catalogue is in their directory, can be asked",
            _ENGINE,
            silent.since,
        )

    @contextmanager
    def _connection(self) -> Iterator[Connection]:
        """Lend a connection; after an error it is not used again, and the others are not if it was lost."""
        if self._process != os.getpid():
            self._new_process()
        with self._lent:
            try:
                connection = self._idle.pop()
            except IndexError:
                connection = self._connect()
            try:
                yield connection
            except BaseException as error:
                connection.close()
                if isinstance(error, psycopg.OperationalError) and not isinstance(error, _CONFLICTS):
                    _close_all(self._idle, self._process)
                raise
            self._idle.append(connection)

    def _connect(self) -> Connection:
        connection = psycopg.connect(**self._parameters, autocommit=True, prepare_threshold=None)  # type: ignore[arg-type]
        connection.isolation_level = psycopg.IsolationLevel.READ_COMMITTED
        connection.execute(_LIMITS)
        return cast(Connection, connection)

    def _new_process(self) -> None:
        """Begin without connections; a forked process must not speak through those of its parent."""
        self._process = os.getpid()
        self._lent = threading.BoundedSemaphore(_CONNECTIONS)
        self._idle: list[Connection] = []
        finalize(self, _close_all, self._idle, self._process)


def _close_all(connections: list[Connection], process: int) -> None:
    if process != os.getpid():  # they are the parent's
        return
    with suppress(IndexError):
        while True:
            connections.pop().close()


def _parsed(url: str) -> dict[str, str]:
    """Return the parameters in a URL; no message repeats any of it, as a password may be anywhere in a wrong one."""
    wrong = InputError(
        "MEMORAG_GRAPH_CATALOGUE",
        "must be the URL of a Postgres database, such as postgresql://USER:PASSWORD@HOST:5432/NAME, in which signs "
        "like @ : / % of a password are written %40 %3A %2F %25",
    )
    if not url.startswith(("postgresql://", "postgres://")):
        raise wrong
    try:
        found = {key: str(value) for key, value in conninfo_to_dict(url).items() if value is not None}
    except psycopg.Error:
        raise wrong from None
    port = found.get("port", "0").replace(",", "0")
    if not port.isdecimal() or any("@" in found.get(key, "") for key in ("host", "dbname")):  # a password tore it
        raise wrong
    return found


def _may_pass(error: BaseException) -> bool:
    """Return whether the same work may succeed a little later."""
    if isinstance(error, _CONFLICTS):
        return True
    if not isinstance(error, psycopg.OperationalError | errors.ReadOnlySqlTransaction):
        return False
    if error.sqlstate is not None:
        return error.sqlstate in _PASSING or error.sqlstate.startswith("08")
    told = str(error)
    return _REFUSED not in told or any(it in told for it in _STARTING)
