"""A conversation as Markdown, with the citations of each answer."""

from collections.abc import Mapping, Sequence
from typing import Any

from memorag_graph.ui.passages import place_of


def to_markdown(turns: Sequence[Mapping[str, Any]]) -> str:
    """Return a conversation.

    Args:
        turns: The graph's results, in order.
    """
    parts = ["# Conversation"]
    for turn in turns:
        parts += [f"## {_line(turn['question'])}", turn["answer"].strip() or "No answer was found."]
        parts += [f"> {notice}" for notice in turn["notices"]]
        parts += [
            f"[{citation['number']}] {place_of(citation)}:\n> {_line(citation['quote'])}"
            for citation in turn["citations"]
        ]
    return "\n\n".join(parts) + "\n"


def _line(text: str) -> str:
    return " ".join(text.split())
