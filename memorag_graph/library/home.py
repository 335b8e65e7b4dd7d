"""The directory of a library: made once, opened with its embedding model, changed by one process at a time."""

import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError, LibraryBusyError, LibraryError, UnknownLibraryError
from memorag_graph.library.catalogue import LIBRARY_ID, Catalogue
from memorag_graph.library.catalogue_place import catalogue_in, create_catalogue, has_catalogue, unfinished_catalogues
from memorag_graph.library.index_place import checked_place
from memorag_graph.models.embedded import EMBEDDED
from memorag_graph.private_files import file_mode, make_private_dir
from memorag_graph.registry import Registry

EMBEDDING_MODEL, VECTOR_SIZE, INDEX_AT, INDEX_NAME = "embedding_model", "vector_size", "index_at", "index_name"
"""Settings in the catalogue."""

_LOCK, _CHANGING = ".writer", ".changing"


def create_library(
    directory: Path, registry: Registry, embedding_model: str, index_at: str, catalogue_at: str = ""
) -> None:
    """Create an empty library, unless there is one.

    Raises:
        InputError: If its index or its catalogue cannot be kept there.
        LibraryError: If the directory holds other files, or the database was set up by a newer version.
        ModelError: If the embedding model cannot be loaded.
        DiskError: If it cannot be written.
        UnavailableError: If the database for its catalogue does not answer, or refuses.
    """
    if has_catalogue(directory):
        return
    with telling(directory, "written"):
        make_private_dir(directory)
        with FileLock(directory / _LOCK, mode=file_mode(directory)):
            if has_catalogue(directory):  # made by another process meanwhile
                return
            if set(os.listdir(directory)) - {_LOCK, *unfinished_catalogues(directory)}:
                raise LibraryError(f"{directory} holds other files and no library; give another directory")
            name = registry.models.embedding_name(embedding_model or EMBEDDED)
            size = len(registry.models.embeddings(name).embed_query("size"))
            place = {INDEX_AT: checked_place(index_at), LIBRARY_ID: uuid.uuid4().hex}
            create_catalogue(directory, {EMBEDDING_MODEL: name, VECTOR_SIZE: str(size), **place}, catalogue_at)


def open_catalogue(
    directory: Path, registry: Registry, embedding_model: str, index_at: str, catalogue_at: str = ""
) -> Catalogue:
    """Open the catalogue of a library.

    Loading its embedding model may download it, so a stranger's file does not decide which it is.

    Raises:
        LibraryError: If there is none, it is damaged, or made by a newer version.
        InputError: If it has another embedding model, or one that the caller has to name, or its index or catalogue is
            elsewhere.
        UnavailableError: If the database of its catalogue is not named, does not answer, or refuses.
    """
    catalogue = existing_catalogue(directory, catalogue_at)
    made_with, models = catalogue.setting(EMBEDDING_MODEL), registry.models
    if embedding_model and models.embedding_name(embedding_model) != made_with:
        other = f"was made with {made_with!r}, not {embedding_model!r}; use that one"
        raise InputError("embedding_model", f"{directory} {other}")
    if not (embedding_model or made_with == EMBEDDED or made_with in models.loaded_models()):
        raise InputError("embedding_model", f"{directory} uses {made_with!r}; name it, too, if you trust it")
    place = catalogue.setting(INDEX_AT)
    if index_at and checked_place(index_at) != place:
        kept = f"is at {place}" if place else "is in its directory"
        raise InputError("index_at", f"the index of {directory} {kept}; leave it out")
    return catalogue


def existing_catalogue(directory: Path, catalogue_at: str = "") -> Catalogue:
    """Open the catalogue of a library, whatever its embedding model is.

    Raises:
        LibraryError: If there is none, it is damaged, or made by a newer version.
        UnavailableError: If its database is not named, does not answer, or refuses.
    """
    if not is_library(directory):
        made = f"make one with: memorag-graph library add FILES --library {directory}"
        raise UnknownLibraryError(f"there is no library in {directory}; {made}")
    return catalogue_in(directory, catalogue_at)


def is_library(directory: Path) -> bool:
    """Return whether a directory holds a library."""
    return has_catalogue(directory)


@contextmanager
def held(directory: Path) -> Iterator[None]:
    """Keep others from changing a library.

    Raises:
        LibraryBusyError: If somebody else changes it.
    """
    lock = FileLock(directory / _LOCK, mode=file_mode(directory), thread_local=False)
    try:
        acquired = lock.acquire(timeout=0)
    except Timeout:
        raise LibraryBusyError(f"{directory} is being changed by somebody else; try again later") from None
    with acquired:
        yield


@contextmanager
def changing(directory: Path) -> Iterator[bool]:
    """Hold a library while it is changed; give whether an earlier change was not finished.

    Raises:
        LibraryBusyError: If somebody else changes it.
        DiskError: If it cannot be written.
    """
    with held(directory):
        marker = directory / _CHANGING
        was_there = marker.exists()
        with telling(marker, "written"):
            marker.touch()
        yield was_there
        with telling(marker, "written"):
            marker.unlink()
