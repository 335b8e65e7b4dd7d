"""What a memory has to know of a model, wherever the model runs."""

from collections.abc import Sequence
from typing import Protocol

from memorag_graph.models.chat_template import Turn
from memorag_graph.text.chunking import CountsTokens


class TextModel(CountsTokens, Protocol):
    """A language model: its name, its identity, its window, and how many tokens a text has for it."""

    @property
    def name(self) -> str:
        """What the user calls it."""

    @property
    def fingerprint(self) -> str:
        """Hash of what it is: its weights, or who serves it."""

    @property
    def tokenizer_fingerprint(self) -> str:
        """Hash of its vocabulary and chat template; empty where they are not known."""

    @property
    def dtype(self) -> str:
        """What it computes in, such as ``"float32"``; ``"served"`` where that is not known."""

    @property
    def quantization(self) -> str:
        """How the weights are held where not in its dtype: ``"nf4"``, or empty."""

    @property
    def window(self) -> int:
        """Most tokens of prompt and answer together."""

    def count_chat(self, turns: Sequence[Turn]) -> int:
        """Return the number of tokens of a conversation, with its markup."""
