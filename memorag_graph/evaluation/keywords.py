"""BM25 over chunks as in the published figures: bm25s with its defaults, stop words and a Snowball stemmer."""

from collections.abc import Sequence

import bm25s
import numpy as np
import Stemmer

from memorag_graph.chunking import Chunk
from memorag_graph.languages import Language
from memorag_graph.retrieval.index import Hit
from memorag_graph.words import content_words, is_wide

_STOP_WORDS = frozenset({"en", "de", "nl", "fr", "es", "pt", "it", "ru", "sv", "no"})


class Bm25:
    """Finds chunks by their words.

    Texts without spaces between words are taken as pairs of characters, because bm25s would take a sentence as a word.

    Args:
        chunks: The chunks.
        language: Their language.
    """

    def __init__(self, chunks: Sequence[Chunk], language: Language) -> None:
        self._language = language
        algorithm = language.name.lower()
        self._stemmer = Stemmer.Stemmer(algorithm) if algorithm in Stemmer.algorithms() else None
        self._pairs = any(map(is_wide, "".join(chunk.text for chunk in chunks[:1])))
        self._index = bm25s.BM25()
        self._index.index(
            [words or [""] for words in self._words([chunk.text for chunk in chunks])], show_progress=False
        )

    def search(self, query: str) -> list[Hit]:
        """Return the chunks that share a word with the query, best first; equal scores in document order."""
        words = self._words([query])[0]
        known = [word for word in words if word in self._index.vocab_dict]
        if not known:
            return []
        scores = self._index.get_scores(known)
        return [
            Hit(int(chunk), float(scores[chunk])) for chunk in np.argsort(-scores, kind="stable") if scores[chunk] > 0
        ]

    def _words(self, texts: list[str]) -> list[list[str]]:
        if self._pairs:
            return [content_words(text) for text in texts]
        code = self._language.code
        stop_words = code if code in _STOP_WORDS else []
        tokens: list[list[str]] = bm25s.tokenize(
            texts, stopwords=stop_words, stemmer=self._stemmer, return_ids=False, show_progress=False
        )
        return tokens
