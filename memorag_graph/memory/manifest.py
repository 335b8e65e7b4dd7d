"""What saved memories say of themselves; read without loading any of them."""

import logging
from contextlib import suppress
from pathlib import Path
from typing import Any

from memorag_graph.errors import MemoryFileError
from memorag_graph.memory.atomic import MANIFEST, open_verified, read_manifest, unlisted
from memorag_graph.paths import memories_dir

FORMAT_VERSION = 1

_log = logging.getLogger(__name__)


def read_info(directory: Path) -> dict[str, Any]:
    """Return a saved memory's manifest.

    Raises:
        MemoryFileError: If there is none, it is damaged, or of another format version.
    """
    manifest = read_manifest(directory)
    version = manifest.get("format")
    if version != FORMAT_VERSION:
        raise MemoryFileError(
            f"{directory} has format version {version}, this program reads {FORMAT_VERSION}; "
            + ("upgrade memorag-graph" if _is_newer(version) else "memorize the document again")
        )
    return manifest


def _is_newer(version: object) -> bool:
    return isinstance(version, int) and version > FORMAT_VERSION


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


def remember_place(memory_id: str, directory: Path) -> None:
    """Note where a memory is kept, so that its id is enough to find it."""
    if directory != memories_dir() / memory_id:
        with suppress(OSError):  # without a note, its directory finds it
            memories_dir().mkdir(parents=True, exist_ok=True)
            _note(memory_id).write_text(str(directory.resolve()), encoding="utf-8")


def find_memory(place: str | Path) -> Path:
    """Return the directory of a memory from that directory or from the memory's id.

    Raises:
        MemoryFileError: If the id's memory is no longer where it was kept.
    """
    try:
        if Path(place).exists():
            return Path(place)
        if (memories_dir() / str(place)).is_dir():
            return memories_dir() / str(place)
        noted = _note(str(place)).read_text(encoding="utf-8")
    except (OSError, ValueError):  # no such id
        return Path(place)
    directory = Path(noted)
    if read_info(directory)["memory_id"] != str(place):
        raise MemoryFileError(f"{directory} holds another memory than {place} now; memorize the document again")
    return directory


def _note(memory_id: str) -> Path:
    return memories_dir() / f"{memory_id}.place"


def find_memories(root: Path) -> list[dict[str, Any]]:
    """Return the manifests of all readable memories directly in a directory, each with its ``"place"``."""
    found = []
    for path in sorted(root.glob(f"*/{MANIFEST}")):
        try:
            found.append({"place": str(path.parent), **read_info(path.parent)})
        except MemoryFileError as error:
            _log.warning("left out: %s", error)
    return found
