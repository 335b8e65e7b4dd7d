"""Memories that are loaded and ready to answer."""

import threading
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import psutil

from memorag_graph.errors import InputError
from memorag_graph.prompts import OWN_PROMPTS, Prompts
from memorag_graph.settings import RunOptions

_SHARE_OF_RAM = 4

if TYPE_CHECKING:
    from memorag_graph.documents import Places
    from memorag_graph.memory.chat import MemoryChat
    from memorag_graph.memory.memory import Memory
    from memorag_graph.memory.model import MemoryModel
    from memorag_graph.retrieval.memory_index import MemoryIndex


@dataclass(frozen=True, eq=False)
class OpenMemory:
    """A memory ready to answer.

    Attributes:
        memory: The memory.
        index: The retrieval index over its documents' chunks.
        model: The memory model it belongs to.
        kept_by: What it was opened as, where it is used with another model equal to its own.
    """

    memory: "Memory"
    index: "MemoryIndex"
    model: "MemoryModel"
    kept_by: "OpenMemory | None" = None

    def used_with(self, model: "MemoryModel") -> "OpenMemory":
        """Return the memory with a model that is equal to its own, but runs otherwise."""
        return self if model is self.model else OpenMemory(self.memory, self.index, model, self.kept_by or self)

    def prompts(self, options: RunOptions) -> Prompts:
        """Return the prompts for a question: the run's, else those the memory was made with.

        Raises:
            InputError: If the options change a prompt that is part of the memory.
        """
        mine = self.memory.prompts
        for key in OWN_PROMPTS:
            if key in options.prompts and options.prompts[key] != mine[key]:
                raise InputError(f"prompts.{key}", "is part of a memory; memorize the document again to change it")
        return Prompts(mine.language, {**mine.overrides, **options.prompts})

    def rarity(self, question: str) -> dict[str, float]:
        """Return how rare each term of a question is in the documents; nothing for a memory without an index."""
        return self.index.keywords.rarity(question) if self.index.keywords else {}

    @property
    def places(self) -> dict[str, "Places"]:
        """Where the pages and sections of each document begin, by the document's name."""
        return {document.source: document.places for document in self.memory.documents}

    def chat(self, options: RunOptions) -> "MemoryChat":
        """Return a chat model that continues the memory."""
        from memorag_graph.memory.chat import MemoryChat

        return MemoryChat(
            memory_model=self.model,
            memory=self.memory,
            max_new_tokens=options.max_new_tokens,
            temperature=options.temperature,
        )


class LoadedMemories:
    """Open memories by id; the least recently used ones are let go where they take more than a budget of bytes.

    A memory that is let go stays usable for whoever holds it.

    Args:
        budget: Most bytes of keys and values; the memory used last is kept in any case. None stands for a quarter of
            the machine's memory.

    Raises:
        InputError: If the budget is not positive.
    """

    def __init__(self, budget: int | None = None) -> None:
        if budget is not None and budget <= 0:
            raise InputError("memory_budget", f"must be a positive number of bytes, not {budget}")
        self._budget = budget or psutil.virtual_memory().total // _SHARE_OF_RAM
        self._kept: OrderedDict[str, OpenMemory] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, memory_id: str) -> OpenMemory | None:
        """Return an open memory, if it is here."""
        with self._lock:
            if memory_id in self._kept:
                self._kept.move_to_end(memory_id)
            return self._kept.get(memory_id)

    def put(self, opened: OpenMemory) -> None:
        """Keep an open memory."""
        with self._lock:
            self._kept[opened.memory.id] = opened
            self._kept.move_to_end(opened.memory.id)
            while len(self._kept) > 1 and self._bytes() > self._budget:
                self._kept.popitem(last=False)

    def drop(self, memory_id: str) -> None:
        """Let go of a memory, if it is here."""
        with self._lock:
            self._kept.pop(memory_id, None)

    def _bytes(self) -> int:
        return sum(opened.memory.nbytes for opened in self._kept.values())
