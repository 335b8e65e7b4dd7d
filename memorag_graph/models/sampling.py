"""Choose the next token of an answer."""

from dataclasses import dataclass

import torch
from torch import Tensor

NO_REPEAT = 12
"""Length of a run of tokens that does not repeat by chance; see :attr:`Sampling.no_repeat`."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Decoding settings of an answer.

    Attributes:
        max_new_tokens: Maximum tokens per answer.
        temperature: 0 takes the most likely token; otherwise logits are divided by it and sampled.
        top_p: Above temperature 0, sample from the most likely tokens that together have this probability (Holtzman et
            al., "The Curious Case of Neural Text Degeneration", 2020); 1 uses all tokens.
        seed: Seed of the random generator above temperature 0; None takes a random one.
        no_repeat: Never generate the same run of this many tokens (2 or more) twice; 0 allows it. Keeps small models
            from looping.
    """

    max_new_tokens: int = 256
    temperature: float = 0.0
    top_p: float = 1.0
    seed: int | None = None
    no_repeat: int = 0


class TokenPicker:
    """Chooses the tokens of one answer, one after another."""

    def __init__(self, sampling: Sampling) -> None:
        self._sampling = sampling
        self._tokens: list[int] = []
        self._followers: dict[tuple[int, ...], set[int]] = {}
        self._random = torch.Generator()
        if sampling.seed is None:
            self._random.seed()
        else:
            self._random.manual_seed(sampling.seed)

    def pick(self, logits: Tensor) -> int:
        """Choose a token from its logits, shape (vocabulary,)."""
        context = self._context()
        if banned := self._followers.get(context or ()):
            logits = logits.clone()
            logits[list(banned)] = float("-inf")
        if self._sampling.temperature == 0:
            token = int(logits.argmax())
        else:
            scores = logits.cpu().double()  # a temperature close to 0 must not overflow
            weights = torch.softmax((scores - scores.max()) / self._sampling.temperature, dim=-1)
            token = int(torch.multinomial(self._nucleus(weights), 1, generator=self._random))
        if context:
            self._followers.setdefault(context, set()).add(token)
        self._tokens.append(token)
        return token

    def _nucleus(self, weights: Tensor) -> Tensor:
        """Set the weights, shape (vocabulary,), of the least likely tokens beyond ``top_p`` to 0."""
        if self._sampling.top_p >= 1:
            return weights
        ranked, order = weights.sort(descending=True)
        outside = ranked.cumsum(dim=-1) - ranked >= self._sampling.top_p  # the token that reaches top_p is kept
        return weights.index_fill(0, order[outside], 0.0)

    def _context(self) -> tuple[int, ...] | None:
        """Return the last ``no_repeat`` - 1 tokens; None if there are fewer."""
        length = self._sampling.no_repeat - 1
        return tuple(self._tokens[-length:]) if 0 < length <= len(self._tokens) else None
