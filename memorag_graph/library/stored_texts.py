"""The texts of a library: blobs named by the SHA-256 of what they hold."""

import gzip
from collections.abc import Collection

from memorag_graph.errors import LibraryError, first_line
from memorag_graph.library.blobs import Blobs

_SUFFIX = ".txt.gz"


class StoredTexts:
    """Texts, compressed.

    Args:
        blobs: Where they lie.
    """

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def add(self, sha256: str, text: str) -> None:
        """Keep a text durably; one that is there already stays as it is.

        Raises:
            DiskError, UnavailableError: If it cannot be written.
        """
        self._blobs.add(f"{sha256}{_SUFFIX}", gzip.compress(text.encode(), compresslevel=1, mtime=0))

    def read(self, sha256: str) -> str:
        """Return a text.

        Raises:
            LibraryError: If it is missing or damaged.
            UnavailableError: If the store where it lies does not answer.
        """
        name = f"{sha256}{_SUFFIX}"
        try:
            return gzip.decompress(self._blobs.read(name)).decode()
        except (OSError, EOFError, ValueError) as error:
            place = self._blobs.place(name)
            raise LibraryError(f"{place} cannot be read ({first_line(error)}); add its document again") from error

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove all other texts, and what killed processes left.

        Raises:
            DiskError, UnavailableError: If they cannot be removed.
        """
        self._blobs.keep_only({f"{sha256}{_SUFFIX}" for sha256 in wanted})
