"""The memory kind "full": the model reads the whole text."""

import hashlib
from collections.abc import Sequence

from memorag_graph.memory.build.kinds import pack, shard_room
from memorag_graph.memory.build.sections import Sections
from memorag_graph.models.text_model import TextModel
from memorag_graph.prompts import Prompts

_SECTION_TOKENS = 1024


class FullKind:
    """A memory of the whole text (MemoRAG's "full" memory), in as many shards as the window requires.

    Args:
        model: The model.
        prompts: The prompts of the document's language.

    Raises:
        InputError: If the model's window is too small.
    """

    def __init__(self, model: TextModel, prompts: Prompts) -> None:
        self._model = model
        self._room = shard_room(model, prompts)

    @property
    def section_tokens(self) -> int:
        """Maximum tokens per section."""
        return min(_SECTION_TOKENS, self._room // 2)

    def key(self, section: str) -> str:
        """Return a hash of a section."""
        return hashlib.sha256(section.encode()).hexdigest()

    def most_tokens(self, sections: Sequence[int]) -> int:
        """Return the tokens of all sections."""
        return sum(sections)

    def write(self, sections: Sections) -> dict[str, str]:
        """Return the sections unchanged."""
        return dict(sections)

    def arrange(self, notes: Sequence[str]) -> list[list[str]]:
        """Return the texts of each shard."""
        texts = [f"\n\n{note}" for note in notes]
        return pack(texts, [self._model.count(text) for text in texts], self._room)
