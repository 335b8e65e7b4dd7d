"""Errors as clients are told them: they name neither the paths of the service nor the addresses of its engines."""

import logging
import os
import re
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from memorag_graph.errors import (
    DiskError,
    InputError,
    LibraryError,
    MemoragError,
    MemoryFileError,
    UnavailableError,
    UnknownLibraryError,
)
from memorag_graph.library.named_libraries import NamedLibraries
from memorag_graph.library.place import Place
from memorag_graph.paths import user_dir

if TYPE_CHECKING:
    from memorag_graph.library.library import Library

_log = logging.getLogger(__name__)

Told = TypeVar("Told")

BEGINS_PATH = r"(?<![\w/.])"
"""Before a path that is no part of another one."""


def told_to_client(error: MemoragError) -> str:
    """Return what a client is told of an error; the log gets the addresses and the directory that it is not told."""
    return _noted(error, without_homes(error.for_clients, [user_dir()]))


def told_without_addresses(error: MemoragError) -> str:
    """Return what is told of an error where files may be named as they lie; the log gets the addresses."""
    return _noted(error, error.for_clients)


def without_homes(text: str, homes: Iterable[Path]) -> str:
    """Return a text with files named by their places in some directories, whose names may have spaces."""
    for home in homes:
        text = re.sub(f"{BEGINS_PATH}{re.escape(f'{home}{os.sep}')}", "", text)
    return text


@contextmanager
def without_address() -> Iterator[None]:
    """Name the engine that is away, not its address, in an error that a client may see.

    Raises:
        UnavailableError: If one is away; its message is what the client is told.
    """
    try:
        yield
    except UnavailableError as error:
        raise UnavailableError(told_to_client(error)) from None


@contextmanager
def without_home() -> Iterator[None]:
    """Name the file of a memory by its place in the home of the service, in errors that clients see."""
    try:
        yield
    except (MemoryFileError, DiskError) as error:
        error.args = (told_to_client(error),)
        raise


@contextmanager
def without_path(place: Place, name: str) -> Iterator[None]:
    """Name the library, not its directory or URL, in errors that clients see."""
    try:
        yield
    except (LibraryError, DiskError, InputError) as error:
        told = str(error).replace(str(place.directory), place.name).replace(place.name, f"library {name!r}")
        error.args = (told,)
        raise


def of_each(libraries: NamedLibraries, tell: "Callable[[str, Library], Told]") -> list[Told]:
    """Return what is told of each library; one that is deleted meanwhile, perhaps by another server, is left out.

    Raises:
        InputError, LibraryError, UnavailableError: As :meth:`NamedLibraries.open`, without paths.
    """
    found = []
    for name in libraries.names():
        with suppress(UnknownLibraryError), without_path(libraries.place(name), name):
            found.append(tell(name, libraries.open(name)))
    return found


def _noted(error: MemoragError, told: str) -> str:
    """Return what is told of an error, and log the error if that is less."""
    if told != str(error):
        _log.warning("%s", error)
    return told
