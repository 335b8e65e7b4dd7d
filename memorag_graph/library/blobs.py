"""Where the texts and files of a library lie: bytes under names that tell what they hold, so that none ever changes."""

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from memorag_graph.disk_errors import telling
from memorag_graph.private_files import keep_only, make_private_dir, write_private


class Blobs(Protocol):
    """Bytes under names. As the same name always holds the same bytes, whoever comes second to write one is done.

    Safe to use from several threads and processes.
    """

    def place(self, name: str) -> str:
        """Return where a blob lies, for messages."""

    def add(self, name: str, content: bytes) -> None:
        """Keep a blob durably, unless it is there already; a reader sees it whole or not at all.

        Raises:
            DiskError, UnavailableError: If it cannot be written.
        """

    def read(self, name: str) -> bytes:
        """Return a blob.

        Raises:
            OSError: If there is none, or it cannot be read.
            UnavailableError: If the store does not answer.
        """

    def remove(self, names: Collection[str]) -> None:
        """Remove blobs; those that are not there cost nothing.

        Raises:
            DiskError, UnavailableError: If they cannot be removed.
        """

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove all blobs but those of these names, and what killed processes left.

        Raises:
            DiskError, UnavailableError: If they cannot be removed.
        """


class FolderBlobs:
    """Blobs that are files of a folder, readable by their owner alone.

    Args:
        folder: The folder; made with the first blob.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def place(self, name: str) -> str:
        """Return the path of a blob."""
        return str(self._folder / name)

    def add(self, name: str, content: bytes) -> None:
        """Keep a blob durably, unless it is there already.

        Raises:
            DiskError: If it cannot be written.
        """
        path = self._folder / name
        with telling(path, "written"):
            if not path.exists():
                make_private_dir(self._folder)
                write_private(path, content)

    def read(self, name: str) -> bytes:
        """Return a blob.

        Raises:
            OSError: If there is none, or it cannot be read.
        """
        return (self._folder / name).read_bytes()

    def remove(self, names: Collection[str]) -> None:
        """Remove blobs; those that are not there cost nothing.

        Raises:
            DiskError: If they cannot be removed.
        """
        with telling(self._folder, "written"):
            for name in names:
                (self._folder / name).unlink(missing_ok=True)

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove all blobs but those of these names, and what killed processes left.

        Raises:
            DiskError: If they cannot be removed.
        """
        with telling(self._folder, "written"):
            keep_only(self._folder, wanted, "")
