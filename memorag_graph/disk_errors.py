"""What to do when the operating system or SQLite cannot read or write a file."""

import errno
import re
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

from memorag_graph.errors import DiskError, MemoryFileError, MemoryUnreadableError, first_line

_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
_FORBIDDEN = (errno.EACCES, errno.EPERM, errno.EROFS)
_TOO_MANY = (errno.EMFILE, errno.ENFILE)
_NAMED = re.compile(r"\(os error (\d+)\)|in read-only mode: .* \((\d+)\)$")
"""How Rust and PyTorch end messages with the number of the operating system's error."""


def advice(error: OSError | sqlite3.Error) -> str:
    """Return what to do about an error, which depends on its cause."""
    if isinstance(error, sqlite3.Error):
        return _advice_on_sqlite(error)
    if error.errno in _FULL:
        return "free some space and try again"
    if error.errno in _FORBIDDEN:
        return "check its permissions"
    if error.errno == errno.ENOENT:
        return "check that its directory exists"
    if error.errno in _TOO_MANY:
        return "close some memories, or allow more open files (ulimit -n)"
    if error.errno == errno.ENOMEM:
        return "close other programs"
    if error.errno == errno.EIO:
        return "check its disk and try again"
    return "check its permissions and its disk"


def tells_damage(error: BaseException | None) -> bool:
    """Return whether SQLite says that a file is none of its databases, or is damaged."""
    return _sqlite_code(error) in (sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_CORRUPT)


def _sqlite_code(error: BaseException | None) -> int:
    return getattr(error, "sqlite_errorcode", sqlite3.SQLITE_ERROR) & 0xFF  # the lower byte is the primary code


def _advice_on_sqlite(error: sqlite3.Error) -> str:
    code = _sqlite_code(error)
    if tells_damage(error):
        return "it is damaged: restore it from a copy"
    if code == sqlite3.SQLITE_FULL:
        return "free some space and try again"
    if code in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED):
        return "try again when no other process uses it"
    return "check its permissions, its disk, the free space and how many files may be open (ulimit -n)"


def damaged_or_unreadable(path: Path, error: Exception) -> MemoryFileError:
    """Return the error of a memory's file that cannot be used: it is damaged, or the disk or the system fails."""
    cause = error if isinstance(error, OSError) else os_error_in(error)
    if cause is None or isinstance(cause, FileNotFoundError):  # replaced meanwhile
        return MemoryFileError(f"{path} is damaged ({first_line(error)}); memorize the document again")
    return MemoryUnreadableError(f"{path} cannot be read ({error}); {advice(cause)}")


def os_error_in(error: Exception) -> OSError | None:
    """Return the operating system's error that a library names in its message, or None."""
    named = _NAMED.search(str(error))
    return OSError(int(named[1] or named[2]), str(error)) if named else None


@contextmanager
def telling(path: Path, failed: Literal["read", "written"]) -> Iterator[None]:
    """Raise an error of the package that names a file, the reason and what to do.

    Raises:
        DiskError: If the operating system or SQLite raises an error.
    """
    try:
        yield
    except (OSError, sqlite3.Error) as error:
        raise DiskError(f"{path} cannot be {failed} ({error}); {advice(error)}") from error
