"""Guess the next tokens of a text: those that followed its last tokens earlier in the text.

Answers about a text copy from it. A guess is read together with the token before it, at little more cost than that one
token, and is accepted up to the first token that differs from the model's own choice. The answer is the same, in fewer
steps (Saxena, "Prompt
Lookup Decoding", 2023; Leviathan et al., "Fast Inference from Transformers via Speculative Decoding", 2023).
"""

from collections.abc import Iterable

_LONGEST_RUN = 3
"""Maximum length of the run of last tokens that is searched for; shorter runs are tried if it did not occur earlier."""

_TOKEN_BITS = 32
"""Bits per token id in a run packed into one integer. Tuples would be scanned by the garbage collector repeatedly."""


class PromptLookup:
    """The tokens of a text so far, and where each run of them occurred last.

    Args:
        tokens: The first tokens of the text.
    """

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[int, int] = {}
        self.extend(tokens)

    def extend(self, tokens: Iterable[int]) -> None:
        """Append tokens."""
        for token in tokens:
            end = len(self._tokens)
            for run in self._runs():
                self._after[run] = end
            self._tokens.append(token)

    def guess(self, count: int) -> list[int]:
        """Return up to ``count`` tokens that may come next; empty if the last token is new."""
        for run in reversed(self._runs()):
            start = self._after.get(run)
            if start is not None:
                return self._tokens[start : start + count]
        return []

    def _runs(self) -> list[int]:
        """Return the last token, the last two and the last three, each run packed into one integer."""
        runs: list[int] = []
        run = 0
        for offset, token in enumerate(reversed(self._tokens[-_LONGEST_RUN:])):
            run |= (token + 1) << (_TOKEN_BITS * offset)
            runs.append(run)
        return runs
