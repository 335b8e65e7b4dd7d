"""Export a conversation as Markdown with its citations."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from memorag_graph.ui.passages import place_of
from memorag_graph.ui.turn_parts import Turn


def to_markdown(turns: Sequence[Turn], told: Callable[[str], str] = str) -> str:
    """Return a conversation as Markdown.

    Args:
        turns: Its turns, in order.
        told: Returns what is told of a notice.
    """
    parts = ["# Conversation"]
    for turn in turns:
        parts.append(f"## {_single_line(turn['result']['asked'])}")
        if turn.get("where"):
            parts.append(f"Filter: {_single_line(', '.join(turn['where']))}")
        if "plain" in turn:
            parts += ["### Plain RAG", *_answer_parts(turn["plain"], told), f"### {turn['result']['task']}"]
        parts += _answer_parts(turn["result"], told)
    return "\n\n".join(parts) + "\n"


def _answer_parts(result: Mapping[str, Any], told: Callable[[str], str]) -> Iterator[str]:
    yield result["answer"].strip() or "No answer found."
    yield from (f"> {told(notice)}" for notice in result["notices"])
    for citation in result["citations"]:
        yield f"[{citation['number']}] {place_of(citation)}:\n> {_single_line(citation['quote'])}"


def _single_line(text: str) -> str:
    return " ".join(text.split())
