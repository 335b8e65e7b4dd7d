"""Where several libraries lie, each by its name: a directory, or a URL of an object store."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Protocol

from memorag_graph.errors import MissingExtraError
from memorag_graph.library.directory_shelf import DirectoryShelf
from memorag_graph.library.place import Place
from memorag_graph.library.store_url import is_url


class Shelf(Protocol):
    """A place for libraries, which need not exist.

    Each method raises :class:`~memorag_graph.errors.UnavailableError` if a server that it needs does not answer.
    """

    def names(self) -> Sequence[str]:
        """Return the names of all libraries, and perhaps of what else has the form of one, sorted."""

    def ids(self) -> Mapping[str, str]:
        """Return the names of the libraries by their ids, of those whose catalogue is in Postgres."""

    def place(self, name: str) -> Place:
        """Return the place of the library of a name, whether or not there is one."""

    def delete(self, name: str) -> bool:
        """Delete the library of a name, or what is left of one; return whether there was any.

        Raises:
            LibraryBusyError: If somebody changes it.
            DiskError: If it cannot be deleted.
        """

    def rename(self, name: str, new: str) -> bool:
        """Give the library of a name a new one; return whether there was any.

        Raises:
            TakenNameError: If the new name is taken.
            InputError: If libraries here keep their names.
            LibraryBusyError: If somebody changes it, or makes one of its memories.
            DiskError: If it cannot be renamed.
        """

    def below(self, name: str) -> "Shelf":
        """Return the shelf of a name in this one."""

    def shelves(self) -> Sequence[str]:
        """Return the names of the shelves in this one, sorted."""


def shelf_of(named: str | Path) -> Shelf:
    """Return a shelf.

    Args:
        named: A directory, or ``s3://BUCKET/NAME``, ``gs://BUCKET/NAME`` or ``az://CONTAINER/NAME``.

    Raises:
        InputError: If the URL cannot be used, or no database is named for the catalogues.
        MissingExtraError: If the extra ``s3`` is needed and not installed.
    """
    if not is_url(named):
        return DirectoryShelf(Path(named))
    try:
        from memorag_graph.library.bucket_shelf import BucketShelf
    except ImportError:
        raise MissingExtraError("libraries on an object store", "s3") from None
    return BucketShelf(str(named))
