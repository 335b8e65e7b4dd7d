"""Text → chunks with character offsets, cut at the best boundary that the token limit allows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from memorag_graph.documents import Document

if TYPE_CHECKING:
    from tokenizers import Tokenizer


@dataclass(frozen=True, slots=True)
class Chunk:
    """A piece of a document: ``document.text[start:end] == text``.

    Attributes:
        source: Name of the document.
        document: Position of the document in the memory's list of documents.
        start: First character, counted from 0 in the document's text.
        end: One past the last character.
        text: The characters between.
    """

    source: str
    document: int
    start: int
    end: int
    text: str


class CountsTokens(Protocol):
    """What the splitter needs to know of a tokenizer."""

    @property
    def fast_tokenizer(self) -> "Tokenizer | None":
        """The Rust tokenizer, or None for one written in Python."""

    def count(self, text: str) -> int:
        """Number of tokens of a text."""


def split_documents(documents: Sequence[Document], tokens: CountsTokens, size: int) -> list[Chunk]:
    """Split documents into chunks of at most ``size`` tokens.

    Cuts fall at the highest level of structure that fits: paragraphs, then sentences, words, characters.
    White space between chunks belongs to none; all else belongs to exactly one chunk.
    """
    from semantic_text_splitter import TextSplitter

    if (fast := tokens.fast_tokenizer) is not None:
        splitter = TextSplitter.from_huggingface_tokenizer(fast, size)
    else:
        splitter = TextSplitter.from_callback(tokens.count, size)
    return [
        Chunk(document.source, position, start, start + len(text), text)
        for position, document in enumerate(documents)
        for start, text in splitter.chunk_indices(document.text)
    ]
