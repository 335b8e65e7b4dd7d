"""Whether a passage says what a statement says."""

import re
from collections.abc import Callable
from itertools import pairwise

from memorag_graph.retrieval.terms import terms
from memorag_graph.text.sentences import split_sentences
from memorag_graph.text.words import content_words, is_figure, share_of

SHARE = 0.5
"""Least share of a statement's words that two neighbouring sentences of its passage hold."""

SIMILARITY = 0.75
"""Least similarity of a statement in other words with the quotation."""

_NAME = re.compile(r"(?<=[a-z,;] )[A-Z]\w+")
_NOUNS_ARE_CAPITALS = ("de", "lb")
_WORD = re.compile(r"\w+")


def bears_out(passage: str, statement: str, language_code: str, similarity: Callable[[], float]) -> bool:
    """Tell whether two neighbouring sentences of a passage hold all figures and names of a statement, and its sense.

    The sense is there where they hold half of its words, or where the statement is very similar to the quotation.

    Args:
        passage: The passage.
        statement: What is said to stand in it.
        language_code: Language of the passage.
        similarity: Computes how similar the statement is to the quotation, -1 to 1; asked for only where words do not
            settle it.
    """
    figures = {word for word in content_words(statement) if is_figure(word)}
    names = _names(statement) if language_code not in _NOUNS_ARE_CAPITALS else set()
    words = terms(statement, language_code)
    sentences = [sentence.text for sentence in split_sentences(passage, language_code)]
    agreeing = [
        f"{first} {second}"
        for first, second in pairwise([*sentences, ""])
        if figures <= set(content_words(f"{first} {second}"))
        and names <= set(_WORD.findall(f"{first} {second}".lower()))
    ]
    if any(share_of(words, terms(pair, language_code)) >= SHARE for pair in agreeing):
        return True
    return bool(agreeing) and similarity() >= SIMILARITY


def _names(statement: str) -> set[str]:
    """Return the words inside a sentence that begin with a capital, in lower case."""
    return {name.lower() for name in _NAME.findall(statement)}
