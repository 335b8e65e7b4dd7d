"""Estimate how many tokens a text has where the model's vocabulary is unknown."""

import re

_LETTERS = 5
"""Letters per token: most words of a vocabulary's main language are one token, longer ones several."""

_DIGITS = 2
_RUN = re.compile(r"([A-Za-z]+)|([0-9]+)|[^\S\n]+|\n+|.")


def estimate_tokens(text: str) -> int:
    """Return about how many tokens a text has, rather too many; nearly additive over its parts."""
    return sum(_tokens(run) for run in _RUN.finditer(text))


def _tokens(run: re.Match[str]) -> int:
    """Estimate the number of tokens of a run of letters, digits or white space, or of one other character."""
    letters, digits = run.groups()
    if letters:
        return -(-len(letters) // _LETTERS)
    if digits:
        return -(-len(digits) // _DIGITS)
    return 0 if run[0].isspace() and "\n" not in run[0] else 1
