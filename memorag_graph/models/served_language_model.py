"""Describe a served language model: its name, its window, what its server tells, and token counts."""

import hashlib
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from memorag_graph.errors import InputError
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.token_estimate import EstimatedTokens
from memorag_graph.providers.inference_server import InferenceServer, ServerFacts

SERVED = "served"
"""Used as the dtype of a served model."""

DEFAULT_WINDOW = 32_768
"""Window of a served model if neither the caller nor the server tells it; longer ones are used only when asked for."""

_LEAST_WINDOW = 1024
_TOKENS_PER_TURN = 8


class ServedLanguageModel(EstimatedTokens):
    """A LangChain chat model.

    Its tokens are counted by the server if it has an address for that (vLLM, SGLang). Else they are estimated, because
    the vocabulary is unknown; estimates err on the high side.

    Args:
        name: Name used by the user; includes the provider, but not the address.
        chat: The chat model.
        window: Maximum tokens of prompt and answer together; by default the server's, at most 32,768.

    Attributes:
        inference_server: The server, if it may be one that tells what it serves.

    Raises:
        InputError: If the window is too small.
    """

    def __init__(self, name: str, chat: BaseChatModel, window: int | None = None) -> None:
        if window is not None and (type(window) is not int or window < _LEAST_WINDOW):
            raise InputError("window", f"must be a whole number from {_LEAST_WINDOW:,} up, not {window!r}")
        self.name = name
        self.chat = chat
        self._window = window
        self.size = 0
        self.inference_server = InferenceServer.of(chat)

    @property
    def facts(self) -> ServerFacts:
        """What the server tells about itself; nothing while it cannot be reached."""
        return self.inference_server.known_facts() if self.inference_server else ServerFacts()

    @property
    def window(self) -> int:
        """Maximum tokens of prompt and answer together."""
        return self._window or min(DEFAULT_WINDOW, self.facts.window or DEFAULT_WINDOW)

    @property
    def served(self) -> str:
        """The model behind the name, as the server tells; empty if it does not."""
        return self.facts.served

    @property
    def server(self) -> str:
        """Program and version of the server; empty if unknown."""
        return self.facts.server

    @property
    def fingerprint(self) -> str:
        """Hash of the name, because the weights are unknown, and of the window that memories are laid out for."""
        return hashlib.sha256(f"served\n{self.name}\n{self.window}".encode()).hexdigest()[:32]

    @property
    def tokenizer_fingerprint(self) -> str:
        """Empty: what is known of the vocabulary is part of :attr:`served`."""
        return ""

    @property
    def dtype(self) -> str:
        """``"served"``: the dtype is unknown."""
        return SERVED

    @property
    def cache_bytes_per_token(self) -> int:
        """0: the server holds the keys and values."""
        return 0

    @property
    def quantization(self) -> str:
        """Empty: the quantization is unknown."""
        return ""

    def count(self, text: str) -> int:
        """Return the number of tokens of a text, counted by the server if it can."""
        counted = self.inference_server.count(text) if self.inference_server else None
        return super().count(text) if counted is None else counted

    def count_chat(self, turns: Sequence[Turn]) -> int:
        """Return the number of tokens of a conversation, its markup estimated."""
        return sum(self.count(turn.text) + _TOKENS_PER_TURN for turn in turns)
