"""How far the memory of a document of a library is made."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Literal

from memorag_graph.errors import UnavailableError
from memorag_graph.library.entry import Entry
from memorag_graph.library.job_queue import Queued
from memorag_graph.library.stored_memories import StoredMemories
from memorag_graph.memory_worker import MemoryWorker

MemoryState = Literal["none", "waiting", "making", "ready"]

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class ListedDocument(Entry):
    """A version of a document, and how far its memory is made.

    Attributes:
        memory: ``"ready"``: it can be asked; ``"making"``: this or another process makes it; ``"waiting"``: this
            process will, or one of those that make memories together; ``"none"``: nobody makes it.
        memory_share: The share of it that is made, 0 to 1; 0 if another process makes it.
        memory_fault: Why it could not be made, or that this cannot be known now; empty if nothing failed.
    """

    memory: MemoryState = "none"
    memory_share: float = 0.0
    memory_fault: str = ""

    def to_dict(self) -> dict[str, object]:
        """Return the entry and the state of its memory as plain values."""
        state: dict[str, object] = {"memory": self.memory, "memory_share": self.memory_share}
        told = {"memory_fault": self.memory_fault} if self.memory_fault else {}
        return {**Entry.to_dict(self), **state, **told}


def listed(
    entries: Sequence[Entry], stored: StoredMemories, worker: MemoryWorker, queued: Mapping[str, Queued]
) -> list[ListedDocument]:
    """Return entries with the states of their memories.

    Args:
        entries: The entries.
        stored: The memories.
        worker: Makes memories in this process.
        queued: What servers that make memories together have not made yet.
    """
    texts = [entry.text_sha256 for entry in entries]
    try:
        made, away = stored.made(texts), ""
    except UnavailableError as error:  # the documents are known without it
        made, away = (), error.for_clients
        _log.warning("which memories are made is not known: %s", error)
    return [_listed(entry, entry.text_sha256 in made, away, stored, worker, queued) for entry in entries]


def _listed(
    entry: Entry, is_made: bool, away: str, stored: StoredMemories, worker: MemoryWorker, queued: Mapping[str, Queued]
) -> ListedDocument:
    values = {field.name: getattr(entry, field.name) for field in fields(Entry)}
    job, making = queued.get(entry.text_sha256), worker.making
    fault = away or worker.fault(entry.text_sha256) or (job.fault if job else "")
    if is_made:
        return ListedDocument(**values, memory="ready", memory_share=1.0)
    if making is not None and making.key == entry.text_sha256:
        return ListedDocument(**values, memory="making", memory_share=making.share)
    if (job and job.is_held) or stored.is_being_made(entry.text_sha256):
        return ListedDocument(**values, memory="making")
    is_waiting = (worker.is_working or job is not None) and not fault and not entry.replaced
    return ListedDocument(**values, memory="waiting" if is_waiting else "none", memory_fault=fault)
