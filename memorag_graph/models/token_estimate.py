"""Estimate how many tokens a text has where the model's vocabulary is unknown."""

import re

_TOKEN = re.compile(r"[A-Za-z]{1,5}|[0-9]{1,2}|\n+|[^\sA-Za-z0-9]")
"""A token: up to five letters, as most words of a vocabulary's main language are one token and longer ones several; two
digits; line breaks; any other character but white space."""


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has, rather too many; nearly additive over its parts."""
    return len(_TOKEN.findall(text))


class EstimatedTokens:
    """Counts tokens where no tokenizer is known."""

    @property
    def fast_tokenizer(self) -> None:
        """None: tokens are estimated."""
        return

    def count(self, text: str) -> int:
        """Estimate the number of tokens of a text; roughly additive over its parts."""
        return estimate_tokens(text)
