"""Name a memory so that the name survives a change of the working directory."""

from pathlib import Path


def absolute_place(memory_id: str) -> str:
    """Return the absolute path of a memory's directory; an id is returned unchanged.

    Args:
        memory_id: Id or directory of a memory; empty if none is named.
    """
    return str(Path(memory_id).absolute()) if memory_id and Path(memory_id).is_dir() else memory_id
