"""A library on an object store: texts, index and memories beneath its URL, catalogue in Postgres."""

import hashlib
from collections.abc import Collection
from contextlib import AbstractContextManager
from dataclasses import replace

from memorag_graph.documents.kept_files import KEPT, KeptFiles
from memorag_graph.errors import InputError, LibraryError, UnknownLibraryError
from memorag_graph.library.blobs import Blobs
from memorag_graph.library.bucket import CONDITIONAL_WRITES, Bucket, store_of_environment
from memorag_graph.library.catalogue import LIBRARY_ID, Catalogue
from memorag_graph.library.folder_memories import FolderMemories
from memorag_graph.library.lance_table import LanceTable
from memorag_graph.library.machine_copies import MachineCopies
from memorag_graph.library.named_catalogue import VARIABLE, NamedCatalogue, catalogue_url, server_at
from memorag_graph.library.originals import Originals, SharedOriginals
from memorag_graph.library.place import MEMORIES, Settings
from memorag_graph.library.postgres_catalogue import PostgresCatalogue
from memorag_graph.library.postgres_libraries import delete_library, only_changer
from memorag_graph.library.row_table import RowTable
from memorag_graph.library.shared_memories import SharedMemories, is_of_memory
from memorag_graph.library.stored_memories import StoredMemories
from memorag_graph.paths import user_dir
from memorag_graph.settings import COPIES_MB

_NAMING = "catalogue.json"
"""Object that names the catalogue; it is whole once there is one."""

_MB = 1024**2
"""Bytes."""


class BucketPlace:
    """A URL beneath which a library is kept. See :class:`memorag_graph.library.place.Place`.

    Args:
        url: ``s3://BUCKET/NAME``, ``gs://BUCKET/NAME`` or ``az://CONTAINER/NAME``.

    Raises:
        InputError: If it is no such URL, or the environment lacks something.
    """

    is_remote = True

    def __init__(self, url: str) -> None:
        self._bucket = Bucket(url)
        self.name = self._bucket.url
        place = f"{self.name} {store_of_environment()}"
        self.directory = user_dir() / "remote" / hashlib.sha256(place.encode()).hexdigest()[:32]
        self._opened: PostgresCatalogue | None = None

    def has_library(self) -> bool:
        """Return whether there is a library beneath the URL."""
        named = self.named()
        return named is not None and named.is_whole

    def create(self, settings: Settings, catalogue_at: str) -> None:
        """Create an empty library, unless there is one; of several who do so at once, all get the same.

        Raises:
            InputError: If no database for its catalogue is named.
            LibraryError: If there are other objects beneath the URL, or the database was set up by a newer version.
        """
        if self.has_library():
            return
        if not (url := catalogue_url(catalogue_at)):
            raise InputError(
                "library",
                f"{self.name} needs its catalogue in a Postgres database, as an object store holds none; put its URL "
                f"into {VARIABLE}, such as postgresql://USER:PASSWORD@HOST:5432/NAME",
            )
        server = server_at(url)
        if (named := self.named()) is not None and named.is_deleted:
            self.delete(url)
        if (there := self._bucket.sizes()) and _NAMING not in there:
            if not all(map(is_of_memory, there)):
                raise LibraryError(f"{self.name} holds other objects and no library; give another name")
            self._bucket.delete(there)  # of a memory that was just made when its library was deleted
        made = settings()
        begun_by_me = NamedCatalogue(made[LIBRARY_ID], server.place, is_begun=True).written()
        self._bucket.create(_NAMING, begun_by_me)
        if self._bucket.create(_NAMING, begun_by_me):
            raise LibraryError(
                f"the object store of {self.name} overwrites what it is to create only if there is none; "
                f"{CONDITIONAL_WRITES}"
            )
        content, version = self._bucket.read_version(_NAMING)  # whoever came first has chosen the id
        if (begun := self._checked(content)).is_begun:
            PostgresCatalogue.create(server, begun.library, {**made, LIBRARY_ID: begun.library})
            self._bucket.swap(_NAMING, replace(begun, at=server.place, is_begun=False).written(), version)

    def delete(self, catalogue_at: str = "") -> bool:
        """Delete the library, or what is left of one; return whether there was any. If this is killed, do it again.

        Raises:
            LibraryBusyError: If somebody changes it.
            UnavailableError: If the store or the database does not answer; the library may be gone or not.
        """
        try:
            content, version = self._bucket.read_version(_NAMING)
        except FileNotFoundError:
            return False
        named = self._checked(content)
        server, deleted = named.server(self.name, catalogue_at), replace(named, is_deleted=True)
        with only_changer(server, named.library, self.name):
            if not self._bucket.swap(_NAMING, deleted.written(), version) and self.named() != deleted:
                return False  # it was deleted meanwhile, and perhaps made again
            delete_library(server, named.library)
            self._bucket.delete(self._bucket.sizes().keys() - {_NAMING})
            self._bucket.delete([_NAMING])
        return True

    def catalogue(self, catalogue_at: str) -> Catalogue:
        """Open the catalogue that is named beneath the URL; it also keeps who changes the library."""
        if (named := self.named()) is None or not named.is_whole:
            raise UnknownLibraryError(f"{self.name} was deleted meanwhile")
        server = named.server(self.name, catalogue_at)
        self._opened = PostgresCatalogue(server, named.library)
        return self._opened

    def blobs(self, folder: str) -> Blobs:
        """Return the objects of a folder."""
        return BucketBlobs(self._bucket, folder)

    def originals(self) -> Originals:
        """Return the original files, which are objects, and their copies on this machine."""
        return SharedOriginals(self.blobs(KEPT), KeptFiles(self.directory / KEPT))

    def memories(self, copies_mb: float = COPIES_MB) -> StoredMemories:
        """Return the memories, which are objects, and their copies on this machine."""
        machine = MachineCopies(self.directory.parent, int(copies_mb * _MB))
        return SharedMemories(self._bucket, FolderMemories(self.directory / MEMORIES), machine)

    def table(self, index: str, name: str, size: int) -> RowTable:
        """Open a table of LanceDB beneath the URL."""
        return LanceTable(f"{self.name}/{index}", name, size, bucket=self._bucket)

    def delete_index(self, index: str) -> None:
        """Delete the objects of an index."""
        self._bucket.delete(self._bucket.sizes(index))

    def changing(self) -> AbstractContextManager[bool]:
        """Hold the library while it is changed, by its catalogue; give whether an earlier change was not finished.

        Raises:
            LibraryBusyError: If somebody else changes it, on whatever machine.
        """
        if self._opened is None:
            raise LibraryError(f"the catalogue of {self.name} has to be opened first")
        return self._opened.changing(self.name)

    def size(self, folder: str = "") -> int:
        """Return the bytes of all objects beneath the URL, or of those in a folder."""
        return sum(self._bucket.sizes(folder).values())

    def named(self) -> NamedCatalogue | None:
        """Return what is named as the catalogue; None if there is nothing."""
        try:
            return self._checked(self._bucket.read(_NAMING))
        except FileNotFoundError:
            return None

    def _checked(self, content: bytes) -> NamedCatalogue:
        if (named := NamedCatalogue.read(content)) is None:
            raise LibraryError(f"{self.name}/{_NAMING} is damaged; restore it from a copy")
        return named


class BucketBlobs:
    """Blobs that are objects of a folder. See :class:`memorag_graph.library.blobs.Blobs`.

    Args:
        bucket: The bucket.
        folder: The folder.
    """

    def __init__(self, bucket: Bucket, folder: str) -> None:
        self._bucket = bucket
        self._folder = folder

    def place(self, name: str) -> str:
        """Return the URL of a blob."""
        return f"{self._bucket.url}/{self._folder}/{name}"

    def add(self, name: str, content: bytes) -> None:
        """Keep a blob, unless it is there already."""
        self._bucket.create(f"{self._folder}/{name}", content)

    def read(self, name: str) -> bytes:
        """Return a blob.

        Raises:
            FileNotFoundError: If there is none.
        """
        return self._bucket.read(f"{self._folder}/{name}")

    def remove(self, names: Collection[str]) -> None:
        """Remove blobs; those that are not there cost nothing."""
        self._bucket.delete([f"{self._folder}/{name}" for name in names])

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove all blobs but those of these names."""
        there = self._bucket.sizes(self._folder)
        self._bucket.delete([it for it in there if it.removeprefix(f"{self._folder}/") not in wanted])
