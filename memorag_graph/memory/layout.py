"""Which tokens of a memory's shards stand for which characters of its documents."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from memorag_graph.errors import InputError
from memorag_graph.memory.frame import opening_tokens
from memorag_graph.memory.kinds import Note
from memorag_graph.memory.memory import Memory
from memorag_graph.models.language_model import LanguageModel

GAP = "\n\n"
"""What stands before every note."""


@dataclass(frozen=True, eq=False)
class NoteTokens:
    """The tokens of a note in its shard.

    Attributes:
        note: The note.
        tokens: Where they are in the shard; of a text as it is, without what stands before it.
        ends: The last character of each token, as a place in the document; for a gist, whose words are not the
            document's, nothing.
    """

    note: Note
    tokens: slice
    ends: NDArray[np.int64] | None


def lay_out(model: LanguageModel, memory: Memory, texts: Sequence[Sequence[str]]) -> list[list[NoteTokens]]:
    """Return the tokens of every note, by shard.

    Args:
        model: The model that read the memory.
        memory: The memory.
        texts: What each shard reads, as its kind arranged it: one text for each note, in order.

    Raises:
        InputError: If the shards do not hold just these tokens, or a token's characters are not known.
    """
    notes = iter(memory.notes)
    opening = opening_tokens(model, memory.prompts)
    is_full = memory.settings.kind == "full"
    shards = []
    for shard, shard_texts in zip(memory.shards, texts, strict=True):
        read = list(opening)
        laid = []
        for text in shard_texts:
            note, start = next(notes), len(read)
            ids, ends = _encode(model, text, note) if is_full else (model.encode(text), None)
            read += ids
            first = start if ends is None else len(read) - len(ends)
            laid.append(NoteTokens(note, slice(first, len(read)), ends))
        if read != list(shard.token_ids):
            raise InputError("memory", "its tokens are not where they are expected; memorize the document again")
        shards.append(laid)
    return shards


def _encode(model: LanguageModel, text: str, note: Note) -> tuple[list[int], NDArray[np.int64]]:
    """Return the tokens of a note and what stands before it, and the last character of each token of the note."""
    if model.fast_tokenizer is None:
        raise InputError("model", "its tokenizer does not tell which characters a token stands for")
    encoded = model.fast_tokenizer.encode(text, add_special_tokens=False)
    ends = np.array([end - 1 for _, end in encoded.offsets], dtype=np.int64) - len(GAP) + note.start
    return list(encoded.ids), ends[ends >= note.start]
