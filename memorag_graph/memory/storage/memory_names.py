"""Find memories by what people call them: their id, the name they were given, or the name of their document."""

import re
from collections.abc import Mapping
from typing import Any

from memorag_graph.errors import UnknownMemoryError
from memorag_graph.memory.storage.given_names import name_of
from memorag_graph.memory.storage.manifest import read_info
from memorag_graph.memory.storage.store import MemoryStore

_LONGEST_SHOWN = 64
_ID = re.compile("[0-9a-f]{32}")


def is_memory_id(name: str) -> bool:
    """Return whether a name has the form of an id."""
    return bool(_ID.fullmatch(name))


def memory_name(info: Mapping[str, Any]) -> str:
    """Return the name of a memory: that of its first document, and how many others there are.

    Args:
        info: Its manifest.
    """
    first, *others = (document["source"] for document in info["documents"])
    return f"{first} and {len(others)} more" if others else str(first)


def called(store: MemoryStore, info: Mapping[str, Any]) -> str:
    """Return what a memory is called: by the name that it was given, or else by its documents.

    Args:
        store: The store that it is in.
        info: Its manifest.
    """
    return name_of(store, info["memory_id"]) or memory_name(info)


def named_memory(store: MemoryStore, wanted: str, field: str) -> dict[str, Any]:
    """Return the manifest of the memory of an id or a name, with its ``place``.

    Args:
        store: The store.
        wanted: The id or name.
        field: The argument that gives it, for the error.

    Raises:
        UnknownMemoryError: If none or several have it.
        MemoryFileError: If it is damaged.
    """
    if is_memory_id(wanted) and (directory := store.directory(wanted)).is_dir():
        return {"place": str(directory), **read_info(directory)}
    found = [it for it in store.memories() if wanted in (memory_name(it), name_of(store, it["memory_id"]) or None)]
    if len(found) == 1:
        return found[0]
    shown = repr(wanted[:_LONGEST_SHOWN])
    if found:
        ids = ", ".join(it["memory_id"] for it in found)
        raise UnknownMemoryError(field, f"{len(found)} memories are named {shown}; give the id of one: {ids}")
    raise UnknownMemoryError(field, f"there is no memory with the id or name {shown}; list the existing ones first")
