"""Bytes on disk."""

import os
from pathlib import Path


def size_of(directory: Path) -> int:
    """Return the bytes of all files of a directory; 0 if it does not exist."""
    total = 0
    for folder, _, names in os.walk(directory):
        for name in names:
            try:
                total += (Path(folder) / name).stat().st_size
            except OSError:  # removed meanwhile
                continue
    return total
