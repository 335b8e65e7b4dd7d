"""Where the index of a library is kept: a folder of the library, or a Qdrant server."""

import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError, MissingExtraError
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.row_table import RowTable

if TYPE_CHECKING:
    from qdrant_client import QdrantClient

API_KEY = "QDRANT_API_KEY"
"""Environment variable with the key of the Qdrant server, if it needs one."""

FIRST_INDEX = "index"
"""Name of the index with which a library is made; one that is made again has another."""

_LOCAL = "qdrant:"
_TABLES = {"chunks": 60.0, "notes": 600.0}
"""Names of the tables, and the terms of a row of usual length."""


def checked_place(place: str) -> str:
    """Return the place of an index.

    Args:
        place: Empty for a folder of the library, ``http://HOST:6333`` or ``https://...`` for a Qdrant server, or
            ``qdrant:DIRECTORY`` for Qdrant's local mode, which serves one process and few documents.

    Raises:
        InputError: If it is none of these, or holds a password.
    """
    url = urlsplit(place)
    if not place or place.startswith(_LOCAL):
        return place
    if url.scheme not in ("http", "https") or not url.hostname:
        raise InputError("index_at", "must be the URL of a Qdrant server, such as http://localhost:6333, or left out")
    if url.username or url.password or url.query:
        raise InputError("index_at", f"must hold no login; put the key into the environment as {API_KEY}")
    return place


def open_tables(
    place: str, directory: Path, library_id: str, size: int, name: str = FIRST_INDEX
) -> tuple[RowTable, ...]:
    """Return the tables of a library: of chunks and of notes.

    Args:
        place: Where they are, as :func:`checked_place` returns it.
        directory: The library's directory.
        library_id: Tells its tables from others' on the same server.
        size: Size of the vectors.
        name: Name of the index.

    Raises:
        MissingExtraError: If the package for it is not installed.
        DiskError: If a table cannot be opened.
        UnavailableError: If the server cannot be reached.
    """
    if not place:
        return tuple(LanceTable(directory / name, table, size) for table in _TABLES)
    try:
        from memorag_graph.library.qdrant_table import QdrantTable

        client = _client(place)
    except ImportError:
        raise MissingExtraError("an index in Qdrant", "qdrant") from None
    names = _collections(library_id, name)
    return tuple(QdrantTable(client, it, size, terms) for it, terms in zip(names, _TABLES.values(), strict=True))


def delete_tables(place: str, directory: Path, library_id: str, name: str) -> None:
    """Delete the tables of an index; those that are not there cost nothing.

    Args:
        place: Where they are.
        directory: The library's directory.
        library_id: Tells its tables from others' on the same server.
        name: Name of the index.

    Raises:
        DiskError: If they cannot be deleted.
        UnavailableError: If the server cannot be reached.
    """
    if place:
        from memorag_graph.library.qdrant_table import delete_collections

        delete_collections(_client(place), _collections(library_id, name))
    elif (folder := directory / name).exists():
        with telling(folder, "written"):
            shutil.rmtree(folder)


def _collections(library_id: str, name: str) -> list[str]:
    part = "" if name == FIRST_INDEX else f"{name}-"
    return [f"memorag-{library_id}-{part}{table}" for table in _TABLES]


def _client(place: str) -> "QdrantClient":
    from qdrant_client import QdrantClient

    if place.startswith(_LOCAL):
        return QdrantClient(path=place.removeprefix(_LOCAL))
    return QdrantClient(url=place, api_key=os.environ.get(API_KEY) or None, timeout=60, check_compatibility=False)
