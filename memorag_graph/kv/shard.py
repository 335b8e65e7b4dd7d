"""A shard: one KV prefix of a memory, in use and as stored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from memorag_graph.kv.encoding import decode, encode
from memorag_graph.kv.prefix import KVPrefix
from memorag_graph.settings import KVStorage

TEXT = "text"
"""Name of the tensor with the UTF-8 bytes of a text whose keys and values a server holds."""


@dataclass(frozen=True, eq=False)
class Shard:
    """Tokens with their keys and values: one prefix of a memory.

    If a server holds the keys and values, only the text is stored.

    Attributes:
        token_ids: Tokens of the chat template's markup, the opening words and the notes, up to the last note.
        stored: The tensors on disk, by name.
        kv: Keys and values in use, decoded from ``stored``; fewer than ``token_ids`` if some were evicted.
        is_exact: Whether ``kv`` are exactly what the model computed, so that prefill can continue from them.
    """

    token_ids: tuple[int, ...]
    stored: Mapping[str, Tensor]
    kv: KVPrefix
    is_exact: bool

    @property
    def text(self) -> str:
        """The text that a server reads; empty if keys and values are held here."""
        return bytes(self.stored[TEXT].tolist()).decode() if TEXT in self.stored else ""

    def is_in(self, dtype: str) -> bool:
        """Return whether the keys and values are in a dtype, for example ``"float32"``; true if a server holds them."""
        return not self.kv.layers or self.kv.layers[0][0].dtype == getattr(torch, dtype)

    def converted(self, dtype: str) -> "Shard":
        """Return the shard with keys and values in another dtype; ``stored`` is left unchanged.

        Raises:
            ValueError: If values are beyond the dtype's range.
        """
        return replace(self, kv=self.kv.to(getattr(torch, dtype)), is_exact=False)

    @classmethod
    def of(
        cls, token_ids: Sequence[int], kv: KVPrefix, storage: KVStorage, frequencies: Tensor | None = None
    ) -> "Shard":
        """Encode keys and values, and decode them again, so that answers are the same before and after a restart.

        Raises:
            ValueError: If they cannot be stored this way.
        """
        stored = encode(kv, storage, frequencies)
        return cls.restored(token_ids, stored, storage, kv.layers[0][0].device)

    @classmethod
    def of_text(cls, text: str) -> "Shard":
        """Return the shard of a text that a server reads."""
        return cls((), {TEXT: torch.tensor(list(text.encode()), dtype=torch.uint8)}, KVPrefix(()), is_exact=False)

    @classmethod
    def restored(
        cls, token_ids: Sequence[int], stored: Mapping[str, Tensor], storage: KVStorage, device: torch.device
    ) -> "Shard":
        """Return a shard from its stored tensors.

        Raises:
            KeyError: If a tensor is missing.
        """
        kv = decode(stored, storage, device)
        if not kv.layers and TEXT not in stored:
            raise KeyError(TEXT)
        return cls(tuple(token_ids), stored, kv, storage == "exact" and kv.length == len(token_ids))
