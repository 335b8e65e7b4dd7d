"""Where the catalogue of a library is kept: a SQLite database in its directory, or a Postgres database.

A file of the directory tells: ``catalogue.sqlite`` is the catalogue, ``catalogue.json`` names the one in Postgres by
the library's id, without a login.
"""

import json
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError, LibraryError, MissingExtraError, UnavailableError
from memorag_graph.library.catalogue import LIBRARY_ID, Catalogue
from memorag_graph.library.sqlite_catalogue import SqliteCatalogue, unfinished
from memorag_graph.private_files import protect, sync_directory

if TYPE_CHECKING:
    from memorag_graph.library.postgres_server import PostgresServer

VARIABLE = "MEMORAG_GRAPH_CATALOGUE"
"""Environment variable with the URL of the Postgres database for the catalogues of new libraries."""

_FILE, _NAMING = "catalogue.sqlite", "catalogue.json"

_servers: "WeakValueDictionary[str, PostgresServer]" = WeakValueDictionary()
"""Of each database the one object, so that all libraries in it share its connections."""

_servers_lock = threading.Lock()


def has_catalogue(directory: Path) -> bool:
    """Return whether a directory holds or names a catalogue; no server is asked."""
    return (directory / _FILE).is_file() or (directory / _NAMING).is_file()


def unfinished_catalogues(directory: Path) -> frozenset[str]:
    """Return the names of the files that a process leaves if it is killed while it creates a catalogue."""
    return frozenset(unfinished(directory / name).name for name in (_FILE, _NAMING))


def create_catalogue(directory: Path, settings: Mapping[str, str], catalogue_at: str) -> None:
    """Create the empty catalogue of a library; a reader sees it whole or not at all.

    Args:
        directory: The library's directory, which exists.
        settings: The settings of the library, one of which is its id.
        catalogue_at: URL of a Postgres database; by default that of :data:`VARIABLE`. Without one the catalogue is in
            the directory.

    Raises:
        InputError: If the URL cannot be used.
        LibraryError: If the database was set up by a newer version.
        MissingExtraError: If the extra ``postgres`` is needed and not installed.
        UnavailableError: If the database does not answer, or refuses.
        DiskError: If the directory cannot be written.
    """
    if not (url := catalogue_at or os.environ.get(VARIABLE, "")):
        SqliteCatalogue.create(directory / _FILE, settings)
        return
    server = _server(url)
    from memorag_graph.library.postgres_catalogue import PostgresCatalogue

    path = directory / _NAMING
    begun = unfinished(path)
    with telling(path, "written"):
        named = _read(begun) or {"library": settings[LIBRARY_ID], "at": server.place}
        _write(begun, named)  # first, so that a process that is killed leaves nothing that none names
        PostgresCatalogue.create(server, named["library"], {**settings, LIBRARY_ID: named["library"]})
        begun.replace(path)
        sync_directory(directory)


def catalogue_in(directory: Path, catalogue_at: str) -> Catalogue:
    """Open the catalogue of a directory that has one.

    Args:
        directory: The directory.
        catalogue_at: URL of the Postgres database it is in; by default that of :data:`VARIABLE`.

    Raises:
        InputError: If the URL cannot be used, or one is given though the catalogue is in the directory.
        LibraryError: If the catalogue is damaged, made by a newer version, or not in that database.
        MissingExtraError: If the extra ``postgres`` is needed and not installed.
        UnavailableError: If the database is not named, does not answer, or refuses.
    """
    if (directory / _FILE).is_file():
        if catalogue_at:
            raise InputError("catalogue_at", f"the catalogue of {directory} is in its directory; leave it out")
        return SqliteCatalogue(directory / _FILE)
    server, library = _named(directory, catalogue_at)
    from memorag_graph.library.postgres_catalogue import PostgresCatalogue

    return PostgresCatalogue(server, library)


def id_in_postgres(directory: Path) -> str:
    """Return the id under which Postgres has the catalogue of a directory; empty if it has none there."""
    named = _read(directory / _NAMING)
    return named["library"] if named else ""


def has_database() -> bool:
    """Return whether :data:`VARIABLE` names a database."""
    return bool(os.environ.get(VARIABLE, ""))


def with_free_jobs() -> frozenset[str]:
    """Return the ids of the libraries in the database of :data:`VARIABLE` whose memories are to be made by anybody.

    Raises:
        InputError: If its URL cannot be used.
        LibraryError: If it was set up by a newer version.
        MissingExtraError: If the extra ``postgres`` is not installed.
        UnavailableError: If it does not answer, or refuses.
    """
    server = _server(os.environ[VARIABLE])
    from memorag_graph.library.postgres_jobs import libraries_with_free_jobs

    return libraries_with_free_jobs(server)


def delete_catalogue(directory: Path) -> None:
    """Delete the catalogue that a directory names; one that is in the directory goes with that.

    Raises:
        As :func:`catalogue_in`.
    """
    if (directory / _FILE).is_file():
        return
    server, library = _named(directory, "")
    from memorag_graph.library.postgres_catalogue import delete_library

    delete_library(server, library)


def _named(directory: Path, catalogue_at: str) -> "tuple[PostgresServer, str]":
    """Return the database with the catalogue of a directory, and the library's id there."""
    path = directory / _NAMING
    if (named := _read(path)) is None:
        raise LibraryError(f"{path} is damaged; restore it from a copy")
    if not (url := catalogue_at or os.environ.get(VARIABLE, "")):
        raise UnavailableError(f"the catalogue of {directory} is in {named['at']}; put its URL into {VARIABLE}")
    return _server(url), named["library"]


def _server(url: str) -> "PostgresServer":
    try:
        from memorag_graph.library.postgres_server import PostgresServer
    except ImportError:
        raise MissingExtraError("a catalogue in Postgres", "postgres") from None
    with _servers_lock:
        if (server := _servers.get(url)) is None:
            server = _servers[url] = PostgresServer(url)
        return server


def _read(path: Path) -> dict[str, str] | None:
    try:
        named = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):  # none, or torn by a kill
        return None
    is_whole = isinstance(named, dict) and all(isinstance(named.get(key), str) for key in ("library", "at"))
    return named if is_whole else None


def _write(path: Path, named: Mapping[str, str]) -> None:
    with path.open("w", encoding="utf-8") as file:
        json.dump(named, file)
        file.flush()
        os.fsync(file.fileno())
    protect(path)
