"""Hash large files on several cores."""

import hashlib
import mmap
import os
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

BLOCK_BYTES = 1 << 24
"""Block size in bytes; larger files are also hashed block by block, so that several cores can check them."""


def describe_file(path: Path) -> dict[str, Any]:
    """Return a file's size in bytes, its SHA-256 and, if it has several blocks, the SHA-256 of each block."""
    size = path.stat().st_size
    if size <= BLOCK_BYTES:
        return {"bytes": size, "sha256": _sha256(path)}
    with ThreadPoolExecutor(1) as background:
        whole = background.submit(_sha256, path)
        return {"bytes": size, "blocks": _block_sha256s(path, size), "sha256": whole.result()}


def is_as_described(path: Path, described: Mapping[str, Any]) -> bool:
    """Return whether a file of the described size has the described contents."""
    if "blocks" in described:
        return bool(_block_sha256s(path, described["bytes"]) == described["blocks"])
    return bool(_sha256(path) == described["sha256"])


def _sha256(path: Path) -> str:
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _block_sha256s(path: Path, size: int) -> list[str]:
    """Return the SHA-256 of each block of a file; empty if its size differs."""
    with path.open("rb") as stream:
        if os.fstat(stream.fileno()).st_size != size:  # replaced since it was measured
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
