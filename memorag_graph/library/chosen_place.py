"""Which place a library is kept in, as a caller names it."""

from pathlib import Path

from memorag_graph.library.directory_place import DirectoryPlace
from memorag_graph.library.place import Place


def place_of(named: str | Path) -> Place:
    """Return the place of a library.

    Args:
        named: A directory.
    """
    return DirectoryPlace(Path(named))
