"""Who may read the files of the package: only the owner in a private folder, whoever may read the folder elsewhere."""

import os
import tempfile
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
    return directory.stat().st_mode & 0o666


def protect(path: Path) -> None:
    """Give a file the mode of :func:`file_mode`.

    Raises:
        OSError: If it is not the caller's.
    """
    os.chmod(path, file_mode(path.parent))


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
        os.unlink(name)
        raise
