"""Chunks and token counts that are the same for every pipeline and model.

As in the published figures, chunks are semantic and sizes count tokens of the ``cl100k_base`` vocabulary, which the
splitter includes.
"""

from bisect import bisect_left
from functools import lru_cache

from semantic_text_splitter import TextSplitter

from memorag_graph.documents import Document
from memorag_graph.text.chunking import Chunk, room

_VOCABULARY = "gpt-3.5-turbo"
_CACHED_TEXTS = 65_536
_CACHED_SPLITTERS = 512
"""Splitters of so many sizes are kept: making one reads the vocabulary again."""


def split_document(document: Document, size: int) -> list[Chunk]:
    """Split a document into chunks of at most ``size`` tokens, times :func:`~memorag_graph.text.chunking.room`."""
    splitter = TextSplitter.from_tiktoken_model(_VOCABULARY, int(size * room(document.text, count_tokens)))
    return [
        Chunk(document.source, 0, start, start + len(text), text)
        for start, text in splitter.chunk_indices(document.text)
    ]


@lru_cache(maxsize=_CACHED_TEXTS)
def count_tokens(text: str) -> int:
    """Return the number of tokens of a text: the smallest size at which the splitter keeps it whole."""
    if not text:
        return 0
    sizes = range(1, len(text.encode()) + 1)
    return sizes[bisect_left(sizes, True, key=lambda size: _fits(text, size))]


def _fits(text: str, size: int) -> bool:
    return len(_splitter(size).chunks(text)) == 1


@lru_cache(maxsize=_CACHED_SPLITTERS)
def _splitter(size: int) -> TextSplitter:
    return TextSplitter.from_tiktoken_model(_VOCABULARY, size, trim=False)
