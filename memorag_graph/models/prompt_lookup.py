"""Guesses of what a text goes on with: what followed its last words where they stood before.

Answers about a text copy from it. A guess is read together with the token before it, which costs little more than that
token alone, and is kept as far as the model would have written it itself: the answer is the same, in fewer steps
(Saxena, "Prompt Lookup Decoding", 2023; Leviathan et al., "Fast Inference from Transformers via Speculative Decoding",
2023).
"""

from collections.abc import Iterable

_LONGEST_RUN = 3
"""Tokens that are looked for at most; fewer where so many were never seen together."""

_TOKEN_BITS = 32
"""Room for a token's number in that of a run. Tuples would be gone through by the garbage collector again and again."""


class PromptLookup:
    """The tokens of a text so far, and where each run of them was seen last.

    Args:
        tokens: The text's start.
    """

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[int, int] = {}
        self.extend(tokens)

    def extend(self, tokens: Iterable[int]) -> None:
        """Go on with more tokens."""
        for token in tokens:
            end = len(self._tokens)
            for run in self._runs():
                self._after[run] = end
            self._tokens.append(token)

    def guess(self, most: int) -> list[int]:
        """Return at most so many tokens that may come next, or none."""
        for run in reversed(self._runs()):
            place = self._after.get(run)
            if place is not None:
                return self._tokens[place : place + most]
        return []

    def _runs(self) -> list[int]:
        """Return the last token, the last two and the last three, each run as one number; fewer at the start."""
        runs: list[int] = []
        run = 0
        for place, token in enumerate(reversed(self._tokens[-_LONGEST_RUN:])):
            run |= (token + 1) << (_TOKEN_BITS * place)
            runs.append(run)
        return runs
