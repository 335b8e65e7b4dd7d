"""The texts of a library: files named by the SHA-256 of what they hold."""

import gzip
from collections.abc import Collection
from pathlib import Path

from memorag_graph.disk_errors import telling
from memorag_graph.errors import LibraryError
from memorag_graph.private_files import keep_only, make_private_dir, write_private

_SUFFIX = ".txt.gz"


class StoredTexts:
    """Texts in a directory, compressed.

    Args:
        directory: The directory; made with the first text.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, sha256: str, text: str) -> None:
        """Keep a text durably; one that is there already costs nothing.

        Raises:
            DiskError: If it cannot be written.
        """
        path = self._path(sha256)
        with telling(path, "written"):
            if not path.exists():
                make_private_dir(self._directory)
                write_private(path, gzip.compress(text.encode(), compresslevel=1, mtime=0))

    def read(self, sha256: str) -> str:
        """Return a text.

        Raises:
            LibraryError: If it is missing or damaged.
        """
        path = self._path(sha256)
        try:
            return gzip.decompress(path.read_bytes()).decode()
        except (OSError, EOFError, ValueError) as error:
            raise LibraryError(f"{path} cannot be read ({error}); add its document again") from error

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove all other texts, and what killed processes left.

        Raises:
            DiskError: If they cannot be removed.
        """
        with telling(self._directory, "written"):
            keep_only(self._directory, wanted, _SUFFIX)

    def _path(self, sha256: str) -> Path:
        return self._directory / f"{sha256}{_SUFFIX}"
