"""Find the memory that a command names: by its directory, its id, the beginning of its id, or a document's name."""

import re
from pathlib import Path
from typing import Any

from memorag_graph.errors import InputError
from memorag_graph.memory.storage.manifest import find_memories
from memorag_graph.paths import memories_dir

SHORT = 8
"""Characters of an id that are shown."""

_BEGINNING = re.compile(r"[0-9a-f]{4,31}")


def found_place(named: str) -> str:
    """Return the directory or id of a memory.

    Args:
        named: Its directory, its id or at least four characters of its beginning, or the name of a document in it.

    Raises:
        InputError: If several memories of the store are meant.
    """
    if Path(named).is_dir():
        return named
    meant = [info for info in find_memories(memories_dir()) if _is_meant(info, named)]
    if len(meant) > 1:
        listed = ", ".join(f"{info['memory_id'][:SHORT]} ({_names(info)})" for info in meant)
        raise InputError("memory", f"{named!r} may be any of {listed}; give the id of one")
    return str(meant[0]["memory_id"]) if meant else named


def _is_meant(info: dict[str, Any], named: str) -> bool:
    sources = [document["source"] for document in info["documents"]]
    by_id = _BEGINNING.fullmatch(named) and info["memory_id"].startswith(named)
    return bool(by_id) or named in sources or named in [Path(source).name for source in sources]


def _names(info: dict[str, Any]) -> str:
    return ", ".join(document["source"] for document in info["documents"])
