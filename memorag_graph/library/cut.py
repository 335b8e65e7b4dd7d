"""Cut a text into sections and chunks, and choose the central sentences of each section; without a language model."""

import json
from dataclasses import dataclass

from memorag_graph.library.catalogue import Note
from memorag_graph.memory.build.grounded_summary import grounded_summary
from memorag_graph.models.token_estimate import EstimatedTokens
from memorag_graph.text.chunking import Chunk, split_chunks, split_sections
from memorag_graph.text.languages import detect_language

CHUNK_TOKENS = 128
"""Maximum tokens of a chunk, estimated; more in scripts that take more tokens."""

_SECTION_TOKENS = 1024
_NOTE_TOKENS = 96

TOKENS = EstimatedTokens()


@dataclass(frozen=True, slots=True)
class Cut:
    """How a text is cut; a function of the text alone.

    Attributes:
        language: ISO 639-1 code of its language.
        tokens: Estimated tokens of it.
        chunks: Start and end of each chunk.
        notes: What each of its sections is about.
    """

    language: str
    tokens: int
    chunks: tuple[tuple[int, int], ...]
    notes: tuple[Note, ...]

    @classmethod
    def of(cls, text: str) -> "Cut":
        """Cut a text."""
        code = detect_language(text).code
        sections = list(split_sections(text, TOKENS, _SECTION_TOKENS))
        notes = []
        for it in sections:
            told = grounded_summary("", text[it.start : it.end], _NOTE_TOKENS, TOKENS.count, code)
            notes.append(Note(it.start, it.end, told))
        wholes = [Chunk("", 0, it.start, it.end, text[it.start : it.end]) for it in sections]
        chunks = tuple((it.start, it.end) for it in split_chunks(wholes, TOKENS, CHUNK_TOKENS))
        return cls(code, sum(it.tokens for it in sections), chunks, tuple(notes))

    def written(self) -> bytes:
        """Return it as JSON."""
        notes = [[it.start, it.end, it.text] for it in self.notes]
        return json.dumps([self.language, self.tokens, self.chunks, notes]).encode()

    @classmethod
    def read(cls, written: bytes) -> "Cut":
        """Return what :meth:`written` returned, as it was."""
        language, tokens, chunks, notes = json.loads(written)
        return cls(language, tokens, tuple((start, end) for start, end in chunks), tuple(Note(*it) for it in notes))
