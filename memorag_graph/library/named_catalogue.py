"""A catalogue in a Postgres database, as a library names it: by the library's id and the database, without a login."""

import json
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from memorag_graph.errors import MissingExtraError, UnavailableError

if TYPE_CHECKING:
    from memorag_graph.library.postgres_server import PostgresServer

VARIABLE = "MEMORAG_GRAPH_CATALOGUE"
"""Environment variable with the URL of the Postgres database for the catalogues of new libraries."""

_STATES = ("begun", "deleted")

_servers: "WeakValueDictionary[str, PostgresServer]" = WeakValueDictionary()
"""Of each database the one object, so that all libraries in it share its connections."""

_servers_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class NamedCatalogue:
    """What a library keeps of its catalogue in Postgres.

    Attributes:
        library: The library's id.
        at: The database, for messages.
        is_begun: Whether the catalogue may not be there yet, as it is being created.
        is_deleted: Whether the catalogue may not be there any more, as the library is being deleted.
    """

    library: str
    at: str
    is_begun: bool = False
    is_deleted: bool = False

    @property
    def is_whole(self) -> bool:
        """Whether there is a library."""
        return not (self.is_begun or self.is_deleted)

    @classmethod
    def read(cls, content: bytes) -> "NamedCatalogue | None":
        """Return what was written; None if it is torn or damaged."""
        try:
            named = json.loads(content)
        except ValueError:
            return None
        is_whole = isinstance(named, dict) and all(isinstance(named.get(key), str) for key in ("library", "at"))
        states = (bool(named.get(it)) for it in _STATES) if is_whole else ()
        return cls(named["library"], named["at"], *states) if is_whole else None

    def written(self) -> bytes:
        """Return it as JSON."""
        states = {it: True for it, holds in zip(_STATES, (self.is_begun, self.is_deleted), strict=True) if holds}
        return json.dumps({"library": self.library, "at": self.at, **states}).encode()

    def server(self, of: str, catalogue_at: str) -> "PostgresServer":
        """Return the database.

        Args:
            of: The library's place, for messages.
            catalogue_at: URL of the database; by default that of :data:`VARIABLE`.

        Raises:
            InputError: If the URL cannot be used.
            MissingExtraError: If the extra ``postgres`` is not installed.
            UnavailableError: If there is no URL.
        """
        if not (url := catalogue_url(catalogue_at)):
            told = f"the catalogue of {of} is in {self.at}; put its URL into {VARIABLE}"
            raise UnavailableError(told, "Postgres, which has the catalogue of this library,")
        return server_at(url)


def catalogue_url(catalogue_at: str) -> str:
    """Return the URL of the Postgres database that is given, or else that of :data:`VARIABLE`; empty without one."""
    return catalogue_at or os.environ.get(VARIABLE, "")


def server_at(url: str) -> "PostgresServer":
    """Return the Postgres database at a URL, the same object for all who ask for it.

    Raises:
        InputError: If the URL cannot be used.
        MissingExtraError: If the extra ``postgres`` is not installed.
    """
    try:
        from memorag_graph.library.postgres_server import PostgresServer
    except ImportError:
        raise MissingExtraError("a catalogue in Postgres", "postgres") from None
    with _servers_lock:
        if (server := _servers.get(url)) is None:
            server = _servers[url] = PostgresServer(url)
        return server
