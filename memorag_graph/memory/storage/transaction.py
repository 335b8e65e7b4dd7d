"""Replace several files of a directory atomically: a reader sees either all old files or all new ones.

New contents are written beside the old as ``NAME.memorag-new``, by way of a folder in which libraries may leave
temporary files when the process is killed. Renaming the new manifest to ``manifest.next.json`` commits the change: from
then on a reader prefers ``NAME.memorag-new``, and the next writer completes the remaining renames and deletions. A
directory per generation would be simpler, but the files have to lie directly in the directory.
"""

import json
import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from memorag_graph.disk_errors import advice
from memorag_graph.errors import MemoryFileError, MemoryUnreadableError
from memorag_graph.memory.storage.checksums import describe_file, is_as_described
from memorag_graph.memory.storage.sealed_manifest import sealed, unsealed
from memorag_graph.private_files import file_mode, protect

MANIFEST = "manifest.json"
LOCK = ".lock"
NEXT_MANIFEST = "manifest.next.json"
_NEW = ".memorag-new"
_UNFINISHED = f".unfinished{_NEW}"

Writer = Callable[[Path], object]

FileCheck = Literal["full", "size"]
"""What a file is compared with its manifest by: size and SHA-256 (``"full"``), or size only."""


def write_together(directory: Path, writers: Mapping[str, Writer], manifest: Mapping[str, Any]) -> None:
    """Replace the files of a directory and their manifest atomically.

    Args:
        directory: Directory to write to; created if needed. Its other files are left unchanged.
        writers: Per file name, a function that writes the file to a given path.
        manifest: The manifest; sizes and hashes of the files are added under ``"files"``.

    Raises:
        OSError: If the directory cannot be written; then it has all old files or all new ones.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / LOCK, mode=file_mode(directory)):
        _finish_change(directory)
        try:
            _write_new(directory, writers, manifest)
        except BaseException:
            _finish_change(directory)  # removes uncommitted files, so that a full disk does not stay full
            raise
        with suppress(OSError):  # the change is committed; the next writer completes it
            _finish_change(directory)


def _write_new(directory: Path, writers: Mapping[str, Writer], manifest: Mapping[str, Any]) -> None:
    """Write new contents beside the old and commit the change."""
    unfinished, files = directory / _UNFINISHED, {}
    unfinished.mkdir()

    def write_beside(name: str, write: Writer) -> Path:
        write(unfinished / name)
        _sync(unfinished / name)
        path = directory / f"{name}{_NEW}"
        os.replace(unfinished / name, path)
        protect(path)
        return path

    for name, write in writers.items():
        files[name] = describe_file(write_beside(name, write))
    content = sealed({**manifest, "files": files})
    written = write_beside(MANIFEST, lambda path: path.write_bytes(content))
    unfinished.rmdir()
    _sync(directory)  # after a power failure, the new manifest must not be there without the new files
    os.replace(written, directory / NEXT_MANIFEST)
    _sync(directory)


def require_free(directory: Path, names: Iterable[str]) -> None:
    """Check that no file that belongs to something else would be replaced.

    Args:
        directory: Directory to write to.
        names: Names of the files to be written.

    Raises:
        MemoryFileError: If one would be; names it.
        MemoryUnreadableError: If the directory cannot be read.
    """
    try:
        manifests = [path for name in (MANIFEST, NEXT_MANIFEST) if (path := directory / name).exists()]
        others = [path for path in manifests if not _may_be_ours(path)]
        if not manifests:
            others = [directory / name for name in names if (directory / name).exists()]
    except OSError as error:
        raise _unreadable(directory, error) from None
    if others:
        raise MemoryFileError(f"{others[0]} is not part of a memory and would be replaced; use another directory")


def _may_be_ours(manifest: Path) -> bool:
    """Return whether a file looks like a memory's manifest, possibly a damaged one."""
    try:
        content = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return True
    return content == {} or (
        isinstance(content, dict) and not content.keys().isdisjoint(("memory_id", "format", "files"))
    )


def require_writable(directory: Path) -> None:
    """Create a directory and check, before long work, that it can be written.

    Raises:
        MemoryFileError: If it cannot.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise MemoryFileError(
            f"{directory} cannot be written ({error}); {advice(error)} or give another --save-dir"
        ) from None


def finish_change(directory: Path) -> None:
    """Complete a committed change of a killed writer, or remove the files of an uncommitted one."""
    with FileLock(directory / LOCK, mode=file_mode(directory)):
        _finish_change(directory)


def _finish_change(directory: Path) -> None:
    names = set(os.listdir(directory))  # unlike glob, raises an error if the directory cannot be read
    committed = NEXT_MANIFEST in names
    if committed:
        for name in _dropped(directory):
            (directory / name).unlink(missing_ok=True)
    for name in sorted(name for name in names if name.endswith(_NEW)):
        path = directory / name
        if name == _UNFINISHED:
            shutil.rmtree(path)
        elif committed and name != f"{MANIFEST}{_NEW}":
            os.replace(path, path.with_suffix(""))
        else:
            path.unlink()
    if committed:
        _sync(directory)  # after a power failure, the new manifest must not be there without the new files
        os.replace(directory / NEXT_MANIFEST, directory / MANIFEST)
    _sync(directory)


def _dropped(directory: Path) -> set[str]:
    """Return the files that only the old manifest of a committed change lists; none if either is missing or damaged.

    Raises:
        OSError: If a manifest cannot be read.
    """
    try:
        return set(_read(directory / MANIFEST)["files"]) - set(_read(directory / NEXT_MANIFEST)["files"])
    except (FileNotFoundError, ValueError):
        return set()


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return the current manifest.

    Raises:
        MemoryFileError: If it is missing or damaged.
        MemoryUnreadableError: If it cannot be read.
    """
    for name in (NEXT_MANIFEST, MANIFEST):
        try:
            return _read(directory / name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _unreadable(directory / name, error) from None
        except ValueError as error:
            raise MemoryFileError(f"{directory / name} is damaged ({error}); memorize the document again") from None
    try:
        is_file, exists = directory.is_file(), directory.is_dir()
    except OSError as error:
        raise _unreadable(directory, error) from None
    how = f"make one with: memorag-graph memorize {directory if is_file else 'FILE'}"
    if is_file:
        raise MemoryFileError(f"{directory} is a file, not a memory; {how}")
    if not exists:
        raise MemoryFileError(f"{directory} does not exist; see memorag-graph list, or {how}")
    raise MemoryFileError(f"{directory} holds no complete memory ({MANIFEST} is missing); {how}")


def _read(path: Path) -> dict[str, Any]:
    """Read a manifest.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is damaged.
    """
    return unsealed(path.read_bytes())


def open_verified(directory: Path, name: str, manifest: Mapping[str, Any], check: FileCheck = "full") -> Path:
    """Return the path of a file after comparing it with the manifest.

    Args:
        directory: The memory's directory.
        name: The file's name.
        manifest: The current manifest.
        check: ``"full"`` compares size and SHA-256, ``"size"`` only the size.

    Raises:
        MemoryFileError: If it is missing or differs; says how.
        MemoryUnreadableError: If it cannot be read.
    """
    expected = manifest["files"].get(name)
    if expected is None:
        raise MemoryFileError(f"{directory / MANIFEST} does not list {name}; memorize the document again")
    difference = "is missing"
    not_renamed = [directory / f"{name}{_NEW}"] if is_committed(directory) else []
    for path in (*not_renamed, directory / name):
        try:
            size = path.stat().st_size
            if size != expected["bytes"]:
                difference = f"is damaged: it has {size:,} bytes instead of {expected['bytes']:,}"
            elif check == "full" and not is_as_described(path, expected):
                difference = "is damaged: its contents do not match its SHA-256"
            else:
                return path
        except FileNotFoundError:
            continue
        except OSError as error:
            raise _unreadable(path, error) from None
    raise MemoryFileError(f"{directory / name} {difference}; memorize the document again")


def is_committed(directory: Path) -> bool:
    """Return whether a change is committed but not complete.

    Raises:
        MemoryUnreadableError: If that cannot be known; ``Path.exists`` takes some errors for no.
    """
    try:
        os.stat(directory / NEXT_MANIFEST)
    except FileNotFoundError:
        return False
    except OSError as error:
        raise _unreadable(directory / NEXT_MANIFEST, error) from None
    return True


def _unreadable(path: Path, error: OSError) -> MemoryUnreadableError:
    return MemoryUnreadableError(f"{path} cannot be read ({error}); {advice(error)}")


def unlisted(directory: Path, manifest: Mapping[str, Any]) -> list[Path]:
    """Return the files of a directory that are not part of its memory.

    Raises:
        MemoryUnreadableError: If the directory cannot be read.
    """
    try:
        known = {*manifest["files"], *_dropped(directory), MANIFEST, NEXT_MANIFEST}
        paths = [path for path in sorted(directory.iterdir()) if path.is_file() and path.suffix != _NEW]
    except OSError as error:
        raise _unreadable(directory, error) from None
    return [path for path in paths if path.name not in known and not path.name.startswith(".")]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
