"""The memories that a question to a library is asked of: those of the best few documents, as far as they are made."""

from collections.abc import Sequence
from dataclasses import dataclass

from langchain_core.runnables.config import ContextThreadPoolExecutor

from memorag_graph.cancellation import check
from memorag_graph.errors import CancelledRunError, InputError, MemoryFileError, NoRoomError
from memorag_graph.library.entry import Entry
from memorag_graph.library.library_memories import LibraryMemories
from memorag_graph.library.memory_clues import DocumentClues, ask_for_clues
from memorag_graph.open_memory import OpenMemory
from memorag_graph.settings import RunOptions, TaskType

LIBRARY_TASKS: tuple[TaskType, ...] = ("lookup", "memorag", "qa", "auto")


@dataclass(frozen=True, eq=False, slots=True)
class AskedMemories:
    """The memories of the best documents for a question.

    Attributes:
        opened: The documents whose memory can be asked, the best first, and the memories.
        missing: The documents whose memory cannot be asked.
        share: The share of the memories that can be asked, by the tokens of the documents, 0 to 1.
        faults: Why memories could not be made or asked.
    """

    opened: Sequence[tuple[Entry, OpenMemory]] = ()
    missing: Sequence[Entry] = ()
    share: float = 0.0
    faults: tuple[str, ...] = ()

    def ids(self, task: TaskType) -> set[int]:
        """Return the ids of the documents whose memories a task asks: for ``qa``, the best one that has a memory."""
        return {entry.id for entry, _ in (self.opened[:1] if task == "qa" else self.opened)}

    @property
    def notices(self) -> tuple[str, ...]:
        """What the reader of an answer should know of them."""
        if not self.missing:
            return self.faults
        total = len(self.opened) + len(self.missing)
        names = ", ".join(entry.name for entry in self.missing)
        return (
            f"{len(self.missing)} of the {total} documents most likely to answer have no memory that can be asked yet "
            f"({names}); the answer is made with what there is. Make their memories, or ask again once they are made.",
            *self.faults,
        )


def share_made(entries: Sequence[Entry], memories: LibraryMemories) -> float:
    """Return the share of the memories of documents that are made, by their tokens, without opening them."""
    return _share(memories.made(entries), entries)


def make_missing(entries: Sequence[Entry], memories: LibraryMemories) -> list[str]:
    """Make the memories of documents that have none; return why some could not be made.

    Raises:
        ModelError: If the model cannot be loaded.
        CancelledRunError: If the run is cancelled.
    """
    faults, made = [], memories.made(entries)
    for entry in entries:
        if entry in made:
            continue
        try:
            memories.make(entry)
        except CancelledRunError:
            check()  # else the document was removed meanwhile
        except (InputError, NoRoomError, MemoryFileError) as error:
            faults.append(f"{entry.name}: {error}")
    return faults


def open_asked(
    entries: Sequence[Entry], memories: LibraryMemories, options: RunOptions, faults: Sequence[str] = ()
) -> AskedMemories:
    """Open the memories of documents, as far as they are made.

    Args:
        entries: The documents, the best first.
        memories: The library's memories.
        options: The question's.
        faults: Why some could not be made.

    Raises:
        ModelError: If the model cannot be loaded.
    """
    found = [(entry, memories.open(entry, options)) for entry in entries]
    opened = [(entry, it.memory) for entry, it in found if it.memory is not None]
    missing = [entry for entry, it in found if it.memory is None]
    told = tuple(it.fault for _, it in found if it.fault)
    return AskedMemories(opened, missing, _share([entry for entry, _ in opened], entries), (*faults, *told))


def clues_of_all(question: str, asked: AskedMemories, options: RunOptions) -> list[DocumentClues]:
    """Ask all memories for clues at once, which a model answers in one batch.

    Raises:
        InputError: If the question does not fit the model's window.
        ModelError: If a server does not answer.
    """
    if not asked.opened:
        return []
    with ContextThreadPoolExecutor(len(asked.opened)) as pool:
        return list(pool.map(lambda it: ask_for_clues(it[0].name, question, it[1], options), asked.opened))


def _share(some: Sequence[Entry], entries: Sequence[Entry]) -> float:
    tokens = sum(entry.tokens for entry in entries)
    return round(sum(entry.tokens for entry in some) / tokens, 4) if tokens else 0.0
