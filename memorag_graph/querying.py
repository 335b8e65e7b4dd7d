"""The nodes that query a memory, and which of them write clues for a question."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal, get_args

if TYPE_CHECKING:
    from memorag_graph.models.adapter import Adapter
    from memorag_graph.settings import PromptKey

Querying = Literal["route", "recall", "rewrite", "draft_answer", "outline", "look_up", "retrieve"]
QUERYING: tuple[Querying, ...] = get_args(Querying)
"""Nodes that query the memory, or choose the documents of a library."""

CLUES: tuple[Querying, ...] = ("recall", "rewrite", "draft_answer")
"""Nodes that write clues for a question."""


def clue_nodes(adapter: "Adapter | None", *, drafts: bool) -> list[Querying]:
    """Return the nodes that ask for clues: of the kinds that an adapter learned to write, or else all but a draft."""
    from memorag_graph.clues.clue_kinds import clue_kinds

    nodes: Mapping[PromptKey, Querying] = {"span": "recall", "sur": "rewrite", "qa": "draft_answer"}
    return [nodes[kind] for kind in clue_kinds(adapter, drafts=drafts)]
