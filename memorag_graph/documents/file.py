"""A file to read: its name, its first bytes, and how the caller wants it read."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePath
from typing import TYPE_CHECKING

from memorag_graph.documents.archive import open_archive
from memorag_graph.documents.plain_text import decode
from memorag_graph.errors import InputError

if TYPE_CHECKING:
    from PIL.Image import Image

MOST_BYTES = 200 * 1000 * 1000
"""Maximum bytes of a file."""

_HEAD = 4096
_SPACE = b"\xef\xbb\xbf \t\r\n"
"""White space and the bytes of a UTF-8 byte order mark."""

_ZIP = (b"PK\x03\x04", b"PK\x05\x06", b"PK\x07\x08")


@dataclass(frozen=True)
class File:
    """A file that is being read.

    Attributes:
        path: Where it is.
        name: What messages call it; its suffix counts as the file's.
        head: Its first bytes.
        encoding: Encoding of its text as the caller gave it; None to find it.
        ocr: Reads page images.
    """

    path: Path
    name: str
    head: bytes
    encoding: str | None = None
    ocr: "Callable[[Image], str] | None" = None

    @property
    def suffix(self) -> str:
        """Suffix of the name in lower case, with its dot."""
        return PurePath(self.name).suffix.lower()

    @property
    def start(self) -> bytes:
        """First bytes after white space and a byte order mark."""
        return self.head.lstrip(_SPACE)

    @property
    def is_archive(self) -> bool:
        """Whether it is a ZIP archive."""
        return self.head.startswith(_ZIP)

    @cached_property
    def parts(self) -> frozenset[str]:
        """Names of the parts of a ZIP archive; none for other files.

        Raises:
            InputError: If the archive is damaged, encrypted or too large.
        """
        if not self.is_archive:
            return frozenset()
        with open_archive(self.path, self.name) as archive:
            return frozenset(archive.namelist())

    def data(self, most: int = MOST_BYTES) -> bytes:
        """Return its bytes.

        Raises:
            InputError: If there are more than ``most``.
        """
        data = self.path.read_bytes()
        if len(data) > most:
            raise InputError("file", f"{self.name} has more than {most:,} bytes; split it")
        return data

    def text(self, declared: str | None = None, most: int = MOST_BYTES) -> str:
        """Return its text, in the encoding that the caller gave, else in the one that the file declares or that fits.

        Raises:
            InputError: If it is no text, is too large, or the caller's encoding does not fit.
        """
        return decode(self.data(most), self.name, declared, self.encoding)


def open_file(path: str | Path, name: str | None, encoding: str | None, ocr: "Callable[[Image], str] | None") -> File:
    """Look at the first bytes of a file.

    Raises:
        InputError: If it is missing, unreadable or too large.
    """
    path = Path(path)
    name = str(path) if name is None else name
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            head = stream.read(_HEAD)
    except FileNotFoundError:
        raise InputError("file", f"{name} does not exist; check the path") from None
    except (OSError, ValueError) as error:
        raise InputError("file", f"{name} cannot be read ({error}); give a readable file") from None
    if size > MOST_BYTES:
        raise InputError("file", f"{name} has {size:,} bytes; the limit is {MOST_BYTES:,}; split it")
    return File(path, name, head, encoding, ocr)
