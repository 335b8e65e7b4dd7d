"""What saved memories say of themselves; read without loading any of them."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from memorag_graph.errors import MemoryFileError, MemoryUnreadableError
from memorag_graph.memory.storage.transaction import MANIFEST, open_verified, read_manifest, unlisted
from memorag_graph.paths import memories_dir

FORMAT_VERSION = 2

_log = logging.getLogger(__name__)


def read_info(directory: Path) -> dict[str, Any]:
    """Return a saved memory's manifest.

    Raises:
        MemoryFileError: If there is none, it is damaged, or of an old format version.
        MemoryUnreadableError: If it is of a newer format version, or cannot be read.
    """
    manifest = read_manifest(directory)
    version = manifest.get("format")
    difference = f"{directory} has format version {version}, this program reads {FORMAT_VERSION}"
    if isinstance(version, int) and version > FORMAT_VERSION:
        raise MemoryUnreadableError(f"{difference}; upgrade memorag-graph, or use another directory")
    if version != FORMAT_VERSION:
        raise MemoryFileError(f"{difference}; memorize the document again")
    return manifest


def verify(directory: Path) -> dict[str, Any]:
    """Check every file of a saved memory against its manifest, and return the manifest.

    Raises:
        MemoryFileError: Naming every file that is missing, damaged or no part of the memory.
    """
    manifest = read_info(directory)
    faults = [f"{path} is no part of this memory; move it away" for path in unlisted(directory, manifest)]
    for name in manifest["files"]:
        try:
            open_verified(directory, name, manifest)
        except MemoryFileError as error:
            faults.append(str(error))
    if faults:
        raise MemoryFileError("\n".join(faults))
    return manifest


def remember_place(root: Path, memory_id: str, directory: Path) -> None:
    """Note in a store's root where a memory outside it is kept, so that its id is enough to find it."""
    with suppress(OSError):  # without a note, its directory finds it
        root.mkdir(parents=True, exist_ok=True)
        _note(root, memory_id).write_text(str(directory.resolve()), encoding="utf-8")


def find_memory(place: str | Path, root: Path | None = None) -> Path:
    """Return the directory of a memory from that directory or from the memory's id.

    Args:
        place: The directory or the id.
        root: Of the store that knows the id; by default the user's.

    Raises:
        MemoryFileError: If the id's memory is no longer where it was kept.
    """
    root, directory = root or memories_dir(), Path(place)
    try:
        if directory.exists():
            return directory
        inside = root / str(place)
        directory = inside if inside.is_dir() else Path(_note(root, str(place)).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # no such id
        return directory
    if read_info(directory)["memory_id"] != str(place):
        raise MemoryFileError(f"{directory} holds another memory than {place} now; memorize the document again")
    return directory


def _note(root: Path, memory_id: str) -> Path:
    return root / f"{memory_id}.place"


def find_memories(root: Path) -> list[dict[str, Any]]:
    """Return the manifests of all readable memories directly in a directory, each with its ``"place"``."""
    found = []
    for path in sorted(root.glob(f"*/{MANIFEST}")):
        try:
            found.append({"place": str(path.parent), **read_info(path.parent)})
        except MemoryFileError as error:
            _log.warning("left out: %s", error)
    return found
