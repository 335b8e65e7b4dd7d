"""Libraries in a Postgres database as wholes: the lock of whoever changes one, and their deletion."""

from collections.abc import Iterator
from contextlib import contextmanager

from memorag_graph.errors import LibraryBusyError
from memorag_graph.library.postgres_server import Connection, PostgresServer
from memorag_graph.library.postgres_tables import bring_up_to_date


@contextmanager
def only_changer(server: PostgresServer, library: str, name: str) -> Iterator[None]:
    """Hold the lock of a library, whether or not it has a catalogue.

    Args:
        server: The database.
        library: The id of the library.
        name: The library's place, for messages.

    Raises:
        LibraryBusyError: If somebody else holds it.
        UnavailableError: If the database does not answer, or refuses.
    """
    with server.locked(f"memorag-graph {library}") as is_alone:
        if not is_alone:
            raise LibraryBusyError(f"{name} is being changed by somebody else; try again later")
        yield


def delete_library(server: PostgresServer, library: str) -> None:
    """Delete the catalogue of a library; nothing if there is none.

    Raises:
        UnavailableError: If the database does not answer, or refuses.
    """

    def delete(db: Connection) -> None:
        if bring_up_to_date(db, server.place, create=False):
            db.execute("DELETE FROM memorag_library WHERE id = %s", (library,))

    server.change(delete)
