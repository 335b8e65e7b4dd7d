"""Whether a passage says what a statement says."""

import re
from collections.abc import Callable

from memorag_graph.retrieval.analysis import terms
from memorag_graph.words import content_words, is_figure, share_of

SHARE = 0.5
"""Least share of a statement's words that its passage holds.

On ``chunk_evidence``, of statements with a third of their words changed 98 % pass with their own passage, and 1.5 % of
statements with another passage retrieved for the same question, most of which say the same.
"""

SIMILARITY = 0.75
"""Least similarity of a statement in other words with the quotation; above 99 % of those with other passages."""

_NAME = re.compile(r"(?<=[a-z,;] )[A-Z]\w+")
_NOUNS_ARE_CAPITALS = ("de", "lb")
_WORD = re.compile(r"\w+")


def bears_out(passage: str, statement: str, language_code: str, similarity: Callable[[], float]) -> bool:
    """Tell whether a passage holds a statement's figures and names, and its words or its meaning.

    Args:
        passage: The passage.
        statement: What is said to stand in it.
        language_code: Language of the passage.
        similarity: Computes how similar the statement is to the passage's nearest sentence, -1 to 1; asked for only
            where words do not settle it.
    """
    figures = {word for word in content_words(statement) if is_figure(word)}
    if not figures <= set(content_words(passage)):
        return False
    if language_code not in _NOUNS_ARE_CAPITALS and not _names(statement) <= set(_WORD.findall(passage.lower())):
        return False
    words = terms(statement, language_code)
    return share_of(words, terms(passage, language_code)) >= SHARE or similarity() >= SIMILARITY


def _names(statement: str) -> set[str]:
    """Return the words inside a sentence that begin with a capital, in lower case."""
    return {name.lower() for name in _NAME.findall(statement)}
