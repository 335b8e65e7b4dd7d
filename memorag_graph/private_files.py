"""Who may read the files of the package: only the owner in a private folder, whoever may read the folder elsewhere."""

import os
import stat
import tempfile
import time
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

_DIRECTORY = 0o700


def make_private_dir(directory: Path) -> None:
    """Create a directory and its missing parents, open to its owner alone; an existing one is left as it is.

    Raises:
        OSError: If it cannot be created.
    """
    if not directory.parent.is_dir():
        make_private_dir(directory.parent)
    directory.mkdir(mode=_DIRECTORY, exist_ok=True)


def file_mode(directory: Path) -> int:
    """Return the mode of files in a directory: they are as readable and writable as the directory.

    Raises:
        OSError: If the directory does not exist.
    """
    mode = directory.stat().st_mode
    return mode & (0o600 if mode & stat.S_ISVTX else 0o666)  # in a shared folder like /tmp, for the owner alone


def protect(path: Path) -> None:
    """Give a file the mode of :func:`file_mode`.

    Raises:
        OSError: If it is not the caller's.
    """
    os.chmod(path, file_mode(path.parent))


def remove_unfinished(path: Path, age: float = 0.0) -> None:
    """Remove what killed calls of :func:`write_private` left.

    Args:
        path: The file that they were writing.
        age: Seconds for which a file must have been left; 0 if nobody can be writing.

    Raises:
        OSError: If it cannot be removed.
    """
    for left in path.parent.glob(f".{path.name}-*"):
        with suppress(FileNotFoundError):  # removed or finished meanwhile
            if time.time() - left.stat().st_mtime >= age:
                left.unlink()


def keep_only(directory: Path, names: Collection[str], suffix: str) -> None:
    """Remove the files of a directory but those of these names with a suffix; nothing if there is no directory.

    Raises:
        OSError: If one cannot be removed.
    """
    with suppress(FileNotFoundError):
        for name in os.listdir(directory):
            if name.removesuffix(suffix) not in names:
                (directory / name).unlink(missing_ok=True)


def write_private(path: Path, content: bytes) -> None:
    """Replace a file atomically by one that only its owner can read.

    Raises:
        OSError: If it cannot be written; the old file is left unchanged.
    """
    make_private_dir(path.parent)
    handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}-")  # mode 0600
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(name, path)
    except BaseException:
        with suppress(OSError):  # the first error tells more
            os.unlink(name)
        raise
    sync_directory(path.parent)


def sync_directory(directory: Path) -> None:
    """Make the names in a directory durable.

    Raises:
        OSError: If they cannot be.
    """
    descriptor = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
