"""Name what a retriever or a tool asks, a memory or a library, for the graph's input."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from memorag_graph.errors import InputError
from memorag_graph.langchain.memory_place import absolute_library, absolute_place

Filter = Mapping[str, Any] | Sequence[str]
"""Chooses documents of a library; see :mod:`memorag_graph.library.where`."""


def asked_place(memory_id: str, library: str | Path, where: Filter | None, as_of: str | None) -> dict[str, Any]:
    """Return what is asked, as the graph's input; the names survive a change of the working directory.

    Args:
        memory_id: Id or directory of a memory; empty for a library.
        library: Directory or URL of a library; empty for a memory.
        where: Which documents of the library.
        as_of: The time whose versions of them are meant; None for now.

    Raises:
        InputError: If both or none are named, or documents of a memory are chosen.
    """
    if bool(memory_id) == bool(str(library)):
        raise InputError("memory_id", "name either a memory_id or a library")
    if memory_id:
        if where or as_of:
            raise InputError("where", "and as_of choose documents of a library; name one as library")
        return {"memory_id": absolute_place(memory_id)}
    chosen = {"where": where if where is None else _plain(where), "as_of": as_of}
    return {"library": absolute_library(library), **{name: it for name, it in chosen.items() if it is not None}}


def _plain(where: Filter) -> dict[str, Any] | list[str]:
    return dict(where) if isinstance(where, Mapping) else list(where)
