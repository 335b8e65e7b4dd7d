"""Check whether a passage supports a statement."""

import re
from collections.abc import Callable
from itertools import pairwise

from memorag_graph.retrieval.terms import terms
from memorag_graph.text.sentences import split_sentences
from memorag_graph.text.words import content_words, is_figure, share_of

SHARE = 0.5
"""Minimum share of a statement's words in two neighbouring sentences of its passage."""

SIMILARITY = 0.75
"""Minimum similarity of a paraphrased statement with the quotation."""

_NAME = re.compile(r"(?<=[a-z,;] )[A-Z]\w+")
_NOUNS_ARE_CAPITALS = ("de", "lb")
_WORD = re.compile(r"\w+")


def supports(passage: str, statement: str, language_code: str, similarity: Callable[[], float]) -> bool:
    """Return whether two neighbouring sentences of a passage support a statement.

    They must hold all its figures and names; and half of its words, unless it is very similar to the quotation.

    Args:
        passage: The passage.
        statement: The statement that cites the passage.
        language_code: Language of the passage.
        similarity: Computes how similar the statement is to the quotation, -1 to 1; called only if words do not
            decide.
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
