"""Original files of a library's documents: those of a directory, or blobs of which this machine has copies to show."""

from collections.abc import Collection
from pathlib import Path
from typing import Protocol

from memorag_graph.disk_errors import telling
from memorag_graph.documents.kept_files import KeptFiles, is_kept
from memorag_graph.library.blobs import Blobs

_SUFFIX = ".pdf"


class Originals(Protocol):
    """Original files, each named by the SHA-256 of the text that was read from it.

    :class:`~memorag_graph.documents.kept_files.KeptFiles` are such, in a directory.
    """

    def add(self, text_sha256: str, file: Path) -> None:
        """Keep a copy of a file; nothing is done for formats without pages, or if it is there.

        Raises:
            InputError: If the file is missing, unreadable or too large.
            DiskError, UnavailableError: If it cannot be written.
        """

    def find(self, text_sha256: str) -> Path | None:
        """Return the file from which a text was read; None if it was not kept."""

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove the files of all other texts.

        Raises:
            DiskError, UnavailableError: If they cannot be removed.
        """


class SharedOriginals:
    """Original files as blobs, which other machines write and remove, too.

    Args:
        blobs: The files.
        copies: Those that were looked at on this machine.
    """

    def __init__(self, blobs: Blobs, copies: KeptFiles) -> None:
        self._blobs = blobs
        self._copies = copies

    def add(self, text_sha256: str, file: Path) -> None:
        """Keep a file, unless its format has no pages or it is there."""
        if is_kept(file):
            with telling(file, "read"):
                content = file.read_bytes()
            self._blobs.add(f"{text_sha256}{_SUFFIX}", content)

    def find(self, text_sha256: str) -> Path | None:
        """Return a copy of the file from which a text was read; None if it was not kept.

        Raises:
            DiskError: If the copy cannot be written.
            UnavailableError: If the store of the files does not answer.
        """
        if (copy := self._copies.find(text_sha256)) is not None:
            return copy
        try:
            content = self._blobs.read(f"{text_sha256}{_SUFFIX}")
        except FileNotFoundError:
            return None
        self._copies.write(text_sha256, content)
        return self._copies.find(text_sha256)

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove the files of all other texts, and their copies on this machine."""
        self._blobs.keep_only({f"{text_sha256}{_SUFFIX}" for text_sha256 in wanted})
        self._copies.keep_only(wanted)
