"""Where the catalogue of a library is kept: a SQLite database in its directory, or a Postgres database.

A file of the directory tells: ``catalogue.sqlite`` is the catalogue, ``catalogue.json`` names the one in Postgres by
the library's id, without a login.
"""

import os
from collections.abc import Mapping
from pathlib import Path

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError, LibraryError
from memorag_graph.library.catalogue import LIBRARY_ID, Catalogue
from memorag_graph.library.named_catalogue import VARIABLE, NamedCatalogue, catalogue_url, server_at
from memorag_graph.library.sqlite_catalogue import SqliteCatalogue, unfinished
from memorag_graph.private_files import protect, sync_directory

_FILE, _NAMING = "catalogue.sqlite", "catalogue.json"


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
        catalogue_at: URL of a Postgres database; by default that of the environment. Without one the catalogue is in
            the directory.

    Raises:
        InputError: If the URL cannot be used.
        LibraryError: If the database was set up by a newer version.
        MissingExtraError: If the extra ``postgres`` is needed and not installed.
        UnavailableError: If the database does not answer, or refuses.
        DiskError: If the directory cannot be written.
    """
    if not (url := catalogue_url(catalogue_at)):
        SqliteCatalogue.create(directory / _FILE, settings)
        return
    server = server_at(url)
    from memorag_graph.library.postgres_catalogue import PostgresCatalogue

    path = directory / _NAMING
    begun = unfinished(path)
    with telling(path, "written"):
        left = NamedCatalogue.read(begun.read_bytes()) if begun.exists() else None
        named = left or NamedCatalogue(settings[LIBRARY_ID], server.place)
        _write(begun, named)  # first, so that a process that is killed leaves nothing that none names
        PostgresCatalogue.create(server, named.library, {**settings, LIBRARY_ID: named.library})
        begun.replace(path)
        sync_directory(directory)


def catalogue_in(directory: Path, catalogue_at: str) -> Catalogue:
    """Open the catalogue of a directory that has one.

    Args:
        directory: The directory.
        catalogue_at: URL of the Postgres database it is in; by default that of the environment.

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
    named = _named(directory)
    server = named.server(str(directory), catalogue_at)
    from memorag_graph.library.postgres_catalogue import PostgresCatalogue

    return PostgresCatalogue(server, named.library)


def id_in_postgres(directory: Path) -> str:
    """Return the id under which Postgres has the catalogue of a directory; empty if it has none there."""
    path = directory / _NAMING
    named = NamedCatalogue.read(path.read_bytes()) if path.is_file() else None
    return named.library if named else ""


def has_database() -> bool:
    """Return whether :data:`~memorag_graph.library.named_catalogue.VARIABLE` names a database."""
    return bool(os.environ.get(VARIABLE, ""))


def with_free_jobs() -> frozenset[str]:
    """Return the ids of the libraries in the database of :data:`VARIABLE` whose memories are to be made by anybody.

    Raises:
        InputError: If its URL cannot be used.
        LibraryError: If it was set up by a newer version.
        MissingExtraError: If the extra ``postgres`` is not installed.
        UnavailableError: If it does not answer, or refuses.
    """
    server = server_at(os.environ[VARIABLE])
    from memorag_graph.library.postgres_jobs import libraries_with_free_jobs

    return libraries_with_free_jobs(server)


def delete_catalogue(directory: Path) -> None:
    """Delete the catalogue that a directory names; one that is in the directory goes with that.

    Raises:
        As :func:`catalogue_in`.
    """
    if (directory / _FILE).is_file():
        return
    named = _named(directory)
    server = named.server(str(directory), "")
    from memorag_graph.library.postgres_libraries import delete_library

    delete_library(server, named.library)


def _named(directory: Path) -> NamedCatalogue:
    path = directory / _NAMING
    with telling(path, "read"):
        content = path.read_bytes()
    if (named := NamedCatalogue.read(content)) is None:
        raise LibraryError(f"{path} is damaged; restore it from a copy")
    return named


def _write(path: Path, named: NamedCatalogue) -> None:
    with path.open("wb") as file:
        file.write(named.written())
        file.flush()
        os.fsync(file.fileno())
    protect(path)
