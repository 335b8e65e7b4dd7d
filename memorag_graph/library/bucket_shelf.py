"""A URL of an object store beneath which libraries lie, each under its name."""

import logging
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from memorag_graph.errors import InputError, LibraryError
from memorag_graph.library.bucket import Bucket
from memorag_graph.library.bucket_place import BucketPlace
from memorag_graph.library.named_catalogue import VARIABLE, NamedCatalogue, catalogue_url
from memorag_graph.library.store_url import is_segment

_AT_ONCE = 8
"""Libraries that are looked up at once."""

_log = logging.getLogger(__name__)


class BucketShelf:
    """A URL with libraries beneath. See :class:`memorag_graph.library.shelf.Shelf`.

    Args:
        url: ``s3://BUCKET/NAME``, ``gs://BUCKET/NAME`` or ``az://CONTAINER/NAME``.

    Raises:
        InputError: If it is no such URL, or no database is named for the catalogues.
    """

    def __init__(self, url: str) -> None:
        if not catalogue_url(""):
            raise InputError(
                "libraries",
                "on an object store need their catalogues in a Postgres database; put its URL into "
                f"{VARIABLE}, such as postgresql://USER:PASSWORD@HOST:5432/NAME",
            )
        self._bucket = Bucket(url)

    def names(self) -> Sequence[str]:
        """Return the names under which there are libraries that can be opened."""
        return list(self._named())

    def ids(self) -> Mapping[str, str]:
        """Return the names of the libraries by their ids."""
        return {named.library: name for name, named in self._named().items()}

    def place(self, name: str) -> BucketPlace:
        """Return the place under a name."""
        return BucketPlace(f"{self._bucket.url}/{name}")

    def delete(self, name: str) -> bool:
        """Delete the library under a name, or what is left of one whose deletion was killed."""
        return self.place(name).delete()

    def rename(self, name: str, new: str) -> bool:
        """Refuse it, as all objects of a library lie under its name.

        Raises:
            InputError: Always.
        """
        raise InputError("library", f"{name!r} is on an object store and keeps its name; make a new one")

    def below(self, name: str) -> "BucketShelf":
        """Return the shelf under a name."""
        return BucketShelf(f"{self._bucket.url}/{name}")

    def shelves(self) -> Sequence[str]:
        """Return the names under which there is anything; what cannot be the name of a library is left out."""
        return sorted(filter(is_segment, self._bucket.folders("")))

    def _named(self) -> dict[str, NamedCatalogue]:
        """Return what each library names as its catalogue, by the library's name."""
        names = self.shelves()
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            found = zip(names, pool.map(self._named_by, names), strict=True)
            return {name: named for name, named in found if named is not None and named.is_whole}

    def _named_by(self, name: str) -> NamedCatalogue | None:
        try:
            return self.place(name).named()
        except LibraryError as error:  # who opens it is told; the others can be used
            _log.warning("a library is not listed: %s", error)
            return None
