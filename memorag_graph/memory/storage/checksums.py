"""Hash large files on several cores."""

import hashlib
import mmap
import os
import re
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

BLOCK_BYTES = 1 << 24
"""Block size in bytes; larger files are also hashed block by block, so that several cores can check them."""

_SHA256 = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a file: one of its blocks, or all of it.

    Attributes:
        start: Where it begins, in bytes.
        length: Its bytes.
        sha256: Its SHA-256.
    """

    start: int
    length: int
    sha256: str

    def is_of(self, content: bytes) -> bool:
        """Return whether these are its bytes."""
        return len(content) == self.length and hashlib.sha256(content).hexdigest() == self.sha256


def parts_of(described: Mapping[str, Any]) -> Sequence[Part]:
    """Return the parts of which a described file consists, in order.

    Raises:
        ValueError: If the description is no such, as of a damaged manifest.
    """
    size, blocks = described["bytes"], described.get("blocks")
    hashes, length = (blocks, BLOCK_BYTES) if blocks else ([described["sha256"]], max(1, size))
    if not all(isinstance(it, str) and _SHA256.fullmatch(it) for it in hashes):
        raise ValueError("a part of a file has no SHA-256")
    starts = range(0, max(1, size), length)
    return [Part(it, min(length, size - it), sha256) for it, sha256 in zip(starts, hashes, strict=True)]


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
