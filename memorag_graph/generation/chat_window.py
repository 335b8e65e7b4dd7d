"""How much text fits into a chat model's prompt."""

from collections.abc import Callable
from dataclasses import dataclass

from langchain_core.language_models import BaseChatModel

from memorag_graph.memory.memory_chat import MemoryChat
from memorag_graph.models.token_estimate import estimate_tokens

_FRAME = 64
"""Tokens kept for the chat template around a prompt."""


@dataclass(frozen=True, slots=True)
class ChatWindow:
    """The window of a chat model.

    Attributes:
        tokens: Maximum tokens of prompt and answer together; None if it is not known, and nothing is cut to it.
        count: Counts the tokens of a text; estimates them where the vocabulary is unknown.
    """

    tokens: int | None
    count: Callable[[str], int]

    @classmethod
    def of(cls, chat: BaseChatModel) -> "ChatWindow":
        """Return the window of a local model, or the one that the profile of another chat model tells."""
        if isinstance(chat, MemoryChat):
            model = chat.memory_model.language_model
            return cls(model.window, model.count)
        return cls((chat.profile or {}).get("max_input_tokens"), estimate_tokens)

    def has_room(self, prompt: str, answer_tokens: int) -> bool:
        """Return whether a prompt fits, with an answer of at most so many tokens."""
        return self.tokens is None or self.count(prompt) + answer_tokens + _FRAME <= self.tokens
