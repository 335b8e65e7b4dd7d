"""Find out, without labelled questions, whether an embedding model reads a text, and what its ranking is worth.

A model knows the words of its languages. If letters of other passages take the place of a passage's own, nothing of
its meaning is left, and its vector turns away. A model that sees of a script only the shapes and the number of letters
hardly notices. The similarity of both vectors, compared with that of English text, separates languages that a model
was made for from others better than the agreement of rankings or the spread of scores does (``docs/languages.md``).
"""

import random
from collections.abc import Callable, Sequence
from math import exp

import numpy as np
from numpy.typing import NDArray

from memorag_graph.text.chunking import Chunk
from memorag_graph.text.english import ENGLISH

Embed = Callable[[Sequence[str]], NDArray[np.float32]]
"""Returns the normalized embeddings of passages, shape (passages, size)."""

_PASSAGES = 16
_LENGTH = 200
"""Passages that are compared, and their characters."""

_UNNOTICED = 0.08
_FALL = 16.0
_LEAST = 0.02
"""The weight falls by a factor of e with each 1/16 of similarity above 0.08, down to 0.02: enough to rank what shares
no word with a question. Chosen on the first 600 questions of each XQuAD set and on manuals in five languages."""


def meaning_weight(embed: Embed, chunks: Sequence[Chunk]) -> float:
    """Return the weight of the ranking by meaning where that by words has weight 1: 0.02 to 1.

    Args:
        embed: Embeds passages.
        chunks: Chunks of one language.
    """
    passages = _passages([chunk.text for chunk in chunks])
    left, in_english = (_left_without_words(embed, texts) for texts in (passages, ENGLISH))
    unnoticed = (left - in_english) / max(1 - in_english, 1e-6)
    return max(_LEAST, min(1.0, exp(-_FALL * (unnoticed - _UNNOTICED))))


def _passages(texts: Sequence[str]) -> list[str]:
    """Return passages from all over some texts."""
    count = min(len(texts), _PASSAGES)
    return [texts[at * len(texts) // count][:_LENGTH] for at in range(count)]


def _left_without_words(embed: Embed, passages: Sequence[str]) -> float:
    """Return the mean similarity of passages with themselves after their letters were dealt out anew among them."""
    letters = [character for passage in passages for character in passage if character.isalnum()]
    random.Random(0).shuffle(letters)  # noqa: S311 - nothing secret
    dealt = iter(letters)
    meaningless = ["".join(next(dealt) if it.isalnum() else it for it in passage) for passage in passages]
    vectors = embed([*passages, *meaningless])
    return float((vectors[: len(passages)] * vectors[len(passages) :]).sum(axis=1).mean())
