"""Files of one directory that change together: a reader finds all of the old or all of the new.

New contents are written beside the old as ``NAME.memorag-new``. The change happens at one rename, that of
``manifest.next.json``; from then on a reader takes ``NAME.memorag-new`` where it exists, and whoever writes next
finishes the renames and removals that are left.
"""

import hashlib
import json
import os
import tempfile
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from filelock import FileLock

from memorag_graph.errors import MemoryFileError, MemoryUnreadableError
from memorag_graph.memory.storage.checksums import describe_file, is_as_described

MANIFEST = "manifest.json"
LOCK = ".lock"
_NEXT = "manifest.next.json"
_NEW = ".memorag-new"
_SEAL = "sha256"

Writer = Callable[[Path], None]

FileCheck = Literal["full", "size"]
"""How closely a file is compared with its manifest."""


def write_together(directory: Path, writers: Mapping[str, Writer], manifest: Mapping[str, Any]) -> None:
    """Replace files of a directory and their manifest in one step.

    Args:
        directory: Where to; created if needed. Other files in it are left alone.
        writers: Per file name, a function that writes the file to the path it is given.
        manifest: What to say about the files; their sizes and hashes are added under ``"files"``.
    """
    directory.mkdir(parents=True, exist_ok=True)
    with FileLock(directory / LOCK):
        _finish_change(directory)
        try:
            _write_new(directory, writers, manifest)
        finally:  # what was not decided is removed: a full disk is not left full
            _finish_change(directory)


def _write_new(directory: Path, writers: Mapping[str, Writer], manifest: Mapping[str, Any]) -> None:
    """Write new contents beside the old and decide the change."""
    files = {}
    for name, write in writers.items():
        path = directory / f"{name}{_NEW}"
        write(path)
        _sync(path)
        files[name] = describe_file(path)
    text = json.dumps(_sealed({**manifest, "files": files}), ensure_ascii=False, indent=1)
    written = directory / f"{MANIFEST}{_NEW}"
    written.write_text(text, encoding="utf-8")
    _sync(written)
    os.replace(written, directory / _NEXT)
    _sync(directory)


def require_free(directory: Path, names: Iterable[str]) -> None:
    """Check that no file that is no memory's would be replaced.

    Args:
        directory: Where files are to be written.
        names: Their names.

    Raises:
        MemoryFileError: Naming such a file.
    """
    manifests = [path for name in (MANIFEST, _NEXT) if (path := directory / name).exists()]
    others = [path for path in manifests if not _may_be_ours(path)]
    if not manifests:
        others = [directory / name for name in names if (directory / name).exists()]
    if others:
        raise MemoryFileError(f"{others[0]} is no part of a memory and would be replaced; use another directory")


def _may_be_ours(manifest: Path) -> bool:
    """Tell whether a manifest is a memory's, perhaps a damaged one."""
    try:
        content = json.loads(manifest.read_bytes())
    except (OSError, ValueError):
        return True
    return content == {} or (
        isinstance(content, dict) and not content.keys().isdisjoint(("memory_id", "format", "files"))
    )


def require_writable(directory: Path) -> None:
    """Make a directory and check, before long work, that files can be written there.

    Raises:
        MemoryFileError: If they cannot.
    """
    try:
        directory.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=directory):
            pass
    except OSError as error:
        raise MemoryFileError(f"{directory} cannot be written ({error}); give another --save-dir") from None


def finish_change(directory: Path) -> None:
    """Carry through a change that was decided but not finished, and remove what an undecided one left."""
    with FileLock(directory / LOCK):
        _finish_change(directory)


def _finish_change(directory: Path) -> None:
    decided = (directory / _NEXT).exists()
    if decided:
        for name in _listed(directory / MANIFEST) - _listed(directory / _NEXT):
            (directory / name).unlink(missing_ok=True)
    for path in sorted(directory.glob(f"*{_NEW}")):
        if decided and path.name != f"{MANIFEST}{_NEW}":
            os.replace(path, path.with_suffix(""))
        else:
            path.unlink()
    if decided:
        os.replace(directory / _NEXT, directory / MANIFEST)
    _sync(directory)


def _listed(manifest: Path) -> set[str]:
    """Return the files that a manifest lists; none for one that is missing or damaged."""
    try:
        return set(_read(manifest)["files"])
    except (OSError, ValueError, KeyError):
        return set()


def read_manifest(directory: Path) -> dict[str, Any]:
    """Return the manifest that is in force.

    Raises:
        MemoryFileError: If there is none or it is damaged.
        MemoryUnreadableError: If it cannot be read.
    """
    for name in (_NEXT, MANIFEST):
        try:
            return _read(directory / name)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            raise _unreadable(directory / name, error) from None
        except ValueError as error:
            raise MemoryFileError(f"{directory / name} is damaged ({error}); memorize the document again") from None
    if not directory.is_dir():
        raise MemoryFileError(f"{directory} does not exist; make a memory there with: memorag-graph memorize FILE")
    raise MemoryFileError(
        f"{directory} holds no complete memory ({MANIFEST} is missing); make one with: memorag-graph memorize FILE"
    )


def _read(path: Path) -> dict[str, Any]:
    """Read a manifest.

    Raises:
        OSError: If it cannot be read.
        ValueError: If it is not what was written.
    """
    manifest = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(manifest, dict) or manifest != _sealed(manifest):
        raise ValueError("its contents do not match its hash")
    if any(Path(name).name != name for name in manifest["files"]):
        raise ValueError("it lists files outside its directory")
    return manifest


def _sealed(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with the hash of everything else that it says."""
    said = {key: value for key, value in manifest.items() if key != _SEAL}
    return {**said, _SEAL: hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()}


def open_verified(directory: Path, name: str, manifest: Mapping[str, Any], check: FileCheck = "full") -> Path:
    """Return the path of a file that is what the manifest says.

    Args:
        directory: Where it is.
        name: Its name.
        manifest: The manifest in force.
        check: ``"full"`` compares size and SHA-256, ``"size"`` the size alone.

    Raises:
        MemoryFileError: If it is missing or differs, saying how.
        MemoryUnreadableError: If it cannot be read.
    """
    expected = manifest["files"].get(name)
    if expected is None:
        raise MemoryFileError(f"{directory / MANIFEST} does not list {name}; memorize the document again")
    difference = "is missing"
    renamed_last = [directory / f"{name}{_NEW}"] if (directory / _NEXT).exists() else []
    for path in (*renamed_last, directory / name):
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


def _unreadable(path: Path, error: OSError) -> MemoryUnreadableError:
    return MemoryUnreadableError(f"{path} cannot be read ({error}); check its permissions and its disk")


def unlisted(directory: Path, manifest: Mapping[str, Any]) -> list[Path]:
    """Return the files of a directory that belong to nothing that is known here."""
    known = {*manifest["files"], *(f"{name}{_NEW}" for name in manifest["files"]), MANIFEST, _NEXT}
    return [
        path
        for path in sorted(directory.iterdir())
        if path.is_file() and path.name not in known and not path.name.startswith(".")
    ]


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
