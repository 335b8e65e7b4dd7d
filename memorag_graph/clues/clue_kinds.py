"""Which kinds of clues a memory is asked for."""

from collections.abc import Collection
from typing import TYPE_CHECKING

from memorag_graph.settings import PromptKey

if TYPE_CHECKING:
    from memorag_graph.models.adapter import Adapter

_KINDS: tuple[PromptKey, ...] = ("span", "sur", "qa")


def clue_kinds(adapter: "Adapter | None", *, drafts: bool) -> list[PromptKey]:
    """Return the prompts that ask for clues.

    Args:
        adapter: What was trained to write clues; it is asked for what it learned.
        drafts: Whether a draft of the answer is wanted in any case.
    """
    learned: Collection[PromptKey] = adapter.learned.prompts if adapter else ("span", "sur")
    return [kind for kind in _KINDS if kind in learned or (drafts and kind == "qa")]
