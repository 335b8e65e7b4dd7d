"""Describe a served language model: its name, its window and estimated token counts."""

import hashlib
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from memorag_graph.errors import InputError
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.token_estimate import estimate_tokens

SERVED = "served"
"""Used as the dtype of a served model."""

_LEAST_WINDOW = 1024
_TOKENS_PER_TURN = 8


class ServedLanguageModel:
    """A LangChain chat model.

    Its tokens are estimated, because its vocabulary is unknown; estimates err on the high side.

    Args:
        name: Name used by the user; includes the provider, but not the address.
        chat: The chat model.
        window: Maximum tokens of prompt and answer together.

    Raises:
        InputError: If the window is too small.
    """

    def __init__(self, name: str, chat: BaseChatModel, window: int) -> None:
        if isinstance(window, bool) or not isinstance(window, int) or window < _LEAST_WINDOW:
            raise InputError("window", f"must be a whole number from {_LEAST_WINDOW:,} up, not {window!r}")
        self.name = name
        self.chat = chat
        self.window = window
        self.size = 0

    @property
    def fingerprint(self) -> str:
        """Hash of the name, because the weights are unknown, and of the window that memories are laid out for."""
        return hashlib.sha256(f"served\n{self.name}\n{self.window}".encode()).hexdigest()[:32]

    @property
    def tokenizer_fingerprint(self) -> str:
        """Empty: the vocabulary is unknown."""
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

    @property
    def fast_tokenizer(self) -> None:
        """None: tokens are estimated."""
        return

    def count(self, text: str) -> int:
        """Estimate the number of tokens of a text; roughly additive over its parts."""
        return estimate_tokens(text)

    def count_chat(self, turns: Sequence[Turn]) -> int:
        """Estimate the number of tokens of a conversation."""
        return sum(self.count(turn.text) + _TOKENS_PER_TURN for turn in turns)
