"""Turn tokens into text one at a time, at a constant cost per token.

Only a short window is decoded for each token (the prefix and read offsets of Hugging Face's Text Generation Inference
and of vLLM). ``tokenizers.decoders.DecodeStream`` does the same, but only for Rust tokenizers, without a way to get an
unfinished character at the end, and with a window that grows as long as a model writes invalid bytes.
"""

from collections.abc import Callable, Sequence

_UNFINISHED = "\N{REPLACEMENT CHARACTER}"
_LONGEST_CHARACTER = 4
"""Maximum bytes, and so tokens, of a character in UTF-8."""

_LONGEST_WINDOW = 4 * _LONGEST_CHARACTER
"""Above this number of pending tokens, the window is cut even if it ends with an unfinished character."""


class Detokenizer:
    """Decodes a growing list of tokens.

    All returned pieces together equal the decoded list. A tokenizer with byte fallback, which decodes a run of bytes as
    a whole, may give other replacement characters for invalid UTF-8.

    Args:
        decode: Decodes a list of tokens.
    """

    def __init__(self, decode: Callable[[Sequence[int]], str]) -> None:
        self._decode = decode
        self._context: list[int] = []
        """Tokens of the last returned text: whether the next text begins with a space can depend on them."""
        self._pending: list[int] = []

    def push(self, token: int) -> str:
        """Return the text that a token completes; empty in the middle of a character."""
        self._pending.append(token)
        text = self._text(self._pending)
        if text and not text.endswith(_UNFINISHED):
            return self._take(len(self._pending), text)
        return self._cut(text) if len(self._pending) > _LONGEST_WINDOW else ""

    def flush(self) -> str:
        """Return what is left at the end, an unfinished character."""
        return self._text(self._pending)

    def _text(self, tokens: Sequence[int]) -> str:
        """Decode tokens that follow the context."""
        known = self._decode(self._context)
        text = self._decode([*self._context, *tokens])
        return text[len(known) :] if text.startswith(known) else self._decode(tokens)

    def _take(self, count: int, text: str) -> str:
        """Move the first pending tokens, with their text, into the context."""
        self._context, self._pending = self._pending[:count], self._pending[count:]
        return text

    def _cut(self, text: str) -> str:
        """Shorten a window without text (control tokens), or one that ends with an unfinished character."""
        if not text:
            self._pending.clear()
            return ""
        last = len(self._pending) - 1
        for end in range(last, last - _LONGEST_CHARACTER, -1):
            start, rest = self._text(self._pending[:end]), self._decode(self._pending[end:])
            if start and rest and start + rest == text:  # no character spans this boundary
                return self._take(end, start)
        return ""
