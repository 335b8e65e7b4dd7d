"""The names that people give to memories, each kept in the memory's folder, with which it is deleted."""

from memorag_graph.disk_errors import telling
from memorag_graph.errors import InputError, UnknownMemoryError
from memorag_graph.memory.storage.store import MemoryStore
from memorag_graph.private_files import remove_unfinished, write_private

NAME = "name.txt"
LONGEST_NAME = 100
"""Characters."""

_UNFINISHED_SECONDS = 3600.0


def name_of(store: MemoryStore, memory_id: str) -> str:
    """Return the name that a memory was given; empty if it has none."""
    try:
        return (store.directory(memory_id) / NAME).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""


def hand_on(store: MemoryStore, memory_id: str, changed_id: str) -> None:
    """Give a memory's name to the one that it was changed to, unless that has one.

    Raises:
        UnknownMemoryError: If the changed one was deleted meanwhile.
        DiskError: If the name cannot be written.
    """
    if (name := name_of(store, memory_id)) and not name_of(store, changed_id):
        rename(store, changed_id, name)


def rename(store: MemoryStore, memory_id: str, name: str) -> None:
    """Give a memory a name; an empty one takes its name away, so that it is called by its documents again.

    Raises:
        InputError: If the name is too long or cannot be shown.
        UnknownMemoryError: If the memory was deleted meanwhile.
        DiskError: If the name cannot be written.
    """
    name = " ".join(name.split())
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise InputError("name", f"must be up to {LONGEST_NAME} printable characters")
    path = store.directory(memory_id) / NAME
    with telling(path, "written"):
        try:
            lease = store.lease(memory_id)
        except FileNotFoundError:
            raise UnknownMemoryError("memory", "it was deleted meanwhile") from None
        try:
            remove_unfinished(path, _UNFINISHED_SECONDS)
            if name:
                write_private(path, name.encode())
            else:
                path.unlink(missing_ok=True)
        finally:
            lease.release()
