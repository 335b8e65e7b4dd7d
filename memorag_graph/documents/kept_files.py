"""Original files of documents, kept beside what was read from them, so that their pages can be shown."""

from collections.abc import Collection
from pathlib import Path

from memorag_graph.disk_errors import telling
from memorag_graph.documents.file import open_file
from memorag_graph.documents.formats import is_pdf
from memorag_graph.private_files import keep_only, make_private_dir, remove_unfinished, write_private

KEPT = "originals"
"""Folder of a memory or a library for original files."""

_SUFFIX = ".pdf"
_UNFINISHED_SECONDS = 3600.0


def is_kept(file: Path) -> bool:
    """Return whether a file is of a format that is kept, as it has pages to show.

    Raises:
        InputError: If the file is missing, unreadable or too large.
    """
    return is_pdf(open_file(file, file.name, None, None))


class KeptFiles:
    """Original files in a directory, each named by the SHA-256 of the text that was read from it.

    Only PDF files are kept, as no other format has pages to show.

    Args:
        directory: The directory; made with the first file.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def add(self, text_sha256: str, file: Path) -> None:
        """Keep a copy of a file, readable by its owner alone; nothing is done for other formats, or if it is there.

        Raises:
            InputError: If the file is missing, unreadable or too large.
            DiskError: If the copy cannot be written.
        """
        if self._path(text_sha256).exists() or not is_kept(file):
            return
        with telling(file, "read"):
            content = file.read_bytes()
        self.write(text_sha256, content)

    def write(self, text_sha256: str, content: bytes) -> None:
        """Write the file of a text.

        Raises:
            DiskError: If it cannot be written.
        """
        path = self._path(text_sha256)
        with telling(path, "written"):
            make_private_dir(self._directory)
            remove_unfinished(path, _UNFINISHED_SECONDS)
            write_private(path, content)

    def find(self, text_sha256: str) -> Path | None:
        """Return the file from which a text was read; None if it was not kept."""
        path = self._path(text_sha256)
        return path if path.exists() else None

    def keep_only(self, wanted: Collection[str]) -> None:
        """Remove the files of all other texts, and what killed processes left.

        Raises:
            DiskError: If they cannot be removed.
        """
        with telling(self._directory, "written"):
            keep_only(self._directory, wanted, _SUFFIX)

    def _path(self, text_sha256: str) -> Path:
        return self._directory / f"{text_sha256}{_SUFFIX}"
