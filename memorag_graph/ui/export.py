"""A conversation as Markdown, with the citations of each answer."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from memorag_graph.ui.conversation_store import Turn
from memorag_graph.ui.passages import place_of


def to_markdown(turns: Sequence[Turn]) -> str:
    """Return a conversation.

    Args:
        turns: Its turns, in order.
    """
    parts = ["# Conversation"]
    for turn in turns:
        parts.append(f"## {_line(turn['result']['question'])}")
        if "plain" in turn:
            parts += ["### Plain RAG", *_answered(turn["plain"]), f"### {turn['result']['task']}"]
        parts += _answered(turn["result"])
    return "\n\n".join(parts) + "\n"


def _answered(result: Mapping[str, Any]) -> Iterator[str]:
    yield result["answer"].strip() or "No answer was found."
    yield from (f"> {notice}" for notice in result["notices"])
    for citation in result["citations"]:
        yield f"[{citation['number']}] {place_of(citation)}:\n> {_line(citation['quote'])}"


def _line(text: str) -> str:
    return " ".join(text.split())
