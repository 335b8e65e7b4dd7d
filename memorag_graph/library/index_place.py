"""Where the index of a library is kept: with the library, on a Qdrant server, or on an object store."""

import os
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from weakref import WeakValueDictionary

from memorag_graph.errors import InputError, MissingExtraError, UnavailableError
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.place import Place
from memorag_graph.library.row_table import RowTable
from memorag_graph.library.store_url import checked_url, is_store

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

    from memorag_graph.library.bucket import Bucket

API_KEY = "QDRANT_API_KEY"
"""Environment variable with the key of the Qdrant server, if it needs one."""

FIRST_INDEX = "index"
"""Name of the index with which a library is made; one that is made again has another."""

_LOCAL = "qdrant:"
_SUCH_AS = "such as http://localhost:6333 or s3://BUCKET/NAME"
_TABLES = {"chunks": 60.0, "notes": 1200.0}
"""Names of the tables, and the terms of a row of usual length."""

_local_clients: "WeakValueDictionary[str, QdrantClient]" = WeakValueDictionary()
"""Of each place in Qdrant's local mode the client that is in use, as a process can open a place once only."""


def checked_place(index_at: str) -> str:
    """Return the place of an index.

    Args:
        index_at: Empty for the library's own place, ``http://HOST:6333`` or ``https://...`` for a Qdrant server,
            ``qdrant:DIRECTORY`` for Qdrant's local mode, which serves one process and few documents, or
            ``s3://BUCKET/NAME``, ``gs://BUCKET/NAME`` or ``az://CONTAINER/NAME`` for an object store.

    Raises:
        InputError: If it is none of these, or holds a password.
    """
    url = urlsplit(index_at)
    if not index_at or index_at.startswith(_LOCAL):
        return index_at
    if is_store(index_at):
        return checked_url(index_at, "index_at", "the URL of a Qdrant server")
    if url.scheme not in ("http", "https") or not url.hostname:
        raise InputError("index_at", f"must be the URL of a Qdrant server or an object store, {_SUCH_AS}, or left out")
    if url.username or url.password or url.query:
        raise InputError("index_at", f"must hold no login; put the key into the environment as {API_KEY}")
    return index_at


def open_tables(
    index_at: str, place: Place, library_id: str, size: int, name: str = FIRST_INDEX
) -> tuple[RowTable, ...]:
    """Return the tables of a library: of chunks and of notes.

    Args:
        index_at: Where they are, as :func:`checked_place` returns it.
        place: Where the library is.
        library_id: Tells its tables from others' on the same server.
        size: Size of the vectors.
        name: Name of the index.

    Raises:
        MissingExtraError: If the package for it is not installed.
        DiskError: If a table cannot be opened.
        UnavailableError: If the server cannot be reached.
    """
    if not index_at:
        return tuple(place.table(name, table, size) for table in _TABLES)
    if is_store(index_at):
        bucket = _bucket(index_at, library_id)
        return tuple(LanceTable(f"{bucket.url}/{name}", table, size, bucket=bucket) for table in _TABLES)
    client = _client(index_at)
    from memorag_graph.library.qdrant_table import QdrantTable

    names = _collections(library_id, name)
    return tuple(QdrantTable(client, it, size, terms) for it, terms in zip(names, _TABLES.values(), strict=True))


def delete_tables(index_at: str, place: Place, library_id: str, name: str) -> None:
    """Delete the tables of an index; those that are not there cost nothing.

    Args:
        index_at: Where they are.
        place: Where the library is.
        library_id: Tells its tables from others' on the same server.
        name: Name of the index.

    Raises:
        MissingExtraError: If the package for the server is not installed.
        DiskError: If they cannot be deleted.
        UnavailableError: If the server cannot be reached.
    """
    if not index_at:
        place.delete_index(name)
    elif is_store(index_at):
        bucket = _bucket(index_at, library_id)
        bucket.delete(bucket.sizes(name))
    else:
        client = _client(index_at)
        from memorag_graph.library.qdrant_table import delete_collections

        delete_collections(client, _collections(library_id, name))


def _bucket(index_at: str, library_id: str) -> "Bucket":
    """Return the objects of a library's indexes beneath a URL, which several libraries may share."""
    try:
        from memorag_graph.library.bucket import Bucket
    except ImportError:
        raise MissingExtraError("an index on an object store", "s3") from None
    return Bucket(f"{index_at}/{library_id}")


def _collections(library_id: str, name: str) -> list[str]:
    part = "" if name == FIRST_INDEX else f"{name}-"
    return [f"memorag-{library_id}-{part}{table}" for table in _TABLES]


def _client(place: str) -> "QdrantClient":
    try:
        from qdrant_client import QdrantClient
    except ImportError:
        raise MissingExtraError("an index in Qdrant", "qdrant") from None
    if not place.startswith(_LOCAL):
        return QdrantClient(url=place, api_key=os.environ.get(API_KEY) or None, timeout=60, check_compatibility=False)
    if (client := _local_clients.get(place)) is None:
        try:
            client = _local_clients[place] = QdrantClient(path=place.removeprefix(_LOCAL))
        except RuntimeError:
            raise UnavailableError(
                f"{place} is used by another process; end that, or keep the index on a server",
                "Qdrant, which has the index of this library,",
            ) from None
    return client
