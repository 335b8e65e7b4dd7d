"""Directories for the user's memories and converted models."""

import os
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path


def user_dir() -> Path:
    """Return the directory for converted models, and for memories saved without a directory of their own.

    ``MEMORAG_GRAPH_HOME`` overrides the platform's cache directory.
    """
    override = os.environ.get("MEMORAG_GRAPH_HOME")
    return Path(override).expanduser() if override else user_cache_path("memorag-graph")


def is_first_time(what: str) -> bool:
    """Return whether this user has not been told something yet, and note that it is told now."""
    told = user_dir() / "told" / what
    if told.exists():
        return False
    with suppress(OSError):
        told.parent.mkdir(parents=True, exist_ok=True)
        told.touch()
    return True


def memories_dir() -> Path:
    """Return the directory of the default store, one folder per memory."""
    return user_dir() / "memories"
