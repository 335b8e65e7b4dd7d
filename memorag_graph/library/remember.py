"""Make memories of a library now, one after the other."""

from collections.abc import Sequence

from memorag_graph.errors import InputError, MemoryFileError, NoRoomError
from memorag_graph.library.entry import Entry, Report
from memorag_graph.library.library_memories import LibraryMemories
from memorag_graph.memory_worker import Making
from memorag_graph.progress import Progress, ReportProgress


def remember(entries: Sequence[Entry], memories: LibraryMemories, report: Report, progress: ReportProgress) -> None:
    """Make the memories of versions of documents; one that cannot be made is reported and does not stop the others.

    Args:
        entries: The versions.
        memories: The library's memories.
        report: Receives what was done.
        progress: Called with the tokens of the texts whose memories are made.

    Raises:
        ModelError: If the model cannot be loaded.
        LibraryError: If a text is missing or damaged.
        CancelledRunError: If the run is cancelled.
    """
    total, before = sum(entry.tokens for entry in entries), 0
    for entry in entries:
        making = Making(entry.text_sha256)

        def told(event: Progress, entry: Entry = entry, before: int = before) -> None:
            nonlocal making
            making = making.after(event)
            progress(Progress("memories", before + int(making.share * entry.tokens), total, "tokens"))

        try:
            memories.forget(memories.make(entry, told))
            report.remembered.append(entry.name)
        except (InputError, NoRoomError, MemoryFileError) as error:
            report.not_remembered.append((entry.name, str(error)))
        before += entry.tokens
        progress(Progress("memories", before, total, "tokens"))
