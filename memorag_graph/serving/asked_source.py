"""What a client's question is put to: a memory, by its id or name, or a library, by its name."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from memorag_graph.memory.storage.memory_names import is_memory_id, named_memory
from memorag_graph.serving.tenants import Tenants


@dataclass(frozen=True, slots=True)
class AskedSource:
    """A memory or a library.

    Attributes:
        given: What the graph's input names it by.
        place: Under what the addresses of its documents stand; see
            :func:`memorag_graph.citation_annotations.document_uri`.
        memory: The memory's manifest; None for a library.
    """

    given: Mapping[str, str]
    place: str
    memory: Mapping[str, Any] | None = None


def library_place(name: str) -> str:
    """Return under what the addresses of a library's documents stand."""
    return f"library/{name}"


def asked_source(tenants: Tenants, tenant: str, name: str, field: str) -> AskedSource:
    """Return the memory or library of a name; a library, if both have it.

    Args:
        tenants: Keep memories and libraries.
        tenant: Whose they are.
        name: The id or name that a client gives.
        field: The argument that gives it, for the error.

    Raises:
        UnknownMemoryError: If there is neither, or several memories have it.
        MemoryFileError: If the memory is damaged.
    """
    if not is_memory_id(name) and tenants.libraries(tenant).has(name):
        return AskedSource({"library": name}, library_place(name))
    memory = named_memory(tenants.registry(tenant).store, name, field)
    return AskedSource({"memory_id": memory["memory_id"]}, memory["memory_id"], memory)
