"""Define what a memory needs from a model, local or served."""

from collections.abc import Sequence
from typing import Protocol

from memorag_graph.models.chat_template import Turn
from memorag_graph.text.chunking import CountsTokens


class TextModel(CountsTokens, Protocol):
    """A language model's name, identity, window and token counts."""

    @property
    def name(self) -> str:
        """Name used by the user."""

    @property
    def fingerprint(self) -> str:
        """Hash of the weights, or of the served model's name."""

    @property
    def tokenizer_fingerprint(self) -> str:
        """Hash of the vocabulary and chat template; empty if they are unknown."""

    @property
    def dtype(self) -> str:
        """Name of the dtype it computes in, for example ``"float32"``; ``"served"`` if unknown."""

    @property
    def quantization(self) -> str:
        """How the weights are quantized: ``"nf4"``, or empty."""

    @property
    def served(self) -> str:
        """What a server tells about the model that it serves; empty if it does not, or the model runs here."""

    @property
    def server(self) -> str:
        """Program and version of the server; empty if unknown, or the model runs here."""

    @property
    def window(self) -> int:
        """Maximum tokens of prompt and answer together."""

    @property
    def size(self) -> int:
        """About how many parameters the layers have; 0 if that is not known."""

    @property
    def cache_bytes_per_token(self) -> int:
        """Bytes of the keys and values of one token; 0 if a server holds them."""

    def count_chat(self, turns: Sequence[Turn]) -> int:
        """Return the number of tokens of a conversation, including its markup."""
