"""A language model that a server runs: its name, its window, and what its tokens are estimated to be."""

import hashlib
import re
from collections.abc import Sequence

from langchain_core.language_models import BaseChatModel

from memorag_graph.errors import InputError
from memorag_graph.models.chat_template import Turn

SERVED = "served"
"""What stands for the dtype of a model that a server runs."""

_LEAST_WINDOW = 1024
_TOKENS_PER_TURN = 8
_LETTERS = 5
"""Most words of a language that a vocabulary was made for are one token; longer ones are put together."""

_DIGITS = 2
_RUN = re.compile(r"([A-Za-z]+)|([0-9]+)|[^\S\n]+|\n+|.")


class ServedLanguageModel:
    """A chat model behind an interface of LangChain.

    Its tokens are estimated, because its vocabulary is elsewhere, and rather too many than too few.

    Args:
        name: What the user calls it; who serves it is part of the name, the address is not.
        chat: The chat model.
        window: Most tokens of prompt and answer together.

    Raises:
        InputError: If the window is too small.
    """

    def __init__(self, name: str, chat: BaseChatModel, window: int) -> None:
        if isinstance(window, bool) or not isinstance(window, int) or window < _LEAST_WINDOW:
            raise InputError("window", f"must be a whole number from {_LEAST_WINDOW:,} up, not {window!r}")
        self.name = name
        self.chat = chat
        self.window = window

    @property
    def fingerprint(self) -> str:
        """Hash of the name, as no more is known of the weights, and of the window that memories are laid out for."""
        return hashlib.sha256(f"served\n{self.name}\n{self.window}".encode()).hexdigest()[:32]

    @property
    def tokenizer_fingerprint(self) -> str:
        """Empty: the vocabulary is not known."""
        return ""

    @property
    def dtype(self) -> str:
        """``"served"``: what it computes in is not known."""
        return SERVED

    @property
    def quantization(self) -> str:
        """Empty: how the weights are held is not known."""
        return ""

    @property
    def fast_tokenizer(self) -> None:
        """None: tokens are estimated."""
        return

    def count(self, text: str) -> int:
        """Estimate the number of tokens of a text; that of a whole is about the sum of its parts'."""
        return sum(_tokens(run) for run in _RUN.finditer(text))

    def count_chat(self, turns: Sequence[Turn]) -> int:
        """Estimate the number of tokens of a conversation."""
        return sum(self.count(turn.text) + _TOKENS_PER_TURN for turn in turns)


def _tokens(run: re.Match[str]) -> int:
    """Estimate the tokens of letters, of digits, of white space, or of one other character."""
    letters, digits = run.groups()
    if letters:
        return -(-len(letters) // _LETTERS)
    if digits:
        return -(-len(digits) // _DIGITS)
    return 0 if run[0].isspace() and "\n" not in run[0] else 1
