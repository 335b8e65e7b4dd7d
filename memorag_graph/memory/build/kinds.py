"""What a memory kind decides: the note of each section, and how notes are laid out in shards."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from memorag_graph.errors import InputError
from memorag_graph.memory.build.sections import Sections
from memorag_graph.models.chat_template import Turn
from memorag_graph.models.text_model import TextModel
from memorag_graph.prompts import Prompts

_TURN_SHARE = 4
_TURN_TOKENS = 1536
_SMALLEST_ROOM = 32


class MemoryKind(Protocol):
    """Makes notes of sections and arranges them in shards."""

    @property
    def section_tokens(self) -> int:
        """Maximum tokens per section."""

    def key(self, section: str) -> str:
        """Return a hash of a section and of everything else that decides its note."""

    def most_tokens(self, sections: Sequence[int]) -> int:
        """Return the maximum tokens of the memory of sections with these numbers of tokens."""

    def write(self, sections: Sections) -> Mapping[str, str]:
        """Return a note for each section, by key."""

    def arrange(self, notes: Sequence[str]) -> Sequence[Sequence[str]]:
        """Return the texts that each shard reads, in order."""


def turn_room(window: int) -> int:
    """Return the number of tokens of a window reserved for a question's turn and its answer."""
    return min(_TURN_TOKENS, window // _TURN_SHARE)


def shard_room(model: TextModel, prompts: Prompts) -> int:
    """Return how many tokens of notes fit a shard beside the opening words, a question's turn and its answer.

    Raises:
        InputError: If the model's window is too small for a memory.
    """
    frame = model.count_chat([Turn("user", prompts["context"])])
    room = model.window - turn_room(model.window) - frame
    if room < _SMALLEST_ROOM:
        raise InputError("model", f"a window of {model.window} tokens is too small for a memory; use another model")
    return room


def pack(texts: Sequence[str], costs: Sequence[int], room: int) -> list[list[str]]:
    """Fill shards one after the other, so that appended texts never change a full shard."""
    shards: list[list[str]] = []
    used = room
    for text, cost in zip(texts, costs, strict=True):
        if used + cost > room:
            shards.append([])
            used = 0
        shards[-1].append(text)
        used += cost
    return shards
