"""Show the graph's output as completions of OpenAI's protocol, whole or in chunks."""

import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from langchain_core.callbacks import UsageMetadataCallbackHandler

from memorag_graph.citation_annotations import annotations

_SHOWN = ("memory_id", "task", "question", "basis", "confidence", "abstained", "notices", "faults")
"""What the field ``memorag`` of a completion holds of the graph's output."""


class CompletionReply:
    """The reply to one request.

    Args:
        model: The id or name that the client sent.
        max_tokens: Maximum tokens of the answer.
        place: Under what the addresses of the documents stand.

    Attributes:
        usage: Counts the tokens of the run's models.
    """

    def __init__(self, model: str, max_tokens: int, place: str) -> None:
        self._head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": model}
        self._max_tokens = max_tokens
        self._place = place
        self.usage = UsageMetadataCallbackHandler()

    def whole(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the completion of a graph's output."""
        text = result["answer"]
        message = {"role": "assistant", "content": text, "refusal": None, "annotations": self._citations(text, result)}
        choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": self._finish(result)}
        return {
            **self._head,
            "object": "chat.completion",
            "choices": [choice],
            "usage": self.used(result),
            "memorag": _own(result),
        }

    def begin(self) -> dict[str, Any]:
        """Return the first chunk."""
        return self._chunk({"role": "assistant", "content": ""})

    def piece(self, text: str) -> dict[str, Any]:
        """Return the chunk of a piece of the answer."""
        return self._chunk({"content": text})

    def end(self, text: str, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the last chunk, with the citations of the text that was sent."""
        notes = self._citations(text, result)
        chunk = self._chunk({"annotations": notes} if notes else {}, self._finish(result))
        return {**chunk, "memorag": _own(result)}

    def with_usage(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the chunk with the tokens used, which follows the last."""
        return {**self._chunk({}), "choices": [], "usage": self.used(result)}

    def used(self, result: Mapping[str, Any]) -> dict[str, Any]:
        """Return the tokens used: read by all models, of which from the memory; written, of which not in the answer."""
        known = list(self.usage.usage_metadata.values())
        read = sum(it["input_tokens"] for it in known)
        cached = sum(it.get("input_token_details", {}).get("cache_read", 0) for it in known)
        written = sum(result["tokens"].values())
        return {
            "prompt_tokens": read,
            "completion_tokens": written,
            "total_tokens": read + written,
            "prompt_tokens_details": {"cached_tokens": cached},
            "completion_tokens_details": {"reasoning_tokens": written - self._answering(result)},
        }

    def _chunk(self, delta: dict[str, Any], finish: str | None = None) -> dict[str, Any]:
        choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": finish}
        return {**self._head, "object": "chat.completion.chunk", "choices": [choice]}

    def _finish(self, result: Mapping[str, Any]) -> str:
        return "length" if self._answering(result) >= self._max_tokens else "stop"

    def _citations(self, text: str, result: Mapping[str, Any]) -> list[dict[str, Any]]:
        return url_citations(text, result["citations"], self._place)

    @staticmethod
    def _answering(result: Mapping[str, Any]) -> int:
        """Return the tokens that were written for the answer itself, not for clues."""
        return int(result["tokens"].get("draft_answer" if result["task"] == "qa" else "generate", 0))


def _own(result: Mapping[str, Any]) -> dict[str, Any]:
    of_library = {"considered": result["considered"]} if result.get("considered") else {}
    return {**{key: result.get(key) for key in _SHOWN}, **of_library}


def url_citations(text: str, citations: Sequence[Mapping[str, Any]], place: str) -> list[dict[str, Any]]:
    """Return the citations of an answer in OpenAI's shape, beside it what LangChain's annotations hold.

    Those without a mark in the text, such as the passages nearest to an answer from memory, stand at its end.
    """
    found = []
    for note in annotations(text, citations, place):
        span = {"start_index": note.get("start_index", len(text)), "end_index": note.get("end_index", len(text))}
        named = {"title": note["title"], "url": note["url"], "cited_text": note["cited_text"]}
        found.append({"type": "url_citation", "url_citation": {**span, **named, "extras": note["extras"]}})
    return found


def model_record(known_as: str, name: str, created: float, documents: Sequence[str]) -> dict[str, Any]:
    """Return a memory or library as a model of OpenAI's protocol.

    Args:
        known_as: Its id.
        name: What people call it.
        created: When it was made, changed or last used, in seconds since the epoch.
        documents: The names of its documents.
    """
    return {
        "id": known_as,
        "object": "model",
        "created": int(created),
        "owned_by": "memorag-graph",
        "name": name,
        "documents": list(documents),
    }
