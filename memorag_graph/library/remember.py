"""Make memories of a library now, one after the other."""

from collections import deque
from collections.abc import Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from memorag_graph.errors import InputError, MemoryFileError, NoRoomError
from memorag_graph.library.chosen_workers import chosen_gist_writer
from memorag_graph.library.entry import Entry, Report
from memorag_graph.library.library_memories import LibraryMemories
from memorag_graph.library.workers import LostWorkError
from memorag_graph.memory_worker import Making
from memorag_graph.progress import Progress, ReportProgress

if TYPE_CHECKING:
    from memorag_graph.memory.build.gist_kind import EarlyGistWriter


def remember(
    entries: Sequence[Entry], memories: LibraryMemories, report: Report, progress: ReportProgress, ray: str = ""
) -> None:
    """Make the memories of versions of documents; one that cannot be made is reported and does not stop the others.

    Args:
        entries: The versions.
        memories: The library's memories.
        report: Receives what was done.
        progress: Called with the tokens of the texts whose memories are made.
        ray: Who writes gists; see :func:`memorag_graph.library.chosen_workers.chosen_gist_writer`.

    Raises:
        InputError: If Ray cannot be used as it is given.
        ModelError: If the model cannot be loaded.
        LibraryError: If a text is missing or damaged.
        CancelledRunError: If the run is cancelled.
        MissingExtraError: If the extra ``ray`` is needed and not installed.
        UnavailableError: If Ray does not answer; what is made is kept.
    """
    total, before = sum(entry.tokens for entry in entries), 0
    with chosen_gist_writer(ray, memories, is_needed=bool(entries)) as writer:
        later = _Later(entries, memories, writer)
        for entry in entries:
            making = Making(entry.text_sha256)

            def told(event: Progress, entry: Entry = entry, before: int = before) -> None:
                nonlocal making
                making = making.after(event)
                progress(Progress("memories", before + int(making.share * entry.tokens), total, "tokens"))
                if event.stage != "sections":  # its own gists come first
                    later.begin()

            later.passes(entry)
            try:
                memories.forget(memories.make(entry, told, writer))
                report.remembered.append(entry.name)
            except (InputError, NoRoomError, MemoryFileError, LostWorkError) as error:
                report.not_remembered.append((entry.name, str(error)))
            before += entry.tokens
            progress(Progress("memories", before, total, "tokens"))


class _Later:
    """Documents whose gists others write while the memory of an earlier one is made.

    Args:
        entries: The documents, in the order in which their memories are made.
        memories: The library's memories.
        writer: Has others write gists; None if nobody does.
    """

    def __init__(self, entries: Sequence[Entry], memories: LibraryMemories, writer: "EarlyGistWriter | None") -> None:
        self._entries = deque(entries)
        self._memories = memories
        self._writer = writer

    def passes(self, entry: Entry) -> None:
        """Leave out a document whose memory is made now."""
        if self._entries and self._entries[0] is entry:
            self._entries.popleft()

    def begin(self) -> None:
        """Keep the others at work."""
        if self._writer is None:
            return
        self._writer.go_on()
        while self._entries and self._writer.wants_more:
            with suppress(InputError, NoRoomError, MemoryFileError):  # told when its memory is made
                self._memories.begin_gists(self._entries.popleft(), self._writer)
