"""Name a memory or a library so that the name survives a change of the working directory."""

from pathlib import Path

from memorag_graph.library.store_url import is_url


def absolute_place(memory_id: str) -> str:
    """Return the absolute path of a memory's directory; an id is returned unchanged.

    Args:
        memory_id: Id or directory of a memory; empty if none is named.
    """
    return str(Path(memory_id).absolute()) if memory_id and Path(memory_id).is_dir() else memory_id


def absolute_library(library: str | Path) -> str:
    """Return the absolute path of a library's directory; a URL is returned unchanged, and so is an empty text.

    Args:
        library: Directory or URL of a library; empty if none is named.
    """
    return str(library) if not str(library) or is_url(library) else str(Path(library).absolute())
