"""Check before long work that a memory fits the device's memory and the disk."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from memorag_graph.errors import NoRoomError
from memorag_graph.ram import size
from memorag_graph.settings import KVStorage, MemorySettings

_LEAST_STORED: Mapping[KVStorage, float] = {"exact": 1.0, "float16": 0.5, "int8": 0.25, "int4": 0.14}
"""Least share of the bytes of keys and values that a file takes; less is saved of 16-bit values."""


def require_room_to_build(
    tokens: int, token_bytes: int, settings: MemorySettings, free: int, place: Path | None
) -> None:
    """Check that a new memory fits.

    Args:
        tokens: Tokens of the memory.
        token_bytes: Bytes of the keys and values of a token.
        settings: How the memory is built.
        free: Free bytes of the device that holds keys and values.
        place: Existing directory that the memory is saved to; None if it is not saved.

    Raises:
        NoRoomError: If it does not; says the sizes.
    """
    held = int(tokens * token_bytes * settings.kv_keep)
    stored = int(held * _LEAST_STORED[settings.kv_storage])
    needed = held if settings.kv_storage == "exact" else held + stored
    what = f"the memory has about {tokens:,} tokens, whose keys and values need"
    smaller = "use kind gist, a lower kv_keep or a smaller document"
    if needed > free:
        raise NoRoomError(f"{what} {size(needed)}, but {size(free)} of the device's memory are free; {smaller}")
    if place is not None and stored > (disk := shutil.disk_usage(place).free):
        raise NoRoomError(
            f"{what} {size(stored)} on disk, but {size(disk)} are free at {place}; free some space, give another "
            f"--save-dir, or {smaller}"
        )


def require_room_to_open(manifest: Mapping[str, Any], device: str, free: int) -> None:
    """Check that a saved memory fits; on CPUs, keys and values stored exactly are read from their file when needed.

    Args:
        manifest: The memory's manifest.
        device: Device that holds keys and values.
        free: Its free bytes.

    Raises:
        NoRoomError: If it does not; says the sizes.
    """
    storage = manifest["settings"].get("kv_storage", "exact")
    if storage == "exact" and device == "cpu":
        return
    stored = sum(manifest["files"][shard["file"]]["bytes"] for shard in manifest["shards"])
    needed = int(stored / _LEAST_STORED[storage])
    if manifest["identity"]["dtype"] != "float32" and storage != "exact":
        needed //= 2
    if needed > free:
        raise NoRoomError(
            f"the keys and values of memory {manifest['memory_id']} need {size(needed)}, but {size(free)} of the "
            "device's memory are free; close other programs, or use a machine with more memory"
        )
