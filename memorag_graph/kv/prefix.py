"""The keys and values of a prefix."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import PreTrainedModel


@dataclass(frozen=True, eq=False)
class KVPrefix:
    """Keys and values of tokens at positions 0 to ``length`` - 1. Immutable.

    Attributes:
        layers: Per layer, keys and values (after rotary embedding), each (kv_heads, length, head_dim).
    """

    layers: Sequence[tuple[Tensor, Tensor]]

    @property
    def length(self) -> int:
        """Number of tokens; 0 if a server holds them."""
        return int(self.layers[0][0].shape[1]) if self.layers else 0

    @property
    def nbytes(self) -> int:
        """Bytes of all keys and values."""
        return sum(keys.nbytes + values.nbytes for keys, values in self.layers)

    def to(self, dtype: torch.dtype) -> "KVPrefix":
        """Return the same keys and values in another dtype.

        Raises:
            ValueError: If some are beyond its range.
        """
        layers = tuple((keys.to(dtype), values.to(dtype)) for keys, values in self.layers)
        if not all(bool(keys.isfinite().all() and values.isfinite().all()) for keys, values in layers):
            raise ValueError(f"some keys or values are beyond the range of {str(dtype).removeprefix('torch.')}")
        return KVPrefix(layers)

    def head(self, length: int) -> "KVPrefix":
        """Return the first ``length`` tokens as views of the same tensors."""
        return KVPrefix(tuple((keys[:, :length], values[:, :length]) for keys, values in self.layers))


def cache_shape(model: PreTrainedModel) -> tuple[int, int, int]:
    """Return the number of layers, of key and value heads per layer, and the size of a head."""
    config = model.config.get_text_config()
    heads = getattr(config, "num_key_value_heads", None) or config.num_attention_heads
    dim = getattr(config, "head_dim", None) or config.hidden_size // config.num_attention_heads
    return int(config.num_hidden_layers), int(heads), int(dim)
