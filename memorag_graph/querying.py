"""The nodes that query a memory, and which of them write clues for a question."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from memorag_graph.models.adapter import Adapter
    from memorag_graph.settings import PromptKey

Querying = Literal["recall", "rewrite", "draft_answer", "outline", "look_up", "retrieve"]
QUERYING: tuple[Querying, ...] = get_args(Querying)
"""Nodes that query the memory."""

CLUES: tuple[Querying, ...] = ("recall", "rewrite", "draft_answer")
"""Nodes that write clues for a question."""


def clue_nodes(adapter: "Adapter | None", *, drafts: bool) -> list[Querying]:
    """Return the nodes that ask for clues: of the kinds that an adapter learned to write, or else all but a draft."""
    learned: Collection[PromptKey] = adapter.learned.prompts if adapter else ("span", "sur")
    nodes: dict[PromptKey, Querying] = {"span": "recall", "sur": "rewrite", "qa": "draft_answer"}
    return [node for prompt, node in nodes.items() if prompt in learned or (drafts and prompt == "qa")]
