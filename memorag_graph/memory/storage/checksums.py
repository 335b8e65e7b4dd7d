"""Hashes of files that are too large to be hashed by one core."""

import hashlib
import mmap
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

BLOCK_BYTES = 1 << 24
"""Larger files are also hashed in blocks of so many bytes, which several cores compare at once."""


def describe_file(path: Path) -> dict[str, Any]:
    """Return the size of a file in bytes, its SHA-256, and that of each of its blocks where there are several."""
    size = path.stat().st_size
    if size <= BLOCK_BYTES:
        return {"bytes": size, "sha256": _sha256(path)}
    with ThreadPoolExecutor(1) as beside:
        whole = beside.submit(_sha256, path)
        return {"bytes": size, "blocks": _block_sha256s(path, size), "sha256": whole.result()}


def is_as_described(path: Path, described: Mapping[str, Any]) -> bool:
    """Tell whether a file of the described size has the described contents."""
    if "blocks" in described:
        return bool(_block_sha256s(path, described["bytes"]) == described["blocks"])
    return bool(_sha256(path) == described["sha256"])


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _block_sha256s(path: Path, size: int) -> list[str]:
    """Return the SHA-256 of each block of a file; none where it has another size."""
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size != size:  # replaced meanwhile
            return []
        return _mapped_sha256s(stream.fileno(), size)


def _mapped_sha256s(descriptor: int, size: int) -> list[str]:
    with (
        mmap.mmap(descriptor, size, access=mmap.ACCESS_READ) as mapped,
        memoryview(mapped) as view,
        ThreadPoolExecutor(os.cpu_count()) as pool,
    ):

        def block(start: int) -> str:
            with view[start : start + BLOCK_BYTES] as part:
                return hashlib.sha256(part).hexdigest()

        return list(pool.map(block, range(0, size, BLOCK_BYTES)))
