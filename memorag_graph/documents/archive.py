"""Open untrusted zip archives (DOCX, EPUB) within limits on their unpacked size."""

import io
import lzma
import zipfile
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from memorag_graph.errors import InputError, MissingExtraError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

MOST_UNPACKED = 1 << 30
"""Maximum bytes of all parts together."""

DAMAGE = (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, zlib.error, lzma.LZMAError)
"""Exceptions that reading a damaged archive raises."""

_UNTRUSTED: Any = {"resolve_entities": False, "no_network": True, "remove_comments": True, "remove_pis": True}
"""How XML is parsed: entities that it defines are not expanded, nothing outside is fetched."""

_MOST_PARTS = 20_000
_MOST_DIRECTORY = 4 << 20
_ENCRYPTED = 0x1


class DamagedXmlError(InputError):
    """XML that is not well-formed."""


class _Bounded(io.FileIO):
    """A file that limits the size of the archive's directory, which ``zipfile`` reads in one piece."""

    opening = True

    def read(self, size: int | None = -1, /) -> bytes:
        """Read bytes.

        Raises:
            zipfile.LargeZipFile: If too many are requested at once while the archive is opened.
        """
        if self.opening and size is not None and size > _MOST_DIRECTORY:
            raise zipfile.LargeZipFile
        return super().read(size) or b""


@contextmanager
def open_archive(path: Path, name: str) -> "Iterator[zipfile.ZipFile]":
    """Open an archive, as a context manager.

    ``zipfile`` unpacks no more of a part than the directory declares, so the declared sizes bound the work.

    Raises:
        InputError: If it is damaged, encrypted, or would unpack to too much.
    """
    with _Bounded(path) as stream:
        try:
            archive = zipfile.ZipFile(stream)
        except zipfile.LargeZipFile:
            raise InputError("file", f"{name} has more than {_MOST_PARTS:,} parts; split it") from None
        except (zipfile.BadZipFile, ValueError, NotImplementedError):
            raise InputError("file", f"{name} is damaged or was cut off; save or download it again") from None
        stream.opening = False
        with archive:
            _require_bounded(archive.infolist(), name)
            yield archive


def _require_bounded(parts: "list[zipfile.ZipInfo]", name: str) -> None:
    unpacked = sum(part.file_size for part in parts)
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        raise InputError("file", f"{name} is password-protected; save it without a password")
    if len(parts) > _MOST_PARTS or unpacked > MOST_UNPACKED:
        raise InputError(
            "file",
            f"{name} would unpack to {unpacked:,} bytes in {len(parts):,} parts; the limits are "
            f"{MOST_UNPACKED:,} bytes and {_MOST_PARTS:,} parts; split it",
        )


def read_part(archive: zipfile.ZipFile, part: str, name: str, most: int) -> bytes:
    """Return a part's bytes.

    Args:
        archive: The archive.
        part: Name of the part.
        name: Name of the archive, for messages.
        most: Maximum bytes of the part.

    Raises:
        InputError: If it is missing, damaged or too large.
    """
    try:
        found = archive.getinfo(part)
    except KeyError:
        raise InputError("file", f"{name} lacks its part {part}; save it again") from None
    if found.file_size > most:
        raise InputError("file", f"{part} of {name} has more than {most:,} bytes; split the document")
    try:
        return archive.read(part)
    except DAMAGE:
        raise InputError("file", f"{part} of {name} is damaged; save or download it again") from None


def read_xml(archive: zipfile.ZipFile, part: str, name: str, most: int) -> Any:  # noqa: ANN401 - an element
    """Return the root of an XML part; see :func:`read_part` and :func:`parse_xml`."""
    return parse_xml(read_part(archive, part, name, most), name)


def parse_xml(data: bytes, name: str, encoding: str | None = None) -> Any:  # noqa: ANN401 - an element
    """Return the root of untrusted XML; entities that it defines are not expanded, nothing outside is fetched.

    Args:
        data: The XML.
        name: Name of the file, for messages.
        encoding: Its encoding, instead of the one that it declares.

    Raises:
        DamagedXmlError: If it is damaged.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    try:
        from lxml import etree
    except ImportError:
        raise MissingExtraError(f"reading {name}", "documents") from None
    try:
        return etree.fromstring(data, etree.XMLParser(encoding=encoding, **_UNTRUSTED))
    except etree.XMLSyntaxError as error:
        raise DamagedXmlError("file", f"{name} is damaged ({error}); save or download it again") from None


def iterate_xml(archive: zipfile.ZipFile, part: str, name: str, most: int, tags: "Sequence[str]") -> "Iterator[Any]":
    """Yield the elements of an XML part with some tags, each as soon as it ends; those before it are forgotten.

    Raises:
        InputError: If it is missing, damaged, too large or not XML.
        MissingExtraError: If the extra ``documents`` is not installed.
    """
    try:
        from lxml import etree
    except ImportError:
        raise MissingExtraError(f"reading {name}", "documents") from None
    stream = io.BytesIO(read_part(archive, part, name, most))
    try:
        for _, element in etree.iterparse(stream, tag=tags, **_UNTRUSTED):
            yield element
            element.clear()
            while element.getprevious() is not None:
                del element.getparent()[0]
    except etree.XMLSyntaxError as error:
        raise InputError("file", f"{name} is damaged ({error}); save or download it again") from None
