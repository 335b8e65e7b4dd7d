"""What saved memories say of themselves; read without loading any of them."""

from pathlib import Path
from typing import Any

from memorag_graph.errors import MemoryFileError
from memorag_graph.memory.atomic import MANIFEST, open_verified, read_manifest
from memorag_graph.paths import memories_dir

FORMAT_VERSION = 1


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
            "memorize the document again"
        )
    return manifest


def verify(directory: Path) -> dict[str, Any]:
    """Check every file of a saved memory against its manifest, and return the manifest.

    Raises:
        MemoryFileError: Naming the file that is missing or damaged.
    """
    manifest = read_info(directory)
    for name in manifest["files"]:
        open_verified(directory, name, manifest)
    return manifest


def find_memory(place: str | Path) -> Path:
    """Return the directory of a memory from a directory or the id of a memory in the user's directory."""
    kept = memories_dir() / str(place)
    return kept if not Path(place).exists() and kept.is_dir() else Path(place)


def find_memories(root: Path) -> list[dict[str, Any]]:
    """Return the manifests of all memories directly in a directory, each with its ``"place"``."""
    places = sorted(path.parent for path in root.glob(f"*/{MANIFEST}"))
    return [{"place": str(place), **read_info(place)} for place in places]
