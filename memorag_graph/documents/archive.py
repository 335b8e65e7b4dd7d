"""Zip archives that strangers sent (DOCX and EPUB are such): opened only where unpacking them is bounded."""

import zipfile
import zlib
from pathlib import Path

from memorag_graph.errors import InputError

MOST_UNPACKED = 1 << 30
"""Bytes of all parts together."""

DAMAGE = (zipfile.BadZipFile, EOFError, OSError, NotImplementedError, zlib.error)
"""What reading a part of a damaged archive raises."""

_MOST_PARTS = 20_000
_ENCRYPTED = 0x1


def open_archive(path: Path, name: str) -> zipfile.ZipFile:
    """Open an archive.

    ``zipfile`` reads no more of a part than the archive's directory says, so what that says bounds the work.

    Raises:
        InputError: If it is damaged or encrypted, or would become too large.
    """
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, ValueError, NotImplementedError):
        raise InputError("file", f"{name} is damaged or was cut off; save or download it again") from None
    parts = archive.infolist()
    unpacked = sum(part.file_size for part in parts)
    if any(part.flag_bits & _ENCRYPTED for part in parts):
        archive.close()
        raise InputError("file", f"{name} is protected by a password; save it without one")
    if len(parts) > _MOST_PARTS or unpacked > MOST_UNPACKED:
        archive.close()
        raise InputError(
            "file",
            f"{name} would unpack to {unpacked:,} bytes in {len(parts):,} parts, of which {MOST_UNPACKED:,} and "
            f"{_MOST_PARTS:,} are read; split it",
        )
    return archive


def read_part(archive: zipfile.ZipFile, part: str, name: str, most: int) -> bytes:
    """Return a part's bytes.

    Args:
        archive: The archive.
        part: The part's name in it.
        name: The archive's name.
        most: Bytes that a part of this kind may have.

    Raises:
        InputError: If it is missing, damaged or too large.
    """
    if part not in archive.namelist():
        raise InputError("file", f"{name} lacks its part {part}; save it again")
    require_small(archive.getinfo(part), name, most)
    try:
        return archive.read(part)
    except DAMAGE:
        raise InputError("file", f"{part} of {name} is damaged; save or download it again") from None


def require_small(part: zipfile.ZipInfo, name: str, most: int) -> None:
    """Refuse a part of more than so many bytes, before it is read.

    Raises:
        InputError: If it has more.
    """
    if part.file_size > most:
        raise InputError("file", f"{part.filename} of {name} has more than {most:,} bytes; split the document")
