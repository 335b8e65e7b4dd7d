"""Changes of a memory's list of documents: append, replace, remove, or all of these at once."""

from collections.abc import Collection, Sequence

from memorag_graph.documents import Document, with_distinct_names
from memorag_graph.errors import InputError
from memorag_graph.memory.kv_memory import DocumentInfo, Memory

Listed = list[Document | DocumentInfo]


def appended(memory: Memory, documents: Sequence[Document]) -> Listed:
    """Return the memory's documents followed by others.

    Raises:
        InputError: If there is none, or the memory has one of that name already.
    """
    if not documents:
        raise InputError("documents", "nothing to append; give at least one document")
    names = {document.source for document in memory.documents}
    for document in documents:
        if document.source in names:
            raise InputError("documents", f"{document.source!r} is in this memory already; replace it instead")
        names.add(document.source)
    return [*memory.documents, *documents]


def replaced(memory: Memory, source: str, document: Document) -> Listed:
    """Return the memory's documents with another in place of one.

    Raises:
        InputError: If the memory has no document of that name, or another one has the new one's name.
    """
    position = _position(memory, source)
    listed: Listed = list(memory.documents)
    listed[position] = document
    if [it.source for it in listed].count(document.source) > 1:
        raise InputError("documents", f"{document.source!r} is the name of another document of this memory")
    return listed


def removed(memory: Memory, source: str) -> Listed:
    """Return the memory's documents without one.

    Raises:
        InputError: If the memory has no document of that name, or no other.
    """
    position = _position(memory, source)
    listed: Listed = [*memory.documents[:position], *memory.documents[position + 1 :]]
    if not listed:
        raise InputError("documents", f"{source!r} is this memory's only document; delete the memory instead")
    return listed


def changed(memory: Memory, documents: Sequence[Document], without: Collection[str] = ()) -> Listed:
    """Return the memory's documents without some, and with others: each in place of the one of its name, or at the end.

    Args:
        memory: The memory.
        documents: The documents to add; of several with one name the first keeps it.
        without: Names of documents to remove; one that is replaced stays.

    Raises:
        InputError: If the memory has no document of such a name, or none would be left.
    """
    for source in without:
        _position(memory, source)
    new = {document.source: document for document in with_distinct_names(documents)}
    kept = [it for it in memory.documents if it.source in new or it.source not in without]
    listed: Listed = [new.pop(it.source, it) for it in kept]
    listed += new.values()
    if not listed:
        raise InputError("documents", "no document would be left; delete the memory instead")
    return listed


def _position(memory: Memory, source: str) -> int:
    names = [document.source for document in memory.documents]
    if source not in names:
        raise InputError("documents", f"{source!r} is not in this memory; it holds {', '.join(map(repr, names))}")
    return names.index(source)
