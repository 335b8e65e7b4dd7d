"""Guesses of what a text goes on with: what followed its last words where they stood before.

Answers about a text copy from it. A guess is read together with the token before it, which costs little more than that
token alone, and is kept as far as the model would have written it itself: the answer is the same, in fewer steps
(Saxena, "Prompt Lookup Decoding", 2023; Leviathan et al., "Fast Inference from Transformers via Speculative Decoding",
2023).
"""

from collections.abc import Iterable

_LONGEST_RUN = 3
"""Tokens that are looked for at most; fewer where so many were never seen together."""


class Lookup:
    """The tokens of a text so far, and where each run of them was seen last.

    Args:
        tokens: The text's start.
    """

    def __init__(self, tokens: Iterable[int]) -> None:
        self._tokens: list[int] = []
        self._after: dict[tuple[int, ...], int] = {}
        self.extend(tokens)

    def extend(self, tokens: Iterable[int]) -> None:
        """Go on with more tokens."""
        for token in tokens:
            end = len(self._tokens)
            for length in range(1, min(_LONGEST_RUN, end) + 1):
                self._after[tuple(self._tokens[end - length :])] = end
            self._tokens.append(token)

    def guess(self, most: int) -> list[int]:
        """Return at most so many tokens that may come next, or none."""
        end = len(self._tokens)
        for length in range(min(_LONGEST_RUN, end), 0, -1):
            place = self._after.get(tuple(self._tokens[end - length :]))
            if place is not None:
                return self._tokens[place : place + most]
        return []
