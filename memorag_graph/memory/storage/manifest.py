"""Read, verify and find manifests without loading the memories."""

import logging
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from memorag_graph.errors import MemoryFileError, MemoryUnreadableError
from memorag_graph.memory.storage.transaction import MANIFEST, NEXT_MANIFEST, open_verified, read_manifest, unlisted
from memorag_graph.paths import memories_dir
from memorag_graph.private_files import remove_unfinished, write_private

FORMAT_VERSION = 2
EMBEDDED = "embedded"
"""Key of a manifest: false while the chunks of a begun memory are found by their words alone."""

_PLACE = ".place"
_UNFINISHED_SECONDS = 3600.0

_log = logging.getLogger(__name__)


def read_info(directory: Path) -> dict[str, Any]:
    """Return a saved memory's manifest.

    Raises:
        MemoryFileError: If it is missing, damaged, or of an older format version.
        MemoryUnreadableError: If it is of a newer format version or cannot be read.
    """
    manifest = read_manifest(directory)
    require_known(manifest, str(directory))
    if (version := manifest.get("format")) != FORMAT_VERSION:
        raise MemoryFileError(f"{_difference(str(directory), version)}; memorize the document again")
    if not isinstance(manifest.get("memory_id"), str):
        raise MemoryFileError(f"{directory / MANIFEST} names no memory; memorize the document again")
    return manifest


def is_embedded(manifest: Mapping[str, Any]) -> bool:
    """Return whether the chunks of a saved memory are embedded, or never will be."""
    return bool(manifest.get(EMBEDDED, True))


def require_known(manifest: Mapping[str, Any], place: str) -> None:
    """Check that a manifest is of no newer format version.

    Raises:
        MemoryUnreadableError: If it is.
    """
    version = manifest.get("format")
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise MemoryUnreadableError(f"{_difference(place, version)}; upgrade memorag-graph, or use another directory")


def _difference(place: str, version: object) -> str:
    return f"{place} has format version {version}, but this program reads version {FORMAT_VERSION}"


def verify(directory: Path) -> dict[str, Any]:
    """Check every file of a saved memory against its manifest, and return the manifest.

    Raises:
        MemoryFileError: If any file is missing, damaged or not part of the memory; names them all.
    """
    manifest = read_info(directory)
    faults = [f"{path} is not part of this memory; move it elsewhere" for path in unlisted(directory, manifest)]
    for name in manifest["files"]:
        try:
            open_verified(directory, name, manifest)
        except MemoryFileError as error:
            faults.append(str(error))
    if faults:
        raise MemoryFileError("\n".join(faults))
    return manifest


def remember_place(root: Path, memory_id: str, directory: Path) -> None:
    """Record in a store's root where a memory outside it is saved, so that it can be found by id."""
    with suppress(OSError):  # the memory can still be opened by its directory
        write_private(_place_record(root, memory_id), str(directory.resolve()).encode("utf-8", "surrogateescape"))


def is_remembered(root: Path, memory_id: str, directory: Path) -> bool:
    """Return whether :func:`remember_place` recorded that a memory is saved in a directory."""
    try:
        return Path(_place_record(root, memory_id).read_text(encoding="utf-8")) == directory.resolve()
    except (OSError, ValueError):
        return False


def find_memory(place: str | Path, root: Path | None = None) -> Path:
    """Return a memory's directory, given that directory or the memory's id.

    Args:
        place: The directory or the id.
        root: Root of the store in which to look up the id; by default the user's.

    Raises:
        MemoryFileError: If the memory is no longer where it was saved.
    """
    root, directory = root or memories_dir(), Path(place)
    try:
        if directory.exists():
            return directory
        inside = root / str(place)
        directory = inside if inside.is_dir() else Path(_place_record(root, str(place)).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # unknown id
        return directory
    if read_info(directory)["memory_id"] != str(place):
        raise MemoryFileError(f"{directory} now holds another memory than {place}; memorize the document again")
    return directory


def drop_stale_places(root: Path) -> None:
    """Delete the records of memories that are no longer where they were saved.

    Raises:
        OSError: If a record cannot be deleted.
    """
    for record in root.glob(f"*{_PLACE}"):
        try:
            stale = read_info(Path(record.read_text(encoding="utf-8")))["memory_id"] != record.stem
        except MemoryUnreadableError:
            continue
        except (MemoryFileError, OSError, ValueError):
            stale = True
        if stale:
            record.unlink(missing_ok=True)
    remove_unfinished(root / f"*{_PLACE}", _UNFINISHED_SECONDS)


def _place_record(root: Path, memory_id: str) -> Path:
    return root / f"{memory_id}{_PLACE}"


def last_written(directory: Path) -> float:
    """Return when a saved memory was last written or, in a store, used: seconds since the epoch; 0 if it is gone."""
    for name in (NEXT_MANIFEST, MANIFEST):
        with suppress(OSError):
            return (directory / name).stat().st_mtime
    return 0.0


def find_memories(root: Path) -> list[dict[str, Any]]:
    """Return the manifests of all readable memories in the folders of a directory, each with its ``"place"``.

    Hidden folders, such as those that are being removed, hold none.
    """
    found = []
    manifests = [path for name in (MANIFEST, NEXT_MANIFEST) for path in root.glob(f"[!.]*/{name}")]
    for directory in sorted({path.parent for path in manifests}):
        try:
            found.append({"place": str(directory), **read_info(directory)})
        except MemoryFileError as error:
            _log.warning("skipped: %s", error)
    return found
