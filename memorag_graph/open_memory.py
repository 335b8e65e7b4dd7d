"""An open memory: loaded and ready to answer."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from memorag_graph.errors import InputError
from memorag_graph.prompts import MEMORY_PROMPTS, Prompts
from memorag_graph.settings import RunOptions

if TYPE_CHECKING:
    from memorag_graph.documents import PageMap
    from memorag_graph.memory.kv_memory import Memory
    from memorag_graph.memory.memory_chat import MemoryChat
    from memorag_graph.memory.memory_model import MemoryModel
    from memorag_graph.retrieval.list_matches import Reach
    from memorag_graph.retrieval.memory_index import MemoryIndex
    from memorag_graph.retrieval.retrieve import Evidence

_log = logging.getLogger(__name__)


@dataclass(frozen=True, eq=False)
class OpenMemory:
    """A memory ready to answer.

    Attributes:
        memory: The memory; its keys and values are in the dtype of the model.
        index: The retrieval index over its documents' chunks.
        model: The memory model that continues it.
        leased_by: The :class:`OpenMemory` whose lifetime the store's lease follows, kept alive by this one.
    """

    memory: "Memory"
    index: "MemoryIndex"
    model: "MemoryModel"
    leased_by: "OpenMemory | None" = None

    def used_with(self, model: "MemoryModel") -> "OpenMemory":
        """Return the memory with an equal model that runs differently, such as in another dtype.

        Keys and values are converted where the dtypes differ.

        Raises:
            MemoryMismatchError: If they cannot be converted.
        """
        dtype, original = model.language_model.dtype, self.leased_by or self
        memory = self.memory if self.memory.is_in(dtype) else original.memory.in_dtype(dtype)
        if model is self.model and memory is self.memory:
            return self
        if memory not in (self.memory, original.memory):
            _log.warning(
                "memory %s was made in %s; its keys and values are converted to %s, in which its model runs here",
                memory.id,
                memory.identity.dtype,
                dtype,
            )
        return OpenMemory(memory, self.index, model, original)

    def prompts(self, options: RunOptions) -> Prompts:
        """Return the prompts for a question: the run's, else those the memory was made with.

        Raises:
            InputError: If the options change a prompt that is part of the memory.
        """
        mine = self.memory.prompts
        for key in MEMORY_PROMPTS:
            if key in options.prompts and options.prompts[key] != mine[key]:
                raise InputError(f"prompts.{key}", "cannot change in an existing memory; memorize the document again")
        return Prompts(mine.language, {**mine.overrides, **options.prompts})

    def rarity(self, question: str) -> dict[str, float]:
        """Return how rare each term of a question is in the documents; empty for a memory without an index."""
        return self.index.keywords.rarity(question) if self.index.keywords else {}

    def reach(self, question: str, evidence: "Sequence[Evidence]") -> "Reach":
        """Return how much of what matches a question for a list evidence holds."""
        from memorag_graph.retrieval.list_matches import reach
        from memorag_graph.retrieval.listed_places import listed_places

        places = listed_places(self.index, question, self.page_maps)
        return reach(places, self.index.chunks, [(it.source, it.start, it.end) for it in evidence])

    @property
    def page_maps(self) -> Mapping[str, "PageMap"]:
        """Where the pages and sections of each document begin, by the document's name."""
        return {document.source: document.page_map for document in self.memory.documents}

    def chat(self, options: RunOptions) -> "MemoryChat":
        """Return a chat model that continues the memory.

        Raises:
            InputError: If it is not made yet.
        """
        from memorag_graph.memory.memory_chat import MemoryChat

        if not self.memory.is_whole:
            raise InputError("memory", "is not made yet; use lookup or when_asked")

        return MemoryChat(
            memory_model=self.model,
            memory=self.memory,
            max_new_tokens=options.max_new_tokens,
            temperature=options.temperature,
        )
