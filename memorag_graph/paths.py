"""Where the package keeps what it makes for the user."""

import os
from pathlib import Path

from platformdirs import user_cache_path


def user_dir() -> Path:
    """Return the directory for converted models and memories that were given no directory of their own.

    ``MEMORAG_GRAPH_HOME`` overrides the platform's cache directory.
    """
    override = os.environ.get("MEMORAG_GRAPH_HOME")
    return Path(override).expanduser() if override else user_cache_path("memorag-graph")


def memories_dir() -> Path:
    """Return where memories without a directory of their own are kept, one folder each."""
    return user_dir() / "memories"
